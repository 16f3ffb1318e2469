//! A file on the disk: what it was when it was opened, and whether it still is.
//!
//! In: the file's own data. Out: [`Source`], for the manifest and for the question at the end of a run.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::find::Named;
use crate::time::{SECOND, Time};

/// What tells without opening a file that nothing was written to it since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    bytes: u64,
    written: Time,
    identity: Option<(u64, u64)>,
}

/// What was written to so shortly before it was opened may be written to again without another time.
const RACY: i64 = 3 * SECOND;

impl Stamp {
    /// `None` for what is no file on the disk.
    pub(super) fn of(found: &Metadata) -> Option<Stamp> {
        let written = found.modified().ok().filter(|_| found.is_file())?;
        Some(Stamp {
            bytes: found.len(),
            written: micros(written),
            identity: identity(found),
        })
    }

    fn is_old(&self) -> bool {
        self.written.0 <= micros(SystemTime::now()).0 - RACY
    }
}

/// A file as it was found, packed or not.
#[derive(Clone, Debug)]
pub struct Source {
    named: Named,
    is_on_disk: bool,
    /// Its length when it was opened: what was appended later was not read.
    pub bytes: u64,
    identity: Option<(u64, u64)>,
    /// When it was written last, if it is a file on the disk.
    pub written: Option<Time>,
    /// Last written so long before it was opened that its time tells whether it was written to since.
    is_old: bool,
    /// SHA-256 of these bytes, if asked for.
    pub sha256: Option<Box<[u8; 32]>>,
}

impl Source {
    pub(super) fn of_file(named: &Named, found: &Metadata, data: &[u8], hash: bool) -> Source {
        Source {
            named: named.clone(),
            is_on_disk: found.is_file(),
            bytes: match found.is_file() {
                true => found.len(),
                false => data.len() as u64,
            },
            identity: identity(found),
            written: found
                .modified()
                .ok()
                .filter(|_| found.is_file())
                .map(micros),
            is_old: Stamp::of(found).is_some_and(|stamp| stamp.is_old()),
            ..Source::of_bytes(named.name.clone(), data, hash)
        }
    }

    pub(super) fn of_bytes(name: Arc<str>, bytes: &[u8], hash: bool) -> Source {
        Source {
            named: Named::alone(name),
            is_on_disk: false,
            bytes: bytes.len() as u64,
            identity: None,
            written: None,
            is_old: false,
            sha256: hash.then(|| Box::new(Sha256::digest(bytes).into())),
        }
    }

    /// Where it lies.
    pub fn folder(&self) -> PathBuf {
        let mut path = self.named.path();
        path.pop();
        path
    }

    /// As found under the given path.
    pub fn name(&self) -> &Arc<str> {
        &self.named.name
    }

    /// By which it is known again if nothing is written to it; `None` if that cannot be told.
    pub fn stamp(&self) -> Option<Stamp> {
        let written = self.written.filter(|_| self.is_old)?;
        Some(Stamp {
            bytes: self.bytes,
            written,
            identity: self.identity,
        })
    }

    /// What became of the file since it was opened, if that is no growth.
    pub(super) fn changed(&self) -> Option<String> {
        let (length, identity) = self.is_on_disk.then(|| now(&self.named.path()))??;
        if identity != self.identity {
            return Some("was replaced by another file while it was being read".into());
        }
        (length < self.bytes).then(|| {
            format!(
                "became shorter while it was being read: {length} of {} bytes are left",
                self.bytes
            )
        })
    }
}

/// Length and identity of the file that has this name now.
fn now(path: &Path) -> Option<(u64, Option<(u64, u64)>)> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
        // Of a file on a share, the system answers from memory unless it is told to ask.
        let wanted = StatxFlags::SIZE | StatxFlags::INO;
        if let Ok(now) = statx(CWD, path, AtFlags::STATX_FORCE_SYNC, wanted) {
            let device = makedev(now.stx_dev_major, now.stx_dev_minor);
            return Some((now.stx_size, Some((device, now.stx_ino))));
        }
    }
    let now = path.metadata().ok()?;
    Some((now.len(), identity(&now)))
}

/// Time of the file system, which may lie before 1970.
fn micros(time: SystemTime) -> Time {
    Time(match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_micros() as i64,
        Err(before) => -(before.duration().as_micros() as i64),
    })
}

/// The hash in the form that `sha256sum` writes.
pub fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a file keeps while it is appended to, and another file of its name has not.
#[cfg(unix)]
fn identity(found: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

/// Not told by the standard library there.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
