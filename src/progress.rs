//! How far reading has come, on standard error and only on a terminal.
//!
//! In: the bytes to read, and from any thread the bytes that were read. Out: a bar with bytes, rate and
//! time left. It draws at most ten times a second, so call [`Progress::add`] once per chunk.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
        let shape = "{wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        let style = ProgressStyle::with_template(shape).expect("the template is a constant");
        let bar = ProgressBar::with_draw_target(
            Some(total_bytes),
            ProgressDrawTarget::stderr_with_hz(10),
        );
        Progress {
            bar: bar.with_style(style.progress_chars("━╸ ")),
        }
    }

    /// So many bytes more have been read.
    pub fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Writes a warning above the bar without tearing it.
    pub fn warn(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Takes the bar away, so that what follows starts on a clean line.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
