//! The one integration binary: whatever is judged from outside the crate.

mod agreement;
mod naive;
mod simulated;
