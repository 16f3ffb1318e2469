//! One message from its rows: the fate of each recipient, then what follows for the whole.
//!
//! In: the rows of one message and the [`World`] of all rows. Out: a [`Message`]. An address's fate is the
//! strongest thing that any row says about it; unless a row says that it was delivered, the trail is
//! followed to its end as well, copy by copy. Renamed addresses are the new address everywhere.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Copy, Row};
use super::{Message, Recipient};

const HOUR_MS: i64 = 3_600_000;

/// What all logs together know, beyond the one message.
#[derive(Default)]
pub struct World {
    /// The time of the last row that each server wrote.
    last_row: BTreeMap<String, i64>,
    /// Mailbox servers and hours since 1970 in which mailbox delivery wrote rows.
    delivery_hours: BTreeSet<(String, i64)>,
    /// When those rows of each begin and end.
    delivery_span: BTreeMap<String, (i64, i64)>,
    /// Message-ID and address of every DELIVER.
    delivered: BTreeSet<(String, String)>,
}

impl World {
    pub fn new(rows: &[Row]) -> World {
        let mut world = World::default();
        for row in rows {
            if !row.server().is_empty() {
                let last = world.last_row.entry(row.server()).or_insert(row.time);
                *last = row.time.max(*last);
            }
            if row.is_mailbox_delivery() && row.has_network_id {
                let hour = row.time.div_euclid(HOUR_MS);
                world.delivery_hours.insert((row.server_host.clone(), hour));
                let span = world.delivery_span.entry(row.server_host.clone());
                let span = span.or_insert((row.time, row.time));
                *span = (span.0.min(row.time), span.1.max(row.time));
            }
            if row.event == "DELIVER" && !row.message_id.is_empty() {
                for address in named(&row.recipients) {
                    world.delivered.insert((row.message_id.clone(), address));
                }
            }
        }
        world
    }

    /// Whether mailbox delivery of this server was read for the hour of this time or the next one, and this time lies
    /// between its first row and its last.
    fn has_deliveries_of(&self, host: &str, time: i64) -> bool {
        let span = self.delivery_span.get(host);
        if !span.is_some_and(|(first, last)| (*first..=*last).contains(&time)) {
            return false;
        }
        let hour = time.div_euclid(HOUR_MS);
        [hour, hour + 1]
            .iter()
            .any(|hour| self.delivery_hours.contains(&(host.to_string(), *hour)))
    }

    fn has_rows_after(&self, server: &str, time: i64) -> bool {
        self.last_row.get(server).is_some_and(|&last| last > time)
    }
}

/// What a row does to the recipients it names (SEMANTICS, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
enum Effect {
    /// Final, by this word.
    Terminal(&'static str),
    /// Goes on in a copy on another server.
    Send(Copy),
    /// Goes on in mailbox delivery of this host.
    HandOver(String),
    /// Put off.
    Defer,
    /// Members in place of the related list.
    Expand,
    /// Recipients in place of, or beside, the related address.
    Redirect,
    /// Recipients are new names of the related addresses.
    Resolve,
    /// The related list's members were all there already.
    DuplicateExpand,
    DuplicateRedirect,
    /// The recipients are here, in this copy.
    Seen,
    /// The mailbox role told a hub.
    Submit,
    Nothing,
}

fn effect(row: &Row, world: &World) -> Effect {
    match row.event.as_str() {
        "DELIVER" | "DUPLICATEDELIVER" => Effect::Terminal("delivered"),
        "SENDEXTERNAL" => Effect::Terminal("transferred"),
        "SEND" => send(row, world),
        "FAIL" | "SUBMITFAIL" | "BADMAIL" | "POISONMESSAGE" | "MODERATORREJECT"
        | "MODERATIONEXPIRE" => Effect::Terminal("failed"),
        "DROP" | "SUPPRESSED" => Effect::Terminal("dropped"),
        "DEFER" | "SUBMITDEFER" | "RESUBMITDEFER" | "THROTTLE" | "INITMESSAGECREATED" => {
            Effect::Defer
        }
        "EXPAND" => Effect::Expand,
        "REDIRECT" => Effect::Redirect,
        "RESOLVE" => Effect::Resolve,
        "DUPLICATEEXPAND" => Effect::DuplicateExpand,
        "DUPLICATEREDIRECT" => Effect::DuplicateRedirect,
        "RECEIVE" | "TRANSFER" | "DSN" | "RESUBMIT" | "LOAD" | "DELIVERFAIL" => Effect::Seen,
        "SUBMIT" => Effect::Submit,
        _ => Effect::Nothing,
    }
}

/// SEND: to a server, to mailbox delivery, or out.
fn send(row: &Row, world: &World) -> Effect {
    let reply = row.reply();
    if let Some(id) = reply.id {
        let server = reply.host.unwrap_or_else(|| row.server_host.clone());
        let connector = row.connector.to_ascii_lowercase();
        let inside = connector.starts_with("intra-organization")
            || connector.starts_with("edgesync - inbound")
            || world.last_row.contains_key(&server);
        return match inside {
            true => Effect::Send(Copy {
                server,
                submission: false,
                id,
            }),
            false => Effect::Terminal("transferred"),
        };
    }
    match reply.host {
        Some(host) if !reply.has_id => Effect::HandOver(host),
        _ => Effect::Terminal("transferred"),
    }
}

/// A row with what it does, and to whom by the names that the addresses bear in the end.
struct Step<'r> {
    row: &'r Row,
    effect: Effect,
    recipients: BTreeSet<String>,
    related: BTreeSet<String>,
}

/// A message while its recipients are worked out.
struct Case<'r> {
    /// In the order of time.
    steps: Vec<Step<'r>>,
    world: &'r World,
    first_seen: i64,
    came_from: Origins,
    /// No row holds the message in a queue: what fails now was never accepted.
    never_accepted: bool,
}

/// What is known about one address by one row.
#[derive(Clone, Debug)]
struct Claim {
    fate: &'static str,
    at: i64,
    server: Option<String>,
    note: &'static str,
}

/// The strongest first.
const STRENGTH: [&str; 8] = [
    "delivered",
    "transferred",
    "quarantined",
    "failed",
    "dropped",
    "rejected",
    "pending",
    "unknown",
];

fn strength(fate: &str) -> usize {
    STRENGTH.iter().position(|word| *word == fate).unwrap()
}

fn is_terminal(fate: &str) -> bool {
    strength(fate) < strength("pending")
}

/// The whole message from its rows, which come in the order of time.
pub fn message(rows: &[&Row], world: &World) -> Message {
    let case = Case::new(rows, world);
    let recipients = case.recipients();
    let first = |text: fn(&Row) -> &String| {
        let logged = rows
            .iter()
            .map(|row| text(row))
            .find(|text| !text.is_empty());
        logged.cloned().unwrap_or_default()
    };
    let sender = first(|row| &row.sender);
    let return_path = first(|row| &row.return_path);
    Message {
        message_id: first(|row| &row.message_id),
        network_message_id: first(|row| &row.network_id),
        class: class(rows, &sender, &return_path, &recipients),
        status: status(&recipients),
        entry: entry(rows).0,
        sender,
        size_bytes: rows.iter().map(|row| row.size).max().unwrap_or(0),
        first_seen: case.first_seen,
        rows: rows.len(),
        recipients,
    }
}

impl<'r> Case<'r> {
    fn new(rows: &[&'r Row], world: &'r World) -> Case<'r> {
        let renamed = renames(rows);
        let now = |addresses: &[String]| {
            named(addresses)
                .iter()
                .map(|address| last_name(&renamed, address))
                .collect()
        };
        let step = |row: &&'r Row| Step {
            row,
            effect: effect(row, world),
            recipients: now(&row.recipients),
            related: now(&row.related),
        };
        let never_accepted = !rows
            .iter()
            .any(|row| row.copy().is_some() || row.event == "SUBMIT");
        Case {
            steps: rows.iter().map(step).collect(),
            world,
            first_seen: entry(rows).1,
            came_from: origins(rows),
            never_accepted,
        }
    }

    /// Every address that is, or was, a recipient.
    fn recipients(&self) -> BTreeMap<String, Recipient> {
        let mut addresses = BTreeSet::new();
        for step in &self.steps {
            match step.effect {
                Effect::Nothing => {}
                Effect::DuplicateExpand | Effect::DuplicateRedirect => {
                    addresses.extend(&step.related);
                }
                Effect::Expand | Effect::Redirect => {
                    addresses.extend(&step.related);
                    addresses.extend(&step.recipients);
                }
                _ => addresses.extend(&step.recipients),
            }
        }
        addresses
            .into_iter()
            .map(|address| (address.clone(), self.recipient(address)))
            .collect()
    }

    fn recipient(&self, address: &str) -> Recipient {
        let claim = self.claim(address);
        let list = self.named_as(address, &[Effect::Expand, Effect::DuplicateExpand]);
        let replaced = self.named_as(address, &[Effect::Redirect, Effect::DuplicateRedirect]);
        let arrived = ["delivered", "transferred"].contains(&claim.fate);
        let claim = match (list, replaced) {
            (Some(row), _) if !is_terminal(claim.fate) => Claim::by(row, "expanded"),
            (_, Some(row)) if !arrived && !self.was_kept(address, row) => {
                Claim::by(row, "redirected")
            }
            _ => claim,
        };
        let timed = STRENGTH.contains(&claim.fate) && is_terminal(claim.fate);
        Recipient {
            fate: claim.fate,
            at: Some(claim.at),
            server: claim.server,
            via: self.via(address),
            latency_ms: timed
                .then_some(claim.at - self.first_seen)
                .filter(|ms| *ms >= 0 || self.came_in(address)),
            note: claim.note,
        }
    }

    /// Whether a row says that the address was a recipient before its last word.
    fn came_in(&self, address: &str) -> bool {
        self.steps.iter().any(|step| {
            let replaces = matches!(
                step.effect,
                Effect::Expand | Effect::Redirect | Effect::Resolve
            );
            let takes_in = matches!(step.effect, Effect::Seen | Effect::Submit | Effect::Defer);
            (replaces || takes_in) && step.recipients.contains(address)
                || replaces && step.related.contains(address)
        })
    }

    /// Whether the server that redirected the address still gives it on afterwards: it was kept beside the new one.
    fn was_kept(&self, address: &str, redirect: &Row) -> bool {
        let keeps = ["TRANSFER", "SEND", "DEFER"];
        self.steps.iter().any(|step| {
            step.row.time >= redirect.time
                && step.row.server() == redirect.server()
                && keeps.contains(&step.row.event.as_str())
                && step.recipients.contains(address)
        })
    }

    /// The first row with one of these effects that names the address as related.
    fn named_as(&self, address: &str, effects: &[Effect]) -> Option<&Row> {
        let mut steps = self.steps.iter();
        let found =
            steps.find(|step| effects.contains(&step.effect) && step.related.contains(address));
        found.map(|step| step.row)
    }

    /// The strongest claim; of equal ones the earliest, and of trails that end, the one that ends last.
    fn claim(&self, address: &str) -> Claim {
        let mut claims = self.terminal_claims(address);
        if claims.iter().all(|claim| claim.fate != "delivered") {
            claims.extend(self.trail_claims(address));
        }
        let order = |claim: &Claim| {
            let at = if is_terminal(claim.fate) {
                claim.at
            } else {
                -claim.at
            };
            (strength(claim.fate), at)
        };
        claims.sort_by_key(order);
        claims.into_iter().next().unwrap_or(Claim {
            fate: "unknown",
            at: self.first_seen,
            server: None,
            note: "",
        })
    }

    /// Rows that say the last word about the address.
    fn terminal_claims(&self, address: &str) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (row, effect) in self.rows_naming(address) {
            let Effect::Terminal(fate) = effect else {
                continue;
            };
            let refused = row.event == "FAIL" && self.never_accepted;
            let mut claim = Claim::by(row, if refused { "rejected" } else { fate });
            if row.event == "DELIVER" || row.event == "DUPLICATEDELIVER" {
                let host = &row.server_host;
                claim.server = if host.is_empty() {
                    claim.server
                } else {
                    Some(host.clone())
                };
            }
            if row.event == "DUPLICATEDELIVER" && !self.is_delivered(row, address) {
                claim.note = "duplicate of unseen";
            }
            claims.push(claim);
        }
        claims
    }

    /// Whether a DELIVER of this message, or of one with its Message-ID, has the address.
    fn is_delivered(&self, row: &Row, address: &str) -> bool {
        let here = self
            .rows_naming(address)
            .any(|(row, _)| row.event == "DELIVER");
        here || self
            .world
            .delivered
            .contains(&(row.message_id.clone(), address.to_string()))
    }

    /// Where the trail of an address ends without a last word: one claim for each loose end.
    fn trail_claims(&self, address: &str) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (row, effect) in self.rows_naming(address) {
            match effect {
                Effect::Send(copy) if self.sightings(address, Some(copy)).is_empty() => {
                    claims.push(Claim {
                        server: None,
                        ..Claim::by(row, "unknown")
                    });
                }
                Effect::HandOver(host) if !self.world.has_deliveries_of(host, row.time) => {
                    let server = Some(host.clone());
                    let note = "inferred";
                    claims.push(Claim {
                        server,
                        note,
                        ..Claim::by(row, "delivered")
                    });
                }
                Effect::HandOver(_) => {
                    claims.push(Claim {
                        server: None,
                        ..Claim::by(row, "unknown")
                    });
                }
                _ => {}
            }
        }
        let copies: BTreeSet<Copy> = self
            .rows_naming(address)
            .filter_map(|(row, _)| row.copy())
            .collect();
        for copy in copies.iter().filter(|copy| !copy.submission) {
            if !self.is_closed(address, copy) {
                claims.extend(self.rests(&self.sightings(address, Some(copy))));
            }
        }
        if claims.is_empty() {
            claims.extend(self.claim_without_copy(address));
        }
        claims
    }

    /// An address that no transport copy holds: handed over to a server whose logs are missing, or still
    /// where it was last seen.
    fn claim_without_copy(&self, address: &str) -> Option<Claim> {
        let rows: Vec<_> = self.rows_naming(address).collect();
        let last_is = |wanted: &dyn Fn(&Effect) -> bool| {
            let said = |e: &Effect| matches!(e, Effect::Submit | Effect::Defer);
            rows.iter()
                .rev()
                .find(|(_, e)| said(e))
                .is_some_and(|(_, e)| wanted(e))
        };
        let told = rows
            .iter()
            .rev()
            .find(|(_, effect)| **effect == Effect::Submit);
        match told.filter(|_| !last_is(&|effect| *effect == Effect::Defer)) {
            Some((row, _)) => Some(Claim {
                server: None,
                ..Claim::by(row, "unknown")
            }),
            None => self.rests(&rows),
        }
    }

    /// Rows of a copy that show the address in it.
    fn sightings(&self, address: &str, copy: Option<&Copy>) -> Vec<(&'r Row, &Effect)> {
        self.rows_naming(address)
            .filter(|(row, _)| row.copy().as_ref() == copy)
            .collect()
    }

    /// Whether the address has left the copy: sent on or moved, and not put back since.
    fn is_closed(&self, address: &str, copy: &Copy) -> bool {
        let here = |row: &Row| row.copy().as_ref() == Some(copy);
        let left = self
            .rows_naming(address)
            .filter(|(row, effect)| match effect {
                Effect::Send(_) | Effect::HandOver(_) => here(row),
                _ => row.event == "TRANSFER" && row.other_copy().as_ref() == Some(copy),
            });
        let put_back = self
            .rows_naming(address)
            .filter(|(row, _)| here(row) && ["RESUBMIT", "LOAD"].contains(&row.event.as_str()))
            .map(|(row, _)| row.time)
            .max();
        left.map(|(row, _)| row.time)
            .max()
            .is_some_and(|left| put_back <= Some(left))
    }

    /// The address rests where these rows last saw it: pending, if the log goes on after that.
    fn rests(&self, sightings: &[(&'r Row, &Effect)]) -> Option<Claim> {
        let (row, effect) = sightings.last()?;
        let server = row.copy().map_or(row.server(), |copy| copy.server);
        let waits = **effect == Effect::Defer || self.world.has_rows_after(&server, row.time);
        Some(Claim::by(row, if waits { "pending" } else { "unknown" }))
    }

    /// Rows that do something to the address, by any of its names.
    fn rows_naming(&self, address: &str) -> impl Iterator<Item = (&'r Row, &Effect)> + Clone {
        let silent = [
            Effect::Nothing,
            Effect::DuplicateExpand,
            Effect::DuplicateRedirect,
        ];
        self.steps
            .iter()
            .filter(move |step| !silent.contains(&step.effect) && step.recipients.contains(address))
            .map(|step| (step.row, &step.effect))
    }

    /// The chain that led to an address, nearest first.
    fn via(&self, address: &str) -> Vec<(String, String)> {
        chain(&self.came_from, address)
            .into_iter()
            .map(|(kind, from)| (kind.to_string(), from))
            .collect()
    }
}

impl Claim {
    fn by(row: &Row, fate: &'static str) -> Claim {
        let server = Some(row.server()).filter(|server| !server.is_empty());
        Claim {
            fate,
            at: row.time,
            server,
            note: "",
        }
    }
}

/// Each address once; blanks left out.
fn named(addresses: &[String]) -> BTreeSet<String> {
    addresses
        .iter()
        .filter(|address| !address.is_empty())
        .cloned()
        .collect()
}

/// Old and new address of each change a row logs: one by one where the lists are equally long, else all
/// from the first related address.
fn changes(row: &Row) -> Vec<(String, String)> {
    let one_by_one = row.related.len() == row.recipients.len();
    let pairs = row
        .recipients
        .iter()
        .enumerate()
        .filter_map(|(index, new)| {
            let old = row.related.get(if one_by_one { index } else { 0 })?;
            (old != new && !old.is_empty() && !new.is_empty()).then(|| (old.clone(), new.clone()))
        });
    pairs.collect()
}

/// Every RESOLVE in the order of time; the first new name of an address counts, and none that would close
/// a circle.
fn renames(rows: &[&Row]) -> BTreeMap<String, String> {
    let mut renamed = BTreeMap::new();
    for row in rows.iter().filter(|row| row.event == "RESOLVE") {
        for (old, new) in changes(row) {
            if last_name(&renamed, &new) != old {
                renamed.entry(old).or_insert(new);
            }
        }
    }
    renamed
}

fn last_name(renamed: &BTreeMap<String, String>, address: &str) -> String {
    let mut name = address;
    while let Some(next) = renamed.get(name) {
        name = next;
    }
    name.to_string()
}

/// An address, and by which kind of step it came from which other. Never a circle.
type Origins = BTreeMap<String, (&'static str, String)>;

/// How each address came in: the earliest row that says so, unless a DUPLICATE row says that the address
/// had been there before, or it would close a circle (a list that holds the list it is a member of).
fn origins(rows: &[&Row]) -> Origins {
    let duplicates: BTreeSet<(String, String)> = rows
        .iter()
        .filter(|row| ["DUPLICATEEXPAND", "DUPLICATEREDIRECT"].contains(&row.event.as_str()))
        .flat_map(|row| changes(row))
        .collect();
    let mut came_from = Origins::new();
    for row in rows {
        let kind = match row.event.as_str() {
            "EXPAND" => "expanded",
            "REDIRECT" => "redirected",
            "RESOLVE" => "resolved",
            _ => continue,
        };
        for (old, new) in changes(row) {
            let known = duplicates.contains(&(old.clone(), new.clone()));
            if !known && !chain(&came_from, &old).iter().any(|(_, from)| *from == new) {
                came_from.entry(new).or_insert((kind, old));
            }
        }
    }
    came_from
}

fn chain(came_from: &Origins, address: &str) -> Vec<(&'static str, String)> {
    let mut chain = Vec::new();
    let mut current = address;
    while let Some((kind, from)) = came_from.get(current) {
        chain.push((*kind, from.clone()));
        current = from;
    }
    chain
}

/// How and when the message came in, by causality, because clocks differ: as the mailbox's own server tells
/// it, as the transport server behind it does, the making of a report, the first receipt that no SEND leads
/// to, a refusal; where the logs begin in the middle, the earliest row.
fn entry(rows: &[&Row]) -> (&'static str, i64) {
    let sent_to: BTreeSet<Copy> = rows
        .iter()
        .filter(|row| row.event == "SEND")
        .filter_map(|row| row.other_copy())
        .collect();
    let of_mailbox = |row: &Row| row.event == "RECEIVE" && row.source == "STOREDRIVER";
    let told_by_mailbox = |row: &Row| match row.has_network_id {
        true => of_mailbox(row),
        false => row.event == "SUBMIT",
    };
    let is_new = |row: &Row| {
        row.event == "RECEIVE" && !row.copy().is_some_and(|copy| sent_to.contains(&copy))
    };
    let by_agent = |row: &Row| {
        ["APPROVAL", "MAILBOXRULE"].contains(&row.source.as_str())
            || (row.source == "AGENT" && !row.reference.is_empty())
    };
    let refused = |row: &Row| row.event == "FAIL" && row.copy().is_none();
    let only_refused = rows
        .iter()
        .all(|row| refused(row) || row.event == "AGENTINFO");
    let first = |wanted: &dyn Fn(&Row) -> bool| rows.iter().copied().find(|row| wanted(row));
    let submitted =
        first(&told_by_mailbox).or_else(|| first(&|row| row.event == "SUBMIT" || of_mailbox(row)));
    if let Some(row) = submitted {
        ("submitted", row.time)
    } else if let Some(row) = first(&|row| row.event == "DSN") {
        ("generated", row.time)
    } else if let Some(row) = first(&is_new) {
        (
            if by_agent(row) {
                "generated"
            } else {
                "received"
            },
            row.time,
        )
    } else if let Some(row) = first(&refused).filter(|_| only_refused) {
        ("received", row.time)
    } else {
        ("unknown", rows.first().map_or(0, |row| row.time))
    }
}

fn class(
    rows: &[&Row],
    sender: &str,
    return_path: &str,
    recipients: &BTreeMap<String, Recipient>,
) -> &'static str {
    let is_null = return_path == "<>";
    let begins = |address: &str, start: &str| {
        address
            .to_ascii_lowercase()
            .starts_with(&start.to_ascii_lowercase())
    };
    let is_probe = |address: &str| {
        ["HealthMailbox", "inboundproxy@", "maildeliveryprobe@"]
            .iter()
            .any(|start| begins(address, start))
    };
    let is_system = |address: &str| {
        let always = [
            "SystemMailbox{",
            "FederatedEmail.",
            "Migration.",
            "DiscoverySearchMailbox",
        ];
        always.iter().any(|start| begins(address, start))
            || (!is_null && begins(address, "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e"))
    };
    let mut addresses = recipients.keys();
    if rows.iter().any(|row| row.event == "DSN") {
        "report"
    } else if is_probe(sender) || addresses.any(|address| is_probe(address)) {
        "probe"
    } else if is_system(sender)
        || (!recipients.is_empty() && recipients.keys().all(|address| is_system(address)))
    {
        "system"
    } else if is_null {
        "report"
    } else {
        "mail"
    }
}

/// The whole from its parts; a message without a countable recipient is unknown.
fn status(recipients: &BTreeMap<String, Recipient>) -> &'static str {
    let fates: Vec<&str> = recipients
        .values()
        .map(|recipient| recipient.fate)
        .filter(|fate| !["expanded", "redirected"].contains(fate))
        .collect();
    let any = |word: &str| fates.contains(&word);
    let arrived = fates
        .iter()
        .filter(|fate| ["delivered", "transferred"].contains(fate))
        .count();
    if arrived > 0 && arrived < fates.len() {
        "partly delivered"
    } else if any("delivered") {
        "delivered"
    } else if any("transferred") {
        "transferred"
    } else if any("pending") {
        "pending"
    } else if any("unknown") || fates.is_empty() {
        "unknown"
    } else if any("failed") || any("rejected") {
        "failed"
    } else {
        "dropped"
    }
}
