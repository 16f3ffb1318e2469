//! What a run read and wrote, so that another can be held against it (`--manifest`).
//!
//! In: options, inputs and outcome. Out: one JSON object. It names no instant and no machine, so that a second run
//! with the same arguments over the same files writes the same bytes. Files are hashed as they lie on the disk,
//! packed or not, in the form of `sha256sum`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::sink::Failed;
use crate::cli::flags::ReportFormat;
use crate::cli::options::{Read, Task};
use crate::error::Error;
use crate::inert;
use crate::input::Inputs;
use crate::input::source::hex;
use crate::path::anonymous;
use crate::pipeline::{FileRows, Outcome};
use crate::time::Time;
use crate::unfinished::{Unfinished, sync_folder};

/// Notes what the manifest says, if one is wanted.
pub struct Manifest {
    path: Option<PathBuf>,
    noted: Mutex<Option<Noted>>,
}

/// What only the run itself knows.
struct Noted {
    rows: u64,
    bad_rows: u64,
    rows_twice: u64,
    own_domains: Vec<String>,
    /// By file: its format and its rows, or why it was passed over.
    files: Vec<Result<(&'static str, FileRows), String>>,
}

#[derive(Serialize)]
struct Written<'m> {
    schema: u32,
    tool: String,
    arguments: Vec<String>,
    zone: &'m str,
    own_domains: &'m [String],
    rows: u64,
    bad_rows: u64,
    rows_twice: u64,
    /// SHA-256 of the lines `sha256  name` of all inputs, in this order: what `sha256sum` prints.
    inputs_sha256: String,
    inputs: Vec<Input<'m>>,
    not_read: Vec<NotRead<'m>>,
    outputs: Vec<Output>,
}

#[derive(Serialize)]
struct Input<'m> {
    name: &'m str,
    bytes: u64,
    sha256: String,
    /// What is in it; itself, if it is not packed. Places are counted in these bytes.
    files: Vec<Inner<'m>>,
}

#[derive(Serialize)]
struct Inner<'m> {
    name: &'m str,
    bytes: u64,
    format: Option<&'static str>,
    passed_over: Option<&'m str>,
    rows: u64,
    bad_rows: u64,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize)]
struct NotRead<'m> {
    name: &'m str,
    why: &'m str,
    in_part: bool,
}

#[derive(Serialize)]
struct Output {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    /// Makes sure that the manifest may be written before hours are spent.
    ///
    /// # Errors
    /// If it exists and may not be overwritten.
    pub fn start(options: &Read) -> Result<Manifest, Error> {
        if let Some(path) = &options.manifest
            && path.exists()
            && !options.force
        {
            let path = path.display();
            return Err(Error(format!("{path} exists; --force overwrites it")));
        }
        Ok(Manifest {
            path: options.manifest.clone(),
            noted: Mutex::new(None),
        })
    }

    /// No manifest is wanted.
    pub fn none() -> Manifest {
        Manifest {
            path: None,
            noted: Mutex::new(None),
        }
    }

    /// Takes what the run found.
    pub fn note(&self, inputs: &Inputs, outcome: &Outcome, is_anonymous: bool) {
        if self.path.is_none() {
            return;
        }
        let plan = &outcome.plan;
        let mut files: Vec<_> = inputs
            .files
            .iter()
            .map(|_| Err("empty".to_string()))
            .collect();
        for (file, what) in plan.passed_over.iter().chain(&plan.refused) {
            files[*file as usize] = Err(what.clone());
        }
        for chunk in &plan.chunks {
            let rows = outcome.by_file.get(chunk.file as usize).copied();
            let found = &mut files[chunk.file as usize];
            if found.is_err() {
                *found = Ok((chunk.layout.name(), rows.unwrap_or_default()));
            }
        }
        *self.noted.lock().expect("a panic ends the run") = Some(Noted {
            rows: outcome.rows,
            bad_rows: outcome.faults.damaged(),
            rows_twice: outcome.rows_twice,
            own_domains: match is_anonymous {
                true => vec![format!("*.{}", anonymous::OWN)],
                false => outcome.own.names(),
            },
            files,
        });
    }

    /// Writes it, after everything else; `answer` is hash and length of what went to the output.
    ///
    /// # Errors
    /// If it cannot be written, or an output cannot be read again.
    pub fn write(
        &self,
        options: &Read,
        inputs: &Inputs,
        answer: Option<([u8; 32], u64)>,
    ) -> Result<(), Failed> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let noted = self.noted.lock().expect("a panic ends the run");
        let Some(noted) = noted.as_ref() else {
            return Ok(());
        };
        let all = Written {
            schema: 1,
            tool: format!("waybill {}", env!("CARGO_PKG_VERSION")),
            arguments: arguments(options.anonymous.is_some()),
            zone: options.zone.iana_name().unwrap_or("local"),
            own_domains: &noted.own_domains,
            rows: noted.rows,
            bad_rows: noted.bad_rows,
            rows_twice: noted.rows_twice,
            inputs_sha256: hex(&inputs.sha256()),
            inputs: described(inputs, noted),
            not_read: not_read(inputs),
            outputs: outputs(options, answer)?,
        };
        let unfinished = Unfinished::new(path);
        let whole = File::create(unfinished.path()).and_then(|mut file| {
            inert::write_json(&all, &mut file)?;
            file.sync_all()?;
            fs::rename(unfinished.path(), path)
        });
        whole.map_err(|error| {
            let path = path.display();
            Failed::from(Error(format!("{path} cannot be written: {error}")))
        })?;
        let _ = sync_folder(path);
        Ok(())
    }
}

/// Flags whose values are names of people, hosts and mail.
const OF_NAMES: [&str; 8] = [
    "--sender",
    "--recipient",
    "--message-id",
    "--network-message-id",
    "--subject",
    "--client-ip",
    "--domain",
    "--probe",
];

/// As typed, without the program's own name; keys are nobody's business, and names that an anonymous run was given
/// not that of its readers.
fn arguments(is_anonymous: bool) -> Vec<String> {
    let typed = std::env::args_os().skip(1);
    masked(
        typed.map(|argument| argument.to_string_lossy().into_owned()),
        is_anonymous,
    )
}

fn masked(typed: impl Iterator<Item = String>, is_anonymous: bool) -> Vec<String> {
    let mask = |flag: &str| match flag {
        "--anonymous" => Some("(a key)"),
        flag if is_anonymous && OF_NAMES.contains(&flag) => Some("(a name)"),
        _ => None,
    };
    let mut arguments = Vec::new();
    let mut behind: Option<&str> = None;
    for argument in typed {
        let is_value = behind.is_some();
        arguments.push(match (behind.take(), argument.split_once('=')) {
            (Some(mask), _) => mask.to_string(),
            (None, Some((flag, _))) if mask(flag).is_some() => {
                format!("{flag}={}", mask(flag).unwrap_or_default())
            }
            _ => argument.clone(),
        });
        if !is_value {
            behind = mask(&argument);
        }
    }
    arguments
}

fn described<'m>(inputs: &'m Inputs, noted: &'m Noted) -> Vec<Input<'m>> {
    let mut all: Vec<Input<'m>> = inputs
        .sources
        .iter()
        .map(|source| Input {
            name: source.name(),
            bytes: source.bytes,
            sha256: source.sha256.as_deref().map(hex).unwrap_or_default(),
            files: Vec::new(),
        })
        .collect();
    for (file, noted) in inputs.files.iter().zip(&noted.files) {
        let (format, rows) = match noted {
            Ok((format, rows)) => (Some(*format), *rows),
            Err(_) => (None, FileRows::default()),
        };
        let (from, to) = rows.span.unzip();
        all[file.source as usize].files.push(Inner {
            name: &file.name,
            bytes: file.bytes().len() as u64,
            format,
            passed_over: noted.as_ref().err().map(String::as_str),
            rows: rows.rows,
            bad_rows: rows.bad_rows,
            from: from.map(Time::rfc3339),
            to: to.map(Time::rfc3339),
        });
    }
    all
}

fn not_read(inputs: &Inputs) -> Vec<NotRead<'_>> {
    let whole = inputs.unreadable.iter().map(|problem| (problem, false));
    let part = inputs.in_part.iter().map(|problem| (problem, true));
    whole
        .chain(part)
        .map(|((name, why), in_part)| NotRead { name, why, in_part })
        .collect()
}

/// The answer as it was written, and files beside it as they are on the disk now.
fn outputs(options: &Read, answer: Option<([u8; 32], u64)>) -> Result<Vec<Output>, Failed> {
    let is_folder = options.task == Task::Report(ReportFormat::Csv);
    let mut outputs = Vec::new();
    if is_folder {
        let folder = options.output.as_deref().unwrap_or(Path::new("."));
        let mut tables: Vec<PathBuf> = fs::read_dir(folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "csv"))
            .collect();
        tables.sort();
        for table in tables {
            outputs.push(read_again(&table)?);
        }
    } else if let Some((hash, bytes)) = answer {
        let name = options.output.as_deref().unwrap_or(Path::new("-"));
        outputs.push(Output {
            name: name.to_string_lossy().into_owned(),
            bytes,
            sha256: hex(&hash),
        });
    }
    if let Some(saved) = &options.days.save {
        outputs.push(read_again(saved)?);
    }
    Ok(outputs)
}

fn read_again(path: &Path) -> Result<Output, Failed> {
    let bytes = fs::read(path)?;
    Ok(Output {
        name: path.to_string_lossy().into_owned(),
        bytes: bytes.len() as u64,
        sha256: hex(&Sha256::digest(&bytes).into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_keys_nor_names_are_told() {
        let typed = "paths logs --sender ada@x.test --anonymous=k --subject=plan --anonymous k --domain --anonymous";
        let masked = |anonymous| masked(typed.split(' ').map(String::from), anonymous).join(" ");
        assert_eq!(
            masked(true),
            "paths logs --sender (a name) --anonymous=(a key) --subject=(a name) --anonymous (a key) --domain (a name)"
        );
        assert_eq!(
            masked(false),
            "paths logs --sender ada@x.test --anonymous=(a key) --subject=plan --anonymous (a key) --domain --anonymous"
        );
    }
}
