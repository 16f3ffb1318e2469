//! The program under test, as a user starts it.

use std::process::{Command, Output};

/// A command that no environment variable of the tester's changes.
pub fn waybill() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WAYBILL_")) {
        command.env_remove(name);
    }
    command
}

/// What it says with these arguments.
pub fn run(arguments: &[&str]) -> Output {
    waybill().args(arguments).output().unwrap()
}
