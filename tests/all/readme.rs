//! What README.md says is what the program does.
//!
//! A ```` ```sh ```` block behind a line `<!-- run -->` is run by `sh` in the project's folder, `cargo run --release --`
//! replaced by the program and `waybill` found beside it, and must end with 0. Where a ```` ```text ```` block follows, it is what the commands
//! print on standard output, timing masked; a line `...` in it stands for any lines.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::golden::{difference, masked};

/// A block to run and what it prints, if the page shows it.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    commands: String,
    shown: Option<String>,
}

/// The blocks of a page that are to be run.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("<!-- run -->\n") {
        rest = after;
        let Some((commands, after)) = fenced(after, "sh") else {
            panic!("<!-- run --> without a sh block behind it");
        };
        let shown = fenced(after, "text").map(|(text, _)| text.to_string());
        blocks.push(Block {
            commands: commands.to_string(),
            shown,
        });
    }
    blocks
}

/// The fenced block that follows directly, blank lines aside, and what is behind it.
fn fenced<'p>(page: &'p str, language: &str) -> Option<(&'p str, &'p str)> {
    let page = page.trim_start();
    let inner = page.strip_prefix("```")?.strip_prefix(language)?;
    inner.strip_prefix('\n')?.split_once("```\n")
}

/// What is wrong with a block: it fails, or prints something else than the page shows.
fn wrong(block: &Block, folder: &Path) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_waybill");
    let commands = block.commands.replace("cargo run --release --", program);
    let beside = Path::new(program).parent().unwrap().display();
    let path = format!("{beside}:{}", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-e", "-c", &commands])
        .env("PATH", path)
        .current_dir(folder)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Some(format!("{}{}\n{stderr}", block.commands, output.status));
    }
    let said = masked(&String::from_utf8_lossy(&output.stdout));
    let shown = masked(block.shown.as_deref()?);
    (!is_shown(&shown, &said)).then(|| difference(&block.commands, &shown, &said))
}

/// Whether `said` is `shown`, in which a line `...` stands for any lines.
fn is_shown(shown: &str, said: &str) -> bool {
    let plain = |text: &str| -> Vec<String> { text.lines().map(|l| l.trim_end().into()).collect() };
    let (shown, said) = (plain(shown.trim_end()), plain(said.trim_end()));
    let parts: Vec<&[String]> = shown.split(|line| line.trim() == "...").collect();
    let [first, between @ .., last] = parts.as_slice() else {
        return parts[0] == said;
    };
    if said.len() < first.len() + last.len() || !said.starts_with(first) || !said.ends_with(last) {
        return false;
    }
    let mut rest = &said[first.len()..said.len() - last.len()];
    for part in between.iter().filter(|part| !part.is_empty()) {
        match rest.windows(part.len()).position(|window| window == *part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[test]
fn the_readme_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(page) = fs::read_to_string(root.join("README.md")) else {
        return;
    };
    let page = page.replace("\r\n", "\n");
    let wrong: Vec<String> = blocks(&page)
        .iter()
        .filter_map(|block| wrong(block, root))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_page_that_lies_is_caught() {
    let page = "Text\n\n<!-- run -->\n```sh\necho one\necho two\n```\n\n```text\none\ntwo\n```\n\n\
                ```sh\nfalse\n```\n<!-- run -->\n```sh\ncargo run --release -- --version > /dev/null\n```\nMore\n\
                ```text\nnot its output\n```\n";
    let found = blocks(page);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].shown.as_deref(), Some("one\ntwo\n"));
    assert_eq!(found[1].shown, None);
    let here = Path::new(".");
    assert_eq!(wrong(&found[0], here), None);
    assert_eq!(wrong(&found[1], here), None);
    let block = |commands: &str, shown: Option<&str>| Block {
        commands: commands.to_string(),
        shown: shown.map(str::to_string),
    };
    assert!(wrong(&block("echo one\n", Some("two\n")), here).is_some());
    assert!(wrong(&block("echo one; echo two\n", Some("one\n")), here).is_some());
    assert!(wrong(&block("false\n", None), here).is_some());
    assert_eq!(
        wrong(&block("seq 9\n", Some("1\n...\n5\n...\n9\n")), here),
        None
    );
    assert!(wrong(&block("seq 9\n", Some("1\n...\n5\n5\n...\n9\n")), here).is_some());
    assert!(wrong(&block("seq 9\n", Some("1\n...\n8\n")), here).is_some());
}
