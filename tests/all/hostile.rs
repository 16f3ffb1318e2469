//! A log written by an enemy through every way out: nothing in it is obeyed.

use std::fs;
use std::process::Command;

const HEAD: &str = "#Log-type: Message Tracking Log\r\n#Fields: date-time,client-ip,client-hostname,\
    server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id,\
    recipient-address,recipient-status,total-bytes,message-subject,sender-address\r\n";

const HOSTILE: [&[u8]; 10] = [
    b"\x1b[2J\x1b]0;title\x07gone",
    "invoice\u{202e}fdp.exe\u{2066}\u{200b}\u{9b}31m".as_bytes(),
    b"=cmd|' /C calc'!A0",
    b"+1;@SUM(A1)",
    b"a\0b\tc",
    b"\xff\xfe broken \xc3",
    b"half \xed\xa0\x80",
    b"\"\",\"\"evil\"\":1,\"\"",
    b"</td></title></Subject>]]><script>alert(1)</script><img src=x onerror=alert(1)><!-- &lt;",
    b"javascript:alert(1)",
];

/// One message per hostile text, with the text in every field that a stranger fills.
fn log() -> Vec<u8> {
    let mut log = HEAD.as_bytes().to_vec();
    let long = vec![b'='; 1 << 20];
    for (n, text) in HOSTILE.iter().copied().chain([&long[..]]).enumerate() {
        for (second, source, event) in [(1, "SMTP", "RECEIVE"), (2, "SMTP", "FAIL")] {
            let quoted = [b"\"", text, b"\""].concat();
            let time = format!("2026-03-01T09:{n:02}:0{second}.000Z,10.0.0.1,");
            log.extend(time.as_bytes());
            log.extend(&quoted);
            log.extend(b",ex01,");
            log.extend(&quoted);
            log.extend(b",");
            log.extend(&quoted);
            log.extend(format!(",{source},{event},{n},").as_bytes());
            for _ in 0..3 {
                log.extend(&quoted);
                log.extend(b",");
            }
            log.extend(b"123,");
            log.extend(&quoted);
            log.extend(b",");
            log.extend(&quoted);
            log.extend(b"\r\n");
        }
    }
    log
}

/// Characters that a terminal or an editor obeys, line breaks apart.
fn obeyed(text: &str) -> Option<char> {
    text.chars().find(|&c| {
        (c.is_control() && c != '\n' && c != '\r')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn nothing_a_stranger_wrote_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{202e}b.LOG";
    fs::write(folder.path().join(name), log()).unwrap();
    let manifest = folder.path().join("manifest");
    let root = folder.path().to_str().unwrap();
    let tables = folder.path().join("tables");
    let tables = tables.to_str().unwrap();
    let ways: [&[&str]; 20] = [
        &["report"],
        &["report", "--format", "json"],
        &["report", "--format", "html"],
        &["report", "--format", "csv", "--output", tables],
        &["find"],
        &["find", "--evidence"],
        &["trace", "--rows"],
        &["trace", "--raw", "--evidence", "--color", "never"],
        &["trace", "--format", "json", "--raw"],
        &["trace", "--format", "xml"],
        &["paths"],
        &["paths", "--format", "csv"],
        &["paths", "--profile", "ecs"],
        &["events"],
        &["events", "--format", "csv"],
        &["events", "--format", "timesketch"],
        &["paths", "--format", "timesketch"],
        &["check"],
        &["check", "--format", "json"],
        &["paths", "--force", "--manifest", manifest.to_str().unwrap()],
    ];
    for way in ways {
        let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args(way)
            .arg(format!("{root}/{name}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(0 | 3)),
            "{way:?}: {said}"
        );
        assert_eq!(obeyed(&said), None, "{way:?}: {said}");
        let mut texts =
            vec![String::from_utf8(output.stdout).unwrap_or_else(|_| panic!("{way:?}"))];
        if way.contains(&"--manifest") {
            texts = vec![fs::read_to_string(&manifest).unwrap()];
        }
        if way.contains(&"--output") {
            let files = fs::read_dir(tables)
                .unwrap()
                .map(|file| file.unwrap().path());
            texts = files
                .map(|file| fs::read_to_string(file).unwrap())
                .collect();
        }
        assert!(texts.iter().any(|text| text.len() > 1000), "{way:?}");
        for text in texts {
            assert_way(way, &text);
        }
    }
}

fn assert_way(way: &[&str], text: &str) {
    let is_csv = way.contains(&"csv");
    assert_eq!(obeyed(&text.replace("\r\n", "\n")), None, "{way:?}");
    if is_csv {
        let mut csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        for record in csv.records() {
            for cell in &record.unwrap() {
                let is_number = cell.parse::<f64>().is_ok();
                let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
                assert!(
                    is_number || !formula,
                    "{way:?}: {}",
                    &cell[..cell.len().min(80)]
                );
            }
        }
    }
    if way.contains(&"html") {
        assert!(
            !text.contains("<script>alert") && !text.contains("<img src=x"),
            "{way:?}"
        );
        assert!(!text.contains("href=\"javascript"), "{way:?}");
        // No element comes from a log: the same ones are in a report without one.
        assert_eq!(
            text.matches("</title>").count(),
            text.matches("<title>").count()
        );
    }
    if way.contains(&"xml") {
        let mut reader = quick_xml::Reader::from_str(text);
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(start) => {
                    assert_ne!(start.name().as_ref(), b"script");
                }
                _ => {}
            }
        }
    }
    let is_lines = (way[0] == "paths" || way[0] == "events") && !is_csv;
    if is_lines || way.contains(&"json") {
        for value in serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>() {
            value.unwrap();
        }
    }
}

/// Ids that would meet in one slot of a table whose hash everybody knows are nothing special: every run has its own.
#[test]
fn ids_cannot_be_made_to_collide() {
    use waybill::keys::Keys;
    let (one, other) = (Keys::default(), Keys::default());
    let ids: Vec<String> = (0..2000).map(|n| format!("<{n:x}@example.com>")).collect();
    let shard = |keys: &Keys, id: &String| keys.message_id(id.as_bytes()) >> 58;
    let same = ids
        .iter()
        .filter(|id| shard(&one, id) == shard(&other, id))
        .count();
    // By chance one in 64.
    assert!(
        same < 200,
        "{same} of 2000 ids have the same place in two runs"
    );
    let most = |keys: &Keys| {
        let mut shards = [0; 64];
        ids.iter()
            .for_each(|id| shards[shard(keys, id) as usize] += 1);
        shards.into_iter().max().unwrap()
    };
    assert!(most(&one) < 100);
}
