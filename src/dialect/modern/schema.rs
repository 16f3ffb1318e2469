//! The columns of a modern log, bound by name.
//!
//! In: a `#Fields:` line, or the number of columns where there is none. Out: [`Schema`], where each known column
//! stands. Unknown columns are ignored, missing ones are absent (`formats/modern.md` section 1).

use std::sync::LazyLock;

use bstr::ByteSlice;

use crate::event::{TEXTS, Text};
use crate::row::KEPT_ENDS;

/// A column that waybill knows, in the order of the 30-column layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Column {
    DateTime,
    ClientIp,
    ClientHostname,
    ServerIp,
    ServerHostname,
    SourceContext,
    ConnectorId,
    Source,
    EventId,
    InternalMessageId,
    MessageId,
    NetworkMessageId,
    RecipientAddress,
    RecipientStatus,
    TotalBytes,
    RecipientCount,
    RelatedRecipientAddress,
    Reference,
    MessageSubject,
    SenderAddress,
    ReturnPath,
    MessageInfo,
    Directionality,
    TenantId,
    OriginalClientIp,
    OriginalServerIp,
    CustomData,
    TransportTrafficType,
    LogId,
    SchemaVersion,
}

/// The names of [`Column`], in its order: also the 30-column layout of 2016, 2019 and SE.
pub const NAMES: [&str; 30] = [
    "date-time",
    "client-ip",
    "client-hostname",
    "server-ip",
    "server-hostname",
    "source-context",
    "connector-id",
    "source",
    "event-id",
    "internal-message-id",
    "message-id",
    "network-message-id",
    "recipient-address",
    "recipient-status",
    "total-bytes",
    "recipient-count",
    "related-recipient-address",
    "reference",
    "message-subject",
    "sender-address",
    "return-path",
    "message-info",
    "directionality",
    "tenant-id",
    "original-client-ip",
    "original-server-ip",
    "custom-data",
    "transport-traffic-type",
    "log-id",
    "schema-version",
];

const NETWORK_ID: usize = Column::NetworkMessageId as usize;
const ABSENT: u8 = u8::MAX;

/// The columns of an event's texts.
pub(super) const OF_TEXTS: [(Text, Column); 15] = [
    (Text::Source, Column::Source),
    (Text::MessageId, Column::MessageId),
    (Text::NetworkMessageId, Column::NetworkMessageId),
    (Text::Statuses, Column::RecipientStatus),
    (Text::Reference, Column::Reference),
    (Text::Sender, Column::SenderAddress),
    (Text::ReturnPath, Column::ReturnPath),
    (Text::Subject, Column::MessageSubject),
    (Text::ClientIp, Column::ClientIp),
    (Text::OriginalClientIp, Column::OriginalClientIp),
    (Text::ClientHost, Column::ClientHostname),
    (Text::ServerHost, Column::ServerHostname),
    (Text::Connector, Column::ConnectorId),
    (Text::Context, Column::SourceContext),
    (Text::Timing, Column::MessageInfo),
];

/// A layout that servers write.
struct Known {
    /// As its `#Fields:` line lists the columns.
    list: Vec<u8>,
    schema: Schema,
}

/// The layouts of 2007, 2010, 2013, and 2016 and later.
static KNOWN: LazyLock<[Known; 4]> = LazyLock::new(|| {
    [(22, false), (27, false), (27, true), (30, true)].map(|(until, has_network_id)| {
        let names = NAMES[..until].iter().enumerate();
        let names = names.filter(|(i, _)| has_network_id || *i != NETWORK_ID);
        let names: Vec<&[u8]> = names.map(|(_, name)| name.as_bytes()).collect();
        Known {
            list: names.join(&b','),
            schema: Schema::bind(&names).expect("time and event are named"),
        }
    })
});

/// Where each column of a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    columns: [u8; NAMES.len()],
    /// Where an event's texts stand.
    pub texts: [u8; TEXTS],
    /// How many columns a row has.
    pub width: usize,
    /// How many leading columns hold all that paths need.
    pub wanted: usize,
    /// Chosen by column count, because no `#Fields:` line was there.
    pub guessed: bool,
    /// The header of another log is in force: its rows are passed over until the next header of ours.
    pub elsewhere: bool,
    /// `modern/30` and the like.
    pub name: &'static str,
}

impl Schema {
    /// Binds the columns that a `#Fields:` line names. `None` if the columns without which a row says nothing
    /// (time, event) are not among them.
    pub fn from_fields(list: &[u8]) -> Option<Schema> {
        let list = &list[..super::header_len(list)];
        // Nearly every file has one of these.
        if let Some(known) = KNOWN.iter().find(|known| known.list == list) {
            return Some(known.schema.clone());
        }
        let names: Vec<&[u8]> = list.split(|&b| b == b',').map(<[u8]>::trim_ascii).collect();
        Schema::bind(&names)
    }

    /// The layout with this many columns: 21 (2007), 26 (2010), 27 (2013) or 30 (2016 and later).
    pub fn from_width(width: usize) -> Option<Schema> {
        let known = KNOWN.iter().find(|known| known.schema.width == width)?;
        Some(Schema {
            guessed: true,
            ..known.schema.clone()
        })
    }

    fn bind(names: &[&[u8]]) -> Option<Schema> {
        let mut columns = [ABSENT; NAMES.len()];
        let mut online = false;
        for (at, name) in names.iter().enumerate().take(usize::from(ABSENT)) {
            // Exchange Online writes underscores, and quotes perhaps.
            let dashed = name.trim_with(|c| c == '"').replace(b"_", b"-");
            let name = match dashed.to_ascii_lowercase().as_slice() {
                b"date-time-utc" => b"date-time".to_vec(),
                name => name.to_vec(),
            };
            if let Some(i) = NAMES.iter().position(|known| known.as_bytes() == name) {
                online |= dashed.contains(&b'-') && names[at].contains(&b'_');
                columns[i] = at as u8;
            }
        }
        let present = |column: Column| columns[column as usize] != ABSENT;
        if !present(Column::DateTime) || !present(Column::EventId) {
            return None;
        }
        let last = columns[..=Column::OriginalServerIp as usize]
            .iter()
            .filter(|&&at| at != ABSENT)
            .max();
        let wanted = (usize::from(*last.expect("two are present")) + 1).min(KEPT_ENDS);
        let name = match (names.len(), present(Column::NetworkMessageId)) {
            _ if online => "online/detail",
            (21, _) => "modern/21",
            (26, _) => "modern/26",
            (27, _) => "modern/27",
            (30, _) => "modern/30",
            (_, true) => "modern/2013+",
            (_, false) => "modern/2007+",
        };
        let mut texts = [ABSENT; TEXTS];
        for (text, column) in OF_TEXTS {
            texts[text as usize] = columns[column as usize];
        }
        Some(Schema {
            columns,
            texts,
            width: names.len(),
            wanted,
            guessed: false,
            elsewhere: false,
            name,
        })
    }

    /// The schema of rows that stand by themselves, by their dialect and the [`Schema::list`] of their log.
    pub fn named(dialect: &str, list: &str) -> Option<Schema> {
        match list {
            "" => {
                let known = KNOWN.iter().find(|known| known.schema.name == dialect);
                known.map(|known| known.schema.clone())
            }
            list => Schema::from_fields(list.as_bytes()),
        }
    }

    /// The names of the columns; empty where the dialect's name tells them.
    pub fn list(&self) -> String {
        let is_known =
            |known: &Known| known.schema.columns == self.columns && known.schema.name == self.name;
        if KNOWN.iter().any(is_known) {
            return String::new();
        }
        let header = self.header();
        let names = header[b"#Fields: ".len()..].trim_ascii_end().to_str_lossy();
        match self.is_online() {
            true => names.replace('-', "_"),
            false => names.into_owned(),
        }
    }

    /// A header that binds the same columns.
    pub fn header(&self) -> Vec<u8> {
        let mut names = vec!["-"; self.width];
        for (name, &at) in NAMES.iter().zip(&self.columns) {
            if let Some(place) = names.get_mut(usize::from(at)) {
                *place = name;
            }
        }
        format!("#Fields: {}\r\n", names.join(",")).into_bytes()
    }

    /// Whether this is the detailed export of Exchange Online.
    pub fn is_online(&self) -> bool {
        self.name == "online/detail"
    }

    /// Position of a column, if the file has it.
    #[inline]
    pub fn at(&self, column: Column) -> Option<usize> {
        let at = self.columns[column as usize];
        (at != ABSENT).then_some(usize::from(at))
    }

    /// Whether this is 2013 or later: submission and delivery are services with logs of their own.
    #[inline]
    pub fn has_network_id(&self) -> bool {
        self.columns[NETWORK_ID] != ABSENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_layouts_differ_where_they_should() {
        let at = |width, column| Schema::from_width(width).unwrap().at(column);
        for width in [21, 26] {
            assert_eq!(at(width, Column::NetworkMessageId), None);
            assert_eq!(at(width, Column::RecipientAddress), Some(11));
            assert_eq!(at(width, Column::MessageInfo), Some(20));
        }
        for width in [27, 30] {
            assert_eq!(at(width, Column::NetworkMessageId), Some(11));
            assert_eq!(at(width, Column::RecipientAddress), Some(12));
        }
        assert_eq!(at(26, Column::CustomData), Some(25));
        assert_eq!(at(30, Column::LogId), Some(28));
        assert_eq!(Schema::from_width(22), None);
    }

    #[test]
    fn names_bind_in_any_order_and_case_and_unknown_ones_are_ignored() {
        let schema = Schema::from_fields(b" event-id, New-Column,DATE-TIME,message-id").unwrap();
        assert_eq!(schema.at(Column::DateTime), Some(2));
        assert_eq!(schema.at(Column::EventId), Some(0));
        assert_eq!(schema.at(Column::Source), None);
        assert_eq!(schema.width, 4);
        assert_eq!(Schema::from_fields(b"date-time,cs-method"), None);
    }
}
