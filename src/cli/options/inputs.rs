//! How logs are opened, and what is to be taken for granted where they leave it out.

use std::path::PathBuf;

use super::values;
use crate::cli::flags::{Common, MmapWord};
use crate::input::{Assumed, Mapping, Opening};

pub fn opening(
    mmap: Option<MmapWord>,
    temp_dir: Option<PathBuf>,
    expand_limit: Option<usize>,
) -> Result<Opening, String> {
    let default = Opening::default();
    let limit = expand_limit.map_or(default.expand_limit, |limit| limit as u64);
    if limit == 0 {
        return Err("--expand-limit: at least 1 is needed".into());
    }
    if let Some(folder) = &temp_dir
        && !folder.is_dir()
    {
        return Err(format!("--temp-dir: {} is no folder", folder.display()));
    }
    Ok(Opening {
        mapping: match mmap {
            None | Some(MmapWord::Auto) => Mapping::Auto,
            Some(MmapWord::Always) => Mapping::Always,
            Some(MmapWord::Never) => Mapping::Never,
        },
        temp_dir: temp_dir.unwrap_or(default.temp_dir.clone()),
        expand_limit: limit,
        ..default
    })
}

/// What logs leave out.
pub fn assumed(common: &Common) -> Result<Assumed, String> {
    let hosts = common.host.iter().map(|pair| match pair.split_once('=') {
        Some((host, address)) if !host.is_empty() && !address.is_empty() => {
            Ok((address.trim().to_lowercase(), host.trim().to_lowercase()))
        }
        _ => Err(format!(
            "--host {pair}: a host and its other name are wanted, like mx1=10.0.0.5"
        )),
    });
    Ok(Assumed {
        year: common.year,
        zone: common
            .zone
            .as_deref()
            .map(values::zone_or_offset)
            .transpose()?
            // One for the whole run: layouts, of which there are many, refer to it.
            .map(|zone| &*Box::leak(Box::new(zone))),
        hosts: hosts.collect::<Result<_, _>>()?,
    })
}
