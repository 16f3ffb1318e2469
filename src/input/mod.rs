//! From the paths on the command line to the bytes of every file.
//!
//! In: files, folders, globs, `-`. Out: [`Inputs`], files sorted by name with their bytes, and what was left out and
//! why. What the bytes mean is not known here: the format is told later, by content. [`find`] knows which files,
//! [`file`] the lines of one, [`store`] where their bytes are kept, [`guard`] what happens if somebody cuts them short, [`expand`] what is in
//! packed ones, [`text`] UTF-16, [`source`] what lies on the disk.

mod expand;
mod file;
mod find;
mod guard;
pub mod nameless;
pub mod source;
mod store;
pub mod text;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::event::Place;
use crate::watch::{Lap, Watch};
use expand::Expanded;
use find::{Named, Problem};
use source::{Source, Stamp};
use store::{Data, Store};

pub use file::{CarriedRow, LogFile, Part};
pub use store::{Mapping, Opened};

/// How files are opened.
#[derive(Clone, Debug)]
pub struct Opening {
    pub mapping: Mapping,
    /// Where copies go that are too large for memory.
    pub temp_dir: PathBuf,
    /// A packed file may grow to so many times its size (but 64 MB are always allowed).
    pub expand_limit: u64,
    /// Whether every file is hashed.
    pub hash: bool,
    /// Files by name that need not be opened if they are as they were.
    pub known: HashMap<String, Stamp>,
    /// Is told how far opening has come.
    pub opened: Arc<Opened>,
}

impl Default for Opening {
    fn default() -> Self {
        Opening {
            mapping: Mapping::Auto,
            temp_dir: std::env::temp_dir(),
            expand_limit: EXPAND_LIMIT,
            hash: false,
            known: HashMap::new(),
            opened: Arc::default(),
        }
    }
}

impl Opening {
    fn knows(&self, file: &Named) -> bool {
        let stamp = self.known.get(&*file.name);
        let now = || Stamp::of(&file.path().metadata().ok()?);
        stamp.is_some_and(|was| now() == Some(*was))
    }
}

/// So many files are opened before what was found of them is put away: a list of all would leave a large hole in memory.
const AT_ONCE: usize = 512;
/// Packed logs grow to 5 to 40 times their size, an idle server's perhaps to 150 times.
pub const EXPAND_LIMIT: u64 = 250;

/// What logs leave out and somebody said.
#[derive(Clone, Debug, Default)]
pub struct Assumed {
    /// Year of stamps that have none.
    pub year: Option<i16>,
    /// Zone of stamps that have none; one for the whole run.
    pub zone: Option<&'static jiff::tz::TimeZone>,
    /// Other names and addresses of hosts: address, host.
    pub hosts: Vec<(String, String)>,
}

/// All input of a run.
#[derive(Default)]
pub struct Inputs {
    /// What is said beside the files.
    pub assumed: Assumed,
    /// Sorted by name, so that the order of arguments changes nothing.
    pub files: Vec<LogFile>,
    /// Files that could not be read, and why.
    pub unreadable: Vec<Problem>,
    /// Packed files that broke off, and where.
    pub in_part: Vec<Problem>,
    /// Whether evidence names the byte, too.
    pub offsets: bool,
    /// Names of files that were not opened, because nothing was written to them.
    pub untouched: Vec<String>,
    /// Every file on the disk that was opened, sorted by name.
    pub sources: Vec<Source>,
    /// How long it took to find and open them.
    pub took: Lap,
}

impl Inputs {
    /// Finds and opens everything that `paths` name, in the usual way.
    ///
    /// # Errors
    /// If a path names nothing at all. A file that exists but cannot be read is only noted.
    pub fn open(paths: &[String]) -> Result<Inputs, Error> {
        Inputs::open_as(paths, &Opening::default())
    }

    /// The same, as `opening` says.
    ///
    /// # Errors
    /// As for [`Inputs::open`].
    pub fn open_as(paths: &[String], opening: &Opening) -> Result<Inputs, Error> {
        let mut watch = Watch::start();
        let mut inputs = Inputs::default();
        let named = paths.iter().filter(|path| *path != "-");
        let mut found = find::find_all(named, &mut inputs.unreadable)?;
        if paths.iter().any(|path| path == "-") {
            found.push(Named::alone("-".into()));
        }
        found.sort_unstable();
        found.retain(|file| {
            let is_known = opening.knows(file);
            if is_known {
                inputs.untouched.push(file.name.to_string());
            }
            !is_known
        });
        let opened = &opening.opened;
        opened.files.store(found.len(), Ordering::Relaxed);
        let mut store = Store::new(opening.mapping, opening.temp_dir.clone(), opened.clone());
        store.expect(&found);
        let read = |file: &Named| {
            let read = read(file, opening, &store);
            opened.done.fetch_add(1, Ordering::Relaxed);
            read
        };
        inputs.files.reserve_exact(found.len());
        inputs.sources.reserve_exact(found.len());
        for some in found.chunks(AT_ONCE) {
            let opened: Vec<_> = some.par_iter().with_max_len(1).map(read).collect();
            for opened in opened {
                match opened {
                    Ok((source, expanded)) => inputs.add(source, expanded),
                    Err(problem) => inputs.unreadable.push(problem),
                }
            }
        }
        drop(found);
        inputs.sort();
        inputs.took = watch.lap();
        Ok(inputs)
    }

    /// What bytes in memory hold, opened like files: for tests and the fuzzer.
    pub fn expanded(name: &str, bytes: Vec<u8>, opening: &Opening) -> Inputs {
        let mut inputs = Inputs::default();
        let opened = opening.opened.clone();
        let store = Store::new(opening.mapping, opening.temp_dir.clone(), opened);
        let source = Source::of_bytes(name.into(), &bytes, opening.hash);
        let expanded = expand::expand(name, Data::Memory(bytes), opening.expand_limit, &store);
        inputs.add(source, expanded);
        inputs.sort();
        inputs
    }

    /// Inputs made of bytes in memory, taken as they are: for tests and benches.
    pub fn from_memory(files: Vec<(String, Vec<u8>)>) -> Inputs {
        let mut inputs = Inputs::default();
        for (name, bytes) in files {
            let name: Arc<str> = name.into();
            let source = inputs.sources.len() as u32;
            inputs
                .sources
                .push(Source::of_bytes(name.clone(), &bytes, false));
            let file = LogFile::new(name, source, Data::Memory(bytes));
            inputs.files.push(file);
        }
        inputs.sort();
        inputs
    }

    /// Adds rows of an earlier run that stood in the file `name`, before what is new in it.
    pub fn add_carried(&mut self, name: String, bytes: Vec<u8>, rows: Vec<CarriedRow>) {
        let name: Arc<str> = name.into();
        let part = Part {
            until: bytes.len(),
            carried: rows,
            ..Part::default()
        };
        let source = self.sources.len() as u32;
        self.sources
            .push(Source::of_bytes(name.clone(), &bytes, false));
        let mut file = LogFile::new(name, source, Data::Memory(bytes));
        file.part = Some(Box::new(part));
        self.files.push(file);
    }

    fn add(&mut self, source: Source, expanded: Expanded) {
        let number = self.sources.len() as u32;
        let own = source.name().clone();
        self.sources.push(source);
        let named = |name: String| match *name == *own {
            true => own.clone(),
            false => name.into(),
        };
        let files = expanded.files.into_iter();
        self.files
            .extend(files.map(|(name, data)| LogFile::new(named(name), number, data)));
        self.unreadable.extend(expanded.unreadable);
        self.in_part.extend(expanded.in_part);
    }

    /// Brings everything in the order of names.
    pub fn sort(&mut self) {
        let order =
            |a: &LogFile, b: &LogFile| (&a.name, !a.is_carried()).cmp(&(&b.name, !b.is_carried()));
        // As they were opened, mostly: sorting takes half as much memory again.
        if !self.files.is_sorted_by(|a, b| order(a, b).is_le()) {
            self.files.sort_by(order);
        }
        self.unreadable.sort();
        self.in_part.sort();
    }

    /// Files that are shorter than they were, or others of the same name, and in which way. To be asked when all was
    /// read: growth is fine, and a file that was deleted was read whole.
    pub fn changed(&self) -> Vec<Problem> {
        let changed = |source: &Source| Some((source.name().to_string(), source.changed()?));
        self.sources.par_iter().filter_map(changed).collect()
    }

    /// SHA-256 of what `sha256sum` prints for all sources in the order of their names, if they were hashed.
    pub fn sha256(&self) -> [u8; 32] {
        let mut all = Sha256::new();
        for source in &self.sources {
            let hash = source.sha256.as_deref().map(source::hex);
            all.update(hash.unwrap_or_default());
            all.update(b"  ");
            all.update(source.name().as_bytes());
            all.update(b"\n");
        }
        all.finalize().into()
    }

    /// How many files there are; carried rows are none.
    pub fn logs(&self) -> usize {
        self.files.iter().filter(|file| !file.is_carried()).count()
    }

    /// Bytes to be read, all files together; carried rows are none.
    pub fn bytes(&self) -> u64 {
        let files = self.files.iter().filter(|file| !file.is_carried());
        files.map(LogFile::new_bytes).sum()
    }

    /// Where a row was logged that an earlier run has read.
    pub fn carried_row(&self, place: Place) -> Option<CarriedRow> {
        self.files[place.file as usize].carried_row(place.offset)
    }

    /// The line a row stands in, from 1, header lines included.
    pub fn line(&self, place: Place) -> u64 {
        self.files[place.file as usize].line(place.offset, place.line)
    }

    /// Name of the file a row stands in.
    pub fn name(&self, place: Place) -> &str {
        &self.files[place.file as usize].name
    }

    /// `file:line`, the evidence of a statement; with [`Inputs::offsets`] `file:line@offset`.
    pub fn evidence(&self, place: Place) -> String {
        let (name, line) = (self.name(place), self.line(place));
        match self.offsets {
            true => {
                let carried = self.carried_row(place);
                let offset = carried.map_or(place.offset, |row| row.offset);
                format!("{name}:{line}@{offset}")
            }
            false => format!("{name}:{line}"),
        }
    }
}

/// Opens one file and unpacks it.
fn read(file: &Named, opening: &Opening, store: &Store) -> Result<(Source, Expanded), Problem> {
    let (source, data) =
        load(file, opening, store).map_err(|error| (file.name.to_string(), error.to_string()))?;
    let expanded = expand::expand(&file.name, data, opening.expand_limit, store);
    Ok((source, expanded))
}

fn load(named: &Named, opening: &Opening, store: &Store) -> std::io::Result<(Source, Data)> {
    let path = named.path();
    if path == Path::new("-") {
        let data = store.copy(&mut std::io::stdin().lock())?;
        let name = named.name.clone();
        return Ok((Source::of_bytes(name, &data, opening.hash), data));
    }
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    // Files of the system have no length but do hold something.
    let length = (found.is_file() && found.len() > 0).then_some(found.len());
    let data = store.load(&mut file, &named.name, length)?;
    let source = Source::of_file(named, &found, &data, opening.hash);
    Ok((source, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_globs_and_files_give_each_file_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("ex01")).unwrap();
        for name in ["ex01/a.LOG", "b.log"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let root = dir.path().to_string_lossy().into_owned();
        let names = |paths: &[String]| -> Vec<String> {
            let files = Inputs::open(paths).unwrap().files;
            files.iter().map(|f| f.name.to_string()).collect()
        };
        assert_eq!(names(std::slice::from_ref(&root)), ["b.log", "ex01/a.LOG"]);
        assert_eq!(
            names(&[root.clone(), format!("{root}/ex01/a.LOG"), root.clone()]),
            ["a.LOG", "b.log"]
        );
        assert_eq!(names(&[format!("{root}/*/*.LOG")]), ["ex01/a.LOG"]);
        assert_eq!(names(&[format!("{root}/*.log")]), ["b.log"]);
        assert_eq!(names(&[format!("{root}/**/*.LOG")]), ["ex01/a.LOG"]);
        assert!(Inputs::open(&[format!("{root}/*.LOG")]).is_err());
        assert!(Inputs::open(&[format!("{root}/none")]).is_err());
        assert!(Inputs::open(&[format!("{root}/*.none")]).is_err());
    }
}
