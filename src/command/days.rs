//! Saved days read and merged, and the report on them.
//!
//! In: files that `report --save` wrote. Out: one sum. The files are read on all threads, each of which merges its share,
//! so that few large sums meet at the end. The same logs saved twice are found out, not counted twice.

use std::collections::BTreeSet;
use std::path::Path;

use hashbrown::HashMap;
use rayon::prelude::*;

use crate::error::Error;
use crate::report::Facts;
use crate::saved::Saved;
use crate::tally::volume::MINUTE;
use crate::time::Time;

/// What one thread merged, and what was read for each of its days.
type Share<'p> = (Option<Saved>, Vec<(&'p Path, Read, Kept)>);

/// Reads and merges all files that are `wanted`.
///
/// # Errors
/// If one of them cannot be read, the first by order; or if two were saved from the same logs.
pub fn merge_all(
    paths: &[impl AsRef<Path> + Sync],
    wanted: impl Fn(&Saved) -> bool + Sync,
) -> Result<Option<Saved>, Error> {
    let share = paths.len().div_ceil(rayon::current_num_threads()).max(1);
    let parts: Result<Vec<Share<'_>>, Error> = paths
        .par_chunks(share)
        .map(|paths| {
            let mut sum: Option<Saved> = None;
            let mut read = Vec::with_capacity(paths.len());
            for path in paths {
                let day = Saved::read(path.as_ref())?;
                if !wanted(&day) {
                    continue;
                }
                read.push((path.as_ref(), Read::of(&day.facts), Kept::of(&day)));
                match &mut sum {
                    Some(sum) => sum.merge(day),
                    None => sum = Some(day),
                }
            }
            Ok((sum, read))
        })
        .collect();
    let (sums, read): (Vec<_>, Vec<_>) = parts?.into_iter().unzip();
    let mut minutes = Vec::new();
    let read = read.into_iter().flatten().map(|(path, read, of)| {
        minutes.push((path, of));
        (path, read)
    });
    each_once(read)?;
    all_alike(minutes.iter().map(|(path, of)| (*path, of)))?;
    none_overlaps(minutes)?;
    Ok(sums.into_iter().flatten().reduce(|mut a, b| {
        a.merge(b);
        a
    }))
}

/// What was read for a saved day: two days of which all this is equal are one.
#[derive(PartialEq, Eq, Hash)]
struct Read {
    span: (Option<Time>, Option<Time>),
    files: u64,
    bytes: u64,
    rows: u64,
    servers: Vec<(String, u64)>,
}

impl Read {
    fn of(facts: &Facts) -> Read {
        let servers = facts.servers.iter();
        Read {
            span: (facts.from, facts.to),
            files: facts.files,
            bytes: facts.bytes,
            rows: facts.rows,
            servers: servers.map(|of| (of.name.clone(), of.rows)).collect(),
        }
    }
}

/// What a saved day holds: the minutes in which its messages were first seen, whose rows told of them, which messages alone,
/// and a print of the key under which names were replaced.
struct Kept {
    first_and_last: Option<(i64, i64)>,
    all: Vec<i64>,
    servers: BTreeSet<String>,
    only: Vec<String>,
    veil: Option<String>,
}

impl Kept {
    fn of(day: &Saved) -> Kept {
        let counted = day.tally.volume.minutes.iter();
        let counted = counted.filter(|(_, messages)| **messages > 0);
        let mut all: Vec<i64> = counted.map(|(minute, _)| *minute).collect();
        all.sort_unstable();
        let servers = day.facts.servers.iter().filter(|of| of.rows > 0);
        Kept {
            first_and_last: all.first().copied().zip(all.last().copied()),
            all,
            servers: servers.map(|of| of.name.clone()).collect(),
            only: day.facts.only.clone(),
            veil: day.facts.veil.clone(),
        }
    }
}

/// Whether all messages of `day` were first seen in the time of those of `other`.
pub fn is_inside(day: &Saved, other: &Saved) -> bool {
    match [day, other].map(|day| Kept::of(day).first_and_last) {
        [Some((first, last)), Some((from, to))] => from <= first && last <= to,
        _ => false,
    }
}

/// Days that tell of the same messages alone, with people under the same names.
fn all_alike<'d>(days: impl Iterator<Item = (&'d Path, &'d Kept)>) -> Result<(), Error> {
    let mut first: Option<(&Path, &Kept)> = None;
    for (path, day) in days {
        let Some((known, other)) = first else {
            first = Some((path, day));
            continue;
        };
        let differ = match day {
            _ if day.only != other.only => "tell of different messages (filters)",
            _ if day.veil != other.veil => "have people under different names (--anonymous)",
            _ => continue,
        };
        let (one, two) = (known.display(), path.display());
        return Err(Error(format!("{one} and {two} {differ}: they make no sum")));
    }
    Ok(())
}

/// Days of which two count messages of the same minutes on the same server hold the same messages: what they were saved
/// from overlaps. (One minute may be parted between two files.)
fn none_overlaps(mut days: Vec<(&Path, Kept)>) -> Result<(), Error> {
    days.retain(|(_, of)| of.first_and_last.is_some());
    days.sort_by_key(|(path, of)| (of.first_and_last, *path));
    // Those that may still reach into the next one.
    let mut reaching: Vec<&(&Path, Kept)> = Vec::new();
    for day in &days {
        let begins = day.1.all[0];
        reaching.retain(|(_, of)| of.first_and_last.is_some_and(|(_, last)| last > begins));
        for (path, of) in &reaching {
            let both = of
                .all
                .iter()
                .filter(|minute| day.1.all.binary_search(minute).is_ok());
            let shared: Vec<i64> = both.take(2).copied().collect();
            let server = of.servers.intersection(&day.1.servers).next();
            if let (&[minute, _], Some(server)) = (shared.as_slice(), server) {
                let time = Time(minute * MINUTE).rfc3339();
                let (one, other) = (path.display(), day.0.display());
                return Err(Error(format!(
                    "{one} and {other} both count messages of {server} from {time} on, which would count twice; save \
                     each day by itself, with --day"
                )));
            }
        }
        reaching.push(day);
    }
    Ok(())
}

fn each_once<'p>(read: impl Iterator<Item = (&'p Path, Read)>) -> Result<(), Error> {
    let mut known: HashMap<Read, &Path> = HashMap::new();
    for (path, read) in read {
        // Days without a row add nothing, however often.
        if read.rows == 0 {
            continue;
        }
        if let Some(first) = known.insert(read, path) {
            let (first, path) = (first.display(), path.display());
            return Err(Error(format!(
                "{first} and {path} were saved from the same logs; name one of them"
            )));
        }
    }
    Ok(())
}
