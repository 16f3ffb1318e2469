//! The program: arguments in, answer on standard output, everything else on standard error.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use waybill::cli::config::File;
use waybill::cli::{self, Cli, Exit, Options};
use waybill::command;
use waybill::time::Time;

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let file = match config_file(&matches) {
        Ok(file) => file,
        Err(why) => return unusable(&why),
    };
    let options = match cli::options::resolve(cli, &file, now()) {
        Ok(options) => options,
        Err(why) => return unusable(&file.placed(&why, of_command(&matches))),
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
        Options::Config => command::print(|out| file.print(of_command(&matches), out)),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => unusable(&error.to_string()),
    }
}

/// What was said behind the command's name.
fn of_command(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, own)| own)
}

/// The file that `--config` names, else `waybill.toml` here if there is one.
fn config_file(matches: &ArgMatches) -> Result<File, String> {
    let named = matches.subcommand().and_then(|(_, matches)| {
        matches
            .try_get_one::<PathBuf>("config")
            .ok()
            .flatten()
            .cloned()
    });
    let path = named.clone().unwrap_or_else(|| "waybill.toml".into());
    if named.is_none() && !path.exists() {
        return Ok(File::default());
    }
    let name = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
    File::parse(&name, &text)
}

fn unusable(why: &str) -> ExitCode {
    waybill::say!("waybill: {why}");
    Exit::Unusable.into()
}

fn now() -> Time {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time(since_1970.as_micros() as i64)
}
