use waybill::input::Inputs;
use waybill::pipeline::{Options, run};
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut inputs = Inputs::open(&args).unwrap();
    let (o, made) = run::<std::collections::BTreeMap<String, u64>>(
        &mut inputs,
        &Options::default(),
        |_| {},
        |m, p, _| {
            *m.entry("messages".into()).or_default() += 1;
            for r in &p.recipients {
                *m.entry(format!("{:?}", r.fate)).or_default() += 1;
            }
        },
    );
    let mut all = std::collections::BTreeMap::new();
    for m in made {
        for (k, v) in m {
            *all.entry(k).or_insert(0) += v;
        }
    }
    println!(
        "{all:?} rows {} noid {} twice {} {:?}",
        o.rows, o.rows_without_id, o.rows_twice, o.stages
    );
    println!("{:?}", o.own);
    println!("{:?} over {:?}", o.faults, o.plan.passed_over.len());
}
