//! Parses and prints the options, until the commands are wired.

use clap::Parser;
use waybill::cli::{Cli, Exit, options};
use waybill::time::Time;

fn main() -> std::process::ExitCode {
    let now = Time(jiff::Timestamp::now().as_microsecond());
    match options::resolve(Cli::parse(), now) {
        Ok(options) => {
            println!("{options:#?}");
            Exit::Done.into()
        }
        Err(error) => {
            eprintln!("waybill: {error}");
            Exit::Unusable.into()
        }
    }
}
