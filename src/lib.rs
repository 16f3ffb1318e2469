//! waybill: where did that message go?

pub mod address;
pub mod cli;
pub mod command;
pub mod dialect;
pub mod error;
pub mod event;
pub mod fault;
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
pub mod servers;
pub mod simulate;
pub mod status;
pub mod tally;
pub mod time;
