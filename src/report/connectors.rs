//! Connectors and hops: where mail came in, which way it left, and between which servers it went.
//!
//! In: the tally's ways. Out: the section `connectors`, most messages first.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::address::short_host;
use crate::report::{Names, decoded};
use crate::tally::Counts;
use crate::tally::hops::{self as tally, Leads, Way};

/// The section `connectors`.
#[derive(Clone, Debug, Serialize)]
pub struct Connectors {
    /// By server, receive connector and client: where messages first came in.
    pub received: Vec<Received>,
    /// By server, send connector and next hop: which way copies left.
    pub sent: Vec<Sent>,
    /// From server to server of the organisation; to itself is the hand-over to its own mailboxes.
    pub between: Vec<Between>,
    /// Messages by how many servers handled them.
    pub servers_per_message: Vec<Servers>,
    pub reach: Reach,
}

/// Messages that came in one way.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    pub server: String,
    /// Lower case; null for submissions by mailboxes.
    pub connector: Option<String>,
    /// Address or host of the client.
    pub client: Option<String>,
    pub messages: i64,
    pub recipients: i64,
    pub bytes: i64,
}

/// Messages that left a server one way.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    pub server: String,
    pub connector: Option<String>,
    pub next_hop: String,
    pub messages: i64,
    /// Whom the copies that left were for.
    pub recipients: i64,
    pub bytes: i64,
    /// Milliseconds on the server before, where both ends were logged.
    pub stay_p50_ms: Option<u64>,
    pub stay_p95_ms: Option<u64>,
    /// Messages that stayed longer than mail may take anywhere ([`slow_ms`](super::latency::slow_ms)).
    #[serde(skip)]
    pub slow: i64,
}

/// Messages between two servers.
#[derive(Clone, Debug, Serialize)]
pub struct Between {
    pub from: String,
    pub to: String,
    pub messages: i64,
    pub recipients: i64,
    pub bytes: i64,
    pub stay_p50_ms: Option<u64>,
    pub stay_p95_ms: Option<u64>,
}

/// Messages that so many servers handled, and their recipients.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Servers {
    pub servers: u32,
    pub messages: i64,
    pub recipients: i64,
}

/// Recipients of submitted messages by where their mailbox is; those outside of all messages.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Reach {
    /// On the server where the message was submitted.
    pub local: i64,
    pub off_server: i64,
    pub outside: i64,
    /// The same in messages; one may be in several.
    pub messages: ReachMessages,
}

/// Messages with a recipient there.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReachMessages {
    pub local: i64,
    pub off_server: i64,
    pub outside: i64,
}

/// The section `connectors`.
pub fn connectors(sums: &tally::Hops, slow_ms: u64, names: &Names<'_>) -> Connectors {
    let ways = sums.ways().filter(|(told, _)| told.leads == Leads::In);
    let received = ways.map(|(told, way)| Received {
        server: names(told.server),
        connector: super::given(told.connector),
        client: super::given(told.host),
        messages: way.messages,
        recipients: way.recipients,
        bytes: way.bytes,
    });
    let mut received: Vec<Received> = received.collect();
    received.sort_by(|a, b| {
        (b.messages.cmp(&a.messages))
            .then_with(|| a.server.cmp(&b.server))
            .then_with(|| a.connector.cmp(&b.connector))
            .then_with(|| a.client.cmp(&b.client))
    });
    let counts: BTreeMap<u32, Counts> = sums.servers.iter().map(|(n, c)| (*n, *c)).collect();
    Connectors {
        received,
        sent: sent(sums, slow_ms, names),
        between: between(sums, names),
        servers_per_message: (counts.into_iter())
            .filter(|(_, counts)| counts.messages != 0)
            .map(|(servers, counts)| Servers {
                servers,
                messages: counts.messages,
                recipients: counts.recipients,
            })
            .collect(),
        reach: Reach {
            local: sums.reach.local.recipients,
            off_server: sums.reach.off_server.recipients,
            outside: sums.reach.outside.recipients,
            messages: ReachMessages {
                local: sums.reach.local.messages,
                off_server: sums.reach.off_server.messages,
                outside: sums.reach.outside.messages,
            },
        },
    }
}

fn sent(sums: &tally::Hops, slow_ms: u64, names: &Names<'_>) -> Vec<Sent> {
    // A host whose log has gaps is inside for some messages, outside for others.
    let mut ways: BTreeMap<_, Way> = BTreeMap::new();
    for (told, way) in sums.ways().filter(|(told, _)| told.leads != Leads::In) {
        let one = (told.server, told.connector, told.host);
        ways.entry(one).or_default().merge(way);
    }
    let sent = ways.iter().map(|(&(server, connector, host), way)| Sent {
        server: names(server),
        connector: super::given(connector),
        next_hop: decoded(host),
        messages: way.messages,
        recipients: way.recipients,
        bytes: way.bytes,
        stay_p50_ms: way.stay.quantile(0.50),
        stay_p95_ms: way.stay.quantile(0.95),
        slow: way.stay.count() - way.stay.below(slow_ms),
    });
    let mut sent: Vec<Sent> = sent.collect();
    sent.sort_by(|a, b| {
        (b.messages.cmp(&a.messages))
            .then_with(|| a.server.cmp(&b.server))
            .then_with(|| a.connector.cmp(&b.connector))
            .then_with(|| a.next_hop.cmp(&b.next_hop))
    });
    sent
}

fn between(sums: &tally::Hops, names: &Names<'_>) -> Vec<Between> {
    let mut ways: BTreeMap<(String, String), Way> = BTreeMap::new();
    for (told, way) in sums.ways().filter(|(told, _)| told.leads == Leads::On) {
        let to = decoded(short_host(told.host));
        ways.entry((names(told.server), to)).or_default().merge(way);
    }
    let between = ways.into_iter().map(|((from, to), way)| Between {
        from,
        to,
        messages: way.messages,
        recipients: way.recipients,
        bytes: way.bytes,
        stay_p50_ms: way.stay.quantile(0.50),
        stay_p95_ms: way.stay.quantile(0.95),
    });
    between.collect()
}
