//! The order of the house: the table at the top of `src/lib.rs`, held against every import.
//!
//! In: sources. Out: one line per import that points up or sideways, per thread outside the modules that own them, per
//! `unsafe` outside the two places that need it, per clap outside the front door. Comments, string
//! literals and unit tests do not count.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Modules that may start threads or use rayon.
const THREADS: [&str; 8] = [
    "input", "pipeline", "search", "join", "plan", "audit", "command", "simulate",
];
/// Modules that may say `unsafe`.
const UNSAFE: [&str; 2] = ["input", "scan"];

/// Layer of each module of the table: `//! | layer | modules | knows |`.
fn table(lib: &str) -> BTreeMap<String, usize> {
    let mut layers = BTreeMap::new();
    for line in lib.lines() {
        let Some(row) = line.strip_prefix("//! | ") else {
            continue;
        };
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Ok(layer) = cells[0].parse() else {
            continue;
        };
        for module in cells[1].split(',') {
            let twice = layers.insert(module.trim().to_string(), layer);
            assert_eq!(twice, None, "{module} stands twice in the table");
        }
    }
    layers
}

/// The source without comments, without the text of string literals, and without what is only compiled for tests.
fn bare(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut bare = String::with_capacity(source.len());
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let mut end = 0;
            while quoted.as_bytes().get(end).is_some_and(|b| *b != b'"') {
                end += if quoted.as_bytes()[end] == b'\\' {
                    2
                } else {
                    1
                };
            }
            bare.push_str("\"\"");
            at += end + 2;
        } else if rest.starts_with("'\"'") || rest.starts_with("b'\"'") {
            at += rest.find("'\"'").unwrap() + 3;
        } else {
            let next = rest.chars().next().unwrap();
            bare.push(next);
            at += next.len_utf8();
        }
    }
    bare
}

/// Names that follow `crate::`, those of `use crate::{a, b::c}` too.
fn imports(bare: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in bare.match_indices("crate::") {
        let rest = &bare[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.extend(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && !c.is_whitespace() => {
                    begins = false;
                    found.extend(name(&group[i..]));
                }
                _ => {}
            }
        }
    }
    found
}

fn name(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = &text[..end.unwrap_or(text.len())];
    (!name.is_empty()).then(|| name.to_string())
}

fn has_word(bare: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    bare.match_indices(word)
        .any(|(at, _)| !bare[..at].ends_with(part) && !bare[at + word.len()..].starts_with(part))
}

/// What is wrong with one source file of a module.
fn violations(module: &str, source: &str, layers: &BTreeMap<String, usize>) -> Vec<String> {
    let bare = bare(source);
    let mut wrong = Vec::new();
    let Some(own) = layers.get(module) else {
        return vec![format!("{module} is in no layer of src/lib.rs")];
    };
    for import in imports(&bare) {
        match layers.get(&import) {
            _ if import == module => {}
            None => wrong.push(format!("{module} uses {import}, which is in no layer")),
            Some(layer) if layer < own && (module != "simulate" || *layer == 0) => {}
            Some(layer) => wrong.push(format!("{module} ({own}) uses {import} ({layer})")),
        }
    }
    for word in [
        "rayon",
        "thread::spawn",
        "thread::scope",
        "crossbeam_channel",
    ] {
        if bare.contains(word) && !THREADS.contains(&module) {
            wrong.push(format!("{module} uses {word}"));
        }
    }
    if has_word(&bare, "unsafe") && !UNSAFE.contains(&module) {
        wrong.push(format!("{module} is unsafe"));
    }
    for word in ["clap", "clap_complete", "clap_mangen"] {
        if has_word(&bare, word) && !["cli", "main"].contains(&module) {
            wrong.push(format!("{module} uses {word}"));
        }
    }
    wrong
}

#[test]
fn imports_point_down_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let layers = table(&fs::read_to_string(root.join("lib.rs")).unwrap());
    assert!(layers.len() > 20, "the table of src/lib.rs was not found");
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for (name, bytes) in crate::simulated::files(&root) {
        let module = name.split('/').next().unwrap().trim_end_matches(".rs");
        if module == "lib" || name.ends_with("/tests.rs") {
            continue;
        }
        seen.push(module.to_string());
        let source = String::from_utf8(bytes).unwrap();
        let found = violations(module, &source, &layers);
        wrong.extend(found.into_iter().map(|line| format!("src/{name}: {line}")));
    }
    let gone = layers.keys().filter(|module| !seen.contains(module));
    wrong.extend(gone.map(|module| format!("{module} is in the table but not in src")));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_checker_sees_what_is_forbidden() {
    let lib = "//! | layer | modules | knows |\n//! |---|---|---|\n//! | 5 | cli, command | flags |\n\
               //! | 3 | join, tally | events |\n//! | 1 | simulate, dialect | rows |\n\
               //! | 0 | input, time, scan | bytes |\n";
    let layers = table(lib);
    assert_eq!((layers["command"], layers["time"], layers.len()), (5, 0, 9));
    let wrong = |module: &str, source: &str| violations(module, source, &layers).len();
    assert_eq!(
        wrong("join", "use crate::time::Time; use crate::dialect;"),
        0
    );
    assert_eq!(wrong("join", "use crate::join::links;"), 0);
    assert_eq!(wrong("time", "use crate::dialect::Layout;"), 1);
    assert_eq!(wrong("join", "use crate::tally::Tally;"), 1);
    assert_eq!(
        wrong("input", "use crate::{time::Time,\n    join::{a, b}, scan};"),
        3
    );
    assert_eq!(wrong("time", "fn f() { crate::join::messages() }"), 1);
    assert_eq!(wrong("time", "use crate::nowhere::X;"), 1);
    assert_eq!(wrong("nowhere", ""), 1);
    assert_eq!(wrong("simulate", "use crate::time::Time;"), 0);
    assert_eq!(wrong("simulate", "use crate::dialect::Layout;"), 1);
    assert_eq!(wrong("time", "use rayon::prelude::*;"), 1);
    assert_eq!(wrong("time", "fn f() { std::thread::spawn(g); }"), 1);
    assert_eq!(wrong("join", "use rayon::prelude::*;"), 0);
    assert_eq!(wrong("time", "unsafe { f() }"), 1);
    assert_eq!(wrong("scan", "unsafe { f() }"), 0);
    assert_eq!(wrong("command", "use clap::Parser;"), 1);
    assert_eq!(wrong("cli", "use clap::Parser;"), 0);
    // Words in comments and texts, and what only tests use, are no imports.
    assert_eq!(
        wrong(
            "time",
            "// use crate::join;\n/// [`crate::join`]\nfn f() {}"
        ),
        0
    );
    assert_eq!(
        wrong("time", "const TEXT: &str = \"unsafe \\\" crate::join\";"),
        0
    );
    assert_eq!(
        wrong(
            "time",
            "fn f() {}\n#[cfg(test)]\nmod tests { use crate::join; }"
        ),
        0
    );
    assert_eq!(wrong("time", "fn unsafely() {}"), 0);
}
