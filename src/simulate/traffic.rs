//! Who writes to whom and when: working hours, weekends, probes, system mail.
//!
//! In: options. Out: drafts in order of time, sent one by one; hours that are over are written out.

use std::io::Error;

use super::flow::Simulation;
use super::mail::{Class, Draft, Script, Sender, Target};
use super::organisation::DOMAIN;
use super::wording::{FAMILY_NAMES, GIVEN_NAMES, SUBJECTS};
use crate::time::{DAY, HOUR, SECOND};

const MINUTE: i64 = 60 * SECOND;

/// Share of a day's mail per hour, in thousandths.
const HOURS: [i64; 24] = [
    8, 6, 5, 5, 6, 10, 20, 42, 75, 95, 100, 92, 70, 78, 90, 85, 72, 55, 28, 18, 14, 11, 8, 7,
];

/// From the first day to the last.
pub fn pass_time(sim: &mut Simulation<'_>) -> Result<(), Error> {
    let start = sim.options.start_micros();
    let mut tales = sim.tales(start);
    tales.sort_by_key(|d| d.at);
    let mut tales = tales.into_iter().peekable();
    let mut owed = 0.0;
    let mut minute = start;
    while minute < sim.stop {
        if minute % HOUR == 0 {
            let hour = sim.flushable(minute);
            sim.flush_before(hour)?;
            sim.hour = ((minute - start) / HOUR) as u64;
        }
        let mut drafts = Vec::new();
        while let Some(tale) = tales.next_if(|d| d.at < minute + MINUTE) {
            drafts.push(tale);
        }
        owed += sim.messages_in(minute, start);
        while owed >= 1.0 {
            owed -= 1.0;
            let at = minute + sim.rng.between(0, MINUTE);
            let draft = sim.ordinary(at);
            drafts.extend(draft);
        }
        if sim.options.probes {
            sim.add_probes(minute, &mut drafts);
        }
        drafts.sort_by_key(|d| d.at);
        for draft in drafts {
            sim.send(draft);
        }
        minute += MINUTE;
    }
    Ok(())
}

/// A last round on every server, so that all logs go on after the last thing that is still open.
pub fn close(sim: &mut Simulation<'_>) {
    let at = (sim.latest + 5 * MINUTE).max(sim.stop + HOUR);
    sim.hour = ((at - sim.options.start_micros()) / HOUR) as u64;
    for s in 0..sim.org.servers.len() {
        // In the tales nobody is to hear from the server whose logs are missing.
        if sim.options.stories && sim.org.servers[s].left_out {
            continue;
        }
        let at = at + s as i64 * 3 * SECOND;
        let draft = if s < sim.org.mailbox_servers {
            sim.system_mail(s, at)
        } else {
            sim.probe(s, at)
        };
        sim.send(draft);
    }
}

impl Simulation<'_> {
    /// How many messages begin in the minute at `minute`, as a fraction.
    fn messages_in(&self, minute: i64, start: i64) -> f64 {
        let hour = minute.rem_euclid(DAY) / HOUR;
        let share = HOURS[hour as usize] as f64 / 60.0 / HOURS.iter().sum::<i64>() as f64;
        if let Some(size) = self.options.size_bytes {
            // What a message costs in bytes is learnt on the way; before, a fair guess.
            let written = (self.logs.bytes + self.logs.waiting) as f64;
            let sent = self.truth.messages as f64;
            let each = (written + 15_000.0 * 50.0) / (sent + 50.0);
            let day = (minute - start).div_euclid(DAY) as f64;
            let into: i64 = HOURS[..hour as usize].iter().sum();
            let within = minute.rem_euclid(HOUR) as f64 / HOUR as f64;
            let part = (into as f64 + HOURS[hour as usize] as f64 * within) / 1000.0;
            let behind = (day + part) * size as f64 - written;
            // Catch up within about ten minutes.
            return ((share * size as f64 + behind / 10.0) / each).max(0.0);
        }
        // 1970-01-01 was a Thursday.
        let weekday = (minute.div_euclid(DAY) + 3).rem_euclid(7);
        let factor = if weekday >= 5 { 0.2 } else { 1.0 };
        share * self.options.messages_per_day as f64 * factor
    }

    /// Somebody writes to somebody. Now and then the same Message-ID goes out twice.
    fn ordinary(&mut self, at: i64) -> Vec<Draft> {
        let inbound = self.rng.chance(3500);
        let sender = match inbound {
            true => self.stranger(),
            false => Sender::User(self.rng.below(self.org.people)),
        };
        let mut to = Vec::new();
        let count = match self.rng.below(100) {
            0..62 => 1,
            62..85 => 2 + self.rng.below(2),
            85..97 => 4 + self.rng.below(4),
            _ => 8 + self.rng.below(20),
        };
        while to.len() < count {
            let target = self.target(inbound);
            if !self.repeats(&to, &target) {
                to.push(target);
            } else if to.len() >= 4 {
                break;
            }
        }
        let mut draft = Draft {
            at,
            sender,
            to,
            subject: self.subject(),
            bytes: self.rng.skewed(40_000) as u64 + 2000,
            class: Class::Mail,
            script: Script::Chance,
            story: None,
            message_id: None,
            related: Vec::new(),
        };
        if let (true, Sender::Outside(_, host)) = (inbound, &draft.sender) {
            let domain = self.org.outside[*host].domain.clone();
            return self.odd_ids(draft, &domain);
        }
        draft.bytes = draft.bytes.min(25_000_000);
        vec![draft]
    }

    /// Strange Message-IDs of strange senders: without brackets, blank, or used twice.
    fn odd_ids(&mut self, mut draft: Draft, domain: &str) -> Vec<Draft> {
        // Without network ids neither a blank nor a repeated one could be told apart.
        let tellable = self.org.servers.iter().all(|s| s.layout.is_modern());
        match self.rng.below(1000) {
            20..22 => {
                // A program left a file in the pickup folder that no program could read.
                let s = self.rng.below(self.org.mailbox_servers);
                draft.sender = Sender::Machine(format!("scanner@{DOMAIN}"), s);
                draft.to = vec![Target::User(self.sound_user())];
                draft.script = Script::BadPickup;
            }
            0..10 => {
                let id = self.new_message_id(domain);
                draft.message_id = Some(id.trim_matches(['<', '>']).to_string());
                draft.script = Script::Smooth;
            }
            10..14 if tellable => {
                draft.message_id = Some(String::new());
                draft.script = Script::Smooth;
            }
            14..20 if tellable => {
                let id = self.new_message_id(domain);
                draft.to = vec![Target::User(self.sound_user())];
                draft.script = Script::Smooth;
                draft.message_id = Some(id.clone());
                draft.related = vec![("instance", id)];
                let mut second = draft.clone();
                second.at = (draft.at + self.rng.between(1, 50) * SECOND)
                    .min(draft.at / MINUTE * MINUTE + MINUTE - 1);
                let first = draft.to.clone();
                while second.to == first {
                    second.to = vec![Target::User(self.sound_user())];
                }
                return vec![draft, second];
            }
            _ => {}
        }
        vec![draft]
    }

    /// A person with room in the mailbox and no forward.
    fn sound_user(&mut self) -> usize {
        loop {
            let u = self.rng.below(self.org.people);
            if !self.org.users[u].full && self.org.users[u].forward.is_none() {
                return u;
            }
        }
    }

    fn target(&mut self, inbound: bool) -> Target {
        let people = self.org.people;
        match self.rng.below(1000) {
            0..25 => Target::List(self.rng.below(self.org.lists.len())),
            25..60 => Target::Alias(self.rng.below(people)),
            60..72 if inbound => Target::Nobody(format!("nobody{}@{DOMAIN}", self.rng.below(900))),
            72..350 if !inbound => match self.stranger() {
                Sender::Outside(address, host) => Target::Outside(address, host),
                _ => Target::User(0),
            },
            _ => Target::User(self.rng.below(people)),
        }
    }

    /// Whether `to` has the address already, by whatever name.
    fn repeats(&self, to: &[Target], new: &Target) -> bool {
        to.iter().any(|old| match (old, new) {
            (Target::User(a) | Target::Alias(a), Target::User(b) | Target::Alias(b)) => a == b,
            _ => old == new,
        })
    }

    fn stranger(&mut self) -> Sender {
        let given = self.rng.pick(&GIVEN_NAMES);
        let family = self.rng.pick(&FAMILY_NAMES);
        let host = self.rng.below(self.org.outside.len());
        Sender::Outside(
            format!("{given}.{family}@{}", self.org.outside[host].domain),
            host,
        )
    }

    fn subject(&mut self) -> String {
        let subject = *self.rng.pick(&SUBJECTS);
        match self.rng.below(3) {
            0 if !subject.is_empty() => format!("{subject} ({})", self.rng.below(10_000)),
            _ => subject.to_string(),
        }
    }

    /// Every server is probed every five minutes, each in its own minute.
    fn add_probes(&mut self, minute: i64, drafts: &mut Vec<Draft>) {
        let every = if self.options.stories { 240 } else { 5 };
        for s in 0..self.org.servers.len() {
            let hidden = self.options.stories && self.org.servers[s].left_out;
            if !hidden && (minute / MINUTE + s as i64 * 7) % every == 0 {
                let at = minute + self.rng.between(0, MINUTE);
                let draft = self.probe(s, at);
                drafts.push(draft);
            }
            if !hidden
                && s < self.org.mailbox_servers
                && (minute / MINUTE + s as i64 * 11) % 240 == 0
            {
                let draft = self.system_mail(s, minute + 1);
                drafts.push(draft);
            }
        }
    }

    /// A probe that enters at `s`: from a health mailbox to itself, or through the door.
    fn probe(&mut self, s: usize, at: i64) -> Draft {
        let edge = s >= self.org.mailbox_servers;
        let health = self.org.health[if edge { 0 } else { s }];
        let sender = match edge || self.rng.chance(4000) {
            true => Sender::Machine(format!("inboundproxy@{DOMAIN}"), s),
            false => Sender::User(health),
        };
        Draft {
            at,
            sender,
            to: vec![Target::User(health)],
            subject: "Client submission probe".to_string(),
            bytes: 4100,
            class: Class::Probe,
            script: Script::Smooth,
            story: None,
            message_id: None,
            related: Vec::new(),
        }
    }

    /// A system mailbox of `s` writes to the journal mailbox.
    fn system_mail(&mut self, s: usize, at: i64) -> Draft {
        let guid = "{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";
        Draft {
            at,
            sender: Sender::Machine(format!("SystemMailbox{guid}@{DOMAIN}"), s),
            to: vec![Target::User(self.org.journal)],
            subject: "Organization configuration".to_string(),
            bytes: 5200,
            class: Class::System,
            script: Script::Smooth,
            story: None,
            message_id: None,
            related: Vec::new(),
        }
    }
}
