//! The one integration binary: whatever is judged from outside the crate.

mod agreement;
mod cli;
mod cutter;
mod golden;
mod layers;
mod legacy;
mod naive;
mod readme;
mod sameness;
mod simulated;
