//! A stand-in for the command line, until the real one is there: `waybill OUT [name=value]...`.

use waybill::simulate::{LayoutChoice, Options, run, story_options};

fn main() {
    let mut args = std::env::args().skip(1);
    let out = args.next().expect("OUT [name=value]...");
    let mut o = Options::default();
    for arg in args {
        let (name, value) = arg.split_once('=').expect("name=value");
        let n = || value.parse::<u64>().expect("a number");
        match name {
            "seed" => o.seed = n(),
            "layout" => o.layout = LayoutChoice::parse(value).expect("layout"),
            "servers" => o.servers = n() as usize,
            "sites" => o.sites = n() as usize,
            "edges" => o.edges = n() as usize,
            "users" => o.users = n() as usize,
            "days" => o.days = n() as u32,
            "messages" => o.messages_per_day = n(),
            "skew" => o.skew_ms = n() as i64,
            "leave_out" => o.leave_out = value.split(',').map(str::to_string).collect(),
            "size" => o.size_bytes = Some(n()),
            "probes" => o.probes = value == "1",
            "stories" => o = story_options(),
            _ => panic!("{name}?"),
        }
    }
    let begun = std::time::Instant::now();
    let s = run(&o, out.as_ref()).expect("written");
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{s:?} {seconds:.2} s, {:.0} MB/s, {} B/row",
        s.bytes as f64 / 1e6 / seconds,
        s.bytes / s.rows.max(1)
    );
}
