//! Where an answer goes.
//!
//! In: bytes. Out: standard output, or a file that has its name only once it is whole: it is written beside its
//! place, brought to disk and renamed, so that a run that ends early never leaves something that looks
//! complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli::flags::ReportFormat;
use crate::cli::options::{Read, Task};
use crate::error::Error;

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
}

enum Out {
    Stdout(BufWriter<io::Stdout>),
    File {
        file: BufWriter<File>,
        partial: PathBuf,
        path: PathBuf,
    },
}

impl Sink {
    /// Opens what the options name.
    ///
    /// # Errors
    /// If the file exists and may not be overwritten, or cannot be made.
    pub fn open(options: &Read) -> Result<Sink, Error> {
        // A folder of CSV files is written file by file, not here.
        let folder = options.task == Task::Report(ReportFormat::Csv);
        if let Some(path) = &options.output
            && folder
            && path.exists()
            && !options.force
        {
            return Err(Error(format!(
                "{} exists; --force writes into it",
                path.display()
            )));
        }
        let Some(path) = options.output.as_ref().filter(|_| !folder) else {
            return Ok(Sink {
                out: Out::Stdout(BufWriter::with_capacity(1 << 16, io::stdout())),
            });
        };
        if path.exists() && !options.force {
            return Err(Error(format!(
                "{} exists; --force overwrites it",
                path.display()
            )));
        }
        let partial = partial_name(path);
        let file = File::create(&partial)
            .map_err(|error| Error(format!("{} cannot be written: {error}", path.display())))?;
        let file = BufWriter::with_capacity(1 << 16, file);
        Ok(Sink {
            out: Out::File {
                file,
                partial,
                path: path.clone(),
            },
        })
    }

    /// Brings everything to its place.
    ///
    /// # Errors
    /// If the last bytes cannot be written or the file cannot be renamed.
    pub fn finish(mut self) -> Result<(), Failed> {
        self.flush()?;
        if let Out::File {
            file,
            partial,
            path,
        } = &self.out
        {
            file.get_ref().sync_all()?;
            fs::rename(partial, path)?;
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Out::Stdout(out) => out.write(bytes),
            Out::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Stdout(out) => out.flush(),
            Out::File { file, .. } => file.flush(),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // After `finish` the partial file is gone and this does nothing.
        if let Out::File { partial, .. } = &self.out {
            let _ = fs::remove_file(partial);
        }
    }
}

/// `report.json` is written as `report.json.partial-1234` in the same folder, where a rename is one step.
fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".partial-{}", std::process::id()));
    path.with_file_name(name)
}
