//! Golden cases: what the real program prints for given input, kept as files.
//!
//! Each folder of `tests/golden` is a case; a new folder is a new case. `cmd` holds the arguments, one run of the program
//! in the case's folder; beside it stand its logs, or `input` names another case's folder to run in. `stdout`,
//! `stderr` and `status` are what it must say. `WAYBILL_BLESS=1 cargo test --test all golden` writes them anew.

use std::fs;
use std::path::Path;

use crate::program::waybill;

/// One run of a case: what it printed and its exit status, timing masked.
struct Said {
    stdout: String,
    stderr: String,
    status: String,
}

fn run(case: &Path) -> Said {
    let arguments = fs::read_to_string(case.join("cmd")).unwrap();
    let folder = match fs::read_to_string(case.join("input")) {
        Ok(other) => case.join(other.trim()),
        Err(_) => case.to_path_buf(),
    };
    let mut command = waybill();
    command.args(split(arguments.trim())).current_dir(folder);
    let output = command.output().unwrap();
    Said {
        stdout: masked(&String::from_utf8(output.stdout).unwrap()),
        stderr: masked(&String::from_utf8(output.stderr).unwrap()),
        status: format!("{}\n", output.status.code().unwrap()),
    }
}

/// Arguments between blanks; single quotes hold one together.
fn split(line: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => arguments.push(String::new()),
            c => arguments.last_mut().unwrap().push(c),
        }
    }
    arguments.retain(|argument| !argument.is_empty());
    arguments
}

/// Figures that differ from run to run become `_`: seconds and rates.
pub fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        // A slow run may show a rate in another unit.
        let line = line.replace(" kB/s", " MB/s").replace(" GB/s", " MB/s");
        let line = mask_before(&line, " MB/s");
        let line = mask_before(&line, " s,");
        let line = mask_before(&line, " s (");
        let line = mask_before(&line, " s\n");
        out.push_str(&mask_after(&line, "\"seconds\":"));
    }
    out
}

fn is_figure(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

/// Masks the number in front of `unit`.
fn mask_before(line: &str, unit: &str) -> String {
    let Some((before, after)) = line.split_once(unit) else {
        return line.to_string();
    };
    let kept = before.trim_end_matches(is_figure);
    match kept.len() == before.len() {
        true => line.to_string(),
        false => format!("{kept}_{unit}{after}"),
    }
}

/// Masks the number behind `name`.
fn mask_after(line: &str, name: &str) -> String {
    let Some((before, after)) = line.split_once(name) else {
        return line.to_string();
    };
    let rest = after.trim_start().trim_start_matches(is_figure);
    format!("{before}{name} _{rest}")
}

#[test]
fn golden() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bless = std::env::var_os("WAYBILL_BLESS").is_some();
    let mut cases: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("cmd").exists())
        .collect();
    cases.sort();
    assert!(cases.len() >= 20, "only {} cases", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        let said = run(case);
        for (name, text) in [
            ("stdout", &said.stdout),
            ("stderr", &said.stderr),
            ("status", &said.status),
        ] {
            let file = case.join(name);
            let kept = fs::read_to_string(&file).unwrap_or_default();
            if bless && kept != *text {
                fs::write(&file, text).unwrap();
            } else if kept != *text {
                wrong += &difference(&format!("{}/{name}", case.display()), &kept, text);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "\n{wrong}\nWAYBILL_BLESS=1 writes them anew"
    );
}

/// The first line that differs.
pub fn difference(name: &str, kept: &str, said: &str) -> String {
    let lines = kept.lines().zip(said.lines()).enumerate();
    let first = lines.clone().find(|(_, (kept, said))| kept != said);
    match first {
        Some((number, (kept, said))) => {
            let line = number + 1;
            format!("{name}:{line}:\n  kept {kept}\n  said {said}\n")
        }
        None => format!(
            "{name}: kept {} lines, said {}\n",
            kept.lines().count(),
            said.lines().count()
        ),
    }
}

#[test]
fn masks_only_timing() {
    assert_eq!(
        masked("2 files, 1.0 MB, 12 rows, 0 bad rows, 0.13 s, 8 MB/s\n"),
        "2 files, 1.0 MB, 12 rows, 0 bad rows, _ s, _ MB/s\n"
    );
    assert_eq!(masked("\"seconds\": 0.01,\n"), "\"seconds\": _,\n");
    assert_eq!(masked("took 12 ms, sent 3 MB\n"), "took 12 ms, sent 3 MB\n");
}
