//! How long mail stayed in each part of each server, where the rows of its deliveries say so.
//!
//! In: message-info of rows by which recipients arrived (`formats/modern.md` section 6: `SRV=host:TOTAL-HUB=0.257|CAT=0.076
//! (CATOS=0.025)|QDE=0.005`, one `SRV` for each server passed). Out: [`Components`], a tree for each server: stage, component,
//! parts of the component. Text that has another form is passed over: it is a help, no evidence.
//!
//! On the hot path. Rows of a kind list the same components in the same order, so each component remembers which
//! one followed it: most are found by one comparison, without a hash. What was read is noted, and counted when there
//! is much of it: the histograms come into the cache once for thousands of values and not once for each row.

use std::borrow::Cow;

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::address::short_host;
use crate::event::Raw;
use crate::tally::histogram::Coarse;

/// Longer names are no names.
const NAME_BYTES: usize = 96;
/// Components of components are told apart to this depth; real ones have five.
const DEPTH: usize = 8;
/// No component.
const NONE: u32 = u32::MAX;

/// One component on one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// What it is a part of, by number; `None`: a server's stage.
    pub parent: Option<u32>,
    /// As logged: `CAT`; of a stage the server's short name, a colon and the stage: `ex01:TOTAL-HUB`.
    pub name: Box<[u8]>,
    /// Milliseconds, each time a row tells them.
    pub time: Coarse,
    /// Their sum.
    pub total_ms: i64,
}

/// All components; parents before their parts.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Components {
    all: Vec<Component>,
    #[serde(skip)]
    index: HashMap<(u32, Box<[u8]>), u32, RandomState>,
    /// Which component followed this one last; the first is what follows the beginning.
    #[serde(skip)]
    followed_by: Vec<Next>,
    #[serde(skip)]
    stage: Vec<u8>,
    /// Component and milliseconds, not counted yet, and the weight that all of them have.
    #[serde(skip)]
    noted: Vec<(u32, u32)>,
    #[serde(skip)]
    weight: i64,
}

/// So many values are noted before they are counted.
const NOTED: usize = 1 << 14;
/// Longer names are not guessed.
const GUESSED_BYTES: usize = 40;

/// The component that came behind another, with what tells at once whether it does so again.
#[derive(Clone, Copy, Debug)]
struct Next {
    number: u32,
    parent: u32,
    /// The first sixteen bytes of its name and the `=` behind it, and which of them count.
    begins: u128,
    mask: u128,
    length: usize,
    /// The name and the `=` behind it.
    name: [u8; GUESSED_BYTES],
}

impl Next {
    const NONE: Next = Next {
        number: NONE,
        parent: NONE,
        begins: 0,
        mask: 0,
        length: 0,
        name: [0; GUESSED_BYTES],
    };

    fn new(number: u32, parent: u32, name: &[u8]) -> Next {
        let mut whole = [0; GUESSED_BYTES];
        let Some(place) = whole.get_mut(..=name.len()) else {
            return Next::NONE;
        };
        place[..name.len()].copy_from_slice(name);
        place[name.len()] = b'=';
        let (mut begins, mut mask) = ([0; 16], [0; 16]);
        for ((begins, mask), byte) in
            (begins.iter_mut().zip(&mut mask)).zip(name.iter().chain(b"="))
        {
            (*begins, *mask) = (*byte, 0xff);
        }
        Next {
            number,
            parent,
            begins: u128::from_le_bytes(begins),
            mask: u128::from_le_bytes(mask),
            length: name.len(),
            name: whole,
        }
    }

    /// Whether `rest` goes on with its name.
    #[inline]
    fn fits(&self, rest: &[u8]) -> bool {
        let Some(begins) = rest.first_chunk() else {
            return rest.starts_with(&self.name[..=self.length]);
        };
        let same = u128::from_le_bytes(*begins) & self.mask == self.begins;
        same && (self.length < 16 || rest.get(16..=self.length) == self.name.get(16..=self.length))
    }
}

/// A component by its parent and name, to look it up by.
#[derive(Hash)]
struct Part<'n>(u32, &'n [u8]);

impl Equivalent<(u32, Box<[u8]>)> for Part<'_> {
    fn equivalent(&self, key: &(u32, Box<[u8]>)) -> bool {
        self.0 == key.0 && *self.1 == *key.1
    }
}

impl Components {
    /// Counts what rows tell.
    pub fn add(&mut self, timings: &[Raw<'_>], weight: i64) {
        if timings.is_empty() {
            return;
        }
        if weight != self.weight || self.noted.len() > NOTED {
            self.settle();
            self.weight = weight;
        }
        for timing in timings {
            self.row(timing.text());
        }
    }

    /// All components with their sums.
    pub fn all(&self) -> Cow<'_, [Component]> {
        if self.noted.is_empty() {
            return Cow::Borrowed(&self.all);
        }
        let mut counted = self.clone();
        counted.settle();
        Cow::Owned(counted.all)
    }

    /// Counts what is noted.
    pub fn settle(&mut self) {
        for (number, ms) in self.noted.drain(..) {
            let component = &mut self.all[number as usize];
            component.time.record(u64::from(ms), self.weight);
            component.total_ms += self.weight * i64::from(ms);
        }
    }

    fn row(&mut self, info: &[u8]) {
        let (mut last, mut rest) = (NONE, info);
        while !rest.is_empty() {
            let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
            let part = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            let server = part.strip_prefix(b"SRV=");
            let Some(server) = server.or_else(|| part.strip_prefix(b"LSRV=")) else {
                continue;
            };
            if let Some(colon) = memchr::memchr(b':', server) {
                let (host, list) = (&server[..colon], &server[colon + 1..]);
                last = self.server(short_host(host), list, last);
            }
        }
    }

    /// One server's stage and the components it lists.
    fn server(&mut self, host: &[u8], list: &[u8], mut last: u32) -> u32 {
        let mut parents = [NONE; DEPTH];
        let mut depth = 0;
        let mut rest = list;
        loop {
            let known = match parents[0] {
                NONE => None,
                _ => self.guess(parents[depth], rest, last),
            };
            let Some(length) = known.map_or_else(|| name_length(rest), |c| Some(c.1)) else {
                return last;
            };
            let Some((ms, behind)) = millis(&rest[length + 1..]) else {
                return last;
            };
            let number = match known {
                Some((number, _)) => Some(number),
                None => self.part(host, &rest[..length], &mut parents, depth, last),
            };
            let Some(number) = number else {
                return last;
            };
            self.noted.push((number, ms));
            last = number;
            rest = behind;
            // Folded header lines leave spaces behind numbers.
            loop {
                match rest {
                    [b' ', after @ ..] => rest = after,
                    [b')', after @ ..] if depth > 0 => (rest, depth) = (after, depth - 1),
                    [b'(', after @ ..] if depth + 1 < DEPTH => {
                        (rest, depth) = (after, depth + 1);
                        parents[depth] = number;
                        break;
                    }
                    [b'|', after @ ..] => {
                        rest = after;
                        break;
                    }
                    _ => return last,
                }
            }
        }
    }

    /// The number of a component that was not guessed; `None` if it has no place there.
    fn part(
        &mut self,
        host: &[u8],
        name: &[u8],
        parents: &mut [u32; DEPTH],
        depth: usize,
        last: u32,
    ) -> Option<u32> {
        let is_stage = name.starts_with(b"TOTAL");
        if name.len() > NAME_BYTES || is_stage != (parents[0] == NONE) {
            return None;
        }
        if !is_stage {
            return Some(self.find(parents[depth], name, last));
        }
        let mut stage = std::mem::take(&mut self.stage);
        stage.clear();
        stage.extend(host.iter().map(u8::to_ascii_lowercase));
        stage.push(b':');
        stage.extend(name);
        parents[0] = self.find(NONE, &stage, last);
        self.stage = stage;
        Some(parents[0])
    }

    /// The component that came behind `last` before, if the text goes on with its name: its number and the name's length.
    fn guess(&self, parent: u32, rest: &[u8], last: u32) -> Option<(u32, usize)> {
        let next = self.followed_by.get(last.wrapping_add(1) as usize)?;
        if next.number == NONE || next.parent != parent {
            return None;
        }
        next.fits(rest).then_some((next.number, next.length))
    }

    /// The number of a component; the next free one if it is new. `last` came before it.
    fn find(&mut self, parent: u32, name: &[u8], last: u32) -> u32 {
        let after = last.wrapping_add(1) as usize;
        if let Some(next) = self.followed_by.get(after)
            && let Some(guess) = self.all.get(next.number as usize)
            && next.parent == parent
            && *guess.name == *name
        {
            return next.number;
        }
        if self.index.len() != self.all.len() {
            // Read from a file, where the index is not kept.
            let keys = (0..).zip(&self.all);
            let keys = keys.map(|(i, c)| ((c.parent.unwrap_or(NONE), c.name.clone()), i));
            self.index = keys.collect();
        }
        let known = self.index.get(&Part(parent, name)).copied();
        let number = known.unwrap_or(self.all.len() as u32);
        if known.is_none() {
            self.index.insert((parent, name.into()), number);
            self.all.push(Component {
                parent: (parent != NONE).then_some(parent),
                name: name.into(),
                time: Coarse::default(),
                total_ms: 0,
            });
        }
        if self.followed_by.len() <= self.all.len() {
            self.followed_by.resize(self.all.len() + 1, Next::NONE);
        }
        self.followed_by[after] = Next::new(number, parent, name);
        number
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, mut other: Components) {
        self.settle();
        other.settle();
        let mut numbers: Vec<u32> = Vec::with_capacity(other.all.len());
        let mut last = NONE;
        for component in &other.all {
            let parent = component.parent.map_or(NONE, |p| numbers[p as usize]);
            last = self.find(parent, &component.name, last);
            let sum = &mut self.all[last as usize];
            sum.time.merge(&component.time);
            sum.total_ms += component.total_ms;
            numbers.push(last);
        }
    }

    /// Whether all numbers stand for something, as those of a file of strangers need not.
    pub fn is_sound(&self) -> bool {
        let mut seen = HashMap::with_hasher(RandomState::default());
        (0..).zip(&self.all).all(|(i, component)| {
            component.parent.is_none_or(|parent| parent < i)
                && seen
                    .insert((component.parent, &component.name), ())
                    .is_none()
        })
    }
}

impl Serialize for Components {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut written = to.serialize_struct("Components", 1)?;
        written.serialize_field("all", &self.all())?;
        written.end()
    }
}

/// How much stands before the next `=`.
fn name_length(text: &[u8]) -> Option<usize> {
    memchr::memchr(b'=', text)
}

/// Seconds with up to three decimals, as milliseconds, and what stands behind them.
#[inline]
fn millis(text: &[u8]) -> Option<(u32, &[u8])> {
    // Nearly all are below ten seconds and have all three decimals: `0.257`.
    let digit = |b: u8| u32::from(b.wrapping_sub(b'0'));
    if let [s, b'.', a, b, c, next, ..] = *text {
        let digits = [s, a, b, c].map(digit);
        if digits.iter().all(|d| *d < 10) && digit(next) > 9 {
            let [s, a, b, c] = digits;
            return Some((s * 1000 + a * 100 + b * 10 + c, &text[5..]));
        }
    }
    any_millis(text)
}

/// The same for any number; what is over seven weeks counts as that.
fn any_millis(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = |digits: &[u8]| digits.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
    let whole = digits(text);
    if whole == 0 || whole > 9 {
        return None;
    }
    let seconds = number(&text[..whole]) * 1000;
    let rest = &text[whole..];
    // Some versions write numbers in the server's own language.
    let [b'.' | b',', decimals @ ..] = rest else {
        return Some((in_32_bits(seconds), rest));
    };
    let length = digits(decimals);
    let kept = &decimals[..length.min(3)];
    let scale = [1000, 100, 10, 1][kept.len()];
    let ms = seconds + number(kept) * scale;
    Some((in_32_bits(ms), &decimals[length..]))
}

fn in_32_bits(ms: u64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: &[u8] = b"2026-03-02T09:00:00.000Z;SRV=EX01.own.test:TOTAL-HUB=0.257|SMR=0.180(SMRDI=0.036 \
        (SMRED=0.004 )|SMRC=0.143)|CAT=0.076 (CATSM-Malware Agent=0.024 )|CAT=0.010;SRV=edge:TOTAL-EDGE=18175.166|QDE=18169.74";

    fn told(components: &Components) -> Vec<(String, i64, i64)> {
        let all = components.all();
        let name = |mut number: u32| {
            let mut names = Vec::new();
            loop {
                let component = &all[number as usize];
                names.insert(0, String::from_utf8_lossy(&component.name).into_owned());
                match component.parent {
                    Some(parent) => number = parent,
                    None => return names.join("/"),
                }
            }
        };
        let told = (0..)
            .zip(all.iter())
            .map(|(i, c)| (name(i), c.time.count(), c.total_ms));
        let mut told: Vec<_> = told.filter(|(_, count, _)| *count != 0).collect();
        told.sort();
        told
    }

    #[test]
    fn every_component_is_found_under_what_it_is_a_part_of() {
        let mut components = Components::default();
        components.add(&[Raw::plain(EDGE)], 1);
        let want = [
            ("edge:TOTAL-EDGE", 1, 18_175_166),
            ("edge:TOTAL-EDGE/QDE", 1, 18_169_740),
            ("ex01:TOTAL-HUB", 1, 257),
            ("ex01:TOTAL-HUB/CAT", 2, 86),
            ("ex01:TOTAL-HUB/CAT/CATSM-Malware Agent", 1, 24),
            ("ex01:TOTAL-HUB/SMR", 1, 180),
            ("ex01:TOTAL-HUB/SMR/SMRC", 1, 143),
            ("ex01:TOTAL-HUB/SMR/SMRDI", 1, 36),
            ("ex01:TOTAL-HUB/SMR/SMRDI/SMRED", 1, 4),
        ];
        let want = want.map(|(name, count, ms)| (name.to_string(), count, ms));
        assert_eq!(told(&components), want);
    }

    #[test]
    fn names_of_every_length_are_found_again() {
        let names = (1..=NAME_BYTES).map(|length| "N".repeat(length));
        let lists: Vec<String> = names.map(|n| format!("{n}=0.001|{n}b=0.002")).collect();
        let mut components = Components::default();
        for list in lists.iter().chain(&lists) {
            let text = format!("t;SRV=a:TOTAL=0|{list}");
            components.add(&[Raw::plain(text.as_bytes())], 1);
        }
        let mut want = vec![("a:TOTAL".to_string(), 2 * NAME_BYTES as i64, 0)];
        for length in 1..=NAME_BYTES {
            let name = format!("a:TOTAL/{}", "N".repeat(length));
            // One letter more than the longest is no name any more.
            want.extend((length < NAME_BYTES).then(|| (format!("{name}b"), 2, 4)));
            want.push((name, 2, 2));
        }
        want.sort();
        assert_eq!(told(&components), want);
    }

    #[test]
    fn what_is_taken_back_is_gone_and_order_does_not_matter() {
        let other = b"x;SRV=ex02:TOTAL=0|X-A=1;SRV=ex01:TOTAL-HUB=3|CAT=2";
        let (mut a, mut b) = (Components::default(), Components::default());
        a.add(&[Raw::plain(EDGE), Raw::plain(other)], 1);
        b.add(&[Raw::plain(other), Raw::plain(EDGE)], -1);
        let bytes = postcard::to_stdvec(&a).unwrap();
        let mut read: Components = postcard::from_bytes(&bytes).unwrap();
        assert!(read.is_sound());
        read.merge(b);
        assert_eq!(told(&read), []);
        read.add(&[Raw::plain(EDGE), Raw::plain(other)], 1);
        assert_eq!(told(&read), told(&a));
        read.all[2].parent = Some(7);
        assert!(!read.is_sound());
    }

    #[test]
    fn text_of_another_form_is_passed_over() {
        let mut components = Components::default();
        let deep = format!("t;SRV=a:TOTAL=1|{}", "B=1(".repeat(40));
        for text in [
            &b""[..],
            b"0cA: ",
            b"bob@own.test:<400 4.4.7 Message delayed>",
            b"t;SRV=",
            b"t;SRV=a:CAT=1",
            b"t;SRV=a:TOTAL=x",
            b"t;SRV=a:TOTAL=1)|B=1",
            deep.as_bytes(),
        ] {
            components.add(&[Raw::plain(text)], 1);
        }
        let most = told(&components)
            .into_iter()
            .map(|(name, _, _)| name.matches('/').count());
        assert_eq!(most.max(), Some(DEPTH));
    }
}
