//! The one integration binary: whatever is judged from outside the crate.

mod agreement;
mod browser;
mod cli;
mod counting;
mod cutter;
mod foreign;
mod golden;
mod layers;
mod legacy;
mod naive;
mod readme;
mod sameness;
mod simulated;
