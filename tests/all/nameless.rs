//! `--anonymous`: no answer names anybody, and questions may be asked under real names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(arguments)
        .arg(format!("{}/data/today", env!("CARGO_MANIFEST_DIR")))
        .arg("--quiet")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).to_lowercase()
}

/// Addresses, subjects, ids and clients of all messages.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut note = |value: &Value| {
        let name = value.as_str().unwrap_or_default();
        if name.len() > 6 {
            names.insert(name.to_string());
        }
    };
    for path in run(&["paths", "--include-probes"]).lines() {
        let path: Value = serde_json::from_str(path).unwrap();
        for key in ["sender", "return_path", "subject", "message_id"] {
            note(&path[key]);
        }
        note(&path["origin"]["client_ip"]);
        for recipient in path["recipients"].as_array().unwrap() {
            note(&recipient["address"]);
            let via = recipient["via"].as_array().unwrap();
            via.iter().for_each(|via| note(&via["address"]));
        }
    }
    assert!(names.len() > 150, "{}", names.len());
    names.insert("example.com".into());
    names
}

#[test]
fn no_answer_of_an_anonymous_run_names_anybody() {
    let names = names();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let holds = |what: &str, answer: &str| {
        assert!(answer.len() > 400, "{what}: {answer}");
        let told: Vec<&String> = names.iter().filter(|name| answer.contains(*name)).collect();
        assert!(told.is_empty(), "{what} names {told:?}");
    };
    fs::write(
        place("lists.txt"),
        "sales@example.com\nnobody@example.com\n",
    )
    .unwrap();
    let (lists, tables, day) = (place("lists.txt"), place("tables"), place("day"));
    let manifest = place("manifest.json");
    let answers: &[&[&str]] = &[
        &["report", "--lists", &lists],
        &[
            "report", "--lists", &lists, "--format", "json", "--save", &day,
        ],
        &["report", "--lists", &lists, "--format", "html"],
        &[
            "report",
            "--sender",
            "david.hansen@example.com",
            "--manifest",
            &manifest,
        ],
        &["paths"],
        &["paths", "--evidence"],
        &["paths", "--format", "csv"],
        &["paths", "--format", "timesketch"],
        &["paths", "--profile", "ecs"],
        &["find", "--evidence"],
        &["trace", "--rows", "--limit", "100"],
        &["trace", "--format", "json", "--limit", "100"],
        &["check"],
        &["check", "--format", "json"],
    ];
    for arguments in answers {
        let answer = run(&[*arguments, &["--anonymous", "a key"]].concat());
        holds(&arguments.join(" "), &answer);
    }
    run(&[
        "report",
        "--format",
        "csv",
        "--output",
        &tables,
        "--anonymous",
        "a key",
    ]);
    let mut all = String::new();
    for table in fs::read_dir(&tables).unwrap() {
        all += &fs::read_to_string(table.unwrap().path()).unwrap();
    }
    holds("csv", &all.to_lowercase());
    for file in [&day, &manifest] {
        let bytes = fs::read(Path::new(file)).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        holds(file, &text);
        assert!(!text.contains("a key\""), "{file} names the key");
    }
}

#[test]
fn questions_may_be_asked_under_real_names() {
    let report = |arguments: &[&str]| -> Value {
        let json = [&["report", "--format", "json"], arguments].concat();
        serde_json::from_str(&run(&json)).unwrap()
    };
    for question in [
        &["--sender", "david.hansen@example.com"][..],
        &["--recipient", "@northmill.example"],
        &["--subject", "price list"],
        &["--probe", "david.hansen@example.com"],
    ] {
        let plain = report(question);
        let veiled = report(&[question, &["--anonymous", "k"]].concat());
        assert!(
            plain["totals"]["messages"].as_i64() > Some(0),
            "{question:?}"
        );
        for part in [
            "/totals/messages",
            "/totals/recipients",
            "/excluded",
            "/volume/total",
        ] {
            assert_eq!(
                plain.pointer(part),
                veiled.pointer(part),
                "{question:?} {part}"
            );
        }
    }
    // And under those that an anonymous answer gave.
    let veiled = report(&["--sender", "david.hansen@example.com", "--anonymous", "k"]);
    let name = veiled["top"]["senders"]["by_messages"][0]["address"]
        .as_str()
        .unwrap();
    let again = report(&["--sender", name, "--anonymous", "k"]);
    assert_eq!(veiled["totals"], again["totals"]);
    // Lists are known under both.
    let folder = tempfile::tempdir().unwrap();
    let lists = folder.path().join("lists.txt");
    fs::write(&lists, "Sales@example.com\nnobody@example.com\n").unwrap();
    let lists = lists.display().to_string();
    let never = |more: &[&str]| {
        let report = report(&[&["--lists", &lists], more].concat());
        report["lists"]["never_used"].as_array().unwrap().clone()
    };
    assert_eq!(never(&[]), ["nobody@example.com"]);
    let hidden = never(&["--anonymous", "k"]);
    assert!(hidden.len() == 1 && hidden[0].as_str().unwrap().ends_with(".own.invalid"));
}
