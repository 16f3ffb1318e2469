//! Organisations of 1998 to 2007 of which the logs of one server were not collected.
//!
//! In: simulated organisations, each server left out in turn, and rows written by hand. Out: no fate is false: a recipient's
//! is the true one or unknown, the reason names the server, and `check` does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use waybill::simulate::Generation;

use super::laboratory::{fates, folder, one, paths};
use super::legacy::{organisation, waybill};
use super::missing::windows_change_nothing;
use super::nightly::Place;

const GENERATIONS: [Generation; 4] = [
    Generation::Old,
    Generation::New,
    Generation::Both,
    Generation::Newer,
];

/// A person goes by a distinguished name inside and by an address of the same name outside.
fn person(address: &str) -> &str {
    match address.rsplit_once("/cn=") {
        Some((_, name)) => name,
        None => address.strip_suffix("@corp.example").unwrap_or(address),
    }
}

fn recipients(message: &Value) -> impl Iterator<Item = (&str, &str)> {
    let recipients = message["recipients"].as_array().unwrap().iter();
    recipients.map(|r| {
        let text = |key: &str| r[key].as_str().unwrap();
        (person(text("address")), text("status"))
    })
}

/// Messages of the truth by every id they go by.
fn by_id(truth: &[Value]) -> BTreeMap<String, &Value> {
    let ids = |told: &'static str| move |message: &Value| message[told].as_str().map(plain);
    let of = |key| truth.iter().filter_map(move |m| Some((ids(key)(m)?, m)));
    of("message_id").chain(of("mts_id")).collect()
}

fn plain(id: &str) -> String {
    id.trim_matches(['<', '>']).to_lowercase()
}

/// What is told of recipients: how many are right, and those that are neither right nor unknown.
fn judged(truth: &[Value], found: &[Value]) -> (usize, Vec<String>) {
    let truth = by_id(truth);
    let (mut right, mut wrong) = (0, Vec::new());
    for message in found {
        let others = message["other_ids"].as_array().unwrap().iter();
        let mut ids = others.chain([&message["message_id"]]);
        let told = ids.find_map(|id| truth.get(&plain(id.as_str()?)));
        let told: BTreeMap<_, _> = recipients(told.expect("a message that was sent")).collect();
        for (person, status) in recipients(message) {
            match told.get(person) {
                Some(true_status) if *true_status == status => right += 1,
                _ if status == "unknown" => {}
                told => wrong.push(format!(
                    "{} {person}: {told:?}, said {status}",
                    message["message_id"]
                )),
            }
        }
    }
    (right, wrong)
}

/// The servers whose logs `check` misses, and what else it finds.
fn missed(logs: &Path) -> (Vec<String>, Vec<String>) {
    let (text, ..) = waybill(&[
        "check",
        logs.to_str().unwrap(),
        "--format",
        "json",
        "--quiet",
    ]);
    let check: Value = serde_json::from_str(&text).unwrap();
    let (mut servers, mut others) = (Vec::new(), Vec::new());
    for finding in check["findings"].as_array().unwrap() {
        let what = finding["what"].as_str().unwrap();
        match what
            .strip_prefix("No rows of ")
            .and_then(|rest| rest.split_once(' '))
        {
            Some((server, _)) => servers.push(server.to_string()),
            None if finding["weight"] == "note" => {}
            None => others.push(what.to_string()),
        }
    }
    (servers, others)
}

#[test]
fn no_fate_is_false_where_a_server_is_left_out() {
    for generation in GENERATIONS {
        for seed in 1..=3 {
            let all = organisation(generation, seed, 300);
            let truth = all.truth();
            fs::remove_file(all.path().join("truth.jsonl")).unwrap();
            let case = format!("{generation:?} {seed}");
            // The simulated mail for "gone" goes to a server that has no log at all.
            assert_eq!(
                missed(all.path()),
                (vec!["gone".to_string()], vec![]),
                "{case}"
            );
            let of_servers: Vec<_> = fs::read_dir(all.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            let aside = tempfile::tempdir().unwrap();
            for of_server in of_servers {
                let server = of_server.trim_end_matches(".log").to_lowercase();
                let (here, there) = (all.path().join(&of_server), aside.path().join(&of_server));
                fs::rename(&here, &there).unwrap();
                let case = format!("{case} without {server}");
                let found = paths(all.path(), &[]);
                let (right, wrong) = judged(&truth, &found);
                assert_eq!(wrong, Vec::<String>::new(), "{case}");
                assert!(right > 300, "{case}: {right}");
                let says = |r: &Value| r["reason"].as_str().map(str::to_lowercase);
                let names_it = |r: &Value| {
                    says(r).is_some_and(|why| why.contains(&format!("no log of {server}")))
                };
                let named = found
                    .iter()
                    .flat_map(|m| m["recipients"].as_array().unwrap());
                assert!(named.filter(|r| names_it(r)).count() > 20, "{case}");
                assert!(missed(all.path()).0.contains(&server), "{case}");
                if seed == 1 && server.ends_with("02") {
                    windows_change_nothing(all.path(), &case);
                }
                fs::rename(&there, &here).unwrap();
            }
        }
    }
}

const SERVERS: &str = "/o=CORP/ou=HQ/cn=Configuration/cn=Servers/cn=";

/// A record of 5.5 of one recipient.
fn old(event: u32, second: u32, gateway: &str, partner: &str, from: &str, to: &str) -> String {
    format!(
        "c=US;a= ;p=CORP;l=OLD01-020425175433Z-7\t{event}\t2002.4.25 17:54:{second}\t{gateway}\t{partner}\t\t{from}\t0\t800\
         \t0\t0\t\t1\n{to}\n\n"
    )
}

/// The fates of the one message in a log of OLD01, which goes on for an hour.
fn fates_of(rows: &[String]) -> Vec<String> {
    let store = format!("{SERVERS}OLD01/cn=Microsoft Private MDB");
    let later = old(1000, 59, &store, &store, "/o=CORP/cn=ANN", "/o=CORP/cn=ANN");
    let later = later.replace("Z-7", "Z-8").replace(" 17:", " 18:");
    let log = [rows.concat(), later].concat();
    let dir = folder(&[("20020425.log", log.into_bytes())]);
    let found = paths(dir.path(), &[]);
    let ours = |path: &&Value| path.to_string().contains("Z-7");
    found.iter().filter(ours).flat_map(fates).collect()
}

/// A gateway brings a message in, and the MTA hands it to a server that is not read: it waits at the gateway no more.
#[test]
fn what_a_gateway_took_in_waits_there_no_more() {
    let gateway = "/o=CORP/ou=HQ/cn=Configuration/cn=Connections/cn=MS MAIL (OLD01)";
    let next = format!("{SERVERS}OLD02/cn=Microsoft MTA");
    let (from, to) = ("s@remote.example", "/o=CORP/cn=BEN");
    let taken = old(1004, 1, gateway, "pc", from, to);
    let rows = [
        taken.clone(),
        old(0, 2, "", gateway, from, to),
        old(7, 3, "", &next, from, to),
    ];
    assert_eq!(fates_of(&rows), ["/o=corp/cn=ben unknown -"]);
    // Where the MTA knows nothing of it, it does.
    assert_eq!(fates_of(&[taken]), ["/o=corp/cn=ben pending old01"]);
}

/// A rule of ANN's mailbox forwards to BEN on a server that is not read.
#[test]
fn what_a_rule_forwards_to_a_server_that_is_not_read_is_unknown() {
    let (store, next) = (
        format!("{SERVERS}OLD01/cn=Microsoft Private MDB"),
        format!("{SERVERS}OLD02/cn=Microsoft MTA"),
    );
    let [ann, ben, cat] = ["ANN", "BEN", "CAT"].map(|name| format!("/o=CORP/cn={name}"));
    let rows = [
        old(4, 1, "", &store, &cat, &ann),
        old(9, 2, "", &store, &cat, &ann),
        old(7, 3, "", &next, &ann, &ben),
    ];
    assert_eq!(
        fates_of(&rows),
        ["/o=corp/cn=ann delivered old01", "/o=corp/cn=ben unknown -"]
    );
}

/// A row of 2003 on EX01, of an hour and minute.
fn new(at: &str, event: u32, host: &str, id: &str, to: &str) -> String {
    format!(
        "2003-8-12\t{at}:00 GMT\t-\t-\t{host}\tEX01\t10.0.0.1\t{to}\t{event}\t{id}\t0\t0\t500\t2\t2003-8-12 {at}:00 GMT\t0\t\
         Version: 6.0.3790.0\t-\tHello\ts@corp.example\t-\n"
    )
}

/// Which domain its servers lie in, a mailbox server's own Message-IDs tell.
#[test]
fn a_host_beside_the_servers_is_own_and_any_other_is_outside() {
    let id = "A1@ex01.ad.corp.example";
    let handed = [
        ("a@corp.example", "ex02.ad.corp.example"),
        ("b@corp.example", "ex03.north.ad.corp.example"),
        ("c@corp.example", "EX04"),
        ("d@remote.example", "mx.remote.example"),
        ("e@remote.example", "relay.corp.example"),
        ("f@remote.example", "[192.0.2.1]"),
    ];
    let submitted = handed
        .map(|(to, _)| new("9:01", 1027, "-", id, to))
        .concat();
    // All at one second.
    let sent = handed
        .map(|(to, host)| new("9:02", 1031, host, id, to))
        .concat();
    let dir = folder(&[("20030812.log", (submitted + &sent).into_bytes())]);
    let path = one(dir.path(), id);
    let mut said = fates(&path);
    said.sort();
    let fate = |(to, host): (&str, &str)| match host.contains(".ad.") || host == "EX04" {
        true => format!("{to} unknown -"),
        false => format!("{to} transferred ex01"),
    };
    assert_eq!(said, handed.map(fate));
    // Each at the host that it was handed to.
    for (recipient, (to, host)) in path["recipients"].as_array().unwrap().iter().zip(handed) {
        assert_eq!(recipient["address"], to);
        if recipient["status"] == "unknown" {
            assert!(
                recipient["reason"]
                    .as_str()
                    .unwrap()
                    .contains(&format!("no log of {host} "))
            );
        }
    }
    assert_eq!(missed(dir.path()).0, ["ex02", "ex03", "ex04"]);
}

/// The nights after know what the first one showed of the servers' domain.
#[test]
fn a_night_knows_the_servers_of_nights_before() {
    let place = Place::new();
    let to = "b@corp.example";
    let put = |name: &str, rows: [String; 2]| {
        fs::write(place.logs.path().join(name), rows.concat()).unwrap()
    };
    let id = "A1@ex01.ad.corp.example";
    put(
        "1.log",
        [
            new("9:01", 1027, "-", id, to),
            new("9:02", 1028, "-", id, to),
        ],
    );
    place.night(&[]);
    let (id, next) = ("m@remote.example", "ex02.ad.corp.example");
    put(
        "2.log",
        [
            new("10:01", 1019, "-", id, to),
            new("10:02", 1031, next, id, to),
        ],
    );
    for report in [place.night(&[]), place.at_once(&[])] {
        let recipients = &report["totals"]["recipients"];
        assert_eq!(
            (&recipients["unknown"], &recipients["transferred"]),
            (&1.into(), &0.into())
        );
    }
}
