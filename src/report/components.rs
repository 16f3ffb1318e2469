//! Where mail spent its time: by component, where rows log it.
//!
//! In: the tally's components by server. Out: the part `components` of the section `latency`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tally::components as tally;
use crate::tally::histogram::Coarse;

/// What rows tell of components, largest sum of time first in each stage.
#[derive(Clone, Debug, Serialize)]
pub struct Components {
    /// All servers together.
    pub all_servers: Vec<OfComponent>,
    pub by_server: Vec<OfComponent>,
    /// Rows name more than [`tally::MOST`] components, as only strangers can make them: none is told.
    pub too_many: bool,
}

/// One component, milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct OfComponent {
    /// Short name; null: all servers.
    pub server: Option<String>,
    /// Part of the way as logged: `TOTAL-HUB`.
    pub stage: String,
    /// As logged, with what it is a part of: `CAT/CATRESL`; empty: the whole stage.
    pub component: String,
    /// What that is, where it is known.
    pub meaning: Option<&'static str>,
    /// How often rows tell it.
    pub count: i64,
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub max: Option<u64>,
    pub total_ms: i64,
    /// Of the stage's time, 0 to 1; components whose names begin with `X-` run beside others.
    pub share: Option<f64>,
}

/// Time by stage and component.
type Sums = BTreeMap<(String, String), (Coarse, i64)>;

impl Components {
    /// Why there are no lines, if rows named too many.
    pub fn note(&self) -> Option<String> {
        let most = tally::MOST;
        (self.too_many).then(|| format!("Rows name more than {most} components: none is told."))
    }
}

/// Says what was counted.
pub fn components(sums: &tally::Components) -> Components {
    let mut servers: BTreeMap<String, Sums> = BTreeMap::new();
    let mut all = Sums::new();
    let counted = &sums.all;
    let mut names: Vec<(String, String, String)> = Vec::with_capacity(counted.len());
    for component in counted.iter() {
        let name = String::from_utf8_lossy(&component.name);
        let of = match component.parent {
            None => {
                let (server, stage) = name.split_once(':').unwrap_or(("", &name));
                (server.to_string(), stage.to_string(), String::new())
            }
            Some(parent) => {
                let (server, stage, above) = names[parent as usize].clone();
                let path = match above.as_str() {
                    "" => name.into_owned(),
                    above => format!("{above}/{name}"),
                };
                (server, stage, path)
            }
        };
        names.push(of.clone());
        if component.time.count() <= 0 {
            continue;
        }
        let (server, stage, path) = of;
        for sums in [&mut all, servers.entry(server).or_default()] {
            let sum = sums.entry((stage.clone(), path.clone())).or_default();
            sum.0.merge(&component.time);
            sum.1 += component.total_ms;
        }
    }
    Components {
        all_servers: lines(None, &all),
        by_server: (servers.iter())
            .flat_map(|(server, sums)| lines(Some(server), sums))
            .collect(),
        too_many: sums.too_many,
    }
}

fn lines(server: Option<&String>, sums: &Sums) -> Vec<OfComponent> {
    let whole = |stage: &str| {
        let sum = sums.get(&(stage.to_string(), String::new()));
        sum.map(|(_, total_ms)| *total_ms)
    };
    let mut lines: Vec<OfComponent> = sums
        .iter()
        .map(|((stage, component), (time, total_ms))| OfComponent {
            server: server.cloned(),
            stage: stage.clone(),
            component: component.clone(),
            meaning: meaning(component.rsplit('/').next().unwrap_or_default(), stage),
            count: time.count(),
            p50: time.quantile(0.50),
            p95: time.quantile(0.95),
            max: time.max(),
            total_ms: *total_ms,
            share: whole(stage)
                .filter(|&whole| whole > 0 && !component.is_empty())
                .map(|whole| *total_ms as f64 / whole as f64),
        })
        .collect();
    lines.sort_by_cached_key(|line| {
        let whole = std::cmp::Reverse(whole(&line.stage));
        let is_part = !line.component.is_empty();
        let total = std::cmp::Reverse(line.total_ms);
        (
            whole,
            line.stage.clone(),
            is_part,
            total,
            line.component.clone(),
        )
    });
    lines
}

/// What short names stand for, as far as their use tells; Microsoft lists them nowhere.
fn meaning(component: &str, stage: &str) -> Option<&'static str> {
    let component = component.strip_suffix("-PEN").unwrap_or(component);
    let component = component.strip_suffix("-INC").unwrap_or(component);
    Some(match component {
        "" => match stage.strip_prefix("TOTAL-").unwrap_or(stage) {
            "SUB" => "submission from a mailbox",
            "FE" => "front end",
            "HUB" => "transport",
            "EDGE" => "Edge server",
            "DEL" => "mailbox delivery",
            _ => return None,
        },
        "SMR" => "receiving over SMTP",
        "SMRC" => "receiving: storing the message",
        "SMRDI" | "SMRED" => "receiving: agents",
        "CAT" => "categorizer",
        "CATRESL" => "resolving recipients",
        "CATRT" | "CATORT" => "routing agents",
        "CATRS" | "CATORES" => "agents on resolved messages",
        "CATSM" | "CATOS" => "agents on submitted messages",
        "CATCM" | "CATOC" => "agents on categorized messages",
        "CATCC" => "content conversion",
        "CATBIF" => "splitting into copies",
        "QD" | "QDI" => "waiting in the queue to another server",
        "QDM" => "waiting in the queue to a mailbox",
        "QDE" => "waiting in the queue to the outside",
        "SMSC" => "connecting to the next host",
        "SMS" => "sending over SMTP",
        "SDD" => "storing in the mailbox",
        "SA" => "submission assistant",
        "MTSS" => "mailbox submission service",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Raw;

    #[test]
    fn a_slow_queue_is_seen_on_its_server_and_in_all() {
        let mut sums = tally::Components::default();
        for (server, seconds) in [("ex01.own.test", 1), ("EX02", 3)] {
            let row = format!("t;SRV={server}:TOTAL-HUB={seconds}.000|QDM=0.500(A b=0.25)|X-Z=2");
            sums.add(&[Raw::plain(row.as_bytes())], 1);
        }
        sums.settle();
        let found = components(&sums);
        let all: Vec<_> = (found.all_servers.iter())
            .map(|line| {
                (
                    line.component.as_str(),
                    line.count,
                    line.total_ms,
                    line.share,
                )
            })
            .collect();
        let want = [
            ("", 2, 4000, None),
            ("X-Z", 2, 4000, Some(1.0)),
            ("QDM", 2, 1000, Some(0.25)),
            ("QDM/A b", 2, 500, Some(0.125)),
        ];
        assert_eq!(all, want);
        let servers: Vec<_> = (found.by_server.iter())
            .filter(|line| line.component == "QDM")
            .map(|line| (line.server.as_deref(), line.total_ms, line.share))
            .collect();
        assert_eq!(
            servers,
            [
                (Some("ex01"), 500, Some(0.5)),
                (Some("ex02"), 500, Some(500.0 / 3000.0))
            ]
        );
    }
}
