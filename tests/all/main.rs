//! The one integration binary: whatever is judged from outside the crate.

mod agreement;
mod cli;
mod layers;
mod naive;
mod sameness;
mod simulated;
