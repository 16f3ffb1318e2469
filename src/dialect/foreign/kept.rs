//! Where the parts of a line stand, kept in its row: building the message's path then takes no line apart again.
//!
//! In: an [`Entry`] and its line. Out: the spots, eleven parts by their begin and length, and the same entry back from
//! them. A line that is too long for them, or whose entry has a text of its own, is read again instead.

use super::entry::{Entry, Peer};
use super::events::code;
use super::line::Program;
use crate::row::{KEPT_ENDS, Row};

/// Two numbers for each part.
const PARTS: usize = 11;
/// Behind the parts: program, separator, whether a sender is named.
const FLAGS: usize = 2 * PARTS;
const NAMES_SENDER: u16 = 1 << 15;

const _: () = assert!(FLAGS < KEPT_ENDS);

/// Notes in `row` where the parts of `entry` stand in `line`.
#[inline]
pub fn keep(row: &mut Row, entry: &Entry<'_>, line: &[u8]) {
    let parts = [
        entry.id,
        entry.other,
        entry.message_id,
        entry.sender.unwrap_or_default(),
        entry.to,
        entry.orig,
        entry.peer.name,
        entry.peer.ip,
        entry.text,
        entry.subject,
        entry.connector,
    ];
    if line.len() > usize::from(u16::MAX) || !entry.dsn.is_empty() {
        return;
    }
    let program = match entry.program {
        Program::Postfix => 0,
        Program::Exim => 1,
        Program::Sendmail => 2,
        Program::Other => return,
    };
    let base = line.as_ptr().addr();
    // Written where they stay.
    let spots = row.spots();
    for (part, spot) in parts.iter().zip(spots.as_chunks_mut::<2>().0) {
        if part.is_empty() {
            continue;
        }
        let from = part.as_ptr().addr().wrapping_sub(base);
        if from > line.len() || part.len() > line.len() - from {
            return;
        }
        *spot = [from as u16, part.len() as u16];
    }
    let sender = if entry.sender.is_some() {
        NAMES_SENDER
    } else {
        0
    };
    spots[FLAGS] = program | u16::from(entry.between.unwrap_or(0)) << 2 | sender;
    row.keep();
}

/// The entry that [`keep`] noted, if it did; `line` is the row's. The count of recipients is not kept.
#[inline]
pub fn kept<'d>(row: &Row, line: &'d [u8]) -> Option<Entry<'d>> {
    let spots = row.kept()?;
    let part = |number: usize| {
        let (from, len) = (spots[2 * number], spots[2 * number + 1]);
        line.get(usize::from(from)..usize::from(from) + usize::from(len))
            .unwrap_or_default()
    };
    let flags = spots[FLAGS];
    let program = match flags & 3 {
        0 => Program::Postfix,
        1 => Program::Exim,
        _ => Program::Sendmail,
    };
    let between = (flags >> 2 & 0xff) as u8;
    Some(Entry {
        id: part(0),
        other: part(1),
        message_id: part(2),
        sender: (flags & NAMES_SENDER != 0).then(|| part(3)),
        to: part(4),
        between: (between != 0).then_some(between),
        orig: part(5),
        peer: Peer {
            name: part(6),
            ip: part(7),
        },
        text: part(8),
        subject: part(9),
        connector: part(10),
        size: u64::from(row.size_bytes),
        ..Entry::of(program, row.code.min(code::SWALLOWED))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::foreign::clock::Clock;
    use crate::dialect::foreign::{outer, read};
    use crate::row::Row;

    #[test]
    fn what_is_kept_is_what_was_read() {
        for line in [
            "Nov 21 12:23:38 mx1 postfix/smtpd[1]: 4F1B2C3D4E5: client=c.test[192.0.2.1], orig_queue_id=AB12345",
            "Nov 21 12:23:38 mx1 postfix/qmgr[1]: 4F1B2C3D4E5: from=<>, size=7, nrcpt=1 (queue active)",
            "Nov 21 12:23:38 mx1 postfix/smtp[1]: 4F1B2C3D4E5: to=<r@x>, orig_to=<o@x>, relay=m[192.0.2.2]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 queued as ABCDEF0)",
            "Nov 21 12:23:38 sm1 sendmail[1]: 6ALHNdN6000399: to=<a@x>,<b@x>, delay=1, mailer=esmtp, relay=m [192.0.2.2], dsn=2.0.0, stat=Sent (Ok)",
            "2026-11-21 12:23:38 1xUooM-000069-1M <= s@x H=c [192.0.2.1] P=esmtp S=438 id=m@x T=\"subject\" for r1@x r2@x",
        ] {
            let line = line.as_bytes();
            let entry = read(&outer(line, &Clock::default()).unwrap());
            let mut row = Row::blank(0);
            (row.code, row.size_bytes) = (entry.code, entry.size as u32);
            keep(&mut row, &entry, line);
            let again = Entry {
                count: entry.count,
                ..kept(&row, line).unwrap()
            };
            assert_eq!(format!("{entry:?}"), format!("{again:?}"));
        }
    }

    #[test]
    fn a_text_from_elsewhere_is_not_kept() {
        let line = b"Nov 21 12:23:38 mx1 postfix/postsuper[1]: 4F1B2C3D4E5: removed";
        let entry = read(&outer(line, &Clock::default()).unwrap());
        let mut row = Row::blank(0);
        keep(&mut row, &entry, line);
        assert_eq!(entry.code, code::DISCARDED);
        assert!(kept(&row, line).is_none());
    }
}
