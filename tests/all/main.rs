//! The one integration binary: whatever is judged from outside the crate.

mod agreement;
mod browser;
mod cli;
mod counting;
mod cutter;
mod golden;
mod layers;
mod legacy;
mod naive;
mod nightly;
mod readme;
mod sameness;
mod simulated;
mod trouble;
