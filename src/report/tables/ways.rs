//! Connectors, lists, sizes, oddities and mailboxes.

use super::{Cell, Section, Table, maybe, millis, table, text, time};
use crate::report::Report;

/// The tables of these sections.
pub fn tables(report: &Report) -> Vec<Table> {
    let mut tables = connectors(report);
    tables.extend(lists(report));
    tables.extend(sizes(report));
    tables.extend(oddities(report));
    tables.push(mailboxes(report));
    tables
}

fn connectors(report: &Report) -> Vec<Table> {
    let connectors = &report.connectors;
    let section = Section::Connectors;
    let received = connectors.received.iter().map(|way| {
        vec![
            text(&way.server),
            maybe(&way.connector),
            maybe(&way.client),
            Cell::Count(way.messages),
            Cell::Count(way.recipients),
            Cell::Bytes(way.bytes),
        ]
    });
    let sent = connectors.sent.iter().map(|way| {
        vec![
            text(&way.server),
            maybe(&way.connector),
            text(&way.next_hop),
            Cell::Count(way.messages),
            Cell::Count(way.recipients),
            Cell::Bytes(way.bytes),
            millis(way.stay_p50_ms),
            millis(way.stay_p95_ms),
        ]
    });
    let between = connectors.between.iter().map(|way| {
        vec![
            text(&way.from),
            text(&way.to),
            Cell::Count(way.messages),
            Cell::Count(way.recipients),
            Cell::Bytes(way.bytes),
            millis(way.stay_p50_ms),
            millis(way.stay_p95_ms),
        ]
    });
    let servers = connectors.servers_per_message.iter().map(|line| {
        vec![
            Cell::Count(i64::from(line.servers)),
            Cell::Count(line.messages),
            Cell::Count(line.recipients),
        ]
    });
    let reach = &connectors.reach;
    let all = (reach.local + reach.off_server + reach.outside).max(1);
    let messages = &reach.messages;
    let reach = [
        (
            "on the server where it was submitted",
            reach.local,
            messages.local,
        ),
        ("on another server", reach.off_server, messages.off_server),
        ("outside", reach.outside, messages.outside),
    ];
    let received_columns = [
        "server",
        "receive connector",
        "client",
        "messages",
        "recipients",
        "bytes",
    ];
    let sent_columns = [
        "server",
        "send connector",
        "next hop",
        "messages",
        "recipients",
        "bytes",
        "stay p50",
        "stay p95",
    ];
    let between_columns = [
        "from",
        "to",
        "messages",
        "recipients",
        "bytes",
        "stay p50",
        "stay p95",
    ];
    vec![
        table(section, "received", "Where mail came in", &received_columns)
            .note("The first server that has the message; without a connector: submitted by a mailbox there.")
            .find_among("--server SERVER --connector CONNECTOR --client-ip CLIENT")
            .lines(received),
        table(section, "sent", "Which way mail left", &sent_columns)
            .note("Each message once per way; recipients are those that the rows of the hand-over name. Stay: from receipt to hand-over on that server.")
            .find_among("--server SERVER --connector CONNECTOR")
            .lines(sent),
        table(section, "between", "From server to server", &between_columns)
            .note("To itself: the hand-over to mailboxes on the same server.")
            .find_among("--server FROM")
            .lines(between),
        table(section, "hops", "Servers per message", &["servers", "messages", "recipients"]).lines(servers),
        table(section, "reach", "How far mail went", &["mailbox", "messages", "recipients", "share"])
            .note("Mail submitted by mailboxes; outside: of all mail. Share: of recipients.")
            .lines(reach.map(|(what, recipients, messages)| {
                let share = Cell::Share(recipients as f64 / all as f64);
                vec![text(what), Cell::Count(messages), Cell::Count(recipients), share]
            })),
    ]
}

fn lists(report: &Report) -> Vec<Table> {
    let lists = &report.lists;
    let section = Section::Lists;
    let used = lists.lists.iter().map(|list| {
        vec![
            text(&list.address),
            Cell::Count(list.uses),
            Cell::Count(list.nested_uses),
            time(&list.last_use),
            Cell::Count(list.members),
            Cell::Count(list.reached),
        ]
    });
    let columns = [
        "list",
        "uses",
        "of these nested",
        "last use",
        "recipients",
        "reached",
    ];
    let depths = lists.depths.iter();
    let mut tables = vec![
        table(section, "lists", "Lists used", &columns)
            .note(
                "A use is a message. Recipients are those that came in by the list, over all uses.",
            )
            .find_among("--recipient LIST")
            .lines(used),
        table(
            section,
            "list_depth",
            "Lists inside lists",
            &["depth", "messages"],
        )
        .lines(depths.map(|d| vec![Cell::Count(i64::from(d.depth)), Cell::Count(d.messages)])),
    ];
    if let Some(never) = &lists.never_used {
        let never = never.iter().map(|address| vec![text(address)]);
        tables.push(table(section, "lists_never_used", "Lists never used", &["list"]).lines(never));
    }
    tables
}

fn sizes(report: &Report) -> Vec<Table> {
    let sizes = &report.sizes;
    let lines = sizes.by_power_of_two.iter().map(|class| {
        vec![
            Cell::Bytes(class.from_bytes as i64),
            Cell::Bytes(class.to_bytes as i64),
            Cell::Count(class.messages),
            Cell::Count(class.recipients),
            Cell::Bytes(class.bytes),
            Cell::Share(class.share_of_bytes),
        ]
    });
    let columns = [
        "from",
        "below",
        "messages",
        "recipients",
        "bytes",
        "share of bytes",
    ];
    let summary = [
        ("mean", sizes.mean_bytes),
        ("half are not larger than", sizes.p50_bytes),
        ("95 % are not larger than", sizes.p95_bytes),
        ("largest", sizes.max_bytes),
    ];
    let summary = summary.map(|(what, bytes)| {
        vec![
            text(what),
            bytes.map_or(Cell::None, |bytes| Cell::Bytes(bytes as i64)),
        ]
    });
    vec![
        table(
            Section::Sizes,
            "size_summary",
            "In short",
            &["what", "size"],
        )
        .note(format!(
            "Of {} messages, each once; shares within {:.1} %.",
            sizes.messages,
            100.0 * report.latency.relative_error
        ))
        .lines(summary),
        table(Section::Sizes, "sizes", "By power of two", &columns)
            .note("Each message once, with its largest logged size.")
            .lines(lines),
    ]
}

fn oddities(report: &Report) -> Vec<Table> {
    let oddities = &report.oddities;
    let section = Section::Oddities;
    let cases = oddities.cases.iter().map(|case| {
        let kind = serde_json::to_value(case.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default().replace('_', " ");
        let counts = [case.messages, case.recipients].map(Cell::Count);
        (
            [vec![text(kind), text(&case.what)], counts.to_vec()].concat(),
            case.examples.clone(),
        )
    });
    let loops = [
        text("loop"),
        text("routing loop or too many hops"),
        Cell::None,
        Cell::Count(oddities.loops),
    ];
    let bursts = oddities.bursts.iter().map(|burst| {
        vec![
            text(&burst.sender),
            Cell::Time(burst.hour.clone()),
            Cell::Count(burst.messages),
            Cell::Count(burst.recipients),
            text(burst.counted),
            Cell::Count(burst.normal),
        ]
    });
    let burst_columns = [
        "sender",
        "hour",
        "messages",
        "recipients",
        "counted",
        "normal",
    ];
    let new_domains = oddities.new_domains.iter().map(|new| {
        let senders = new.senders.iter();
        let senders: Vec<String> = senders
            .map(|sender| format!("{} ({})", sender.sender, sender.recipients))
            .collect();
        vec![
            text(&new.domain),
            Cell::Count(new.messages),
            Cell::Count(new.recipients),
            text(senders.join(", ")),
        ]
    });
    let new_columns = ["domain", "messages", "recipients", "most from"];
    vec![
        table(section, "oddities", "What is out of the ordinary", &["kind", "what", "messages", "recipients"])
            .traced(cases)
            .lines((oddities.loops > 0).then(|| loops.to_vec())),
        table(section, "bursts", "Senders far above their normal", &burst_columns)
            .note("Counted: which of the two is 20 times the normal; that is the median of the sender's other hours with mail, or of all senders' if it has few.")
            .find("--sender SENDER --since HOUR --until 'THE NEXT HOUR'")
            .lines(bursts),
        table(section, "new_domains", "Much mail to domains that had none before", &new_columns)
            .note("Domains outside with at least 20 recipients, that no earlier day has. Known only with earlier days.")
            .find_among("--recipient @DOMAIN")
            .lines(new_domains),
    ]
}

fn mailboxes(report: &Report) -> Table {
    let lines = report.mailboxes.mailboxes.iter().map(|mailbox| {
        vec![
            text(&mailbox.address),
            Cell::Count(mailbox.sent_messages),
            Cell::Count(mailbox.sent_recipients),
            Cell::Count(mailbox.sent_recipients_internal),
            Cell::Count(mailbox.sent_recipients_external),
            Cell::Bytes(mailbox.sent_bytes),
            Cell::Count(mailbox.received_messages),
            Cell::Count(mailbox.received_internal),
            Cell::Count(mailbox.received_external),
            Cell::Bytes(mailbox.received_bytes),
        ]
    });
    let columns = [
        "mailbox",
        "sent messages",
        "sent recipients",
        "to inside",
        "to outside",
        "sent bytes",
        "received messages",
        "from inside",
        "from outside",
        "received bytes",
    ];
    table(
        Section::Mailboxes,
        "mailboxes",
        "Addresses of own domains",
        &columns,
    )
    .note("Every address of an own domain that sent or was sent mail.")
    .find("--sender MAILBOX")
    .lines(lines)
}
