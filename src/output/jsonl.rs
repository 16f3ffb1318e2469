//! `paths --format jsonl`: one message per line, the object of CONTRACT.md, keys in its order.
//!
//! In: a [`Path`]. Out: one line. This is how other programs take waybill's work over, so nothing is
//! shortened, and it must keep up with reading: no tree of values, no string per field.

use bstr::BStr;

use crate::event::ServerId;
use crate::output::{Context, json, words};
use crate::path::{Hop, IdTie, Path, Reason, Recipient, Via};
use crate::time::Time;

/// Appends one line.
pub fn write(out: &mut Vec<u8>, path: &Path, context: &Context) {
    object_open(out, path, context);
    out.extend_from_slice(b"}\n");
}

/// The object without its closing brace, so that `trace` can go on with more keys.
pub(super) fn object_open(out: &mut Vec<u8>, path: &Path, context: &Context) {
    identity(out, path);
    origin(out, path, context);
    out.extend_from_slice(b",\"recipients\":");
    json::list(out, &path.recipients, |out, r| {
        recipient(out, r, path, context)
    });
    out.extend_from_slice(b",\"hops\":");
    json::list(out, &path.hops, |out, h| hop(out, h, path, context));
    out.extend_from_slice(b",\"related\":");
    json::list(out, &path.related, |out, (relation, id)| {
        out.extend_from_slice(b"{\"kind\":\"");
        out.extend_from_slice(words::relation(*relation).as_bytes());
        out.extend_from_slice(b"\",\"message_id\":");
        json::string_or_null(out, id);
        mark(out, path.infers_relation(id));
        out.push(b'}');
    });
    out.extend_from_slice(b",\"rows\":");
    json::number(out, Some(path.rows));
    if path.reopened {
        out.extend_from_slice(b",\"reopened\":true");
    }
    if !path.id_ties.is_empty() {
        id_links(out, path, context);
    }
}

/// By what each of the other ids is known to be of the message: a row that carries both, or their form.
fn id_links(out: &mut Vec<u8>, path: &Path, context: &Context) {
    let ties: Vec<_> = path.other_ids.iter().zip(&path.id_ties).collect();
    out.extend_from_slice(b",\"id_links\":");
    json::list(out, &ties, |out, (id, tie)| {
        out.extend_from_slice(b"{\"id\":");
        json::string_or_null(out, id);
        out.extend_from_slice(b",\"by\":\"");
        out.extend_from_slice(words::id_tie(**tie).as_bytes());
        out.extend_from_slice(b"\",\"proof\":");
        match tie {
            IdTie::Row(place) => json::string(out, (context.place)(*place).as_bytes()),
            IdTie::Form | IdTie::Chain => out.extend_from_slice(b"null"),
        }
        mark(out, **tie == IdTie::Form);
        out.push(b'}');
    });
}

/// Marks what was concluded and not logged; what was logged has no mark.
fn mark(out: &mut Vec<u8>, inferred: bool) {
    if inferred {
        out.extend_from_slice(b",\"inferred\":true");
    }
}

/// Everything up to the times: what the message is.
fn identity(out: &mut Vec<u8>, path: &Path) {
    out.extend_from_slice(b"{\"schema\":1,\"message_id\":");
    json::string_or_null(out, path.message_id);
    out.extend_from_slice(b",\"network_message_id\":");
    json::string_or_null(out, path.network_message_id);
    out.extend_from_slice(b",\"other_ids\":");
    json::strings(out, &path.other_ids);
    out.extend_from_slice(b",\"class\":\"");
    out.extend_from_slice(words::class(path.class).as_bytes());
    out.extend_from_slice(b"\",\"direction\":\"");
    out.extend_from_slice(words::direction(path.direction).as_bytes());
    out.extend_from_slice(b"\",\"status\":\"");
    out.extend_from_slice(words::status(path.status).as_bytes());
    out.extend_from_slice(b"\",\"sender\":");
    json::string_or_null(out, path.sender);
    out.extend_from_slice(b",\"return_path\":");
    json::string_or_null(out, path.return_path);
    out.extend_from_slice(b",\"subject\":");
    json::string_or_null(out, path.subject);
    out.extend_from_slice(b",\"size_bytes\":");
    // No mail is empty: zero means that no row logged a size.
    json::number(out, (path.size_bytes > 0).then_some(path.size_bytes));
    out.extend_from_slice(b",\"first_seen\":");
    json::time(out, Some(path.first_seen));
    out.extend_from_slice(b",\"last_seen\":");
    json::time(out, Some(path.last_seen));
}

fn origin(out: &mut Vec<u8>, path: &Path, context: &Context) {
    out.extend_from_slice(b",\"origin\":{\"client_ip\":");
    json::string_or_null(out, path.origin.client_ip);
    out.extend_from_slice(b",\"client_host\":");
    json::string_or_null(out, path.origin.client_host);
    out.extend_from_slice(b",\"server\":");
    server(out, path.origin.server, context);
    out.extend_from_slice(b",\"connector\":");
    json::string_or_null(out, path.origin.connector);
    out.push(b'}');
}

fn recipient(out: &mut Vec<u8>, recipient: &Recipient, path: &Path, context: &Context) {
    out.extend_from_slice(b"{\"address\":");
    json::address(out, recipient.address);
    out.extend_from_slice(b",\"status\":\"");
    out.extend_from_slice(recipient.fate.word().as_bytes());
    out.extend_from_slice(b"\",\"at\":");
    json::time(out, recipient.at);
    out.extend_from_slice(b",\"server\":");
    json::string_or_null(
        out,
        BStr::new(&words::fate_server(recipient, context.server)),
    );
    out.extend_from_slice(b",\"reason\":");
    match recipient.reason {
        Reason::None => out.extend_from_slice(b"null"),
        reason => json::string_or_null(out, &words::reason(&reason, None, context.server)),
    }
    out.extend_from_slice(b",\"via\":");
    json::list(out, &recipient.via, |out, (via, address)| {
        out.extend_from_slice(b"{\"kind\":\"");
        out.extend_from_slice(words::via(*via).as_bytes());
        out.extend_from_slice(b"\",\"address\":");
        json::address(out, address);
        let others = path.others_of(address);
        if !others.is_empty() && *via == Via::Expanded {
            out.extend_from_slice(b",\"one_of\":");
            json::list(out, others, |out, address| json::address(out, address));
        }
        mark(out, path.infers_link(*via, address));
        out.push(b'}');
    });
    out.extend_from_slice(b",\"latency_ms\":");
    json::number(out, recipient.latency_ms);
    out.extend_from_slice(b",\"where\":");
    match recipient.place {
        Some(place) => json::string(out, (context.place)(place).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
    mark(out, path.infers_fate(recipient));
    out.push(b'}');
}

fn hop(out: &mut Vec<u8>, hop: &Hop, path: &Path, context: &Context) {
    out.extend_from_slice(b"{\"server\":");
    server(out, Some(hop.server), context);
    out.extend_from_slice(b",\"role\":\"");
    out.extend_from_slice(words::hop_role(hop.role).as_bytes());
    out.extend_from_slice(b"\",\"received\":");
    json::time(out, hop.received);
    out.extend_from_slice(b",\"from\":");
    json::string_or_null(out, hop.from);
    out.extend_from_slice(b",\"sent\":");
    json::time(out, hop.sent);
    out.extend_from_slice(b",\"to\":");
    json::string_or_null(out, hop.to);
    out.extend_from_slice(b",\"connector\":");
    json::string_or_null(out, hop.connector);
    out.extend_from_slice(b",\"delay_ms\":");
    json::number(out, hop_delay(hop.received, hop.sent));
    if context.evidence {
        out.extend_from_slice(b",\"where\":");
        match hop.place {
            Some(place) => json::string(out, (context.place)(place).as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
    }
    if let Some((by, proof)) = hop.link {
        out.extend_from_slice(b",\"link\":{\"by\":\"");
        out.extend_from_slice(by.words().as_bytes());
        out.extend_from_slice(b"\",\"proof\":");
        json::string(out, (context.place)(proof).as_bytes());
        out.push(b'}');
    }
    if !hop.candidates.is_empty() {
        out.extend_from_slice(b",\"ambiguous\":");
        json::list(out, &hop.candidates, |out, candidate| {
            out.extend_from_slice(b"{\"server\":");
            json::string_or_null(out, candidate.server);
            out.extend_from_slice(b",\"id\":");
            json::string_or_null(out, candidate.id);
            out.extend_from_slice(b",\"where\":");
            json::string(out, (context.place)(candidate.place).as_bytes());
            out.push(b'}');
        });
    }
    mark(out, path.infers_hop(hop));
    out.push(b'}');
}

/// How long a copy stayed, where both ends are known.
pub(super) fn hop_delay(received: Option<Time>, sent: Option<Time>) -> Option<i64> {
    Some(sent?.millis_since(received?))
}

/// A server's name, or null.
pub(super) fn server(out: &mut Vec<u8>, server: Option<ServerId>, context: &Context) {
    match server {
        Some(id) => json::string_or_null(out, (context.server)(id)),
        None => out.extend_from_slice(b"null"),
    }
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
    fn the_object_of_the_contract() {
        let mut path = path();
        path.recipients.drain(3..);
        path.recipients.remove(0);
        let want = concat!(
            r#"{"schema":1,"message_id":"<Q1@contoso.com>","network_message_id":"08dc-0001","#,
            r#""other_ids":["c=US;a= ;p=Contoso;l=EX01"],"class":"mail","direction":"internal","#,
            r#""status":"partly delivered","sender":"alice@contoso.com","#,
            r#""return_path":"alice@contoso.com","subject":"Quarterly \"figures\", für alle","#,
            r#""size_bytes":12345,"first_seen":"2026-03-01T09:14:02.123Z","#,
            r#""last_seen":"2026-03-01T09:14:14.623Z","#,
            r#""origin":{"client_ip":"10.0.0.17","client_host":"pc17.contoso.com","#,
            r#""server":"ex01","connector":"EX01\\Client Proxy EX01"},"#,
            r#""recipients":[{"address":"bob@contoso.com","status":"delivered","#,
            r#""at":"2026-03-01T09:14:02.918Z","server":"ex02","reason":null,"#,
            r#""via":[{"kind":"expanded","address":"team@contoso.com"}],"latency_ms":795,"#,
            r#""where":"ex02/MSGTRKMD2026030109-1.LOG:17"},"#,
            r#"{"address":"carol@contoso.com","status":"delivered","at":"2026-03-01T09:14:14.623Z","#,
            r#""server":"ex01","reason":"inferred: no mailbox delivery log of ex03 was read for that time","#,
            r#""via":[{"kind":"resolved","address":"c.smith@contoso.com"},"#,
            r#"{"kind":"expanded","address":"team@contoso.com"}],"latency_ms":12500,"#,
            r#""where":"ex01/MSGTRK2026030109-1.LOG:9","inferred":true}],"#,
            r#""hops":[{"server":"ex01","role":"transport","received":"2026-03-01T09:14:02.123Z","#,
            r#""from":"pc17.contoso.com","sent":"2026-03-01T09:14:02.435Z","#,
            r#""to":"EX02.contoso.com","connector":"Intra-Organization SMTP Send Connector","#,
            r#""delay_ms":312},{"server":"ex02","role":"delivery","received":null,"from":"EX01","#,
            r#""sent":"2026-03-01T09:14:02.918Z","to":null,"connector":null,"delay_ms":null}],"#,
            r#""related":[{"kind":"report","message_id":"<dsn1@contoso.com>"}],"rows":20}"#,
            "\n"
        );
        assert_eq!(line(&path), want);
    }

    #[test]
    fn hostile_text_stays_inside_its_string() {
        for text in hostile_texts() {
            let line = line(&hostile(text));
            assert!(is_inert(&line));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value.as_object().unwrap().len(), 18);
            if let Ok(text) = std::str::from_utf8(text) {
                assert_eq!(value["subject"], text);
                assert_eq!(value["recipients"][1]["address"], text.to_ascii_lowercase());
            }
        }
    }
}
