//! waybill: where did that message go?

pub mod cli;
pub mod event;
pub mod filter;
pub mod inert;
pub mod output;
pub mod path;
pub mod progress;
pub mod time;
