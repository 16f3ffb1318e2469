//! The servers whose own rows were read, by short lower-case name.
//!
//! In: host names as rows write them. Out: a small number per server, the same for the whole run, and
//! its name. A name is cut at its first dot unless it is an IP address (`formats/modern.md` section 4).
