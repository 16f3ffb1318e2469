//! File names and the numbers missing from them.
//!
//! In: names of files. Out: per folder, kind of log and date or hour the numbers that are not there. Exchange counts the
//! files of a day (2007, 2010) or hour (2013 on) from 1 (`formats/modern.md` section 1). Removal by age or size
//! takes the oldest files, so a hole in the middle has another reason.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Kinds of tracking log, longest first: all begin alike.
const PREFIXES: [&str; 5] = ["MSGTRKMA", "MSGTRKMD", "MSGTRKMS", "MSGTRKM", "MSGTRK"];

/// What a tracking log's name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name<'n> {
    /// With its last `/`; empty if there is none.
    pub folder: &'n str,
    pub prefix: &'static str,
    /// `yyyymmdd` or `yyyymmddhh`.
    pub date: &'n str,
    pub instance: u64,
}

/// Files that a folder should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingFiles {
    pub folder: String,
    /// First and last missing name.
    pub from: String,
    pub to: String,
    pub files: u64,
}

impl<'n> Name<'n> {
    /// Reads a name; `None` if it is not made as Exchange makes them. A packed file may add an ending.
    pub fn read(path: &'n str) -> Option<Name<'n>> {
        let base = path.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
        let (folder, base) = path.split_at(base);
        let prefix = PREFIXES.into_iter().find(|prefix| {
            let head = base.get(..prefix.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        })?;
        let (date, rest) = base[prefix.len()..].split_once('-')?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !matches!(date.len(), 8 | 10) || !digits(date) {
            return None;
        }
        let (number, ending) = rest.split_once('.')?;
        let log = ending.split('.').next()?.eq_ignore_ascii_case("log");
        if !log || number.is_empty() || !digits(number) {
            return None;
        }
        Some(Name {
            folder,
            prefix,
            date,
            instance: number.parse().ok()?,
        })
    }

    /// Whether a later file of the same series is among `names`: this one is not being written any more.
    pub fn has_successor(&self, names: &BTreeSet<Name<'_>>) -> bool {
        names
            .range(self.clone()..)
            .nth(1)
            .is_some_and(|next| (next.folder, next.prefix) == (self.folder, self.prefix))
    }
}

/// All names that can be read.
pub fn read_all<'n>(names: impl Iterator<Item = &'n str>) -> BTreeSet<Name<'n>> {
    names.filter_map(Name::read).collect()
}

/// The numbers between 1 and each day's or hour's highest that no file has.
pub fn holes(names: &BTreeSet<Name<'_>>) -> Vec<MissingFiles> {
    let mut next: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    let mut holes = Vec::new();
    for name in names {
        let series = (name.folder, name.prefix, name.date);
        let expected = next
            .insert(series, name.instance.saturating_add(1))
            .unwrap_or(1);
        if name.instance > expected {
            let file = |number: u64| format!("{}{}-{number}.LOG", name.prefix, name.date);
            holes.push(MissingFiles {
                folder: name.folder.to_string(),
                from: file(expected),
                to: file(name.instance - 1),
                files: name.instance - expected,
            });
        }
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_greedily_and_without_case() {
        let read = |name| Name::read(name).map(|n| (n.prefix, n.date.len(), n.instance));
        assert_eq!(
            read("a/MSGTRKMD2026030209-1.LOG"),
            Some(("MSGTRKMD", 10, 1))
        );
        assert_eq!(read("msgtrkm20260302-12.log"), Some(("MSGTRKM", 8, 12)));
        assert_eq!(read("MSGTRK20260302-1.LOG.gz"), Some(("MSGTRK", 8, 1)));
        for other in [
            "MSGTRK2026-1.LOG",
            "RECV20260302-1.LOG",
            "MSGTRK20260302-.LOG",
            "MSGTRK",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn holes_are_told_by_name() {
        let names = [
            "x/MSGTRK20260302-2.LOG",
            "x/MSGTRK20260302-5.LOG",
            "x/MSGTRK20260303-1.LOG",
            "x/MSGTRKMD20260302-1.LOG",
            "y/MSGTRK20260302-10.LOG",
            "y/MSGTRK20260302-9.LOG",
        ];
        let holes = holes(&read_all(names.into_iter()));
        let told: Vec<_> = holes
            .iter()
            .map(|h| (h.from.as_str(), h.to.as_str(), h.files))
            .collect();
        assert_eq!(
            told,
            [
                ("MSGTRK20260302-1.LOG", "MSGTRK20260302-1.LOG", 1),
                ("MSGTRK20260302-3.LOG", "MSGTRK20260302-4.LOG", 2),
                ("MSGTRK20260302-1.LOG", "MSGTRK20260302-8.LOG", 8),
            ]
        );
        let whole = ["MSGTRK20260302-1.LOG", "MSGTRK20260302-2.LOG"];
        let names = read_all(whole.into_iter());
        assert_eq!(super::holes(&names), []);
        assert!(Name::read(whole[0]).unwrap().has_successor(&names));
        assert!(!Name::read(whole[1]).unwrap().has_successor(&names));
    }
}
