//! The program: arguments in, answer on standard output, everything else on standard error.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use waybill::cli::{self, Cli, Exit, Options};
use waybill::command;
use waybill::time::Time;

fn main() -> ExitCode {
    let options = match cli::options::resolve(Cli::parse(), now()) {
        Ok(options) => options,
        Err(why) => return unusable(&why),
    };
    let done = match options {
        Options::Read(read) => command::read(&read),
        Options::Simulate(simulate) => command::simulate::run(&simulate),
        Options::Explain(words) => command::explain::run(&words),
        Options::Completions(shell) => command::print(|out| {
            cli::completions(shell, out);
            Ok(())
        }),
        Options::Man => command::print(cli::man),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => unusable(&error.to_string()),
    }
}

fn unusable(why: &str) -> ExitCode {
    eprintln!("waybill: {why}");
    Exit::Unusable.into()
}

fn now() -> Time {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time(since_1970.as_micros() as i64)
}
