//! Where an answer goes.
//!
//! In: bytes. Out: standard output, or a file or a folder of files that has its name only once it is whole: it is
//! written beside its place, brought to disk and renamed, so that a run that ends early never leaves something that
//! looks complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cli::flags::ReportFormat;
use crate::cli::options::{Read, Task};
use crate::error::Error;
use crate::unfinished::{Unfinished, sync_folder};

/// Why writing ended.
#[derive(Debug)]
pub struct Failed {
    pub error: Error,
    /// The reader went away: no failure of ours.
    pub broken_pipe: bool,
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Failed {
            error: Error(format!("the answer could not be written: {error}")),
            broken_pipe,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed {
            error,
            broken_pipe: false,
        }
    }
}

/// Takes the answer.
pub struct Sink {
    out: Out,
    /// Hash and length of what went through, for the manifest.
    seen: Option<(Sha256, u64)>,
}

enum Out {
    Stdout(BufWriter<io::Stdout>),
    /// A pipe or device that stands in the place of the file.
    Device(BufWriter<File>),
    File {
        file: BufWriter<File>,
        partial: Unfinished,
        path: PathBuf,
    },
    Folder {
        partial: Unfinished,
        path: PathBuf,
    },
}

impl Sink {
    /// Opens what the options name.
    ///
    /// # Errors
    /// If the file exists and may not be overwritten, or cannot be made.
    pub fn open(options: &Read) -> Result<Sink, Error> {
        let is_folder = options.task == Task::Report(ReportFormat::Csv);
        let seen = options.manifest.is_some().then(Default::default);
        let Some(path) = options.output.as_ref() else {
            return Ok(Sink {
                out: Out::Stdout(BufWriter::with_capacity(1 << 16, io::stdout())),
                seen,
            });
        };
        let wrong = |error| Error(format!("{} cannot be written: {error}", path.display()));
        let is_device = !is_folder && fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir());
        if is_device {
            let device = File::options().write(true).open(path).map_err(wrong)?;
            let out = Out::Device(BufWriter::with_capacity(1 << 16, device));
            return Ok(Sink { out, seen });
        }
        if path.exists() && !options.force {
            let into = if is_folder {
                "writes into"
            } else {
                "overwrites"
            };
            let path = path.display();
            return Err(Error(format!("{path} exists; --force {into} it")));
        }
        if !is_folder && path.is_dir() {
            return Err(Error(format!("{} is a folder", path.display())));
        }
        // Behind a link stands the file that is meant.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if is_folder {
            let partial = Unfinished::new(path);
            fs::create_dir_all(partial.path()).map_err(wrong)?;
            let path = path.clone();
            let out = Out::Folder { partial, path };
            return Ok(Sink { out, seen });
        }
        let partial = Unfinished::new(path);
        let file = File::create(partial.path()).map_err(wrong)?;
        let file = BufWriter::with_capacity(1 << 16, file);
        Ok(Sink {
            out: Out::File {
                file,
                partial,
                path: path.clone(),
            },
            seen,
        })
    }

    /// Where the files of an answer of several go until all of them are whole.
    pub fn folder(&self) -> Option<&Path> {
        match &self.out {
            Out::Folder { partial, .. } => Some(partial.path()),
            _ => None,
        }
    }

    /// Brings everything to its place. Returns hash and length of the answer, if they are wanted.
    ///
    /// # Errors
    /// If the last bytes cannot be written or the file cannot be renamed.
    pub fn finish(mut self) -> Result<Option<([u8; 32], u64)>, Failed> {
        self.flush()?;
        match &self.out {
            Out::Stdout(_) | Out::Device(_) => {}
            Out::File {
                file,
                partial,
                path,
            } => {
                file.get_ref().sync_all()?;
                fs::rename(partial.path(), path)?;
                let _ = sync_folder(path); // not every file system can
            }
            Out::Folder { partial, path } => {
                if path.exists() {
                    for file in fs::read_dir(partial.path())? {
                        let file = file?;
                        fs::rename(file.path(), path.join(file.file_name()))?;
                    }
                } else {
                    fs::rename(partial.path(), path)?;
                }
                let _ = sync_folder(path); // not every file system can
            }
        }
        Ok(self
            .seen
            .map(|(hash, bytes)| (hash.finalize().into(), bytes)))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.out {
            Out::Stdout(out) => out.write(bytes),
            Out::Device(out) => out.write(bytes),
            Out::File { file, .. } => file.write(bytes),
            Out::Folder { .. } => Ok(bytes.len()),
        }?;
        if let Some((hash, length)) = &mut self.seen {
            hash.update(&bytes[..written]);
            *length += written as u64;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Stdout(out) => out.flush(),
            Out::Device(out) => out.flush(),
            Out::File { file, .. } => file.flush(),
            Out::Folder { .. } => Ok(()),
        }
    }
}
