//! waybill: where did that message go?

pub mod address;
pub mod dialect;
pub mod error;
pub mod event;
pub mod fault;
pub mod input;
pub mod join;
pub mod keys;
pub mod path;
pub mod pipeline;
pub mod plan;
pub mod row;
pub mod scan;
pub mod servers;
pub mod time;
