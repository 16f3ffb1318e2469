//! From the paths on the command line to the bytes of every file.
//!
//! In: files, folders, globs, `-`. Out: [`Inputs`], files sorted by name with their bytes mapped, and what was
//! left out and why. What the bytes mean is not known here: the format is told later, by content.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bstr::BString;
use encoding_rs::{UTF_16BE, UTF_16LE};
use globset::GlobBuilder;
use memmap2::Mmap;
use walkdir::WalkDir;

use crate::error::Error;
use crate::event::Place;

/// Files below this size are read, not mapped: a map costs the kernel more than a copy of a few pages, and
/// the number of maps is limited (65,530 on Linux).
const MAPPED_FROM_BYTES: u64 = 64 * 1024;
/// More maps than this are not made; the remaining files are read.
const MAX_MAPS: usize = 32_000;

enum Data {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

/// What is new in a file, and what must be known of the bytes before it.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub from: usize,
    pub until: usize,
    /// Lines before `from`.
    pub lines: u64,
    /// The header in force at `from`, if that is not the file's first byte.
    pub header: Vec<u8>,
    /// The file holds rows that an earlier run has read and counted: first byte of each, and its line in the file it
    /// was logged in.
    pub carried: Vec<(u64, u64)>,
}

/// One file and its bytes.
pub struct LogFile {
    /// As found under the given path: the name that evidence is quoted with.
    pub name: String,
    /// The server that wrote it, short and lower case, where rows do not name it; set when its format is told.
    pub server: BString,
    /// The stretch to be read, where that is not the whole file.
    pub part: Option<Part>,
    data: Data,
    /// Where rows may be counted from, in order.
    chunks: Vec<ChunkLines>,
}

/// Line breaks before and in one chunk, once they are known.
struct ChunkLines {
    start: u64,
    before: OnceLock<u64>,
    inside: OnceLock<u64>,
}

impl LogFile {
    /// The whole file as it was when it was opened.
    pub fn bytes(&self) -> &[u8] {
        match &self.data {
            Data::Mapped(map) => map,
            Data::Owned(bytes) => bytes,
        }
    }

    /// Rows of an earlier run that stood in the file `name`.
    pub fn carried(name: String, bytes: Vec<u8>, rows: Vec<(u64, u64)>) -> LogFile {
        let part = Part {
            until: bytes.len(),
            carried: rows,
            ..Part::default()
        };
        LogFile {
            part: Some(part),
            ..LogFile::new(name, Data::Owned(bytes))
        }
    }

    fn new(name: String, data: Data) -> LogFile {
        LogFile {
            name,
            server: BString::default(),
            part: None,
            data,
            chunks: Vec::new(),
        }
    }

    /// The stretch to be read.
    pub fn range(&self) -> std::ops::Range<usize> {
        let whole = 0..self.bytes().len();
        self.part
            .as_ref()
            .map_or(whole, |part| part.from..part.until)
    }

    /// Whether the file holds rows that an earlier run has read and counted.
    pub fn is_carried(&self) -> bool {
        self.part
            .as_ref()
            .is_some_and(|part| !part.carried.is_empty())
    }

    /// Says where chunks begin, so that lines can be counted from there.
    pub fn set_chunks(&mut self, starts: impl Iterator<Item = u64>) {
        let chunk = |start| ChunkLines {
            start,
            before: OnceLock::new(),
            inside: OnceLock::new(),
        };
        self.chunks = starts.map(chunk).collect();
    }

    /// Says how many lines were met in a chunk from its first byte up to `end`, so that they need not be counted.
    pub fn note_lines(&self, start: u64, end: u64, lines: u64) {
        let Ok(at) = self.chunks.binary_search_by_key(&start, |c| c.start) else {
            return;
        };
        if self.chunks.get(at + 1).is_none_or(|next| next.start == end) {
            self.chunks[at].inside.get_or_init(|| lines);
        }
    }

    /// Lines before chunk `index`, counted when first asked for, from the nearest chunk for which they are known.
    fn lines_before(&self, index: usize) -> u64 {
        let known = |i: &usize| self.chunks[*i].before.get().is_some();
        let from = (0..=index).rev().find(known);
        let first = self.chunks.first().map_or(0, |chunk| chunk.start);
        let mut lines = match from {
            Some(from) => self.chunks[from].before.get().copied().unwrap_or(0),
            None => match &self.part {
                Some(part) => part.lines + self.count(part.from as u64, first),
                None => self.count(0, first),
            },
        };
        for i in from.unwrap_or(0)..index {
            let (chunk, next) = (&self.chunks[i], &self.chunks[i + 1]);
            chunk.before.get_or_init(|| lines);
            lines += chunk
                .inside
                .get_or_init(|| self.count(chunk.start, next.start));
        }
        *self.chunks[index].before.get_or_init(|| lines)
    }

    fn count(&self, from: u64, until: u64) -> u64 {
        memchr::memchr_iter(b'\n', &self.bytes()[from as usize..until as usize]).count() as u64
    }
}

/// All input of a run.
#[derive(Default)]
pub struct Inputs {
    /// Sorted by name, so that the order of arguments changes nothing.
    pub files: Vec<LogFile>,
    /// Files that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
}

impl Inputs {
    /// Finds and opens everything that `paths` name.
    ///
    /// # Errors
    /// If a path names nothing at all. A file that exists but cannot be read is only noted.
    pub fn open(paths: &[String]) -> Result<Inputs, Error> {
        let mut inputs = Inputs::default();
        let mut found = BTreeMap::new();
        let mut stdin = false;
        for path in paths {
            if path == "-" {
                stdin = true;
            } else {
                find(path, &mut found, &mut inputs.unreadable)?;
            }
        }
        let mut maps = 0;
        for (name, path) in named(found) {
            match read(&path, &mut maps) {
                Ok(data) => inputs.files.push(LogFile::new(name, data)),
                Err(error) => inputs.unreadable.push((name, error.to_string())),
            }
        }
        if stdin {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes)?;
            inputs
                .files
                .push(LogFile::new("-".to_string(), Data::Owned(bytes)));
        }
        inputs.files.sort_by(|a, b| a.name.cmp(&b.name));
        inputs.unreadable.sort();
        Ok(inputs)
    }

    /// Inputs made of bytes in memory: for tests and benches.
    pub fn from_memory(files: Vec<(String, Vec<u8>)>) -> Inputs {
        let mut files: Vec<LogFile> = files
            .into_iter()
            .map(|(name, bytes)| LogFile::new(name, Data::Owned(bytes)))
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Inputs {
            files,
            unreadable: Vec::new(),
        }
    }

    /// How many files there are; carried rows are none.
    pub fn logs(&self) -> usize {
        self.files.iter().filter(|file| !file.is_carried()).count()
    }

    /// Bytes to be read, all files together; carried rows are none.
    pub fn bytes(&self) -> u64 {
        let files = self.files.iter().filter(|file| !file.is_carried());
        files.map(|file| file.range().len() as u64).sum()
    }

    /// The line a row stands in, from 1, header lines included.
    pub fn line(&self, place: Place) -> u64 {
        let file = &self.files[place.file as usize];
        if let Some(part) = file.part.as_ref().filter(|_| file.is_carried()) {
            let at = part
                .carried
                .partition_point(|(start, _)| *start <= place.offset);
            return part.carried[at.saturating_sub(1)].1;
        }
        let chunk = file
            .chunks
            .partition_point(|chunk| chunk.start <= place.offset);
        let before = if chunk == 0 {
            0
        } else {
            file.lines_before(chunk - 1)
        };
        before + u64::from(place.line) + 1
    }

    /// Name of the file a row stands in.
    pub fn name(&self, place: Place) -> &str {
        &self.files[place.file as usize].name
    }

    /// `file:line`, the evidence of a statement.
    pub fn evidence(&self, place: Place) -> String {
        format!("{}:{}", self.name(place), self.line(place))
    }
}

/// Real path -> name under the argument it was found by.
type Found = BTreeMap<PathBuf, (String, PathBuf)>;

/// Adds what one argument names: a file, a folder's files, or what a glob matches.
fn find(
    argument: &str,
    found: &mut Found,
    unreadable: &mut Vec<(String, String)>,
) -> Result<(), Error> {
    let path = Path::new(argument);
    if path.is_dir() {
        walk(path, None, found, unreadable);
        return Ok(());
    }
    if path.exists() {
        let name = path
            .file_name()
            .map_or(argument.into(), |name| name.to_string_lossy().into_owned());
        note(path, name, argument, found);
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
        let before = found.len();
        walk(
            &fixed_part(argument),
            Some(&glob.compile_matcher()),
            found,
            unreadable,
        );
        if found.len() > before {
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
    unreadable: &mut Vec<(String, String)>,
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
                    note(path, name, &root.to_string_lossy(), found);
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

/// Notes a file under its real path, so that one named twice is read once; the smallest name wins.
fn note(path: &Path, name: String, argument: &str, found: &mut Found) {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let full = Path::new(argument).join(&name);
    let full = if Path::new(argument).is_dir() {
        full
    } else {
        PathBuf::from(argument)
    };
    let entry = found
        .entry(real)
        .or_insert_with(|| (name.clone(), full.clone()));
    if name < entry.0 {
        *entry = (name, full);
    }
}

/// Gives every file the shortest name that is its own: files of two arguments may share one.
fn named(found: Found) -> Vec<(String, PathBuf)> {
    let mut seen = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for (name, _) in found.values() {
        if !seen.insert(name.clone()) {
            shared.insert(name.clone());
        }
    }
    found
        .into_values()
        .map(|(name, path)| {
            let long = shared
                .contains(&name)
                .then(|| path.to_string_lossy().into_owned());
            (long.unwrap_or(name), path)
        })
        .collect()
}

fn read(path: &Path, maps: &mut usize) -> std::io::Result<Data> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    if size >= MAPPED_FROM_BYTES && *maps < MAX_MAPS {
        *maps += 1;
        // SAFETY: the map is read-only and private to us. Another program may still shrink the file, which
        // would end this one with SIGBUS; servers only append to their tracking logs.
        let map = unsafe { Mmap::map(&file) }?;
        return Ok(utf8(&map).map_or(Data::Mapped(map), Data::Owned));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.read_to_end(&mut bytes)?;
    Ok(Data::Owned(utf8(&bytes).unwrap_or(bytes)))
}

/// UTF-16 as UTF-8, told by its mark or by the markup XML begins with; `None` for everything else. Logs that went
/// through PowerShell, and TrackHistory, come in it; dialects know only bytes that hold ASCII.
fn utf8(bytes: &[u8]) -> Option<Vec<u8>> {
    let encoding = match bytes.get(..2)? {
        [0xff, 0xfe] | [b'<', 0] => UTF_16LE,
        [0xfe, 0xff] | [0, b'<'] => UTF_16BE,
        _ => return None,
    };
    Some(
        encoding
            .decode_with_bom_removal(bytes)
            .0
            .into_owned()
            .into_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_the_chunk_on() {
        let mut inputs = Inputs::from_memory(vec![("a".into(), b"1\n2\n3\n4\n".to_vec())]);
        inputs.files[0].set_chunks([0, 4].into_iter());
        assert_eq!(
            inputs.line(Place {
                file: 0,
                offset: 2,
                line: 1
            }),
            2
        );
        assert_eq!(
            inputs.line(Place {
                file: 0,
                offset: 4,
                line: 0
            }),
            3
        );
        assert_eq!(
            inputs.evidence(Place {
                file: 0,
                offset: 6,
                line: 1
            }),
            "a:4"
        );
    }

    #[test]
    fn folders_globs_and_files_give_each_file_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("ex01")).unwrap();
        for name in ["ex01/a.LOG", "b.log"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let root = dir.path().to_string_lossy().into_owned();
        let names = |paths: &[String]| -> Vec<String> {
            Inputs::open(paths)
                .unwrap()
                .files
                .into_iter()
                .map(|f| f.name)
                .collect()
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
