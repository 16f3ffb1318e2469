//! The HTML report in a real browser: `tests/browser/report.mjs` does the looking. Skipped, and said so, where
//! there is no Node.js or no Chromium.

use std::fs;
use std::process::Command;

use waybill::simulate::{Options, story_options};

use crate::simulated::Organisation;

/// A subject, a sender and a local part that would do something if any of them were not escaped.
const HOSTILE: [(&str, &str); 2] = [
    (
        "Lunch?",
        "<script>window.pwned=1</script><img src=x onerror=window.pwned=2>",
    ),
    (
        "Holiday plan",
        "\u{202e}'\"><iframe src=javascript:window.pwned=3>\u{2066}",
    ),
];

#[test]
fn the_page_sorts_filters_and_obeys_no_subject() {
    let node = Command::new("node").arg("--version").output();
    if node.is_err() {
        eprintln!("skipped: no Node.js");
        return;
    }
    let organisation = Organisation::new(&Options {
        users: 60,
        messages_per_day: 300,
        days: 1,
        ..story_options()
    });
    let mut changed = 0;
    for (name, bytes) in organisation
        .files()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".LOG"))
    {
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        for (subject, hostile) in HOSTILE {
            // Subjects that stand unquoted between commas; a quote in the new one is doubled.
            let quoted = format!(",\"{}\",", hostile.replace('"', "\"\""));
            changed += text.matches(&format!(",{subject},")).count();
            text = text.replace(&format!(",{subject},"), &quoted);
        }
        fs::write(organisation.path().join(name), text).unwrap();
    }
    assert!(changed > 0, "no subject was made hostile");
    let page = organisation.path().join("report.html");
    let report = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args([
            "report", "--quiet", "--top", "200", "--format", "html", "--output",
        ])
        .arg(&page)
        .arg(organisation.path())
        .status()
        .unwrap();
    assert!(report.success());
    assert!(fs::metadata(&page).unwrap().len() < 2_000_000);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/report.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(&page)
        .output()
        .unwrap();
    match output.status.code() {
        Some(77) => eprintln!("skipped: no Chromium"),
        Some(0) => {}
        _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}
