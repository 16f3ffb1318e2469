//! Hand-written tales for the `data` folder: what an administrator is asked about.
//!
//! In: nothing but the organisation of [`story_options`]. Out: drafts with telling subjects; chance keeps
//! its hands off them. The tales use people 0 to 11, whom `Organisation` gives no forward and room.

use super::Options;
use super::flow::Simulation;
use super::mail::{Class, Draft, Script, Sender, Target};
use super::organisation::{KEEPS_COPY, LEFT_FOR_GOOD, OUTER, TEAM};
use crate::time::{HOUR, SECOND};

/// The options that make the project's `data` folder: two days, three mailbox servers in two sites and
/// an edge; the logs of a fourth server, at a third site, are missing.
pub fn story_options() -> Options {
    Options {
        seed: 7,
        servers: 4,
        sites: 3,
        edges: 1,
        users: 24,
        days: 2,
        messages_per_day: 14,
        leave_out: vec!["ex04".to_string()],
        stories: true,
        ..Options::default()
    }
}

impl Simulation<'_> {
    /// The tales, with their times; none where they were not asked for.
    pub fn tales(&mut self, start: i64) -> Vec<Draft> {
        if !self.options.stories {
            return Vec::new();
        }
        let outside = |name: &str, host: usize| {
            Target::Outside(format!("{name}@{}", self.org.outside[host].domain), host)
        };
        let (partner, slow) = (outside("e.holm", 0), outside("orders", 3));
        let sender = Sender::Outside(format!("c.rossi@{}", self.org.outside[1].domain), 1);
        let user = Sender::User;
        let day = |d: i64, h: i64, m: i64| start + (d * 24 + h) * HOUR + m * 60 * SECOND;
        let mut tales = vec![
            tale(
                "lost",
                "Price list that never arrived",
                day(0, 9, 14),
                user(0),
                vec![partner],
            ),
            tale(
                "full-member",
                "Invitation to the team meeting",
                day(0, 10, 5),
                user(1),
                vec![Target::List(TEAM)],
            ),
            tale(
                "forward-without-copy",
                "Handover notes for the harbour project",
                day(0, 10, 40),
                user(2),
                vec![Target::User(LEFT_FOR_GOOD)],
            ),
            tale(
                "forward-with-copy",
                "Duty roster for April",
                day(0, 11, 2),
                user(2),
                vec![Target::User(KEEPS_COPY)],
            ),
            tale(
                "slow-partner",
                "Purchase order 4711",
                day(0, 15, 30),
                user(3),
                vec![slow],
            ),
            tale(
                "missing-log",
                "Plans for the Bergen office",
                day(0, 14, 20),
                user(0),
                vec![Target::User(self.org.far_away), Target::User(4)],
            ),
            tale(
                "nested-list",
                "Fire drill on Thursday",
                day(1, 9, 30),
                user(4),
                vec![Target::List(OUTER)],
            ),
        ];
        tales[0].script = Script::DroppedByRule;
        // A night: 15:30 and 17 hours make half past eight.
        tales[4].script = Script::PutOff(17 * 60);
        tales.extend(self.repeats_told(day(1, 11, 0), sender));
        tales
    }

    /// The same Message-ID sent twice, and a copy that Safety Net put back.
    fn repeats_told(&mut self, at: i64, sender: Sender) -> [Draft; 3] {
        let id = self.new_message_id(&self.org.outside[1].domain);
        let to = vec![Target::User(0)];
        let mut first = tale("re-sent", "Minutes, sent twice", at, sender, to.clone());
        first.message_id = Some(id.clone());
        first.related = vec![("instance", id)];
        let mut second = first.clone();
        second.at += 47 * 60 * SECOND;
        second.script = Script::AlreadyThere;
        let mut again = tale(
            "resubmitted",
            "Survey, put back by Safety Net",
            at + 2 * HOUR,
            Sender::User(9),
            to,
        );
        again.script = Script::Resubmitted(20);
        [first, second, again]
    }
}

fn tale(name: &'static str, subject: &str, at: i64, sender: Sender, to: Vec<Target>) -> Draft {
    Draft {
        at,
        sender,
        to,
        subject: subject.to_string(),
        bytes: 24_000,
        class: Class::Mail,
        script: Script::Smooth,
        story: Some(name),
        message_id: None,
        related: Vec::new(),
    }
}
