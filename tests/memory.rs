//! Memory follows the window, not the archive.
//!
//! In: simulated logs of a week and of a month, and a log whose rows are all of one message. Out: that what is allocated
//! at most grows by the little that is known of each file and server, not by what is read, and by little for each row of
//! one message. Counted by an allocator, so the machine does not matter; for that alone this is a program of its own, and
//! its tests run one after the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use peak_alloc::PeakAlloc;
use waybill::input::Inputs;
use waybill::join::shard::Taker;
use waybill::path::{Class, Path as Way};
use waybill::pipeline;
use waybill::servers::Servers;
use waybill::simulate;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The allocator counts for all threads, so one test waits for the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|failed| failed.into_inner())
}

fn on_one_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let thread = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    thread.unwrap().install(work)
}

/// Counts messages and keeps nothing: sums grow with the number of people, whatever the days.
#[derive(Default)]
struct Counted(i64);

impl Taker for Counted {
    fn add(&mut self, path: &Way<'_>, _: &Servers, weight: i64) -> Option<Class> {
        self.0 += weight;
        Some(path.class)
    }

    fn more_rows(&mut self, _: Class, _: i64) {}
}

/// What a run over some logs came to.
#[derive(Debug)]
struct Measured {
    messages: i64,
    files: usize,
    bytes: u64,
    /// Allocated at most, opening the files included, in bytes.
    peak: usize,
}

fn measured(folder: &Path) -> Measured {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let mut inputs = Inputs::open(&[folder.display().to_string()]).unwrap();
    let plan = pipeline::plan(&mut inputs, 256 << 10);
    let survey = pipeline::survey(&inputs, &plan);
    let options = pipeline::Options {
        window_bytes: Some(1 << 20),
        ..pipeline::Options::default()
    };
    let done = |_: &mut [Mutex<Counted>]| Ok::<(), ()>(());
    let make = Counted::default;
    let (_, takers) = pipeline::run(&inputs, plan, survey, &options, |_| {}, make, done).unwrap();
    Measured {
        messages: takers.iter().map(|taker| taker.0).sum(),
        files: inputs.logs(),
        bytes: inputs.bytes(),
        peak: HEAP.peak_usage() - before,
    }
}

/// Logs of so many days: a file an hour, as Exchange writes them, and the same rows in one file a day.
fn logs(days: u32) -> [tempfile::TempDir; 2] {
    let options = simulate::Options {
        servers: 1,
        edges: 0,
        days,
        messages_per_day: 100,
        ..simulate::Options::default()
    };
    let all = tempfile::tempdir().unwrap();
    simulate::run(&options, all.path()).unwrap();
    let [hourly, daily] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut of_day: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for entry in fs::read_dir(all.path().join("ex01/MessageTracking")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        fs::write(hourly.path().join(&name), &bytes).unwrap();
        // MSGTRKMD2026030209-1.LOG without the hour; a header may stand in the middle of a file.
        let day = name[..name.len() - "09-1.LOG".len()].to_owned();
        of_day.entry(day).or_default().extend(bytes);
    }
    for (name, bytes) in of_day {
        fs::write(daily.path().join(name + ".LOG"), bytes).unwrap();
    }
    [hourly, daily]
}

#[test]
fn five_times_the_logs_take_less_than_twice_the_memory() {
    let _alone = alone();
    let (week, month) = (logs(6), logs(30));
    let of = |logs: [tempfile::TempDir; 2]| logs.map(|folder| measured(folder.path()));
    let [[hourly, daily], [many_hourly, many_daily]] = on_one_thread(|| [week, month].map(of));
    let shown = format!("{hourly:?} {many_hourly:?} {daily:?} {many_daily:?}");
    assert!(many_daily.bytes > 4 * daily.bytes, "{shown}");
    assert_eq!(many_hourly.messages, many_daily.messages, "{shown}");
    // Five times the logs. Days are small here, so that files, of which there are three a day, count beside what is
    // open; of each further byte of logs, less than a hundredth is kept.
    assert!(many_daily.peak < daily.peak * 2, "{shown}");
    let more = many_daily.peak.saturating_sub(daily.peak) as u64;
    assert!(more * 100 < many_daily.bytes - daily.bytes, "{shown}");
    // Of a file there are its names, its map, its chunk and its bytes if they are few.
    let files = many_hourly.files - hourly.files;
    let a_file = many_hourly.peak.saturating_sub(hourly.peak) / files;
    assert!(a_file < 1500, "{a_file} bytes a file: {shown}");
}

/// Hand-overs of one message, in one second, to as many recipients or to the same one.
fn hand_overs(rows: usize, one_recipient: bool) -> tempfile::TempDir {
    let mut log = String::from(
        "#Software: Microsoft Exchange Server\r\n#Log-type: Message Tracking Log\r\n#Fields: date-time,\
         client-hostname,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id,\
         recipient-address,recipient-status,total-bytes,message-subject,sender-address,return-path\r\n",
    );
    for row in 0..rows {
        let user = if one_recipient { 0 } else { row };
        log.push_str(&format!(
            "2026-03-02T09:00:00.{:03}Z,ex01,mx.test,250 2.0.0 queued as {row:08},Internet,SMTP,SENDEXTERNAL,{row},\
             <one@own.test>,user{user}@partner.test,250 2.1.5 ok,5000,News,ann@own.test,ann@own.test\r\n",
            row * 1000 / rows
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("MSGTRK2026030209-1.LOG"), log).unwrap();
    folder
}

#[test]
fn a_row_of_a_large_message_takes_a_few_hundred_bytes() {
    let _alone = alone();
    const ROWS: usize = 1 << 14;
    for (one_recipient, bound) in [(true, 490), (false, 860)] {
        let logs = hand_overs(ROWS, one_recipient);
        let measured = on_one_thread(|| measured(logs.path()));
        assert_eq!(measured.messages, 1);
        let of_row = measured.peak / ROWS;
        // What the row says, where it stands, its way out, and a recipient with what became of it.
        assert!(
            of_row < bound,
            "{of_row} bytes a row, {bound} allowed: {measured:?}"
        );
    }
}
