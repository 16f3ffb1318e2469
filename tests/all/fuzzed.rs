//! What the fuzzer begins with, and what it found, on every run: `fuzz/seeds` and `fuzz/found`.

#[path = "../../fuzz/targets.rs"]
pub mod targets;

use std::fs;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 13] = [
    ("scan", targets::scan),
    ("modern", targets::modern),
    ("exchange55", targets::exchange55),
    ("exchange2000", targets::exchange2000),
    ("trackhistory", targets::trackhistory),
    ("lists", targets::lists),
    ("saved", targets::saved),
    ("whole", targets::whole),
    ("expand", targets::expand),
    ("postfix", targets::postfix),
    ("exim", targets::exim),
    ("sendmail", targets::sendmail),
    ("online", targets::online),
];

#[test]
fn seeds_and_old_findings_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, target) in TARGETS {
        let mut run = 0;
        for folder in ["seeds", "found"] {
            let Ok(files) = fs::read_dir(root.join(folder).join(name)) else {
                continue;
            };
            for file in files {
                let path = file.unwrap().path();
                target(&fs::read(&path).unwrap());
                run += 1;
            }
        }
        assert!(run > 0, "{name} has no seeds");
    }
}
