//! The front door: what can be typed, and what it means.
//!
//! In: arguments and environment. Out: [`Options`], in which every default is explicit ([`options`]). The
//! raw flags are in [`flags`]. Nothing is read or written here but help.

pub mod config;
pub mod flags;
pub mod options;

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

pub use flags::{Cli, Command};
pub use options::{Options, Task};

/// What the exit status says (CONTRACT.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Nothing matched (find, trace).
    NothingMatched = 1,
    /// The run could not be done: usage, or no readable input.
    Unusable = 2,
    /// Done, but a file or rows were skipped.
    Skipped = 3,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}

/// Writes the completions of a shell.
pub fn completions(shell: Shell, out: &mut impl Write) {
    clap_complete::generate(shell, &mut Cli::command(), "waybill", out);
}

/// Writes the manual: the program's page and then one per command.
pub fn man(out: &mut impl Write) -> io::Result<()> {
    let mut program = Cli::command();
    program.build();
    clap_mangen::Man::new(program.clone()).render(out)?;
    for command in program.get_subcommands().filter(|c| c.get_name() != "help") {
        clap_mangen::Man::new(command.clone()).render(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn completions_and_manual_know_every_command() {
        let mut manual = Vec::new();
        man(&mut manual).unwrap();
        let manual = String::from_utf8(manual).unwrap();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let mut script = Vec::new();
            completions(shell, &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in [
                "report", "find", "trace", "paths", "events", "check", "simulate",
            ] {
                assert!(script.contains(command), "{shell} {command}");
                assert!(
                    manual.contains(&format!("waybill\\-{command}")),
                    "{command}"
                );
            }
        }
    }
}
