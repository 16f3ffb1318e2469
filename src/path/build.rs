//! Events of one message to its [`Path`]: SEMANTICS in code.
//!
//! In: the events of one message, in order of time and place, those that only count left out. Out: the path.
//! Each event changes a small table of recipients; where a recipient ends without a last word,
//! [`super::trail`] says how far its trail leads. Nothing here knows a log format.

use bstr::{BStr, ByteSlice};

use super::anonymous::Anonymous;
use super::buffers::{Buffers, emptied};
use super::domains::{OwnDomains, class, direction};
use super::entry::{entry_event, first_text, otherwise, why};
use super::roster::{Person, Roster, Verdict};
use super::{
    Class, Direction, Entry, Fate, Origin, Path, Reason, Recipient, Relation, Status, Via, hops,
    instant, notes, trail,
};
use crate::address::x400::is_proper_id;
use crate::address::{List, has_prefix};
use crate::dialect::legacy::entry::DELIVERY_REPORT;
use crate::event::{Event, Place, Role};
use crate::servers::Servers;
use crate::time::{SECOND, Time};

/// What a path is judged by beside its own events.
#[derive(Clone, Copy)]
pub struct Scene<'d> {
    pub servers: &'d Servers,
    pub own: &'d OwnDomains,
    /// A message is closed this many microseconds after its last row.
    pub horizon: i64,
    /// Whether hops are wanted, too; counting needs only fates.
    pub hops: bool,
    /// People and domains under other names.
    pub anonymous: Option<&'d Anonymous>,
}

/// What is known of all rows of the message, those that only count included.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub count: u32,
    pub first: Time,
    /// Where the first row stands.
    pub place: Place,
    pub last: Time,
    pub size_bytes: u64,
    /// Whether some come from logs that show whole seconds only.
    pub whole_seconds: bool,
}

/// Builds the path of one message. `events` must not be empty; those of one instant are brought in order.
pub fn build<'d>(
    events: &mut [Event<'d>],
    rows: Rows,
    scene: &Scene<'d>,
    buffers: &mut Buffers,
) -> Path<'d> {
    instant::order(events, scene.servers);
    let events = &*events;
    let mut roster = Roster::with_room(std::mem::take(&mut buffers.people));
    let opens = |event: &Event<'_>| {
        matches!(
            event.role,
            Role::Submit | Role::Receive | Role::Fork | Role::Report | Role::Resubmit
        )
    };
    let accepted = events.iter().any(opens);
    events
        .iter()
        .for_each(|event| no_way_in(event, &mut roster));
    for event in events {
        apply(event, events, accepted, &mut roster);
    }
    trail::follow(events, &mut roster, scene.servers, scene.horizon);

    let entry = entry_event(events);
    let (kind, first_seen) = match entry {
        Some((kind, event)) => (kind, event.time),
        None => (Entry::Unknown, rows.first),
    };
    let head = entry.map_or(&events[0], |(_, event)| event);
    let sender = first_text(head, events, |e| e.sender());
    let own_sender = match scene.own.owns(sender) {
        Some(false) if kind == Entry::Submitted => Some(true),
        other => other,
    };
    let mut recipients: Vec<Recipient<'d>> = std::mem::take(&mut buffers.recipients);
    recipients.reserve(roster.people.len());
    recipients.extend(outcomes(
        &roster,
        scene,
        first_seen,
        own_sender,
        rows.whole_seconds,
    ));
    let entered_recipients = roster.balance() - left_again(&recipients);
    buffers.people = emptied(roster.people);
    let return_path = first_text(head, events, |e| e.return_path());
    let has_report_row = events.iter().any(|e| e.is_report);
    let is_journal = || {
        let mut made = events.iter().filter(|e| e.generated);
        made.any(|e| e.source().text() == "AGENT")
    };
    let class = class(
        has_report_row,
        is_journal,
        sender,
        return_path,
        recipients.iter().map(|r| r.address),
    );
    Path {
        message_id: whole_id(first_text(head, events, |e| e.message_id()), events),
        network_message_id: first_text(head, events, |e| e.network_message_id()),
        other_ids: Vec::new(),
        id_ties: Vec::new(),
        inferred: Vec::new(),
        one_of: Vec::new(),
        class,
        direction: message_direction(&recipients),
        status: match status(&recipients) {
            Status::Unknown if recipients.is_empty() => whole_status(events),
            status => status,
        },
        sender,
        return_path,
        subject: first_text(head, events, |e| e.subject()),
        size_bytes: rows.size_bytes,
        entry: kind,
        earliest: (rows.first, rows.place),
        first_seen,
        last_seen: rows.last.max(first_seen),
        origin: Origin {
            client_ip: match head.original_client_ip().text() {
                first if !first.is_empty() => first,
                _ => head.client_ip().text(),
            },
            client_host: head.client_host().text(),
            server: Some(head.server),
            connector: head.connector().text(),
        },
        hops: if scene.hops {
            hops::hops(events, scene.servers)
        } else {
            Vec::new()
        },
        steps: Vec::new(),
        records: Vec::new(),
        raw: Vec::new(),
        related: related(events, class),
        rows: rows.count,
        notes: notes::of(events, head.place, buffers.notes(), &mut buffers.came),
        entered_recipients,
        recipients,
        reopened: false,
        plain: None,
    }
}

/// Recipients that the ledger took in but that the balance does not hold: refused or replaced ones.
fn left_again(recipients: &[Recipient<'_>]) -> i64 {
    recipients
        .iter()
        .filter(|r| matches!(r.fate, Fate::Rejected | Fate::Redirected))
        .count() as i64
}

/// A member or target that was there already did not come in by the list or address that the row names.
fn no_way_in<'d>(event: &Event<'d>, roster: &mut Roster<'d>) {
    let when = (event.time, event.place, event.server);
    if event.role == Role::Duplicate && event.name != "DUPLICATEDELIVER" {
        for (from, address) in event.replaced() {
            roster.no_way_in(address, from);
            if event.name == "DUPLICATEEXPAND" {
                roster.expanded(from, when);
            } else {
                roster.replaced_by_other(from, when);
            }
        }
    }
}

/// What one event does to the recipients it names.
fn apply<'d>(event: &Event<'d>, all: &[Event<'d>], accepted: bool, roster: &mut Roster<'d>) {
    let when = (event.time, event.place, event.server);
    match event.role {
        Role::Submit | Role::Receive | Role::Resubmit | Role::Fork | Role::Report => {
            for address in event.recipients.named() {
                roster.sighted(address);
            }
            if event.role == Role::Fork {
                still_named(event, roster);
            }
        }
        Role::Expand => {
            let mut list = None;
            for address in event.related.named() {
                list = list.or(Some(address));
                roster.expanded(address, when);
            }
            for address in event.recipients.named() {
                let member = roster.sighted(address);
                if let Some(list) = list {
                    roster.came_by(member, Via::Expanded, list);
                }
            }
        }
        Role::Resolve => {
            for (old, new) in event.replaced() {
                roster.renamed(old, new);
            }
        }
        Role::Redirect if event.recipients.0.is_empty() => {
            for old in event.related.named() {
                roster.replaced_by_other(old, when);
            }
        }
        Role::Redirect => {
            for (old, new) in event.replaced() {
                roster.redirected(old, new, when, by_content_filter(event));
            }
        }
        Role::Deliver => {
            if event.from_mailbox {
                // The store of 4.0 to 5.5 submits and delivers in one row.
                event
                    .recipients
                    .named()
                    .for_each(|address| _ = roster.sighted(address));
            }
            judge(event, all, Fate::Delivered, roster);
        }
        Role::Leave => judge(event, all, Fate::Transferred, roster),
        Role::Quarantine => judge(event, all, Fate::Quarantined, roster),
        Role::Drop => judge(event, all, Fate::Dropped, roster),
        Role::Fail if event.name == "refused" || at_the_door(event, accepted, roster) => {
            judge(event, all, Fate::Rejected, roster)
        }
        Role::Fail => judge(event, all, Fate::Failed, roster),
        Role::Duplicate if event.name == "DUPLICATEDELIVER" => {
            judge(event, all, Fate::Delivered, roster)
        }
        Role::Defer => {
            for address in event.recipients.named().filter(|a| !keeps(event, a)) {
                let person = roster.sighted(address);
                // To wait for a moderator is no try that failed.
                let tried = event.name != "INITMESSAGECREATED";
                roster.people[person].deferrals += u32::from(tried);
                roster.people[person].put_off = why(event);
            }
            still_named(event, roster);
        }
        Role::Send => still_named(event, roster),
        Role::Attempt => event.recipients.named().for_each(|address| {
            roster.sighted(address);
        }),
        Role::Duplicate | Role::Shadow | Role::Info => {}
    }
}

/// Whether a refusal came before acceptance: the server had no copy yet, and either never took the message or took it
/// for others than those whom its SMTP service refused.
fn at_the_door(event: &Event<'_>, accepted: bool, roster: &Roster<'_>) -> bool {
    let taken = |address| {
        roster
            .find(address)
            .is_some_and(|i| roster.people[i].sighted)
    };
    event.copy == 0
        && (!accepted || event.source().text() == "SMTP" && !event.recipients.named().any(taken))
}

/// The mailboxes that keep what waits for approval.
const ARBITRATION: &[u8] = b"SystemMailbox{";
/// What the content filter says of a recipient whose mail it put into quarantine.
const QUARANTINED: &str = "agent quarantined this message";

/// Whether an address of a moderation row is the mailbox that keeps the original meanwhile: it is no recipient of it.
fn keeps(event: &Event<'_>, address: &[u8]) -> bool {
    has_prefix(address, ARBITRATION) && event.source().text() == "APPROVAL"
}

/// Whether the agent acted that quarantines what looks like spam. It fails the recipient in these words and
/// sends the message on, or redirects it, to a quarantine mailbox.
fn by_content_filter(event: &Event<'_>) -> bool {
    event.source().text() == "AGENT" && event.context().text().contains_str("Content Filter")
}

/// A row behind a redirect that still names the old address: it was kept beside the new one.
fn still_named<'d>(event: &Event<'d>, roster: &mut Roster<'d>) {
    if roster.any_redirected {
        event
            .recipients
            .named()
            .for_each(|address| roster.kept(address, event.time, event.server));
    }
}

/// The last word about the recipients of an event; where it names none, about those of its copy.
fn judge<'d>(event: &Event<'d>, all: &[Event<'d>], fate: Fate, roster: &mut Roster<'d>) {
    let explained = fate != Fate::Delivered;
    let all_statuses = List(if explained {
        event.statuses().text()
    } else {
        BStr::new(b"")
    });
    let fits = explained && all_statuses.count() == event.recipients.count();
    let held = fate == Fate::Failed && by_content_filter(event);
    let mut statuses = all_statuses.into_iter();
    let mut none_named = true;
    for address in event.recipients {
        let status = if fits {
            statuses.next().unwrap_or_default()
        } else {
            all_statuses.0
        };
        if address.is_empty() || explained && keeps(event, address) {
            continue;
        }
        none_named = false;
        let fate = match held && status.contains_str(QUARANTINED) {
            true => Fate::Quarantined,
            false => fate,
        };
        roster.decide(address, verdict(event, fate, status));
    }
    if none_named && event.copy != 0 {
        for opener in all
            .iter()
            .filter(|e| e.copy == event.copy && e.role != event.role)
        {
            let named = || opener.recipients.named().filter(|a| !keeps(opener, a));
            // What a moderator refused is one recipient's; the others of the copy go on.
            let of_all = event.recipients.named().next().is_none();
            let took_one = matches!(opener.role, Role::Submit | Role::Receive | Role::Fork)
                && named().count() == 1;
            for address in named().filter(|_| of_all || took_one) {
                roster.decide(address, verdict(event, fate, b""));
            }
        }
    }
}

fn verdict<'d>(event: &Event<'d>, fate: Fate, status: &'d [u8]) -> Verdict<'d> {
    let duplicate = event.role == Role::Duplicate;
    let reason = match fate {
        _ if duplicate => Reason::DuplicateOfUnseen,
        Fate::Delivered => Reason::None,
        _ if !status.is_empty() => Reason::Logged(BStr::new(status)),
        _ => match otherwise(event) {
            none if none.is_empty() => Reason::None,
            words => Reason::Logged(words),
        },
    };
    Verdict {
        fate,
        duplicate,
        at: event.time,
        server: Some(event.server),
        reason,
        next_try: None,
        place: event.place,
    }
}

/// What became of every address.
fn outcomes<'d>(
    roster: &Roster<'d>,
    scene: &Scene<'d>,
    first_seen: Time,
    own_sender: Option<bool>,
    whole_seconds: bool,
) -> impl Iterator<Item = Recipient<'d>> {
    let outcome = move |(i, person): (usize, &Person<'d>)| {
        let verdict = roster.outcome(i)?;
        let own = match verdict.fate {
            Fate::Delivered => Some(true),
            // A contact has a distinguished name inside and an address outside.
            Fate::Transferred if person.address.starts_with(b"/") => Some(false),
            _ => scene.own.owns(person.address),
        };
        let decided =
            verdict.fate.is_final() && !matches!(verdict.fate, Fate::Expanded | Fate::Redirected);
        Some(Recipient {
            address: BStr::new(person.address),
            fate: verdict.fate,
            at: Some(verdict.at),
            server: verdict.server,
            reason: verdict.reason,
            next_try: verdict.next_try,
            via: roster.chain(i),
            latency_ms: (decided.then(|| latency_ms(first_seen, verdict.at, whole_seconds)))
                // Where no row says how it came in, the message was here before its first row, and no clock is off.
                .filter(|ms| *ms >= 0 || person.sighted),
            direction: direction(own_sender, own),
            place: Some(verdict.place),
            origin_unknown: !person.sighted && !matches!(verdict.fate, Fate::Rejected),
            deferrals: person.deferrals,
            put_off: person.put_off,
        })
    };
    roster.people.iter().enumerate().filter_map(outcome)
}

/// Milliseconds between two rows. Where logs show whole seconds, the second in which both lie counts as the same instant.
fn latency_ms(first_seen: Time, at: Time, whole_seconds: bool) -> i64 {
    let is_whole = |time: Time| time.0 % SECOND == 0;
    let early = first_seen.0 - at.0;
    if whole_seconds && (1..SECOND).contains(&early) && (is_whole(at) || is_whole(first_seen)) {
        return 0;
    }
    at.millis_since(first_seen)
}

/// One direction for the whole message: what any recipient outside makes outbound, what any inside makes inbound.
fn message_direction(recipients: &[Recipient<'_>]) -> Direction {
    let has = |wanted| recipients.iter().any(|r| r.direction == wanted);
    [
        Direction::Outbound,
        Direction::Inbound,
        Direction::Internal,
        Direction::Relayed,
    ]
    .into_iter()
    .find(|direction| has(*direction))
    .unwrap_or(Direction::Unknown)
}

/// The message's status from its recipients, lists and replaced addresses left out.
fn status(recipients: &[Recipient<'_>]) -> Status {
    let (mut total, mut arrived, mut delivered) = (0, 0, 0);
    let (mut pending, mut unknown, mut failed) = (false, false, false);
    for recipient in recipients {
        match recipient.fate {
            Fate::Expanded | Fate::Redirected => continue,
            Fate::Delivered => (arrived, delivered) = (arrived + 1, delivered + 1),
            Fate::Transferred => arrived += 1,
            Fate::Pending => pending = true,
            Fate::Unknown => unknown = true,
            Fate::Failed | Fate::Rejected => failed = true,
            Fate::Quarantined | Fate::Dropped => {}
        }
        total += 1;
    }
    match () {
        () if total == 0 => Status::Unknown,
        () if arrived == total && delivered > 0 => Status::Delivered,
        () if arrived == total => Status::Transferred,
        () if arrived > 0 => Status::PartlyDelivered,
        () if pending => Status::Pending,
        () if unknown => Status::Unknown,
        () if failed => Status::Failed,
        () => Status::Dropped,
    }
}

/// The Message-ID as another row has it whole: Sendmail cuts long ones, and the bracket behind them with the rest.
fn whole_id<'d>(id: &'d BStr, events: &[Event<'d>]) -> &'d BStr {
    if !id.starts_with(b"<") || id.ends_with(b">") {
        return id;
    }
    let mut ids = events.iter().map(|event| event.message_id().text());
    ids.find(|whole| whole.ends_with(b">") && whole.starts_with(id))
        .unwrap_or(id)
}

/// The status of a message that was held, discarded or refused as a whole, without any recipient being named.
fn whole_status(events: &[Event<'_>]) -> Status {
    let has = |role| events.iter().any(|event| event.role == role);
    match () {
        () if has(Role::Drop) || has(Role::Quarantine) => Status::Dropped,
        () if has(Role::Fail) => Status::Failed,
        () => Status::Unknown,
    }
}

/// Links that the message's own rows name.
fn related<'d>(events: &[Event<'d>], class: Class) -> Vec<(Relation, &'d BStr)> {
    let mut related = Vec::new();
    for event in events {
        let relation = match event.role {
            _ if event.is_report => Relation::ReportOf,
            Role::Fail => Relation::Report,
            Role::Info if event.context().text() == DELIVERY_REPORT => Relation::Report,
            Role::Receive if event.generated && class != Class::Report => Relation::of_made(event),
            _ => continue,
        };
        let reference = event.reference().text();
        let looks_like_id = is_proper_id(reference) || reference.starts_with(b"<");
        if looks_like_id && !related.contains(&(relation, reference)) {
            related.push((relation, reference));
        }
    }
    related
}
