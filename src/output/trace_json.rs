//! `trace --format json`: the object of [`jsonl`] and the message's rows.
//!
//! In: a [`Path`] whose steps are filled. Out: one object per line, the keys of `paths` first and then
//! `steps`, in the order of cause and effect.

use crate::output::{Context, json, jsonl, words};
use crate::path::{Path, Step};

/// Appends one line.
pub fn write(out: &mut Vec<u8>, path: &Path, context: &Context) {
    jsonl::object_open(out, path, context);
    out.extend_from_slice(b",\"steps\":");
    json::list(out, &path.steps, |out, s| step(out, s, context));
    if !path.raw.is_empty() {
        out.extend_from_slice(b",\"raw\":");
        json::list(out, &path.raw, |out, (place, row)| {
            out.extend_from_slice(b"{\"where\":");
            json::string(out, (context.place)(*place).as_bytes());
            out.extend_from_slice(b",\"row\":");
            json::string(out, row);
            out.push(b'}');
        });
    }
    out.extend_from_slice(b"}\n");
}

fn step(out: &mut Vec<u8>, step: &Step, context: &Context) {
    out.extend_from_slice(b"{\"time\":");
    json::time(out, Some(step.time));
    out.extend_from_slice(b",\"server\":");
    jsonl::server(out, step.server, context);
    out.extend_from_slice(b",\"role\":\"");
    out.extend_from_slice(words::role(step.role).as_bytes());
    out.push(b'"');
    let texts: [(&[u8], &[u8]); 6] = [
        (b",\"event\":", step.event),
        (b",\"source\":", step.source),
        (b",\"recipients\":", step.recipients),
        (b",\"related\":", step.related),
        (b",\"peer\":", step.peer),
        (b",\"detail\":", step.detail),
    ];
    for (key, text) in texts {
        out.extend_from_slice(key);
        json::string_or_null(out, text);
    }
    out.extend_from_slice(b",\"where\":");
    json::string(out, (context.place)(step.place).as_bytes());
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::example::{hostile, hostile_texts, path};
    use crate::output::testing::{UTC, is_inert};

    fn line(path: &Path) -> String {
        let mut out = Vec::new();
        write(&mut out, path, &UTC);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn steps_come_after_the_keys_of_paths() {
        let want = concat!(
            r#","rows":20,"steps":[{"time":"2026-03-01T09:14:02.918Z","server":"ex02","#,
            r#""role":"deliver","event":"DELIVER","source":"STOREDRIVER","#,
            r#""recipients":"Bob@contoso.com","related":null,"peer":"EX02","#,
            r#""detail":"250 2.1.5 OK","where":"ex02/MSGTRKMD2026030109-1.LOG:17"}]}"#,
            "\n"
        );
        let line = line(&path());
        assert!(line.ends_with(want), "{line}");
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
    }

    #[test]
    fn hostile_text_stays_inside_its_string() {
        for text in hostile_texts() {
            let line = line(&hostile(text));
            assert!(is_inert(&line) && line.matches('\n').count() == 1);
            serde_json::from_str::<serde_json::Value>(&line).unwrap();
        }
    }
}
