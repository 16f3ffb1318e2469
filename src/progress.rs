//! How far reading has come, on standard error and only on a terminal.
//!
//! In: the bytes to read, and from any thread the bytes that were read. Out: a bar with bytes, rate and
//! time left. It draws at most ten times a second, so call [`Progress::add`] once per chunk.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{
    HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use crate::input::Opened;

/// The bar; without a terminal it is there and shows nothing.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// `enabled` is false with `--quiet` and `--no-progress`.
    pub fn start(total_bytes: u64, enabled: bool) -> Progress {
        if !enabled || !std::io::stderr().is_terminal() {
            return Progress {
                bar: ProgressBar::hidden(),
            };
        }
        let shape = "{wide_bar} {bytes}/{total_bytes}  {rate}  {left} left";
        let style = ProgressStyle::with_template(shape).expect("the template is a constant");
        let bar = ProgressBar::with_draw_target(
            Some(total_bytes),
            ProgressDrawTarget::stderr_with_hz(10),
        );
        Progress {
            bar: bar.with_style(
                style
                    .with_key("rate", rate)
                    .with_key("left", left)
                    .progress_chars("━╸ "),
            ),
        }
    }

    /// Before anything is read: how many files are open, and how much came out of packed ones.
    pub fn opening(opened: Arc<Opened>, enabled: bool) -> Progress {
        let bar = match enabled && std::io::stderr().is_terminal() {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10)),
            false => return Progress::start(0, false),
        };
        let said = move |_: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&opened_so_far(&opened));
        };
        let style = ProgressStyle::with_template("{spinner} {opened}");
        let style = style.expect("the template is a constant");
        bar.set_style(style.with_key("opened", said));
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar }
    }

    /// So many bytes more have been read.
    pub fn add(&self, bytes: u64) {
        if self.bar.position() == 0 {
            // Planning is over; the rate is that of reading.
            self.bar.reset_elapsed();
        }
        self.bar.inc(bytes);
    }

    /// Writes a warning above the bar without tearing it.
    pub fn warn(&self, line: &str) {
        self.bar.suspend(|| say!("{line}"));
    }

    /// Takes the bar away, so that what follows starts on a clean line.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// `opening 12 of 340 files, 1.20 GiB unpacked or copied`
fn opened_so_far(opened: &Opened) -> String {
    let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    match (of(&opened.files), opened.bytes.load(Ordering::Relaxed)) {
        (0, _) => "looking for files".to_string(),
        (files, 0) => format!("opening {} of {files} files", of(&opened.done)),
        (files, bytes) => format!(
            "opening {} of {files} files, {} unpacked or copied",
            of(&opened.done),
            HumanBytes(bytes)
        ),
    }
}

/// Bytes per second since the start. A smoothed rate would be far off in a run of seconds.
fn bytes_per_second(state: &ProgressState) -> f64 {
    state.pos() as f64 / state.elapsed().as_secs_f64().max(1e-3)
}

fn rate(state: &ProgressState, out: &mut dyn Write) {
    let _ = write!(out, "{}/s", HumanBytes(bytes_per_second(state) as u64));
}

fn left(state: &ProgressState, out: &mut dyn Write) {
    let bytes = state.len().unwrap_or(0).saturating_sub(state.pos());
    let seconds = bytes as f64 / bytes_per_second(state).max(1.0);
    let _ = write!(
        out,
        "{}",
        HumanDuration(Duration::from_secs_f64(seconds.min(1e9)))
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_says_what_is_known() {
        let opened = Opened::default();
        assert_eq!(opened_so_far(&opened), "looking for files");
        opened.files.store(3, Ordering::Relaxed);
        assert_eq!(opened_so_far(&opened), "opening 0 of 3 files");
        opened.done.store(2, Ordering::Relaxed);
        opened.bytes.store(2 << 20, Ordering::Relaxed);
        let said = "opening 2 of 3 files, 2.00 MiB unpacked or copied";
        assert_eq!(opened_so_far(&opened), said);
    }

    #[test]
    fn many_threads_may_add() {
        let progress = Progress::start(4000, false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| progress.add(1)));
            }
        });
        assert_eq!(progress.bar.position(), 4000);
        progress.finish();
    }
}
