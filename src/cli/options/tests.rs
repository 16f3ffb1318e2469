//! Lines as typed, and what comes of them.

use super::*;
use crate::path::{Fate, Status};
use crate::simulate::LayoutChoice;
use crate::time::{HOUR, parse_iso};
use clap::Parser;

fn options(line: &str) -> Result<Options, String> {
    let now = parse_iso(b"2026-03-30T10:00:00Z").unwrap();
    let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
    resolve(cli, &File::default(), now)
}

fn read(line: &str) -> Read {
    match options(line).unwrap() {
        Options::Read(read) => *read,
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults_are_explicit() {
    let read = read("waybill report /logs");
    assert_eq!(read.task, Task::Report(ReportFormat::Text));
    assert_eq!(read.horizon, 3 * DAY);
    assert_eq!(read.zone, TimeZone::UTC);
    assert!(read.threads > 0 && read.progress && read.output.is_none());
    assert!(read.filter.limit.is_none() && read.filter.since.is_none());
}

#[test]
fn each_command_has_its_own_first_format() {
    for (command, task) in [
        ("report", Task::Report(ReportFormat::Text)),
        ("find", Task::Find(FindFormat::Text)),
        (
            "trace",
            Task::Trace {
                format: TraceFormat::Text,
                rows: false,
                raw: false,
            },
        ),
        ("paths", Task::Paths(TableFormat::Jsonl)),
        ("events", Task::Events(EventsFormat::Jsonl)),
        (
            "check",
            Task::Check {
                format: CheckFormat::Text,
                strict: false,
            },
        ),
    ] {
        assert_eq!(read(&format!("waybill {command} /logs")).task, task);
    }
}

/// Every line of the report's balance can be asked for by its name.
#[test]
fn whatever_becomes_of_a_recipient_is_a_status() {
    for fate in Fate::ALL {
        let filter = read(&format!("waybill find /logs --status {}", fate.word())).filter;
        let is_of_message = filter.status.len() == 1 && filter.fates.is_empty();
        assert!(is_of_message || filter.fates == [fate], "{fate:?}");
    }
}

#[test]
fn flags_mean_what_they_say() {
    let read = read(
        "waybill trace /a /b --rows --format json --sender @contoso.com --status failed \
         --status partly-delivered --since -3d --until 2026-03-30 --tz Europe/Berlin --domain \
         @Contoso.com,fabrikam.com --horizon 12h --window-bytes 2M --quiet --output -",
    );
    assert_eq!(
        read.task,
        Task::Trace {
            format: TraceFormat::Json,
            rows: true,
            raw: false,
        }
    );
    assert_eq!(read.paths.len(), 2);
    assert_eq!(
        read.filter.status,
        [Status::Failed, Status::PartlyDelivered]
    );
    assert_eq!(
        read.filter.since.unwrap().rfc3339(),
        "2026-03-27T11:00:00.000Z"
    );
    assert_eq!(
        read.filter.until.unwrap().rfc3339(),
        "2026-03-29T22:00:00.000Z"
    );
    assert_eq!(read.domains, ["contoso.com", "fabrikam.com"]);
    assert_eq!(
        (read.horizon, read.window_bytes),
        (12 * HOUR, Some(2 << 20))
    );
    assert!(!read.progress && read.output.is_none());
}

#[test]
fn what_cannot_be_meant_names_the_flag() {
    for (flags, word) in [
        ("--since soon", "--since"),
        ("--since today --until yesterday", "--until"),
        ("--tz Europe/Atlantis", "--tz"),
        ("--threads 0", "--threads"),
        ("--horizon 3", "--horizon"),
        ("--chunk-bytes much", "--chunk-bytes"),
        ("--window-bytes 99999999999T", "--window-bytes"),
        ("--status lost", "--status"),
        ("--format xls", "--format"),
        ("--day today --since today", "--day"),
        ("--day soon", "--day"),
        ("--sender=", "--sender"),
    ] {
        let error = options(&format!("waybill find /logs {flags}")).unwrap_err();
        assert!(error.contains(word), "{flags}: {error}");
    }
    assert!(options("waybill find").is_err());
    assert!(
        options("waybill events /logs --status failed")
            .unwrap_err()
            .contains("paths")
    );
    assert!(options("waybill check /logs --sender a@b").is_err());
}

#[test]
fn a_day_is_a_day_of_the_zone() {
    let read = read("waybill report /logs --day 2026-03-29 --tz Europe/Berlin");
    assert_eq!(
        read.filter.since.unwrap().rfc3339(),
        "2026-03-28T23:00:00.000Z"
    );
    assert_eq!(
        read.filter.until.unwrap().rfc3339(),
        "2026-03-29T22:00:00.000Z"
    );
}

#[test]
fn every_layout_can_be_written() {
    use clap::ValueEnum;
    for layout in crate::cli::flags::LayoutWord::value_variants() {
        let word = layout.to_possible_value().unwrap();
        let line = format!("waybill simulate --out x --layout {}", word.get_name());
        assert!(matches!(options(&line), Ok(Options::Simulate(_))), "{line}");
    }
}

#[test]
fn simulate_takes_sizes_and_dates() {
    let line = "waybill simulate --out x --size 500M --layout mixed --leave-out EX03";
    let Ok(Options::Simulate(simulate)) = options(line) else {
        panic!("simulate is not understood");
    };
    let organisation = simulate.organisation;
    assert_eq!(
        (organisation.size_bytes, organisation.layout),
        (Some(500 << 20), LayoutChoice::Mixed)
    );
    assert_eq!(organisation.leave_out, ["ex03"]);
    let error = options("waybill simulate --out x --start someday").unwrap_err();
    assert!(error.contains("--start"));
}
