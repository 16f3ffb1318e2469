//! Properties of cutting files: any text of rows, headers, garbage, quotes and line breaks gives the same rows, faults
//! and line numbers, however it is cut.

use bumpalo::Bump;
use proptest::prelude::*;
use waybill::dialect;
use waybill::input::Inputs;
use waybill::pipeline::{self, Reading};

/// The columns of 2007 and of 2013, and some that no version has.
const HEADERS: [&str; 3] = [
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,\
     internal-message-id,message-id,recipient-address,recipient-status,total-bytes,recipient-count,\
     related-recipient-address,reference,message-subject,sender-address,return-path,message-info",
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,\
     internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,\
     recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,\
     message-info,directionality,tenant-id,original-client-ip,original-server-ip,custom-data",
    "date-time,unknown,event-id,message-id,message-subject,recipient-address",
];

/// A piece of a file.
#[derive(Clone, Debug)]
enum Piece {
    Header(usize),
    /// A row under the header before it, with this text as subject.
    Row(String),
    /// A row that ends early.
    Short,
    Garbage(String),
}

fn piece() -> impl Strategy<Value = Piece> {
    let text = "[a-z;,'\"# \n\r\u{feff}é]{0,24}";
    let subject = prop_oneof![
        3 => "[a-z ]{0,40}",
        1 => text,
        1 => Just("one\n2026-03-01T09:00:00.000Z,two".to_string()),
        1 => Just("one\r\n#two\r\n\"\"three".to_string()),
    ];
    prop_oneof![
        1 => (0..HEADERS.len()).prop_map(Piece::Header),
        8 => subject.prop_map(Piece::Row),
        1 => Just(Piece::Short),
        1 => text.prop_map(Piece::Garbage),
        1 => Just(Piece::Garbage("2026-03-01T09:00:00.000Z,\"never closed".to_string())),
    ]
}

fn file() -> impl Strategy<Value = String> {
    let line_end = prop_oneof![Just("\n"), Just("\r\n")];
    let pieces = prop::collection::vec(piece(), 0..60);
    (
        0..HEADERS.len(),
        pieces,
        line_end,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(first, pieces, line_end, marked, whole)| {
            let mut text = String::from(if marked { "\u{feff}" } else { "" });
            let mut header = HEADERS[first];
            text += &format!("#Fields: {header}{line_end}");
            for (number, piece) in pieces.iter().enumerate() {
                text += &match piece {
                    Piece::Header(other) => {
                        header = HEADERS[*other];
                        format!("#Software: x{line_end}#Fields: {header}")
                    }
                    Piece::Row(subject) => row(header, number, subject),
                    Piece::Short => "2026-03-01T09:00:00.000Z,short".to_string(),
                    Piece::Garbage(text) => text.clone(),
                };
                text += line_end;
            }
            let end = text.trim_end().len();
            if whole { text } else { text[..end].to_string() }
        })
}

fn row(header: &str, number: usize, subject: &str) -> String {
    let value = |name: &str| match name.trim() {
        "date-time" => format!("2026-03-01T{:02}:{:02}:00.000Z", number / 60, number % 60),
        "event-id" => "RECEIVE".to_string(),
        "source" => "SMTP".to_string(),
        "message-id" => format!("<{number}@example.com>"),
        "recipient-address" => "bob@example.com".to_string(),
        "message-subject" if subject.contains(['"', ',', '\n', '\r']) => {
            format!("\"{}\"", subject.replace('"', "\"\""))
        }
        "message-subject" => subject.to_string(),
        _ => String::new(),
    };
    header.split(',').map(value).collect::<Vec<_>>().join(",")
}

fn inputs(text: &str) -> Inputs {
    Inputs::from_memory(vec![("a.LOG".to_string(), text.as_bytes().to_vec())])
}

/// Every row with its place and columns, then every fault, as text.
fn understood(text: &str, chunk_bytes: usize) -> Vec<String> {
    let mut inputs = inputs(text);
    let mut reading = Reading::new(&mut inputs, chunk_bytes);
    let mut found = Vec::new();
    while let Some((ground, rows)) = reading.batch(&inputs, 3) {
        for row in rows.iter().flatten() {
            let arena = Bump::new();
            let record = dialect::record(row, &ground.around(row, &arena));
            let place = record.place;
            let line = inputs.line(place);
            let before = &text.as_bytes()[..place.offset as usize];
            let counted = before.iter().filter(|b| **b == b'\n').count() as u64 + 1;
            assert_eq!(line, counted, "the line of the row at {}", place.offset);
            found.push((
                place.offset,
                format!(
                    "line {line}: {} {:?} {} {} {:?} {:?}",
                    record.dialect,
                    record.time,
                    record.event,
                    record.message_id,
                    record.subject,
                    record.recipients
                ),
            ));
        }
    }
    found.sort();
    let faults = reading.outcome().faults;
    let rows = found.into_iter().map(|(_, row)| row);
    let faults = faults.iter().map(|(reason, count, places)| {
        let lines: Vec<u64> = places.iter().map(|place| inputs.line(*place)).collect();
        format!("{count} {reason:?} in lines {lines:?}")
    });
    rows.chain(faults.collect::<Vec<_>>()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn chunks_cover_a_file_and_begin_at_records(text in file(), chunk_bytes in 1..3000_usize) {
        let mut inputs = inputs(&text);
        let plan = pipeline::plan(&mut inputs, chunk_bytes);
        let mut chunks = plan.chunks.clone();
        chunks.sort_by_key(|chunk| chunk.start);
        let mut at = 0;
        for chunk in &chunks {
            prop_assert_eq!(chunk.start, at);
            prop_assert!(chunk.end > chunk.start);
            let rest = &text.as_bytes()[at..];
            let begins = at == 0 || rest.starts_with(b"#") || rest.starts_with(b"2026-03-01T");
            prop_assert!(begins && (at == 0 || text.as_bytes()[at - 1] == b'\n'));
            at = chunk.end;
        }
        if !chunks.is_empty() {
            prop_assert_eq!(at, text.len());
        }
    }

    #[test]
    fn chunks_of_any_length_give_the_same_rows(text in file(), chunk_bytes in 1..3000_usize) {
        let whole = understood(&text, 1 << 20);
        prop_assert_eq!(&understood(&text, chunk_bytes), &whole);
    }
}
