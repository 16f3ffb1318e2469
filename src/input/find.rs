//! Which files the paths on the command line name.
//!
//! In: files, folders, patterns. Out: every file once, under the shortest name that is its own, and what could not be
//! looked into. Links are followed; one that leads back to a folder above it is noted.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use walkdir::WalkDir;

use crate::error::Error;

/// A name and why it could not be read.
pub type Problem = (String, String);

/// What was found so far.
#[derive(Default)]
struct Found {
    /// Real path -> name under the argument it was found by, and the path to open it by.
    files: HashMap<PathBuf, (String, PathBuf)>,
    /// The folder that was looked into last, and its real path: to ask the system costs more than to open a file.
    folder: Option<(PathBuf, PathBuf)>,
}

/// Name and path of every file that `paths` name.
///
/// # Errors
/// If a path names nothing at all.
pub fn find_all<'p>(
    paths: impl Iterator<Item = &'p String>,
    unreadable: &mut Vec<Problem>,
) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Found::default();
    for path in paths {
        find(path, &mut found, unreadable)?;
    }
    Ok(named(found.files))
}

/// Adds what one argument names: a file, a folder's files, or what a glob matches.
fn find(argument: &str, found: &mut Found, unreadable: &mut Vec<Problem>) -> Result<(), Error> {
    let path = Path::new(argument);
    if path.is_dir() {
        walk(path, None, found, unreadable);
        return Ok(());
    }
    if path.exists() {
        let name = path
            .file_name()
            .map_or(argument.into(), |name| name.to_string_lossy().into_owned());
        found.note(path, path.is_symlink(), name);
        return Ok(());
    }
    if argument.contains(['*', '?', '[', '{']) {
        // As in a shell, `*` stays within one folder; `**` goes below.
        let glob = GlobBuilder::new(argument).literal_separator(true).build();
        let glob = glob.map_err(|e| {
            Error(format!(
                "`{argument}` is not a pattern that can be read: {e}"
            ))
        })?;
        let before = found.files.len();
        walk(
            &fixed_part(argument),
            Some(&glob.compile_matcher()),
            found,
            unreadable,
        );
        if found.files.len() > before {
            return Ok(());
        }
        return Err(Error(format!("no file matches `{argument}`")));
    }
    Err(Error(format!("`{argument}`: no such file or folder")))
}

/// The folders in front of a pattern's first wildcard.
fn fixed_part(pattern: &str) -> PathBuf {
    let fixed: PathBuf = Path::new(pattern)
        .iter()
        .take_while(|part| !part.to_string_lossy().contains(['*', '?', '[', '{']))
        .collect();
    if fixed.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        fixed
    }
}

fn walk(
    root: &Path,
    glob: Option<&globset::GlobMatcher>,
    found: &mut Found,
    unreadable: &mut Vec<Problem>,
) {
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if !entry.file_type().is_file() => {}
            Ok(entry) => {
                let path = entry.path();
                let plain = path.strip_prefix("./").unwrap_or(path);
                if glob.is_none_or(|glob| glob.is_match(path) || glob.is_match(plain)) {
                    let name = path
                        .strip_prefix(root)
                        .unwrap_or(path)
                        .to_string_lossy()
                        .into_owned();
                    found.note(path, entry.path_is_symlink(), name);
                }
            }
            Err(error) => {
                let name = error.path().unwrap_or(root).to_string_lossy().into_owned();
                let why = match error.loop_ancestor() {
                    Some(above) => format!("a link that leads back to {}", above.display()),
                    None => error
                        .io_error()
                        .map_or(error.to_string(), ToString::to_string),
                };
                unreadable.push((name, why));
            }
        }
    }
}

impl Found {
    /// Notes a file under its real path, so that one named twice is read once; the smallest name wins.
    fn note(&mut self, path: &Path, is_link: bool, name: String) {
        let real = self.real(path, is_link);
        let entry = self
            .files
            .entry(real)
            .or_insert_with(|| (name.clone(), path.to_path_buf()));
        if name < entry.0 {
            *entry = (name, path.to_path_buf());
        }
    }

    fn real(&mut self, path: &Path, is_link: bool) -> PathBuf {
        let (Some(folder), Some(name), false) = (path.parent(), path.file_name(), is_link) else {
            return path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        };
        let known = self.folder.take().filter(|(of, _)| of == folder);
        let (of, real) = known.unwrap_or_else(|| {
            let named = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            let real = named.canonicalize().unwrap_or_else(|_| named.to_path_buf());
            (folder.to_path_buf(), real)
        });
        let file = real.join(name);
        self.folder = Some((of, real));
        file
    }
}

/// Gives every file the shortest name that is its own: files of two arguments may share one.
fn named(found: HashMap<PathBuf, (String, PathBuf)>) -> Vec<(String, PathBuf)> {
    let shared: HashSet<String> = {
        let mut seen = HashSet::with_capacity(found.len());
        let names = found.values().map(|(name, _)| name.as_str());
        let again = names.filter(|name| !seen.insert(*name));
        again.map(str::to_string).collect()
    };
    let mut named: Vec<(String, PathBuf)> = found.into_values().collect();
    for (name, path) in &mut named {
        if shared.contains(name) {
            *name = path.to_string_lossy().into_owned();
        }
    }
    named
}
