//! Top lists: who sends and receives most, and the largest messages.
//!
//! In: the merged tally, so that the cut comes after all sums. Out: the section `top`, each list by
//! messages, by recipients and by bytes; equals are in order of name.

use std::cmp::Ordering;

use serde::Serialize;

use crate::report::{Message, Names, address, decoded};
use crate::tally::Tally;
use crate::tally::correspondents::Exchanged;
use crate::tally::ledger::Mail;
use crate::tally::words::WordId;

/// The section `top`.
#[derive(Clone, Debug, Serialize)]
pub struct Top {
    /// Lists are cut here.
    pub lines: usize,
    pub senders: Ranking<Address>,
    pub recipients: Ranking<Address>,
    pub pairs: Ranking<Pair>,
    pub sender_domains: Ranking<Domain>,
    pub recipient_domains: Ranking<Domain>,
    pub largest_messages: Vec<Message>,
    pub most_recipients: Vec<Broad>,
}

/// The same correspondents in three orders.
#[derive(Clone, Debug, Serialize)]
pub struct Ranking<W> {
    /// How many there are in all.
    pub count: usize,
    pub by_messages: Vec<Ranked<W>>,
    pub by_recipients: Vec<Ranked<W>>,
    pub by_bytes: Vec<Ranked<W>>,
}

/// A line of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Ranked<W> {
    #[serde(flatten)]
    pub who: W,
    pub messages: i64,
    pub recipients: i64,
    /// Each message once.
    pub bytes: i64,
}

/// One address, lower case; `<>` for the null return path.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    pub address: String,
}

/// One domain, lower case.
#[derive(Clone, Debug, Serialize)]
pub struct Domain {
    pub domain: String,
}

/// Who wrote to whom.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    pub sender: String,
    pub recipient: String,
}

/// A message with many recipients.
#[derive(Clone, Debug, Serialize)]
pub struct Broad {
    /// Recipients in the balance, list members among them.
    pub recipients: i64,
    #[serde(flatten)]
    pub message: Message,
}

/// The section `top` with lists of `lines` lines.
pub fn top(tally: &Tally, lines: usize, names: &Names<'_>) -> Top {
    let c = &tally.correspondents;
    let addresses = |side: fn(&Exchanged) -> Mail| {
        let mail = (0..).zip(&c.correspondents);
        ranking(
            mail.map(|(id, who)| (id, side(&who.mail))),
            lines,
            |a, b| c.addresses.get(*a).cmp(c.addresses.get(*b)),
            |id| Address {
                address: address(c.addresses.get(id)),
            },
        )
    };
    let domains = |side: fn(&Exchanged) -> Mail| {
        let mail = (0..).zip(&c.by_domain);
        // Addresses without a domain (the null return path, X.400) make no domain of their own.
        let named = mail.filter(|&(id, _)| !c.domains.get(id).is_empty());
        ranking(
            named.map(|(id, mail)| (id, side(mail))),
            lines,
            |a, b| c.domains.get(*a).cmp(c.domains.get(*b)),
            |id| Domain {
                domain: decoded(c.domains.get(id)),
            },
        )
    };
    let text = |pair: &(WordId, WordId)| (c.addresses.get(pair.0), c.addresses.get(pair.1));
    Top {
        lines,
        senders: addresses(|mail| mail.sent),
        recipients: addresses(|mail| mail.received),
        pairs: ranking(
            c.pairs.sums(),
            lines,
            |a, b| text(a).cmp(&text(b)),
            |pair| Pair {
                sender: address(c.addresses.get(pair.0)),
                recipient: decoded(c.addresses.get(pair.1)),
            },
        ),
        sender_domains: domains(|mail| mail.sent),
        recipient_domains: domains(|mail| mail.received),
        largest_messages: (tally.largest.first(lines).iter())
            .map(|entry| Message::new(entry, names))
            .collect(),
        most_recipients: (tally.most_recipients.first(lines).iter())
            .map(|entry| Broad {
                recipients: entry.value,
                message: Message::new(entry, names),
            })
            .collect(),
    }
}

/// The first lines of one order, not yet in order, and what may be among them.
struct First<K> {
    /// Which of the [`figures`] orders them.
    by: usize,
    mail: Vec<(K, Mail)>,
    /// What is the first not to be among them, once there are enough, and its figure.
    last: Option<(K, i64)>,
}

/// By what lists are ordered: most messages, recipients or bytes first.
fn figures(mail: &Mail) -> [i64; 3] {
    [mail.messages, mail.recipients, mail.bytes]
}

/// Orders `mail` three ways and cuts each to `lines`; no more than a few times that is kept on the way.
fn ranking<K: Copy, W>(
    mail: impl Iterator<Item = (K, Mail)>,
    lines: usize,
    by_name: impl Fn(&K, &K) -> Ordering,
    who: impl Fn(K) -> W,
) -> Ranking<W> {
    let order = |by: usize, a: &(K, Mail), b: &(K, Mail)| {
        (figures(&b.1)[by].cmp(&figures(&a.1)[by])).then_with(|| by_name(&a.0, &b.0))
    };
    let mut orders = [0, 1, 2].map(|by| First {
        by,
        mail: Vec::new(),
        last: None,
    });
    let mut count = 0;
    // The least figures that may be among the first: most mail is below all three.
    let mut least = [i64::MIN; 3];
    for one in mail.filter(|(_, mail)| *mail != Mail::default()) {
        count += 1;
        let figures = figures(&one.1);
        if (0..3).all(|by| figures[by] < least[by]) {
            continue;
        }
        for (first, figure) in orders.iter_mut().zip(figures) {
            let is_behind = |(last, least): (K, i64)| {
                figure < least || figure == least && by_name(&last, &one.0) == Ordering::Less
            };
            if first.last.is_some_and(is_behind) {
                continue;
            }
            first.mail.push(one);
            if first.mail.len() >= 4 * lines + 64 {
                let order = |a: &_, b: &_| order(first.by, a, b);
                let (_, last, _) = first.mail.select_nth_unstable_by(lines, order);
                least[first.by] = self::figures(&last.1)[first.by];
                first.last = Some((last.0, least[first.by]));
                first.mail.truncate(lines);
            }
        }
    }
    let [by_messages, by_recipients, by_bytes] = orders.map(|mut first| {
        first.mail.sort_unstable_by(|a, b| order(first.by, a, b));
        first.mail.truncate(lines);
        let ranked = first.mail.into_iter().map(|(key, mail)| Ranked {
            who: who(key),
            messages: mail.messages,
            recipients: mail.recipients,
            bytes: mail.bytes,
        });
        ranked.collect()
    });
    Ranking {
        count,
        by_messages,
        by_recipients,
        by_bytes,
    }
}
