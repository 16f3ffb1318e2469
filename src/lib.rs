//! waybill: where did that message go?

pub mod event;
pub mod inert;
pub mod path;
pub mod report;
pub mod status;
pub mod tally;
pub mod time;
