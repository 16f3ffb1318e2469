//! `waybill.toml`: the same values as flags, for every run.
//!
//! In: the file's text. Out: values put in where neither flag nor environment gave one, and what `config` prints:
//! every key with its value and where it comes from. A key that is not known is an error that names the
//! nearest one.

use std::io::{self, Write};

use clap::ArgMatches;
use clap::ValueEnum;
use clap::parser::ValueSource;
use toml::{Table, Value};

use super::flags::{Common, Figures, MmapWord};

/// A key of the file with its flag, and what holds if nobody says anything.
struct Key {
    name: &'static str,
    /// Name of the flag's argument in clap.
    flag: &'static str,
    kind: Kind,
    default: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    List,
    Number,
    Switch,
}

const fn key(name: &'static str, flag: &'static str, kind: Kind, default: &'static str) -> Key {
    Key {
        name,
        flag,
        kind,
        default,
    }
}

/// All keys.
const KEYS: [Key; 19] = [
    key("domains", "domain", Kind::List, "guessed from the logs"),
    key("tz", "tz", Kind::Text, "UTC"),
    key("year", "year", Kind::Number, "told by queue ids"),
    key("zone", "zone", Kind::Text, "told by queue ids"),
    key("hosts", "host", Kind::List, "learnt from the logs"),
    key("horizon", "horizon", Kind::Text, "3d"),
    key(
        "threads",
        "threads",
        Kind::Number,
        "as many as the machine has",
    ),
    key("top", "top", Kind::Number, "25"),
    key("sla", "sla", Kind::List, "30s, 90s, 5m"),
    key("probes", "probe", Kind::List, "those of Exchange itself"),
    key("lists", "lists", Kind::Text, "none"),
    key("anonymous", "anonymous", Kind::Text, "no"),
    key("mmap", "mmap", Kind::Text, "auto"),
    key("temp_dir", "temp_dir", Kind::Text, "the system's"),
    key("expand_limit", "expand_limit", Kind::Number, "250"),
    key("quiet", "quiet", Kind::Switch, "false"),
    key("no_progress", "no_progress", Kind::Switch, "false"),
    key("time", "time", Kind::Switch, "false"),
    key("lenient", "lenient", Kind::Switch, "false"),
];

/// The values of one file, checked.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// As it was found.
    pub name: String,
    values: Table,
}

impl File {
    /// Reads a file's text.
    ///
    /// # Errors
    /// If it is no TOML, or has a key that is not known or a value of another kind; says which would do.
    pub fn parse(name: &str, text: &str) -> Result<File, String> {
        let values: Table = text.parse().map_err(|error| format!("{name}: {error}"))?;
        for (found, value) in &values {
            let Some(key) = KEYS.iter().find(|key| key.name == found) else {
                return Err(format!(
                    "{name}: there is no key '{found}'; {}",
                    nearest(found)
                ));
            };
            let (fits, example) = match (key.kind, value) {
                (Kind::Text, Value::String(_)) | (Kind::Switch, Value::Boolean(_)) => (true, ""),
                (Kind::Number, Value::Integer(number)) => (*number > 0, "a number above 0"),
                (Kind::List, Value::Array(all)) => (all.iter().all(Value::is_str), "texts in [ ]"),
                (Kind::Text, _) => (false, "a text in quotes"),
                (Kind::Switch, _) => (false, "true or false"),
                (Kind::Number, _) => (false, "a number above 0"),
                (Kind::List, _) => (false, "texts in [ ]"),
            };
            if !fits {
                return Err(format!("{name}: {found}: {example} is wanted, not {value}"));
            }
        }
        Ok(File {
            name: name.to_string(),
            values,
        })
    }

    fn text(&self, key: &str) -> Option<String> {
        self.values
            .get(key)
            .and_then(Value::as_str)
            .map(String::from)
    }

    fn list(&self, key: &str) -> Vec<String> {
        let all = self.values.get(key).and_then(Value::as_array);
        let texts = all.into_iter().flatten().filter_map(Value::as_str);
        texts.map(String::from).collect()
    }

    fn number(&self, key: &str) -> Option<usize> {
        let number = self.values.get(key).and_then(Value::as_integer);
        number.and_then(|number| usize::try_from(number).ok())
    }

    fn switch(&self, key: &str) -> bool {
        self.values
            .get(key)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// Fills in what neither flag nor environment gave.
    ///
    /// # Errors
    /// If a text is none of the words that its flag takes.
    pub fn fill(&self, common: &mut Common) -> Result<(), String> {
        if common.domain.is_empty() {
            common.domain = self.list("domains");
        }
        common.tz = common.tz.take().or_else(|| self.text("tz"));
        let year = self.number("year").and_then(|year| year.try_into().ok());
        common.year = common.year.or(year);
        common.zone = common.zone.take().or_else(|| self.text("zone"));
        if common.host.is_empty() {
            common.host = self.list("hosts");
        }
        common.horizon = common.horizon.take().or_else(|| self.text("horizon"));
        common.threads = common.threads.or_else(|| self.number("threads"));
        common.anonymous = common.anonymous.take().or_else(|| self.text("anonymous"));
        common.temp_dir = common
            .temp_dir
            .take()
            .or_else(|| self.text("temp_dir").map(Into::into));
        common.expand_limit = common.expand_limit.or_else(|| self.number("expand_limit"));
        common.quiet |= self.switch("quiet");
        common.no_progress |= self.switch("no_progress");
        common.time |= self.switch("time");
        common.lenient |= self.switch("lenient");
        if let (None, Some(word)) = (common.mmap, self.text("mmap")) {
            let found = MmapWord::from_str(&word, false);
            common.mmap = Some(found.map_err(|_| {
                let name = &self.name;
                format!("{name}: mmap: 'auto', 'always' or 'never' is wanted, not '{word}'")
            })?);
        }
        Ok(())
    }

    /// The same for what only the report knows.
    pub fn fill_figures(&self, figures: &mut Figures) {
        figures.top = figures.top.or_else(|| self.number("top"));
        if figures.sla.is_empty() {
            figures.sla = self.list("sla");
        }
        if figures.probe.is_empty() {
            figures.probe = self.list("probes");
        }
        figures.lists = figures
            .lists
            .take()
            .or_else(|| self.text("lists").map(Into::into));
    }

    /// An error about a flag, said of the file's key where the value stood there.
    pub fn placed(&self, why: &str, matches: &ArgMatches) -> String {
        let of_key = |key: &Key| {
            let rest = why.strip_prefix(&format!("--{}", key.flag.replace('_', "-")))?;
            let is_flag = rest.starts_with([':', ' ']);
            let typed = matches.try_contains_id(key.flag).is_ok_and(|typed| typed);
            let stood_here = is_flag && !typed && self.values.contains_key(key.name);
            stood_here.then(|| format!("{}: {}{rest}", self.name, key.name))
        };
        KEYS.iter()
            .find_map(of_key)
            .unwrap_or_else(|| why.to_string())
    }

    /// Prints every key, its value, and where it comes from.
    pub fn print(&self, matches: &ArgMatches, out: &mut impl Write) -> io::Result<()> {
        for key in &KEYS {
            let source = matches.value_source(key.flag);
            let (value, from) = match source {
                Some(ValueSource::CommandLine) => (typed(matches, key), "flag".to_string()),
                Some(ValueSource::EnvVariable) => (typed(matches, key), "environment".to_string()),
                _ => match self.values.get(key.name) {
                    Some(value) => (value.to_string(), self.name.clone()),
                    None => (key.default.to_string(), "default".to_string()),
                },
            };
            let value = if key.name == "anonymous" && from != "default" {
                "(a key)".into()
            } else {
                value
            };
            writeln!(out, "{:<12} {value:<32} {from}", key.name)?;
        }
        Ok(())
    }
}

/// The key that somebody may have meant.
fn nearest(found: &str) -> String {
    let far = |key: &&Key| strsim::damerau_levenshtein(key.name, found);
    let nearest = KEYS.iter().min_by_key(far).expect("there are keys");
    match far(&nearest) * 2 <= nearest.name.len() {
        true => format!("did you mean '{}'?", nearest.name),
        false => "'waybill config' shows all keys".to_string(),
    }
}

/// What was typed for a flag.
fn typed(matches: &ArgMatches, key: &Key) -> String {
    let raw = matches.get_raw(key.flag).into_iter().flatten();
    let all: Vec<String> = raw
        .map(|text| text.to_string_lossy().into_owned())
        .collect();
    match (key.kind, all.is_empty()) {
        (Kind::Switch, _) => matches.get_flag(key.flag).to_string(),
        _ => all.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    use crate::cli::{Cli, Command};

    #[test]
    fn a_value_that_cannot_be_meant_is_blamed_on_where_it_stood() {
        let file = File::parse("w.toml", "tz = 'Europe/Atlantis'").unwrap();
        let placed = |line: &[&str]| {
            let matches = Cli::command().get_matches_from(line);
            let own = matches.subcommand().unwrap().1;
            file.placed("--tz: there is no such zone", own)
        };
        let typed = ["waybill", "report", "/logs", "--tz", "Europe/Atlantis"];
        assert_eq!(placed(&typed), "--tz: there is no such zone");
        assert_eq!(placed(&typed[..3]), "w.toml: tz: there is no such zone");
    }

    #[test]
    fn a_wrong_key_names_the_nearest() {
        for (text, words) in [
            ("domain = ['a']", "'domains'"),
            ("horizn = '3d'", "'horizon'"),
            ("report = 'x'", "'waybill config' shows all keys"),
            ("tz = 3", "a text in quotes"),
            ("top = 0", "a number above 0"),
            ("sla = '30s'", "texts in [ ]"),
            ("quiet = 'yes'", "true or false"),
            ("= 3", "waybill.toml"),
        ] {
            let why = File::parse("waybill.toml", text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[test]
    fn flags_go_before_the_file() {
        let file = File::parse("w", "tz = 'Europe/Berlin'\ndomains = ['a.test']\ntop = 5").unwrap();
        let cli = Cli::parse_from(["waybill", "report", "/logs", "--tz", "UTC"]);
        let Command::Report(mut report) = cli.command else {
            panic!("report is not understood");
        };
        file.fill(&mut report.run.common).unwrap();
        file.fill_figures(&mut report.figures);
        assert_eq!(report.run.common.tz.as_deref(), Some("UTC"));
        assert_eq!(report.run.common.domain, ["a.test"]);
        assert_eq!(report.figures.top, Some(5));
    }

    #[test]
    fn every_value_says_where_it_comes_from() {
        let file = File::parse("my.toml", "horizon = '5d'\nlenient = true").unwrap();
        let matches =
            Cli::command().get_matches_from(["waybill", "config", "--domain", "a.test,b.test"]);
        let mut out = Vec::new();
        file.print(matches.subcommand().unwrap().1, &mut out)
            .unwrap();
        let out = String::from_utf8(out).unwrap();
        let line = |name: &str| {
            let line = out.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("domains"), "domains a.test, b.test flag");
        assert_eq!(line("horizon"), "horizon \"5d\" my.toml");
        assert_eq!(line("lenient"), "lenient true my.toml");
        assert_eq!(line("top"), "top 25 default");
    }
}
