//! Logs read through to what became of each recipient, and no further: what benches of joining and of reports measure by.
//!
//! In: a folder or file. Out: one taker for each shard, and the servers' names.

use std::path::Path as Folder;
use std::sync::Mutex;

use waybill::input::Inputs;
use waybill::join::shard::Taker;
use waybill::path::{Class, Path};
use waybill::pipeline;
use waybill::servers::Servers;

/// Counts what became of recipients, and nothing else.
#[derive(Default)]
pub struct Fates([i64; 10]);

impl Taker for Fates {
    fn add(&mut self, path: &Path<'_>, _: &Servers, weight: i64) -> Option<Class> {
        for recipient in &path.recipients {
            self.0[recipient.fate as usize] += weight;
        }
        Some(path.class)
    }

    fn more_rows(&mut self, _: Class, _: i64) {}
}

/// Reads logs as `report` does; who takes the paths decides how much is done with them.
pub fn read<T: Taker + Default + Send>(logs: &Folder) -> (Vec<T>, Vec<String>) {
    let mut inputs = Inputs::open(&[logs.to_string_lossy().into_owned()]).expect("logs");
    let plan = pipeline::plan(&mut inputs, 16 << 20);
    let done = |_: &mut [Mutex<T>]| Ok::<(), ()>(());
    let options = pipeline::Options::default();
    let survey = pipeline::survey(&inputs, &plan);
    let run = pipeline::run(&inputs, plan, survey, &options, |_| {}, T::default, done);
    let (outcome, takers) = run.expect("nothing to fail");
    (takers, outcome.servers.names())
}
