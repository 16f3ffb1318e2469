//! The program against its slow twin and against the truth, on simulated organisations of every layout.

use std::collections::BTreeMap;

use waybill::simulate::{LayoutChoice, Options, story_options};

use crate::naive::{self, Message, Recipient, truth};
use crate::simulated::{Answer, Organisation, program};

/// Layout, seed, clock skew in milliseconds.
const CASES: [(&str, u64, i64); 12] = [
    ("21", 1, 0),
    ("21", 2, 700),
    ("26", 3, 0),
    ("26", 4, 700),
    ("27", 5, 0),
    ("27", 6, 700),
    ("30", 7, 0),
    ("30", 8, 700),
    ("30", 9, 5000),
    ("mixed", 10, 0),
    ("mixed", 11, 700),
    ("mixed", 12, 5000),
];

/// Two days of about 1,500 messages, tales among them.
fn options(layout: &str, seed: u64, skew_ms: i64) -> Options {
    Options {
        seed,
        layout: LayoutChoice::parse(layout).unwrap(),
        users: 60,
        messages_per_day: 700,
        skew_ms,
        leave_out: Vec::new(),
        ..story_options()
    }
}

/// Says what differs, the first few of each kind, and fails if anything does.
fn nothing_of(lines: Vec<String>, case: &str) {
    let mut kinds: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for line in &lines {
        let kind = line.split(':').next().unwrap();
        let kind = kind.split_once('@').map_or(kind, |(_, kind)| kind);
        kinds.entry(kind).or_default().push(line);
    }
    let mut said = String::new();
    for (kind, lines) in &kinds {
        said += &format!("{case}, {kind}: {}\n", lines.len());
        for line in lines.iter().take(3) {
            said += &format!("    {}\n", line.chars().take(1500).collect::<String>());
        }
    }
    assert!(lines.is_empty(), "{said}");
}

/// What the program says otherwise than the twin.
fn differences(twin: &[Message], program: &[Message]) -> Vec<String> {
    let by_id = |messages: &[Message]| -> BTreeMap<(String, String), Vec<Message>> {
        let mut ids: BTreeMap<_, Vec<Message>> = BTreeMap::new();
        for m in messages {
            let key = (m.network_message_id.clone(), m.message_id.clone());
            ids.entry(key).or_default().push(m.clone());
        }
        ids
    };
    let (twin, program) = (by_id(twin), by_id(program));
    let mut lines = Vec::new();
    for (id, theirs) in &twin {
        match program.get(id) {
            None => lines.push(format!("only the twin has: {theirs:?}")),
            Some(ours) if ours.len() != theirs.len() => {
                lines.push(format!("how many of {id:?}: {theirs:?}, program {ours:?}"));
            }
            Some(ours) => theirs
                .iter()
                .zip(ours)
                .for_each(|(a, b)| tell_apart(a, b, &mut lines)),
        }
    }
    let strangers = program.iter().filter(|(id, _)| !twin.contains_key(id));
    lines.extend(strangers.map(|(_, ours)| format!("only the program has: {ours:?}")));
    lines
}

fn tell_apart(twin: &Message, program: &Message, lines: &mut Vec<String>) {
    let id = &twin.message_id;
    let mut differ = |what: &str, twin: String, program: String| {
        if twin != program {
            lines.push(format!("{what}: twin {twin}, program {program}, {id}"));
        }
    };
    let whole = |m: &Message| {
        [
            ("class", m.class.to_string()),
            ("status", m.status.to_string()),
            ("entry", m.entry.to_string()),
            ("sender", m.sender.clone()),
            ("size", m.size_bytes.to_string()),
            ("first_seen", m.first_seen.to_string()),
            ("rows", m.rows.to_string()),
            ("recipients", format!("{:?}", m.recipients.keys())),
        ]
    };
    for ((what, twin), (_, program)) in whole(twin).into_iter().zip(whole(program)) {
        differ(what, twin, program);
    }
    for (address, theirs) in &twin.recipients {
        if let Some(ours) = program.recipients.get(address) {
            let what = format!("{address} is {}/{}", theirs.fate, ours.fate);
            // Where a trail ends without a last word, only that it ends is a matter of fact.
            let known = |r: &Recipient| match r.fate {
                "unknown" => format!("{:?}", r.via),
                _ => format!("{r:?}"),
            };
            differ(&what, known(theirs), known(ours));
        }
    }
}

#[test]
fn the_program_agrees_with_its_twin() {
    for (layout, seed, skew) in CASES {
        let organisation = Organisation::new(&options(layout, seed, skew));
        let files = organisation.files();
        let twin = naive::messages(&files);
        let lines = differences(&twin, &program(files).messages);
        nothing_of(lines, &format!("layout {layout}, seed {seed}, skew {skew}"));
    }
}

#[test]
fn program_and_twin_agree_with_the_truth() {
    for (layout, seed, skew) in CASES {
        let case = format!("layout {layout}, seed {seed}, skew {skew}");
        let organisation = Organisation::new(&options(layout, seed, skew));
        let (files, truth) = (organisation.files(), organisation.truth());
        let twin = naive::messages(&files);
        nothing_of(
            truth::disagreements(&twin, &truth),
            &format!("{case}: twin"),
        );
        let answer = program(files);
        let lines = truth::disagreements(&answer.messages, &truth);
        nothing_of(lines, &format!("{case}: program"));
        balanced(&answer, &case);
    }
}

/// What entered is what has a fate.
fn balanced(answer: &Answer, case: &str) {
    let totals = &answer.tally.totals;
    assert_eq!(totals.residual_messages(), 0, "{case}");
    assert_eq!(totals.residual_recipients(), 0, "{case}");
    assert_eq!(answer.outcome.faults.damaged(), 0, "{case}");
    assert_eq!(answer.outcome.rows_twice, 0, "{case}");
}

#[test]
fn without_a_server_nothing_is_wrong_only_unknown() {
    for (layout, seed, skew) in CASES.into_iter().step_by(3) {
        for server in ["ex01", "ex02", "ex03", "ex04", "edge01"] {
            let case = format!("layout {layout}, seed {seed}, skew {skew}, without {server}");
            let organisation = Organisation::new(&Options {
                leave_out: vec![server.to_string()],
                ..options(layout, seed, skew)
            });
            let files = organisation.files();
            let twin = naive::messages(&files);
            let answer = program(files);
            nothing_of(wrong(&organisation, &answer.messages), &case);
            nothing_of(wrong(&organisation, &twin), &format!("{case}: twin"));
            nothing_of(differences(&twin, &answer.messages), &case);
            assert_eq!(answer.tally.totals.residual_recipients(), 0, "{case}");
        }
    }
}

/// Fates that the truth does not know, where logs are missing: `unknown` is never wrong.
fn wrong(organisation: &Organisation, found: &[Message]) -> Vec<String> {
    let mut fates: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    for told in organisation.truth() {
        for recipient in told["recipients"].as_array().unwrap() {
            let address = truth::text(&recipient["address"]).to_lowercase();
            let fate = (
                truth::text(&recipient["status"]),
                truth::text(&told["story"]),
            );
            fates
                .entry((truth::text(&told["message_id"]), address))
                .or_default()
                .push(fate);
        }
    }
    let mut lines = Vec::new();
    for message in found {
        for (address, recipient) in &message.recipients {
            let key = (message.message_id.clone(), address.clone());
            let told = fates.get(&key).map_or(&[][..], Vec::as_slice);
            let right = |(fate, _): &(String, String)| fate == recipient.fate;
            if recipient.fate != "unknown" && !told.iter().any(right) {
                lines.push(format!(
                    "{}: {address} {recipient:?}, told {told:?}, {}",
                    recipient.fate, message.message_id
                ));
            }
        }
    }
    lines
}
