//! The categoriser: names become mailboxes and outside addresses.
//!
//! In: a copy on the first hub and the addresses as typed. Out: RESOLVE, EXPAND, REDIRECT and their
//! kin, FAIL for addresses that nobody has, then the copy with its recipients goes to `route`.

use std::collections::VecDeque;

use super::flow::Simulation;
use super::layout::Row;
use super::mail::{Addressee, Chain, Copy, Home, Mail, Script, Status, Target};
use super::organisation::Member;

impl<'a> Simulation<'a> {
    pub fn categorise(&mut self, mail: &mut Mail, mut copy: Copy, to: &[Target]) {
        copy.at += self.ms(10, 40);
        let typed = self.typed(to);
        self.agent_info(mail, &copy, &typed, to.len());
        if matches!(mail.script, Script::DroppedByRule | Script::RejectedByRule) {
            self.act_by_rule(mail, &copy, &typed, to);
            return;
        }
        if self.stop_by_oddity(mail, &mut copy, &typed, to) {
            return;
        }
        let Some(released) = self.moderate(mail, copy, to) else {
            return;
        };
        let mut copy = released;
        self.resolve(mail, &mut copy, to);
        self.redirect(mail, &mut copy);
        self.journal(mail, &copy);
        if !copy.to.is_empty() {
            self.route(mail, copy);
        }
    }

    /// Turns typed addresses into recipients.
    fn resolve(&mut self, mail: &mut Mail, copy: &mut Copy, to: &[Target]) {
        let org = self.org;
        let mut lists: VecDeque<(usize, Chain)> = VecDeque::new();
        let mut nobodies = Vec::new();
        for target in to {
            match target {
                Target::User(u) => self.add_user(copy, *u, Vec::new()),
                Target::Outside(address, host) => copy.to.push(Addressee {
                    address: address.to_lowercase(),
                    home: Home::Outside(*host),
                    via: Vec::new(),
                    redirected: false,
                }),
                Target::Alias(u) => {
                    let user = &org.users[*u];
                    copy.at += self.ms(1, 3);
                    let row = self.naming_row(mail, copy, "RESOLVE", &user.address, &user.alias);
                    self.write(
                        mail,
                        &Row {
                            context: &user.legacy_dn,
                            ..row
                        },
                    );
                    self.add_user(copy, *u, vec![("resolved", user.alias.clone())]);
                }
                Target::List(l) => lists.push_back((*l, Vec::new())),
                Target::Nobody(address) => nobodies.push(address.to_lowercase()),
            }
        }
        let mut expanded = Vec::new();
        while let Some((l, via)) = lists.pop_front() {
            expanded.push(l);
            self.expand(mail, copy, l, via, &mut lists, &expanded);
        }
        if !nobodies.is_empty() {
            self.fail_nobodies(mail, copy, nobodies);
        }
    }

    fn add_user(&mut self, copy: &mut Copy, u: usize, via: Chain) {
        copy.to.push(Addressee {
            address: self.org.users[u].address.to_lowercase(),
            home: Home::Mailbox(u),
            via,
            redirected: false,
        });
    }

    /// One list becomes its members; who is there already is merged.
    fn expand(
        &mut self,
        mail: &mut Mail,
        copy: &mut Copy,
        l: usize,
        via: Chain,
        lists: &mut VecDeque<(usize, Chain)>,
        expanded: &[usize],
    ) {
        let org = self.org;
        let list = &org.lists[l];
        let mut members = String::new();
        for member in &list.members {
            if !members.is_empty() {
                members.push(';');
            }
            members.push_str(org.member_address(member));
        }
        copy.at += self.ms(1, 4);
        let row = self.naming_row(mail, copy, "EXPAND", &members, &list.address);
        let statuses = super::mail::repeated("", list.members.len());
        let local = self.write(
            mail,
            &Row {
                count: Some(list.members.len()),
                status: &statuses,
                reference: &list.address,
                ..row
            },
        );
        mail.fate(
            &list.address,
            Status::Expanded,
            Some((copy.server, local)),
            &via,
        );
        let mut chain = vec![("expanded", list.address.clone())];
        chain.extend(via);
        for member in &list.members {
            let address = org.member_address(member);
            let known = match member {
                Member::List(inner) => {
                    expanded.contains(inner) || lists.iter().any(|(waiting, _)| waiting == inner)
                }
                _ => copy.to.iter().any(|a| a.address == address),
            };
            if known {
                copy.at += self.ms(1, 2);
                let row = self.naming_row(mail, copy, "DUPLICATEEXPAND", address, &list.address);
                self.write(mail, &row);
                continue;
            }
            match member {
                Member::User(u) => self.add_user(copy, *u, chain.clone()),
                Member::List(inner) => lists.push_back((*inner, chain.clone())),
                Member::Outside(address, host) => copy.to.push(Addressee {
                    address: address.clone(),
                    home: Home::Outside(*host),
                    via: chain.clone(),
                    redirected: false,
                }),
            }
        }
    }

    /// Forwards that are set on the mailbox.
    fn redirect(&mut self, mail: &mut Mail, copy: &mut Copy) {
        let org = self.org;
        let mut i = 0;
        // Targets are pushed at the end and are not looked at again: one forward, no chains.
        let before = copy.to.len();
        let mut gone = vec![false; before];
        while i < before {
            let Home::Mailbox(u) = copy.to[i].home else {
                i += 1;
                continue;
            };
            if let Some(forward) = &org.users[u].forward {
                let from = copy.to[i].address.clone();
                let merged = copy.to.iter().any(|a| a.address == forward.address);
                let event = if merged {
                    "DUPLICATEREDIRECT"
                } else {
                    "REDIRECT"
                };
                copy.at += self.ms(1, 3);
                let row = self.naming_row(mail, copy, event, &forward.address, &from);
                let local = self.write(mail, &row);
                let mut via = vec![("redirected", from.clone())];
                via.extend(copy.to[i].via.clone());
                if !forward.keeps_copy {
                    let old = copy.to[i].via.clone();
                    mail.fate(&from, Status::Redirected, Some((copy.server, local)), &old);
                    gone[i] = true;
                }
                if !merged {
                    let home = forward
                        .user
                        .map_or(Home::Outside(forward.outside), Home::Mailbox);
                    copy.to.push(Addressee {
                        address: forward.address.clone(),
                        home,
                        via,
                        redirected: true,
                    });
                }
            }
            i += 1;
        }
        let mut n = 0;
        copy.to.retain(|_| {
            n += 1;
            n > before || !gone[n - 1]
        });
    }

    /// A row about a change of names: one recipient, `related` is what it was.
    pub fn naming_row<'b>(
        &mut self,
        mail: &Mail,
        copy: &Copy,
        event: &'b str,
        recipients: &'b str,
        related: &'b str,
    ) -> Row<'b>
    where
        'a: 'b,
    {
        let row = self.copy_row(mail, copy, recipients, "ROUTING", event);
        Row {
            count: Some(1),
            related,
            ..row
        }
    }
}
