//! Why a run cannot go on. A bad row is never an error, it is a [`crate::fault`].
//!
//! Out: one sentence that names the file or flag and the way out.

use std::fmt;

/// The run cannot be done; the text says what was looked for and what to do.
#[derive(Debug)]
pub struct Error(pub String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error(error.to_string())
    }
}
