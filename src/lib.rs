//! waybill: where did that message go?
//!
//! Bytes of logs become rows, rows events, events of one message a path, paths sums or text. A module uses only
//! modules of lower layers, never one of its own; `tests/all/layers.rs` reads this table and holds every import
//! against it. `simulate` stands apart and uses layer 0 only.
//!
//! | layer | modules | knows |
//! |---|---|---|
//! | 11 | main | arguments in, exit status out |
//! | 10 | command | each command from inputs to answer |
//! | 9 | cli, progress, audit, saved | flags, environment, terminal; whether logs are whole; days kept |
//! | 8 | pipeline, search, report, output | pipeline runs the stages, window after window; the others turn plain results into bytes |
//! | 7 | plan | which pieces of which files are read |
//! | 6 | join, tally, filter | rows that meet, sums of paths, which are asked for |
//! | 5 | path | what roles do to recipients |
//! | 4 | dialect | formats: bytes to rows, rows to events |
//! | 3 | input, servers, row, fault | files and chunks, who wrote, where a row stands, what is wrong with it |
//! | 2 | event, simulate | one record's meaning |
//! | 1 | keys | identifiers |
//! | 0 | scan, time, watch, address, status, inert, figures, error, unfinished | bytes, and files on their way |

/// Says a line on standard error; a reader that went away is no failure of ours.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {{
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr().lock(),
            format_args!("{}\n", format_args!($($text)*)),
        );
    }};
}

pub mod address;
pub mod audit;
pub mod cli;
pub mod command;
pub mod dialect;
pub mod error;
pub mod event;
pub mod fault;
pub mod figures;
pub mod filter;
pub mod inert;
pub mod input;
pub mod join;
pub mod keys;
pub mod output;
pub mod path;
pub mod pipeline;
pub mod plan;
pub mod progress;
pub mod report;
pub mod row;
pub mod saved;
pub mod scan;
pub mod search;
pub mod servers;
pub mod simulate;
pub mod status;
pub mod tally;
pub mod time;
pub mod unfinished;
pub mod watch;
