//! waybill: where did that message go?

pub mod event;
pub mod path;
pub mod simulate;
pub mod time;
