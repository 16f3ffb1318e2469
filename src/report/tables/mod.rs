//! The report as plain tables: what the CSV folder and the HTML page both print.
//!
//! In: [`Report`]. Out: [`Table`]s in the order of the sections, whole; who prints them decides where to cut.
//! Cells keep their numbers, so that a spreadsheet can reckon and a page can sort.

mod ends;
mod mail;
mod run;
mod ways;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::report::{Message, Report};

/// One table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Name of its file, without `.csv`.
    pub name: &'static str,
    pub title: &'static str,
    /// How its figures are counted, where the columns do not say it.
    pub note: String,
    /// The command that shows the messages behind a line, its words in capitals to be filled in; empty if a line's own
    /// examples are all there is.
    pub find: &'static str,
    /// Whether that command may show others, too.
    pub finds_more: bool,
    pub section: Section,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Row>,
}

/// One line, with the messages that it can be traced to.
#[derive(Clone, Debug)]
pub struct Row {
    pub cells: Vec<Cell>,
    pub examples: Vec<Message>,
}

/// One figure or word.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    None,
    Text(String),
    /// RFC 3339.
    Time(String),
    Count(i64),
    Bytes(i64),
    Millis(i64),
    /// 0 to 1.
    Share(f64),
}

/// The sections of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    Trouble,
    Coverage,
    Balance,
    Volume,
    Latency,
    Failures,
    Pending,
    Top,
    Connectors,
    Lists,
    Sizes,
    Oddities,
    Mailboxes,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Section; 13] = [
        Section::Trouble,
        Section::Coverage,
        Section::Balance,
        Section::Volume,
        Section::Latency,
        Section::Failures,
        Section::Pending,
        Section::Top,
        Section::Connectors,
        Section::Lists,
        Section::Sizes,
        Section::Oddities,
        Section::Mailboxes,
    ];

    /// Its name where there is little room.
    pub fn short(self) -> &'static str {
        match self {
            Section::Pending => "Pending",
            Section::Connectors => "Connectors",
            section => section.title(),
        }
    }

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Section::Trouble => "What is wrong",
            Section::Coverage => "Coverage",
            Section::Balance => "Balance",
            Section::Volume => "Volume",
            Section::Latency => "Latency",
            Section::Failures => "Failures",
            Section::Pending => "Pending and unknown at the end",
            Section::Top => "Top lists",
            Section::Connectors => "Connectors and hops",
            Section::Lists => "Lists",
            Section::Sizes => "Sizes",
            Section::Oddities => "Oddities",
            Section::Mailboxes => "Mailboxes",
        }
    }
}

/// All tables of `report`.
pub fn tables(report: &Report) -> Vec<Table> {
    let mut tables = run::tables(report);
    tables.extend(ends::tables(report));
    tables.extend(mail::tables(report));
    tables.extend(ways::tables(report));
    tables.sort_by_key(|table| table.section);
    if report.time_zone != TimeZone::UTC {
        let rows = tables.iter_mut().flat_map(|table| &mut table.rows);
        for cell in rows.flat_map(|row| &mut row.cells) {
            if let Cell::Time(time) = cell {
                *time = in_zone(time, &report.time_zone);
            }
        }
    }
    tables
}

/// An instant of UTC as the clocks of `zone` show it, with their distance from UTC; any other time as it is.
pub fn in_zone(time: &str, zone: &TimeZone) -> String {
    match time.strip_suffix('Z').and(time.parse::<Timestamp>().ok()) {
        Some(at) if *zone != TimeZone::UTC => {
            let local = at.to_zoned(zone.clone());
            local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
        }
        _ => time.to_string(),
    }
}

fn table(
    section: Section,
    name: &'static str,
    title: &'static str,
    columns: &[&'static str],
) -> Table {
    Table {
        name,
        title,
        note: String::new(),
        find: "",
        finds_more: false,
        section,
        columns: columns.to_vec(),
        rows: Vec::new(),
    }
}

impl Table {
    fn note(mut self, note: impl Into<String>) -> Table {
        self.note = note.into();
        self
    }

    fn find(mut self, options: &'static str) -> Table {
        self.find = options;
        self
    }

    /// A command whose messages those behind a line are among.
    fn find_among(self, options: &'static str) -> Table {
        Table {
            finds_more: true,
            ..self.find(options)
        }
    }

    /// Appends lines that are about one message each.
    fn messages(self, lines: impl IntoIterator<Item = (Vec<Cell>, Message)>) -> Table {
        self.traced(lines.into_iter().map(|(cells, m)| (cells, vec![m])))
    }

    /// Whether each line is about one message, which it names.
    pub fn is_of_messages(&self) -> bool {
        self.columns.ends_with(&MESSAGE)
    }

    /// Appends lines without examples.
    fn lines(mut self, lines: impl IntoIterator<Item = Vec<Cell>>) -> Table {
        self.rows.extend(lines.into_iter().map(|cells| Row {
            cells,
            examples: Vec::new(),
        }));
        self
    }

    /// Appends lines with examples.
    fn traced(mut self, lines: impl IntoIterator<Item = (Vec<Cell>, Vec<Message>)>) -> Table {
        let rows = lines
            .into_iter()
            .map(|(cells, examples)| Row { cells, examples });
        self.rows.extend(rows);
        self
    }
}

fn text(words: impl Into<String>) -> Cell {
    Cell::Text(words.into())
}

fn maybe(words: &Option<String>) -> Cell {
    words.as_ref().map_or(Cell::None, text)
}

fn time(time: &Option<String>) -> Cell {
    time.as_ref()
        .map_or(Cell::None, |time| Cell::Time(time.clone()))
}

fn millis(ms: Option<u64>) -> Cell {
    ms.map_or(Cell::None, |ms| Cell::Millis(ms as i64))
}

/// Columns and cells that say which message a line is about.
const MESSAGE: [&str; 7] = [
    "first seen",
    "from",
    "to",
    "subject",
    "message id",
    "server",
    "where",
];

fn message(message: &Message) -> [Cell; 7] {
    [
        Cell::Time(message.first_seen.clone()),
        text(&message.sender),
        maybe(&message.recipient),
        text(&message.subject),
        text(&message.message_id),
        maybe(&message.server),
        maybe(&message.row),
    ]
}
