//! What Postfix, Exim and Sendmail refused, from outside: refused messages are rejected, refused clients are lines that
//! were counted, and neither is ever a fate that no line tells.
//!
//! In: `tests/foreign/refusals`, the lines of every stage at which the three refuse. Out: what `paths` says of each.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Second, status, sender, client and fates of every message of a log.
fn told(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/foreign/refusals")
        .join(file);
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["paths", path.to_str().unwrap(), "--quiet", "--year", "2026"])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let path: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or("-").to_string();
        let recipients = path["recipients"].as_array().unwrap().iter();
        let fates: Vec<String> = recipients
            .map(|r| format!("{} {}", text(&r["address"]), text(&r["status"])))
            .collect();
        format!(
            "{} {} {} {}: {}",
            &text(&path["first_seen"])[17..21],
            text(&path["status"]),
            text(&path["sender"]),
            text(&path["origin"]["client_ip"]).replace("192.0.2.", "."),
            fates.join(", ")
        )
    };
    text.lines().map(line).collect()
}

#[test]
fn postfix_refuses_at_every_stage() {
    let expected = [
        "00.4 failed a2@b.test .2: ",
        "00.4 failed - .2: ",
        "00.5 failed a3@b.test .3: c3@d.test rejected",
        "00.7 failed a5@b.test .5: c5@d.test rejected",
        "01.3 failed a6@b.test .6: c6@d.test rejected",
        "01.6 failed a7@b.test .7: ",
        "01.7 failed a7@b.test .7: c7@d.test rejected",
        "02.1 partly delivered a8@b.test .8: c8@d.test delivered, z8@d.test rejected",
        // The client broke off after its first recipient.
        "03.0 failed - .9: ",
        "04.0 failed aa@b.test .10: ca@d.test rejected",
        "05.2 failed - .12: cc@d.test rejected",
        "05.3 failed - .13: ",
    ];
    assert_eq!(told("mx.log"), expected);
}

#[test]
fn exim_refuses_at_every_stage() {
    let expected = [
        "03.0 failed e3@b.test .23: f3@d.test rejected",
        "04.0 failed e4@b.test .24: f4@d.test rejected",
        "05.0 failed e5@b.test .25: ",
        "05.0 failed e0@b.test .25: ",
        "06.0 failed e6@b.test .26: f6@d.test rejected",
        "09.0 failed e9@b.test .29: ",
        "11.0 failed eb@b.test .31: ",
        "12.0 failed ec@b.test .31: ",
    ];
    assert_eq!(told("ex.mainlog"), expected);
}

#[test]
fn sendmail_refuses_at_every_stage() {
    let expected = [
        "02.0 failed g2@b.test .42: ",
        "03.0 failed g3@b.test .43: h3@d.test rejected",
        "04.0 failed g4@b.test -: h4@d.test rejected",
        "07.0 failed g7@b.test .47: h7@d.test rejected",
        "08.0 failed g8@b.test .48: ",
        "09.0 dropped g9@b.test .49: h9@d.test dropped",
        "10.0 failed ga@b.test -: ha@d.test rejected",
        "11.0 dropped gb@b.test .51: hb@d.test quarantined",
    ];
    assert_eq!(told("sm.log"), expected);
}

#[test]
fn refusals_for_now_are_told_apart() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/refusals");
    let said = |command: &str, file: &str, format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args([command, "--quiet", "--year", "2026", "--format", format])
            .arg(folder.join(file))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&said("report", "mx.log", "json")).unwrap();
    let by_code = report["failures"]["by_code"].as_array().unwrap();
    let for_now = by_code
        .iter()
        .filter(|line| {
            line["code"]
                .as_str()
                .is_some_and(|code| code.starts_with('4'))
        })
        .map(|line| line["rejected"].as_i64().unwrap());
    let for_now: i64 = for_now.sum();
    assert_eq!(report["failures"]["rejected_for_now"], for_now);
    assert!(said("report", "mx.log", "text").contains("Of these, 1 refused for now (4xx)"));
    assert_eq!(for_now, 1);
    // Exim logs no code.
    let words = "temporarily rejected RCPT <f6@d.test>: greylisted";
    assert!(said("paths", "ex.mainlog", "jsonl").contains(words));
}
