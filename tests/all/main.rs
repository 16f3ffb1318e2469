//! The one integration binary: whatever is judged from outside the crate.

mod agreement;
mod browser;
mod cli;
mod counting;
mod layers;
mod naive;
mod sameness;
mod simulated;
