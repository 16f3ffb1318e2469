//! Tests of the whole simulator: repeatable, readable, of the promised size, and true to itself.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::files::ROLLOVER_BYTES;
use super::{LayoutChoice, Options, Summary, run, story_options};

/// All files under `folder`, with their bytes.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_path_buf();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn simulated(options: &Options) -> (Summary, BTreeMap<PathBuf, Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let summary = run(options, folder.path()).unwrap();
    (summary, tree(folder.path()))
}

fn tracking_logs(files: &BTreeMap<PathBuf, Vec<u8>>) -> impl Iterator<Item = (&PathBuf, &Vec<u8>)> {
    files
        .iter()
        .filter(|(path, _)| path.iter().any(|part| part == "MessageTracking"))
}

/// Field names and rows of a log.
fn parsed(bytes: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::str::from_utf8(bytes)
        .unwrap()
        .trim_start_matches('\u{feff}');
    let mut head = text.split_inclusive('\n');
    let header: Vec<&str> = head.by_ref().take(5).map(str::trim_end).collect();
    assert_eq!(header[2], "#Log-type: Message Tracking Log");
    let fields = header[4].strip_prefix("#Fields: ").unwrap();
    let fields = fields.split(',').map(str::to_string).collect();
    let body: String = head.collect();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(body.as_bytes());
    // The reader itself refuses rows of unequal length.
    let rows = reader
        .records()
        .map(|r| r.unwrap().iter().map(str::to_string).collect())
        .collect();
    (fields, rows)
}

fn truth(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<serde_json::Value> {
    let bytes = &files[Path::new("truth.jsonl")];
    let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn choices() -> [(LayoutChoice, &'static [usize]); 5] {
    let of = |text| LayoutChoice::parse(text).unwrap();
    [
        (of("21"), &[21]),
        (of("26"), &[26]),
        (of("27"), &[27]),
        (of("30"), &[30]),
        (of("mixed"), &[21, 26, 27, 30]),
    ]
}

#[test]
fn same_seed_same_bytes() {
    let options = Options {
        messages_per_day: 300,
        skew_ms: 400,
        ..Options::default()
    };
    let (first, files) = simulated(&options);
    let (second, again) = simulated(&options);
    assert_eq!(first, second);
    assert!(files == again);
    let (_, other) = simulated(&Options { seed: 2, ..options });
    assert!(files != other);
}

#[test]
fn rows_have_the_columns_of_their_layout() {
    for (layout, widths) in choices() {
        let options = Options {
            layout,
            messages_per_day: 400,
            ..Options::default()
        };
        let (summary, files) = simulated(&options);
        let mut rows = 0;
        for (path, bytes) in tracking_logs(&files) {
            let (fields, read) = parsed(bytes);
            assert!(widths.contains(&fields.len()), "{}", path.display());
            assert!(
                read.iter().all(|row| row.len() == fields.len()),
                "{}",
                path.display()
            );
            let times: Vec<&String> = read.iter().map(|row| &row[0]).collect();
            assert!(times.is_sorted(), "{}", path.display());
            rows += read.len() as u64;
        }
        assert_eq!(rows, summary.rows);
    }
}

#[test]
fn files_have_legal_names_and_sizes() {
    for (layout, _) in choices() {
        let options = Options {
            layout,
            servers: 4,
            edges: 0,
            probes: false,
            size_bytes: Some(60_000_000),
            ..Options::default()
        };
        let (summary, files) = simulated(&options);
        assert!(
            (45_000_000..75_000_000).contains(&summary.bytes),
            "{summary:?}"
        );
        for (path, bytes) in tracking_logs(&files) {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let digits = name.trim_start_matches(|c: char| c.is_ascii_uppercase());
            let prefix = &name[..name.len() - digits.len()];
            assert!(["MSGTRK", "MSGTRKM", "MSGTRKMA", "MSGTRKMD", "MSGTRKMS"].contains(&prefix));
            let (date, instance) = digits.split_once('-').unwrap();
            assert!(date.len() == 8 || date.len() == 10, "{name}");
            assert!(date.bytes().all(|b| b.is_ascii_digit()), "{name}");
            assert!(instance.parse::<u32>().unwrap() >= 1, "{name}");
            assert!(bytes.len() <= ROLLOVER_BYTES + 20_000, "{name}");
            assert_eq!(path.extension().unwrap(), "LOG");
        }
        let rolled = tracking_logs(&files).any(|(path, _)| path.ends_with("MSGTRK20260302-2.LOG"));
        assert!(rolled || layout != LayoutChoice::parse("26").unwrap());
    }
}

#[test]
fn rows_of_the_widest_layout_are_as_long_as_real_ones() {
    let (summary, _) = simulated(&Options::default());
    let each = summary.bytes / summary.rows;
    assert!((900..1300).contains(&each), "{each}");
}

#[test]
fn truth_speaks_the_words_of_the_contract() {
    let statuses = [
        "delivered",
        "transferred",
        "failed",
        "dropped",
        "rejected",
        "pending",
        "expanded",
        "redirected",
    ];
    let mut seen: HashMap<String, u32> = HashMap::new();
    for (layout, _) in choices() {
        let (summary, files) = simulated(&Options {
            layout,
            days: 3,
            ..Options::default()
        });
        let lines = truth(&files);
        assert_eq!(lines.len() as u64, summary.messages);
        let times: Vec<&str> = lines
            .iter()
            .map(|m| m["first_seen"].as_str().unwrap())
            .collect();
        assert!(times.is_sorted());
        for message in &lines {
            let recipients = message["recipients"].as_array().unwrap();
            assert!(!recipients.is_empty(), "{message}");
            assert!(message["rows"].as_u64().unwrap() > 0, "{message}");
            for r in recipients {
                let status = r["status"].as_str().unwrap();
                assert!(statuses.contains(&status), "{message}");
                let address = r["address"].as_str().unwrap();
                assert_eq!(address, address.to_lowercase());
                *seen.entry(status.to_string()).or_default() += 1;
            }
        }
    }
    assert!(statuses.iter().all(|s| seen.contains_key(*s)), "{seen:?}");
}

/// The truth's own count of rows is what stands in the files.
#[test]
fn truth_counts_the_rows_that_were_written() {
    let (_, files) = simulated(&Options {
        messages_per_day: 1500,
        ..Options::default()
    });
    let mut written: HashMap<String, u64> = HashMap::new();
    for (_, bytes) in tracking_logs(&files) {
        let (fields, rows) = parsed(bytes);
        let column = fields
            .iter()
            .position(|f| f == "network-message-id")
            .unwrap();
        for row in rows {
            *written.entry(row[column].clone()).or_default() += 1;
        }
    }
    for message in truth(&files) {
        let id = message["network_message_id"].as_str().unwrap();
        assert_eq!(written[id], message["rows"].as_u64().unwrap(), "{message}");
    }
}

#[test]
fn leaving_out_a_server_leaves_the_truth_alone() {
    let options = Options {
        messages_per_day: 200,
        ..Options::default()
    };
    let (_, whole) = simulated(&options);
    let (_, part) = simulated(&Options {
        leave_out: vec!["EX02".to_string()],
        ..options
    });
    assert_eq!(
        whole[Path::new("truth.jsonl")],
        part[Path::new("truth.jsonl")]
    );
    assert!(whole.keys().any(|path| path.starts_with("ex02")));
    assert!(!part.keys().any(|path| path.starts_with("ex02")));
    let same = part.iter().all(|(path, bytes)| whole[path] == *bytes);
    assert!(same);
}

/// The folder that the README shows. If this fails: `waybill simulate --out data/today --stories`, and look at the README.
#[test]
fn the_data_folder_is_what_is_written_now() {
    let kept = tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/today"));
    let (_, made) = simulated(&story_options());
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&made));
    for (name, bytes) in &made {
        assert!(kept[name] == *bytes, "{} differs", name.display());
    }
}

#[test]
fn tales_fit_the_data_folder() {
    let (summary, files) = simulated(&story_options());
    assert!(summary.bytes < 2_000_000, "{summary:?}");
    assert!(!files.keys().any(|path| path.starts_with("ex04")));
    let lines = truth(&files);
    let fates = |story: &str| -> Vec<String> {
        let of = lines
            .iter()
            .filter(|m| m["story"] == story && m["class"] == "mail");
        of.flat_map(|m| m["recipients"].as_array().unwrap())
            .map(|r| r["status"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(fates("lost"), ["dropped"]);
    assert_eq!(fates("slow-partner"), ["transferred"]);
    assert_eq!(fates("missing-log"), ["delivered", "delivered"]);
    assert_eq!(fates("re-sent"), ["delivered", "delivered"]);
    assert_eq!(fates("resubmitted"), ["delivered"]);
    for (story, status, count) in [
        ("full-member", "failed", 1),
        ("full-member", "delivered", 3),
        ("forward-without-copy", "redirected", 1),
        ("forward-without-copy", "transferred", 1),
        ("forward-with-copy", "delivered", 1),
        ("forward-with-copy", "transferred", 1),
        ("nested-list", "expanded", 2),
        ("nested-list", "delivered", 5),
    ] {
        let found = fates(story).iter().filter(|s| *s == status).count();
        assert_eq!(found, count, "{story} {status}");
    }
    let far = lines.iter().filter(|m| m["class"] == "mail");
    let far = far.filter(|m| {
        m["recipients"]
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["server"] == "ex04")
    });
    assert_eq!(far.count(), 1);
}
