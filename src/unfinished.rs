//! Files that are being written, and a signal that ends the run before they are whole.
//!
//! In: names under which answers are written until they are whole. Out: nothing left behind: on SIGINT, SIGTERM and
//! SIGHUP the unfinished files are taken away and the run ends as that signal ends a program. (On SIGKILL or a
//! power cut they stay, under the name that says what they are.)

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
#[cfg(unix)]
use std::sync::{Arc, atomic::AtomicBool};

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// `report.json` is written as `report.json.partial-1234` in the same folder, where a rename is one step.
pub fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".partial-{}", std::process::id()));
    path.with_file_name(name)
}

/// One file or folder on its way; dropped before it is done, it is taken away.
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// Notes the file or folder that is to become `path`.
    pub fn new(path: &Path) -> Unfinished {
        let partial = partial_name(path);
        let mut all = UNFINISHED.lock().expect("no panic while it is held");
        all.insert(partial.clone());
        Unfinished(partial)
    }

    /// Its name until it is whole.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

fn take_away(path: &Path) {
    if std::fs::remove_file(path).is_err() {
        let _ = std::fs::remove_dir_all(path);
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After it was renamed, there is nothing of this name.
        take_away(&self.0);
        let mut all = UNFINISHED.lock().expect("no panic while it is held");
        all.remove(&self.0);
    }
}

/// Brings to disk which names the folder of `path` has: a new name is there only when its folder is. Windows does so by
/// itself and opens no folders.
///
/// # Errors
/// If the file system cannot; the file itself is safe by then.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Cleans up behind a run that is told to end; `unusable` is the exit status of one that cannot go on.
#[cfg(unix)]
pub fn watch(unusable: i32) {
    use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM};
    // Where memory cannot be had, Rust says so and aborts. That is a run that could not be done, like any other; the
    // unfinished file keeps the name that says so, for nothing can be taken away in such a moment.
    let always = Arc::new(AtomicBool::new(true));
    let _ = signal_hook::flag::register_conditional_shutdown(SIGABRT, unusable, always);
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]) else {
        return;
    };
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            let all = UNFINISHED.lock();
            for path in all.iter().flat_map(|all| all.iter()) {
                take_away(path);
            }
            say!("waybill: ended by a signal; what was written so far is not the answer");
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    };
    let _ = std::thread::Builder::new()
        .name("signals".into())
        .spawn(wait);
}

/// Windows ends the program at once; unfinished files stay under their unfinished names.
#[cfg(not(unix))]
pub fn watch(_: i32) {}
