//! Rows of messages that are not over, carried from one night to the next.
//!
//! In: where rows stand, as the join shows them. Out: [`Carried`], the same bytes under the header that binds their
//! columns, by the file they were logged in and with their lines there; and back as inputs of the next run, in the
//! same order as the files they came from, so that a join over them gives what one over all logs would.

use std::io::{Read, Write};

use lz4_flex::frame::{FrameDecoder, FrameEncoder};
use serde::{Deserialize, Serialize};

use crate::dialect::{self, Layout};
use crate::event::Place;
use crate::input::Inputs;

/// Where a row stands that is to be carried.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    pub place: Place,
    pub len: u32,
    /// The run's number of its layout.
    pub layout: u8,
}

/// The rows of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OfFile {
    name: String,
    /// First byte in `text`, and line in the file, of each row.
    rows: Vec<(u64, u64)>,
    /// Length of its text.
    bytes: u64,
}

/// All rows that are carried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    files: Vec<OfFile>,
    text: Vec<u8>,
}

impl Carried {
    /// Copies rows out of their files.
    pub fn of(mut kept: Vec<Kept>, inputs: &Inputs, layouts: &[Layout]) -> Carried {
        kept.sort_unstable_by_key(|row| (row.place.file, row.place.offset));
        kept.dedup_by_key(|row| (row.place.file, row.place.offset));
        let headers: Vec<Vec<u8>> = layouts
            .iter()
            .map(|layout| dialect::header(layout).unwrap_or_default())
            .collect();
        let mut carried = Carried::default();
        let mut bound = None;
        let mut start = 0;
        for row in kept {
            let file = &inputs.files[row.place.file as usize];
            if carried
                .files
                .last()
                .is_none_or(|last| last.name != file.name)
            {
                let name = file.name.clone();
                carried.files.push(OfFile {
                    name,
                    ..OfFile::default()
                });
                (bound, start) = (None, carried.text.len());
            }
            if bound != Some(row.layout) {
                carried.text.extend(&headers[usize::from(row.layout)]);
                bound = Some(row.layout);
            }
            let last = carried.files.last_mut().expect("one was pushed");
            let line = inputs.line(row.place);
            last.rows.push(((carried.text.len() - start) as u64, line));
            let from = row.place.offset as usize;
            carried
                .text
                .extend(&file.bytes()[from..from + row.len as usize]);
            carried.text.extend(b"\r\n");
            last.bytes = (carried.text.len() - start) as u64;
        }
        carried
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.files.iter().map(|file| file.rows.len()).sum()
    }

    /// As inputs, each before what is new in the file it came from.
    pub fn add_to(self, inputs: &mut Inputs) {
        let mut rest = self.text.as_slice();
        for file in self.files {
            let (text, behind) = rest.split_at(rest.len().min(file.bytes as usize));
            rest = behind;
            inputs.add_carried(file.name, text.to_vec(), file.rows);
        }
        inputs.sort();
    }

    /// The two parts of the payload: what there is, and its text compressed.
    pub fn packed(&self) -> Result<(Vec<u8>, Vec<u8>), String> {
        let mut text = FrameEncoder::new(Vec::new());
        text.write_all(&self.text)
            .map_err(|error| error.to_string())?;
        let text = text.finish().map_err(|error| error.to_string())?;
        let index = postcard::to_stdvec(&(&self.files, self.text.len() as u64));
        Ok((index.map_err(|error| error.to_string())?, text))
    }

    /// What [`Carried::packed`] made, one part behind the other.
    pub fn unpacked(payload: &[u8]) -> Result<Carried, String> {
        let wrong = |why: &dyn std::fmt::Display| format!("cannot be understood: {why}");
        let ((files, length), packed): ((Vec<OfFile>, u64), &[u8]) =
            postcard::take_from_bytes(payload).map_err(|error| wrong(&error))?;
        let mut text = Vec::new();
        FrameDecoder::new(packed)
            .take(length.saturating_add(1))
            .read_to_end(&mut text)
            .map_err(|error| wrong(&error))?;
        let named: u64 = files.iter().map(|file| file.bytes).sum();
        if text.len() as u64 != length || named != length {
            return Err(wrong(&"its text is not as long as it says"));
        }
        Ok(Carried { files, text })
    }
}
