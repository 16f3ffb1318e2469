//! The state of a run, and the one place where a row is written.
//!
//! In: rows from all parts of the flow. Out: rows in `files`, finished mails in `truth`, and the ids that
//! servers give: queue ids, submission ids, sessions.

use std::io::Error;

use super::Options;
use super::files::Logs;
use super::layout::{Row, push_row};
use super::mail::{Copy, Mail};
use super::organisation::Organisation;
use super::rng::Rng;
use super::text::{push_number, push_seconds, push_session, push_time};
use super::truth::{Truth, line};
use crate::time::{DAY, HOUR, SECOND};

/// Custom data of rows that have nothing of their own to say.
pub const PLAIN: &str = "S:DeliveryPriority=Normal;S:AccountForest=example.com";

/// The ids a server has given so far.
struct Counters {
    generation: u64,
    queue: u64,
    submission: u64,
    session: u64,
}

pub struct Simulation<'a> {
    pub options: &'a Options,
    pub org: &'a Organisation,
    pub rng: Rng,
    pub logs: Logs,
    pub truth: Truth,
    counters: Vec<Counters>,
    /// True time at which the drafting of messages ends.
    pub stop: i64,
    /// True time of the last row so far.
    pub latest: i64,
    /// Hours since the start, which the queue database's generation follows.
    pub hour: u64,
}

impl<'a> Simulation<'a> {
    pub fn new(
        options: &'a Options,
        org: &'a Organisation,
        rng: Rng,
        logs: Logs,
        truth: Truth,
    ) -> Simulation<'a> {
        let counters = (0..org.servers.len() as u64)
            .map(|s| Counters {
                generation: 0,
                // Classic servers count on from here; modern ones begin again in each generation.
                queue: 3175 + s * 41_003,
                submission: 200 + s * 17,
                session: 0,
            })
            .collect();
        let stop = options.start_micros() + i64::from(options.days) * DAY;
        let latest = options.start_micros();
        Simulation {
            options,
            org,
            rng,
            logs,
            truth,
            counters,
            stop,
            latest,
            hour: 0,
        }
    }

    /// Writes a row of `mail` and gives the time that stands in it.
    pub fn write(&mut self, mail: &mut Mail, row: &Row<'_>) -> i64 {
        let layout = self.org.servers[row.server].layout;
        let named = !row.nameless && !mail.message_id.is_empty();
        if named || layout.is_modern() {
            mail.rows += 1;
        }
        mail.network_id_seen |= layout.is_modern();
        self.push(row, Some(mail))
    }

    /// Writes a row that names no message.
    pub fn write_without_mail(&mut self, row: &Row<'_>) {
        self.push(row, None);
    }

    fn push(&mut self, row: &Row<'_>, mail: Option<&Mail>) -> i64 {
        let server = &self.org.servers[row.server];
        let local = row.at + server.skew;
        let rng = &mut self.rng;
        self.logs.row(row.server, row.service, local, |out| {
            push_row(out, server.layout, server.build, row, mail, local, rng);
        });
        self.latest = self.latest.max(row.at);
        local
    }

    /// Gives the mail's truth away: nothing more will be logged of it.
    pub fn finish(&mut self, mail: &Mail) {
        self.truth.add(mail.first_seen, &line(self.org, mail));
    }

    /// Writes what belongs to hours before `hour`, which no clock can reach any more.
    pub fn flush_before(&mut self, hour: i64) -> Result<(), Error> {
        self.logs.flush(self.org, hour)?;
        self.truth.flush(hour)
    }

    /// A new queue id. 2013 and later: generation in the high half, row in the low half.
    pub fn new_id(&mut self, server: usize) -> u64 {
        let step = 1 + self.rng.below(3) as u64;
        let c = &mut self.counters[server];
        if !self.org.servers[server].layout.is_modern() {
            c.queue += step;
            return c.queue;
        }
        let generation = 6377 + server as u64 * 5171 + self.hour;
        if c.generation != generation {
            c.generation = generation;
            c.queue = 0;
        }
        c.queue += step;
        generation << 32 | c.queue
    }

    /// A new id of the submission service, which counts for itself.
    pub fn new_submission_id(&mut self, server: usize) -> u64 {
        let c = &mut self.counters[server];
        c.submission += 1;
        c.submission
    }

    pub fn push_new_session(&mut self, out: &mut String, server: usize) {
        let step = 1 + self.rng.below(900) as u64;
        let c = &mut self.counters[server];
        c.session += step;
        push_session(out, self.org.servers[server].session_base + c.session);
    }

    /// A short wait: between `low` and `high` milliseconds.
    pub fn ms(&mut self, low: i64, high: i64) -> i64 {
        self.rng.between(low * 1000, high * 1000)
    }

    /// What a copy weighs by now: each hop adds headers.
    pub fn weight(&mut self, mail: &Mail) -> Option<u64> {
        Some(mail.bytes + self.rng.below(2900) as u64)
    }

    /// A row of `copy` with what nearly all rows of a copy have.
    pub fn copy_row<'b>(
        &mut self,
        mail: &Mail,
        copy: &Copy,
        recipients: &'b str,
        source: &'b str,
        event: &'b str,
    ) -> Row<'b>
    where
        'a: 'b,
    {
        let org = self.org;
        Row {
            server: copy.server,
            server_host: &org.servers[copy.server].name,
            at: copy.at,
            source,
            event,
            id: Some(copy.id),
            recipients,
            bytes: self.weight(mail),
            count: Some(copy.to.len()),
            custom: PLAIN,
            ..Row::default()
        }
    }

    /// `sessionId;time;tail`, the context of mail that came in.
    pub fn session_context(&mut self, server: usize, at: i64, tail: &str) -> String {
        let mut text = String::with_capacity(96);
        self.push_new_session(&mut text, server);
        text.push(';');
        push_time(&mut text, at - 60_000);
        text.push(';');
        text.push_str(tail);
        text
    }

    /// `;reply;ClientSubmitTime:`, the context of mail that went out.
    pub fn sent_context(reply: &str) -> String {
        let mut text = String::with_capacity(reply.len() + 24);
        text.push(';');
        text.push_str(reply);
        text.push_str(";ClientSubmitTime:");
        text
    }

    /// What a server answers that has taken a message into its queue under `id`.
    pub fn queued_reply(&mut self, mail: &Mail, server: usize, id: u64) -> String {
        let to = &self.org.servers[server];
        let mut text = String::with_capacity(220);
        text.push_str("250 2.6.0 ");
        text.push_str(&mail.message_id);
        text.push_str(" [InternalId=");
        push_number(&mut text, id);
        // 2007 and 2010 do not say who they are.
        if to.layout.is_modern() {
            text.push_str(", Hostname=");
            text.push_str(&to.fqdn);
        }
        text.push_str("] ");
        if to.layout.is_modern() {
            push_number(&mut text, mail.bytes);
            text.push_str(" bytes in ");
            let took = self.ms(20, 400);
            push_seconds(&mut text, took);
            text.push_str(", ");
            push_seconds(
                &mut text,
                (mail.bytes as i64) * 1_000_000 / took.max(1) * 1000,
            );
            text.push_str(" KB/sec ");
        }
        text.push_str("Queued mail for delivery");
        text
    }

    /// `origin;LSRV=host:tree`, or what older versions had in its place.
    pub fn latency(&mut self, mail: &Mail, server: usize, at: i64, trees: &[&str]) -> String {
        use super::layout::Layout;
        let s = &self.org.servers[server];
        let mut text = String::with_capacity(900);
        push_time(&mut text, mail.origin);
        if s.layout == Layout::V2007 {
            return text;
        }
        if s.layout == Layout::V2010 {
            text.push_str(";SRV=");
            text.push_str(&s.fqdn);
            text.push_str(":TOTAL=");
            push_number(
                &mut text,
                ((at + s.skew - mail.origin).max(0) / SECOND) as u64,
            );
            return text;
        }
        for tree in trees {
            text.push_str(if trees.len() == 1 { ";LSRV=" } else { ";SRV=" });
            text.push_str(&s.fqdn);
            text.push(':');
            super::text::push_latencies(&mut text, &mut self.rng, tree);
        }
        text
    }

    /// The hour of an instant, safely before every clock.
    pub fn flushable(&self, at: i64) -> i64 {
        (at - self.options.skew_ms.abs() * 1000).div_euclid(HOUR)
    }
}
