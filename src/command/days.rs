//! Saved days read and merged, and the report on them.
//!
//! In: files that `report --save` wrote. Out: one sum. The files are read on all threads; a neighbour is merged
//! with its neighbour, so that few large sums meet at the end.

use std::path::Path;

use rayon::prelude::*;

use crate::error::Error;
use crate::saved::Saved;

/// Reads and merges all files.
///
/// # Errors
/// If one of them cannot be read; the first by order.
pub fn merge_all(paths: &[impl AsRef<Path> + Sync]) -> Result<Option<Saved>, Error> {
    let parts: Result<Vec<Option<Saved>>, Error> = paths
        .par_chunks(paths.len().div_ceil(rayon::current_num_threads()).max(1))
        .map(|paths| {
            let mut sum: Option<Saved> = None;
            for path in paths {
                let day = Saved::read(path.as_ref())?;
                match &mut sum {
                    Some(sum) => sum.merge(day),
                    None => sum = Some(day),
                }
            }
            Ok(sum)
        })
        .collect();
    Ok(parts?.into_iter().flatten().reduce(|mut a, b| {
        a.merge(b);
        a
    }))
}
