//! Saved days read and merged, and the report on them.
//!
//! In: files that `report --save` wrote. Out: one sum. The files are read on all threads, each of which merges its share,
//! so that few large sums meet at the end. The same logs saved twice are found out, not counted twice.

use std::path::Path;

use hashbrown::HashMap;
use rayon::prelude::*;

use crate::error::Error;
use crate::report::Facts;
use crate::saved::Saved;
use crate::time::Time;

/// What one thread merged, and what was read for each of its days.
type Share = (Option<Saved>, Vec<Read>);

/// Reads and merges all files.
///
/// # Errors
/// If one of them cannot be read, the first by order; or if two were saved from the same logs.
pub fn merge_all(paths: &[impl AsRef<Path> + Sync]) -> Result<Option<Saved>, Error> {
    let share = paths.len().div_ceil(rayon::current_num_threads()).max(1);
    let parts: Result<Vec<Share>, Error> = paths
        .par_chunks(share)
        .map(|paths| {
            let mut sum: Option<Saved> = None;
            let mut read = Vec::with_capacity(paths.len());
            for path in paths {
                let day = Saved::read(path.as_ref())?;
                read.push(Read::of(&day.facts));
                match &mut sum {
                    Some(sum) => sum.merge(day),
                    None => sum = Some(day),
                }
            }
            Ok((sum, read))
        })
        .collect();
    let (sums, read): (Vec<_>, Vec<_>) = parts?.into_iter().unzip();
    each_once(paths, read.into_iter().flatten())?;
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

fn each_once(paths: &[impl AsRef<Path>], read: impl Iterator<Item = Read>) -> Result<(), Error> {
    let mut known: HashMap<Read, &Path> = HashMap::new();
    for (path, read) in paths.iter().map(AsRef::as_ref).zip(read) {
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
