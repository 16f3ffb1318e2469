//! Values of flags that are words of ours: formats, fates, directions, layouts.
//!
//! In: a word as typed. Out: what it stands for; the doc comment of each is its help.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Tables for people
    #[default]
    Text,
    /// One object for programs
    Json,
    /// A folder with one file per table (--output DIR)
    Csv,
    /// One page with charts, to mail or to print
    Html,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FindFormat {
    /// One line per message
    #[default]
    Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// A tree for people
    #[default]
    Text,
    /// One object per message
    Json,
    /// TrackHistory, as the Message Tracking Center of 2003 saves it
    Xml,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EventsFormat {
    /// One JSON object per line
    #[default]
    Jsonl,
    /// For spreadsheets
    Csv,
    /// One JSON object per line, as Timesketch imports it
    Timesketch,
    /// TrackHistory, as the Message Tracking Center of 2003 saves it
    Xml,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// One JSON object per line
    #[default]
    Jsonl,
    /// For spreadsheets
    Csv,
    /// One JSON object per line, as Timesketch imports it
    Timesketch,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Tables for people
    #[default]
    Text,
    /// One object for programs
    Json,
}

/// Whose names the JSON lines use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Elastic Common Schema, with everything else under `waybill`
    Ecs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusWord {
    Delivered,
    #[value(alias = "partly delivered")]
    PartlyDelivered,
    Failed,
    Dropped,
    Transferred,
    Pending,
    Unknown,
    /// Of a recipient: held by a filter
    Quarantined,
    /// Of a recipient: refused before the message was accepted
    Rejected,
    /// Of a recipient: a list that was replaced by its members
    Expanded,
    /// Of a recipient: replaced by another one
    Redirected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectionWord {
    Inbound,
    Outbound,
    Internal,
    Relayed,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MmapWord {
    /// Mapped, but copied from network shares
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWord {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Columns of the logs that `simulate` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LayoutWord {
    /// Exchange 2007
    #[value(name = "21")]
    Columns21,
    /// Exchange 2010
    #[value(name = "26")]
    Columns26,
    /// Exchange 2013
    #[value(name = "27")]
    Columns27,
    /// Exchange 2016, 2019 and SE
    #[default]
    #[value(name = "30")]
    Columns30,
    /// Servers of several versions
    Mixed,
    /// Exchange 5.5
    #[value(name = "5.5")]
    Exchange55,
    /// Exchange 2003
    #[value(name = "2003")]
    Exchange2003,
    /// A 5.5 site and a 2003 site that exchange mail
    #[value(name = "mixed-legacy")]
    MixedLegacy,
    /// Exchange 2003 on its way to 2007
    #[value(name = "migration")]
    Migration,
    /// Exchange 2016, two Postfix relays, an Exim filter and Exchange Online, one of each
    Hybrid,
}
