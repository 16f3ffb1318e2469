//! The one integration binary: whatever is judged from outside the crate.

mod agreement;
mod browser;
mod cli;
mod counting;
mod cutter;
mod damage;
mod foreign;
mod fuzzed;
mod golden;
mod hostile;
mod inputs;
mod layers;
mod legacy;
mod merged;
mod naive;
mod nameless;
mod nightly;
mod nightly_whole;
mod program;
mod readme;
mod refusals;
mod sameness;
mod sections;
mod simulated;
mod trouble;
