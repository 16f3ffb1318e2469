//! Which files the paths on the command line name.
//!
//! In: files, folders, patterns. Out: every file once, under the shortest name that is its own, and what could not be
//! looked into. Links are followed; one that leads back to a folder above it is noted.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf, is_separator};
use std::sync::Arc;

use globset::GlobBuilder;
use walkdir::WalkDir;

use crate::error::Error;

/// A name and why it could not be read.
pub type Problem = (String, String);

/// A file by its name, and where it lies: there may be very many, and they share their folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub name: Arc<str>,
    /// What stands in front of the name, or the whole path.
    folder: Arc<Path>,
    is_below: bool,
}

impl Named {
    /// `folder` may be that of the file before.
    fn new(name: &str, path: &Path, folder: &mut Arc<Path>) -> Named {
        let above = path.to_str().and_then(|path| path.strip_suffix(name));
        let above = above.filter(|above| above.is_empty() || above.ends_with(is_separator));
        let own = above.map_or(path, Path::new);
        if **folder != *own {
            *folder = own.into();
        }
        Named {
            name: name.into(),
            folder: folder.clone(),
            is_below: above.is_some(),
        }
    }

    /// What is named so and lies in no folder, like the standard input.
    pub fn alone(name: Arc<str>) -> Named {
        Named {
            name,
            folder: Path::new("").into(),
            is_below: true,
        }
    }

    /// By which it is opened.
    pub fn path(&self) -> PathBuf {
        match self.is_below {
            true => self.folder.join(&*self.name),
            false => self.folder.to_path_buf(),
        }
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    /// Real path -> name under the argument it was found by, and the path to open it by. In small pieces: a large table
    /// would leave a large hole in memory.
    files: BTreeMap<OsString, (Box<str>, Box<Path>)>,
    /// The folder that was looked into last, and its real path: to ask the system costs more than to open a file.
    folder: Option<(PathBuf, PathBuf)>,
}

/// Every file that `paths` name, in the order of names.
///
/// # Errors
/// If a path names nothing at all.
pub fn find_all<'p>(
    paths: impl Iterator<Item = &'p String>,
    unreadable: &mut Vec<Problem>,
) -> Result<Vec<Named>, Error> {
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
        let real = self.real(path, is_link).into_os_string();
        match self.files.get_mut(&real) {
            Some(known) if *name < *known.0 => *known = (name.into(), path.into()),
            Some(_) => {}
            None => _ = self.files.insert(real, (name.into(), path.into())),
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
fn named(found: BTreeMap<OsString, (Box<str>, Box<Path>)>) -> Vec<Named> {
    let mut folder: Arc<Path> = Path::new("").into();
    let files = found.into_values();
    let files = files.map(|(name, path)| Named::new(&name, &path, &mut folder));
    let mut named: Vec<Named> = files.collect();
    named.sort_unstable();
    let shared = named.windows(2).filter(|two| two[0].name == two[1].name);
    let shared: HashSet<Arc<str>> = shared.map(|two| two[0].name.clone()).collect();
    if !shared.is_empty() {
        for file in named.iter_mut().filter(|file| shared.contains(&file.name)) {
            let path = file.path();
            *file = Named::new(&path.to_string_lossy(), &path, &mut folder);
        }
        named.sort_unstable();
    }
    named
}
