//! One shard of the join: its messages from window to window.
//!
//! In: the rows of each window. Out: paths, when they are finished or closed. What is not over when a window ends is
//! [`Carried`]: not the rows, only where they stand.
//! A message is closed when nothing was logged about it for the horizon; later rows open it anew, marked.
//!
//! The answer does not depend on where windows end: a message that was handed over and gets more rows is taken back
//! first (weight -1), and a gap longer than the horizon parts a message whether or not a window ends in it.

use bumpalo::Bump;
use hashbrown::HashSet;

use super::carried::Carried;
use super::message::{drop_twice, matters, path, sort};
use super::waiting::Waiting;
use super::{Ground, Joint, When};
use crate::path::buffers::{Buffers, emptied};
use crate::path::{Class, Path};
use crate::row::{Row, mark};
use crate::scan;
use crate::servers::Servers;
use crate::time::{HOUR, Time};

/// Takes paths.
pub trait Taker {
    /// Counts or shows a path (+1), or takes one back (-1). Returns the class that further rows of it count for, if it was
    /// wanted at all.
    fn add(&mut self, path: &Path<'_>, servers: &Servers, weight: i64) -> Option<Class>;
    /// Counts rows that change nothing else of a wanted message of this class.
    fn more_rows(&mut self, class: Class, rows: i64);
    /// Sees the rows of a message that may still get more when the run ends, in order, and whether its path was settled
    /// ([`Path::is_settled`]).
    fn keep(&mut self, _rows: &[&Row], _ground: &Ground<'_>, _settled: bool) {}
}

/// Rows may stand this much behind later ones in their file: what is over is kept so much longer.
pub const LATE: i64 = 6 * HOUR;

/// Which messages are closed at the end of a window.
#[derive(Clone, Copy, Debug)]
pub struct Closing {
    /// No row before this instant will be read any more.
    pub watermark: Time,
    /// No message that stays open has an earlier row: what is shown in order may be shown up to here.
    pub floor: Time,
}

/// What one shard keeps between windows.
#[derive(Default)]
pub struct Shard {
    carried: Waiting,
    /// Closed by a gap, while a later part of the same message is already carried.
    sealed: Vec<(u64, Carried)>,
    /// Messages that were closed before they were finished.
    closed_open: HashSet<u64, foldhash::fast::RandomState>,
    /// Rows that had been collected twice.
    pub rows_twice: i64,
}

/// One turn of one shard.
struct Turn<'t, 'j, T> {
    shard: &'t mut Shard,
    joint: &'t Joint<'j>,
    last: bool,
    taker: &'t mut T,
    buffers: Buffers,
    /// Room for the rows of the message at hand.
    room: Vec<&'static Row>,
}

impl Shard {
    /// Joins the rows of a window, which lie in several parts. In the last one everything is handed over.
    pub fn window(
        &mut self,
        parts: &[Vec<Row>],
        last: bool,
        joint: &Joint<'_>,
        taker: &mut impl Taker,
    ) {
        let order = by_key(parts);
        let row = |at: &(u64, u32, u32)| &parts[at.1 as usize][at.2 as usize];
        let mut arena = Bump::new();
        let mut group: Vec<&Row> = Vec::new();
        let mut turn = Turn::new(self, joint, last, taker);
        // First for the rows, which lie in the order of their logs, then for what is behind them.
        let (mut start, mut asked, mut asked_rows) = (0, 0, 0);
        while start < order.len() {
            let ahead = order.len().min(start + 2 * ROWS_AHEAD);
            for at in &order[ahead.min(asked_rows)..ahead] {
                scan::prefetch_value(row(at));
            }
            asked_rows = ahead.max(asked_rows);
            let ahead = order.len().min(start + ROWS_AHEAD);
            for at in &order[ahead.min(asked)..ahead] {
                // Building a path looks at no other rows.
                if matters(row(at)) {
                    joint.ground.ask(row(at), NEEDED_BYTES);
                }
            }
            asked = ahead.max(asked);
            let key = order[start].0;
            let same = order[start..].iter().take_while(|(k, _, _)| *k == key);
            let len = same.count();
            group.clear();
            group.extend(order[start..start + len].iter().map(row));
            start += len;
            sort(&mut group, joint);
            turn.meet(key, &group, &arena);
            if arena.allocated_bytes() > ARENA_BYTES {
                arena.reset();
            }
        }
        if last {
            self.close(None, joint, taker);
        }
    }

    /// Gives up a carried message whose rows belong to another one: its rows, under that one's key.
    pub fn surrender(
        &mut self,
        key: u64,
        home: u64,
        joint: &Joint<'_>,
        taker: &mut impl Taker,
    ) -> Vec<Row> {
        let Some(mut carried) = self.carried.remove(key) else {
            return Vec::new();
        };
        let mut turn = Turn::new(self, joint, false, taker);
        if carried.counted.is_some() {
            turn.take_back(key, &mut carried);
        }
        carried.reread(home, joint)
    }

    /// The earliest row of any message that is not over at `watermark`.
    pub fn floor(&self, watermark: Time, horizon: i64) -> Time {
        let kept_for = horizon.saturating_add(LATE);
        let times = self.carried.times();
        let open = times.filter(|(_, last)| last.0.saturating_add(kept_for) >= watermark.0);
        open.map(|(first, _)| first).min().unwrap_or(watermark)
    }

    /// Closes what is over, or everything.
    pub fn close(&mut self, closing: Option<Closing>, joint: &Joint<'_>, taker: &mut impl Taker) {
        let horizon = joint.scene.horizon;
        let kept_for = horizon.saturating_add(LATE);
        let line = closing.map_or(i64::MAX, |at| at.watermark.0.saturating_sub(kept_for));
        let shown =
            |first: Time| joint.when == When::Finished || closing.is_none_or(|at| first < at.floor);
        let sealed = self.sealed.extract_if(.., |(_, c)| shown(c.first));
        let mut closed: Vec<(u64, Carried)> = sealed.collect();
        closed.extend(self.carried.extract(Time(line), shown));
        let mut turn = Turn::new(self, joint, true, taker);
        for (key, mut carried) in closed {
            if carried.counted.is_none() {
                turn.hand_over(key, &mut carried, &[]);
            }
            turn.keep_carried(key, &carried);
            if !carried.finished {
                turn.shard.closed_open.insert(key);
            }
        }
    }
}

/// Rows asked for before their message is built: enough to hide the way to memory, few enough to stay in the cache.
const ROWS_AHEAD: usize = 96;
/// The fields that paths need stand in about so many leading bytes of a row.
const NEEDED_BYTES: usize = 512;

/// Texts of messages take so much before their room is used again: what the first-level cache holds.
const ARENA_BYTES: usize = 1 << 14;

/// The key of a row, its part and its place there.
type At = (u64, u32, u32);

/// All rows, those of one key side by side. Keys are as good as random, so sharing them out by a few of their bits
/// leaves a handful to sort.
fn by_key(parts: &[Vec<Row>]) -> Vec<At> {
    let rows: usize = parts.iter().map(Vec::len).sum();
    let mut unsorted: Vec<At> = Vec::with_capacity(rows);
    for (part, rows) in (0..).zip(parts) {
        unsorted.extend(rows.iter().zip(0..).map(|(row, i)| (row.key, part, i)));
    }
    // All rows of a shard have the same upper bits.
    let buckets = (rows / 2).next_power_of_two();
    let bucket = |at: &At| at.0 as usize & (buckets - 1);
    let mut ends = vec![0; buckets + 1];
    unsorted.iter().for_each(|at| ends[bucket(at) + 1] += 1);
    for i in 0..buckets {
        ends[i + 1] += ends[i];
    }
    let mut order: Vec<At> = vec![(0, 0, 0); rows];
    for at in unsorted {
        let next = &mut ends[bucket(&at)];
        order[*next] = at;
        *next += 1;
    }
    let mut start = 0;
    for end in &ends[..buckets] {
        if *end > start + 1 {
            order[start..*end].sort_unstable();
        }
        start = *end;
    }
    order
}

impl<'t, 'j, T: Taker> Turn<'t, 'j, T> {
    fn new(shard: &'t mut Shard, joint: &'t Joint<'j>, last: bool, taker: &'t mut T) -> Self {
        Turn {
            shard,
            joint,
            last,
            taker,
            buffers: Buffers::default(),
            room: Vec::new(),
        }
    }

    /// Rows of one key, in order: parted where two identifiers share a key, which is next to impossible, and where
    /// the gap is longer than the horizon.
    fn meet(&mut self, key: u64, rows: &[&Row], arena: &Bump) {
        let same = |row: &&&Row| {
            row.kind != rows[0].kind
                || row.check == rows[0].check
                || row.has(mark::TIED)
                || rows[0].has(mark::TIED)
        };
        if !rows.iter().all(|row| same(&row)) {
            let (own, strangers): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| same(row));
            self.meet(key, &own, arena);
            return self.meet(key.wrapping_add(1), &strangers, arena);
        }
        let mut start = 0;
        for i in 1..=rows.len() {
            if i == rows.len() || rows[i].time.0 - rows[i - 1].time.0 > self.joint.scene.horizon {
                let goes_on = !self.last || i < rows.len();
                self.part(key, &rows[start..i], goes_on, arena);
                start = i;
            }
        }
    }

    /// Rows without a long gap between them. Unless it `goes_on`, nothing can follow them.
    fn part(&mut self, key: u64, rows: &[&Row], goes_on: bool, arena: &Bump) {
        let (first, last) = (rows[0].time.0, rows[rows.len() - 1].time.0);
        let horizon = self.joint.scene.horizon;
        let apart = |c: &Carried| {
            first.saturating_sub(c.last.0) > horizon || c.first.0.saturating_sub(last) > horizon
        };
        match self.shard.carried.remove(key) {
            Some(before) if apart(&before) => self.seal(key, before),
            Some(mut carried) => {
                self.more(key, &mut carried, rows);
                self.shard.carried.insert(key, &carried);
                return;
            }
            None => {}
        }
        let mut carried = Carried::new(self.shard.closed_open.contains(&key));
        if self.last || self.joint.when == When::Finished {
            let mut own: Vec<&Row> = std::mem::take(&mut self.room);
            own.extend(rows);
            self.build(&mut carried, &mut own, arena);
            self.room = emptied(own);
        }
        if goes_on {
            carried.take(rows);
            self.shard.carried.insert(key, &carried);
        } else {
            self.keep(rows, carried.settled);
        }
    }

    /// Shows rows to the taker that leave the shard and that a later run needs.
    fn keep(&mut self, rows: &[&Row], settled: bool) {
        let Some(from) = self.joint.keep_from else {
            return;
        };
        if rows.iter().any(|row| row.time >= from) {
            let mut rows = rows.to_vec();
            sort(&mut rows, self.joint);
            drop_twice(&mut rows, self.joint);
            self.taker.keep(&rows, self.joint.ground, settled);
        }
    }

    /// The same for a message that was carried.
    fn keep_carried(&mut self, key: u64, carried: &Carried) {
        if self
            .joint
            .keep_from
            .is_some_and(|from| carried.last >= from)
        {
            let rows = carried.reread(key, self.joint);
            self.keep(&rows.iter().collect::<Vec<_>>(), carried.settled);
        }
    }

    /// More rows of a message that is carried.
    fn more(&mut self, key: u64, carried: &mut Carried, rows: &[&Row]) {
        if let Some((class, wanted)) = carried.counted {
            // A later run must find the message under the time of its last row.
            if self.joint.keep_from.is_none() && carried.only_more(rows) {
                if wanted {
                    self.taker.more_rows(class, rows.len() as i64);
                }
                return carried.take(rows);
            }
            self.take_back(key, carried);
        }
        let total = carried.rows() + rows.len();
        // Reading rows again each time would take time that grows with the square of the windows.
        let due = self.joint.when == When::Finished && total >= 2 * carried.built as usize;
        if self.last || due {
            self.hand_over(key, carried, rows);
        }
        carried.take(rows);
    }

    /// A message whose next part begins after a gap.
    fn seal(&mut self, key: u64, mut carried: Carried) {
        let at_once = self.joint.when == When::Finished || self.last;
        if carried.counted.is_none() {
            let last = std::mem::replace(&mut self.last, at_once);
            self.hand_over(key, &mut carried, &[]);
            self.last = last;
        }
        if !carried.finished {
            self.shard.closed_open.insert(key);
        }
        if at_once {
            self.keep_carried(key, &carried);
        } else {
            carried.counted = None;
            self.shard.sealed.push((key, carried));
        }
    }

    /// Builds the path of a carried message and `more` rows; hands it over if it is finished or must be.
    fn hand_over(&mut self, key: u64, carried: &mut Carried, more: &[&Row]) {
        let old = carried.reread(key, self.joint);
        let mut all: Vec<&Row> = old.iter().chain(more.iter().copied()).collect();
        if !all.is_empty() {
            sort(&mut all, self.joint);
            self.build(carried, &mut all, &Bump::new());
        }
    }

    /// Builds a path and hands it over if it is finished or must be.
    fn build(&mut self, carried: &mut Carried, rows: &mut Vec<&Row>, arena: &Bump) {
        carried.built = rows.len() as u32;
        let twice = drop_twice(rows, self.joint);
        let mut path = path(rows, self.joint, arena, &mut self.buffers);
        path.reopened = carried.reopened;
        carried.finished = path.is_finished();
        carried.settled = path.is_settled();
        let now = self.joint.when == When::Finished && carried.finished;
        if self.last || now {
            let counted = self.taker.add(&path, &self.joint.ground.servers, 1);
            self.shard.rows_twice += twice as i64;
            carried.twice = twice as u32;
            carried.counted = Some((counted.unwrap_or(path.class), counted.is_some()));
        }
        self.buffers.take_back(path);
    }

    /// Takes back a message that was handed over.
    fn take_back(&mut self, key: u64, carried: &mut Carried) {
        let rows = carried.reread(key, self.joint);
        let mut rows: Vec<&Row> = rows.iter().collect();
        sort(&mut rows, self.joint);
        drop_twice(&mut rows, self.joint);
        let arena = Bump::new();
        let mut path = path(&rows, self.joint, &arena, &mut self.buffers);
        path.reopened = carried.reopened;
        self.taker.add(&path, &self.joint.ground.servers, -1);
        self.buffers.take_back(path);
        self.shard.rows_twice -= i64::from(carried.twice);
        carried.counted = None;
    }
}
