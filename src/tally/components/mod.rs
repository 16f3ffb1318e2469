//! How long mail stayed in each part of each server, where the rows of its deliveries say so.
//!
//! In: message-info of rows by which recipients arrived (`formats/modern.md` section 6: `SRV=host:TOTAL-HUB=0.257|CAT=0.076
//! (CATOS=0.025)|QDE=0.005`, one `SRV` for each server passed), as [`reading`] finds the times in it. Out: [`Components`], a
//! tree for each server: stage, component, parts of the component. Text that has another form is passed over: it is a help,
//! no evidence.
//!
//! On the hot path. What was read is noted first: the histograms come into the cache once for thousands of values
//! and not once for each row.

mod reading;

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};
use serde::{Deserialize, Serialize};

use crate::event::Raw;
use crate::tally::histogram::Coarse;
use crate::tally::notes::Notes;
use reading::Next;

/// Components that are told apart. A server has about a hundred.
pub const MOST: usize = 1 << 16;

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
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Components {
    pub all: Vec<Component>,
    /// There were more than [`MOST`], and none is kept: no organisation has so many, but anybody can write names into
    /// headers.
    pub too_many: bool,
    #[serde(skip)]
    index: HashMap<(u32, Box<[u8]>), u32, RandomState>,
    /// Stages by their server, then what followed each component last.
    #[serde(skip)]
    followed_by: Vec<Next>,
    /// Component and milliseconds, and the weight that all of them have.
    noted: Notes<(u32, u32)>,
    #[serde(skip)]
    weight: i64,
    /// By number of the component, what was counted since all was settled.
    recent: Notes<Recent>,
}

/// So many values are noted before they are counted.
const NOTED: usize = 1 << 14;

/// The usual times of one component, where counting them needs no look whether there is room: below a second.
#[derive(Clone, Copy, Debug)]
struct Recent {
    total_ms: i64,
    by_class: [i64; 64],
}

impl Recent {
    const NONE: Recent = Recent {
        total_ms: 0,
        by_class: [0; 64],
    };
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
        if timings.is_empty() || self.too_many {
            return;
        }
        if weight != self.weight || self.noted.len() > NOTED {
            self.count();
            self.weight = weight;
        }
        for timing in timings {
            self.row(timing.text());
        }
    }

    /// Whether nothing is noted.
    pub fn is_settled(&self) -> bool {
        self.noted.is_empty() && self.recent.is_empty()
    }

    /// Counts what is noted, and puts it into the components.
    pub fn settle(&mut self) {
        self.count();
        for (component, recent) in self.all.iter_mut().zip(self.recent.drain(..)) {
            component.time.add(&recent.by_class);
            component.total_ms += recent.total_ms;
        }
    }

    /// Counts what is noted.
    fn count(&mut self) {
        self.recent.resize(self.all.len(), Recent::NONE);
        for (number, ms) in self.noted.drain(..) {
            let recent = &mut self.recent[number as usize];
            recent.total_ms += self.weight * i64::from(ms);
            match recent.by_class.get_mut(Coarse::class_of(u64::from(ms))) {
                Some(count) => *count += self.weight,
                None => {
                    let time = &mut self.all[number as usize].time;
                    time.record(u64::from(ms), self.weight);
                }
            }
        }
    }

    /// The number of a component; the next free one if it is new. `None`: there are too many.
    fn find(&mut self, parent: u32, name: &[u8]) -> Option<u32> {
        if self.too_many {
            return None;
        }
        if self.index.len() != self.all.len() {
            // Read from a file, where the index is not kept.
            let keys = (0..).zip(&self.all);
            let keys = keys.map(|(i, c)| ((c.parent.unwrap_or(NONE), c.name.clone()), i));
            self.index = keys.collect();
        }
        if let Some(&known) = self.index.get(&Part(parent, name)) {
            return Some(known);
        }
        if self.all.len() == MOST {
            self.give_up();
            return None;
        }
        let number = self.all.len() as u32;
        self.index.insert((parent, name.into()), number);
        self.all.push(Component {
            parent: (parent != NONE).then_some(parent),
            name: name.into(),
            time: Coarse::default(),
            total_ms: 0,
        });
        Some(number)
    }

    /// Forgets all of them.
    #[cold]
    fn give_up(&mut self) {
        *self = Components {
            too_many: true,
            ..Components::default()
        };
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, mut other: Components) {
        self.settle();
        other.settle();
        if other.too_many {
            self.give_up();
        }
        let mut numbers: Vec<u32> = Vec::with_capacity(other.all.len());
        for component in &other.all {
            let parent = component.parent.map_or(NONE, |p| numbers[p as usize]);
            let Some(number) = self.find(parent, &component.name) else {
                return;
            };
            let sum = &mut self.all[number as usize];
            sum.time.merge(&component.time);
            sum.total_ms += component.total_ms;
            numbers.push(number);
        }
    }

    /// Whether all numbers stand for something, as those of a file of strangers need not.
    pub fn is_sound(&self) -> bool {
        if self.all.len() > MOST || self.too_many && !self.all.is_empty() {
            return false;
        }
        let mut seen = HashMap::with_hasher(RandomState::default());
        (0..).zip(&self.all).all(|(i, component)| {
            component.parent.is_none_or(|parent| parent < i)
                && seen
                    .insert((component.parent, &component.name), ())
                    .is_none()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::reading::{DEPTH, NAME_BYTES};
    use super::*;

    const EDGE: &[u8] = b"2026-03-02T09:00:00.000Z;SRV=EX01.own.test:TOTAL-HUB=0.257|SMR=0.180(SMRDI=0.036 \
        (SMRED=0.004 )|SMRC=0.143)|CAT=0.076 (CATSM-Malware Agent=0.024 )|CAT=0.010;SRV=edge:TOTAL-EDGE=18175.166|QDE=18169.74";

    fn told(components: &Components) -> Vec<(String, i64, i64)> {
        let mut components = components.clone();
        components.settle();
        let all = &components.all;
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
        a.settle();
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
    fn names_without_end_are_given_up_in_whatever_order_they_come() {
        let texts = (0..MOST).map(|n| format!("t;SRV=a:TOTAL=1|N{n}=2"));
        let texts: Vec<String> = texts.collect();
        let counted = |texts: &[String]| {
            let mut components = Components::default();
            (texts.iter()).for_each(|text| components.add(&[Raw::plain(text.as_bytes())], 1));
            components.settle();
            components
        };
        let most = counted(&texts[1..]);
        assert_eq!((most.all.len(), most.too_many), (MOST, false));
        // One more: in one run, in another worker's sums, either way round.
        let (one, other) = (counted(&texts), counted(&texts[..1]));
        let merged = |mut a: Components, b: &Components| {
            a.merge(b.clone());
            a
        };
        for gone in [
            merged(one.clone(), &other),
            merged(other.clone(), &most),
            merged(most, &other),
            one,
        ] {
            assert!(gone.too_many && gone.all.is_empty() && gone.is_sound() && gone.is_settled());
        }
        assert!(!other.too_many);
    }

    #[test]
    fn a_server_without_a_list_does_not_take_the_next_ones() {
        let mut components = Components::default();
        components.add(&[Raw::plain(b"t;SRV=abc;SRV=ex01:TOTAL-HUB=1.000")], 1);
        assert_eq!(told(&components), [("ex01:TOTAL-HUB".to_string(), 1, 1000)]);
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
