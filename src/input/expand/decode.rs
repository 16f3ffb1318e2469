//! The decoders: packed bytes to bytes, as far as they go.

use std::io::{self, Read, Write};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use super::{Limited, Packing};

/// Memory that unpacking one xz file may take.
const XZ_KIBIBYTES: u32 = 256 << 10;

/// Unpacks everything but archives; several packed files in a row are one.
pub fn decode(packing: Packing, data: &[u8], out: &mut Limited<'_>) -> io::Result<()> {
    match packing {
        Packing::Gzip => io::copy(&mut flate2::bufread::MultiGzDecoder::new(data), out).map(drop),
        Packing::Bzip2 => io::copy(&mut bzip2::bufread::MultiBzDecoder::new(data), out).map(drop),
        Packing::Xz => {
            let mut reader = lzma_rust2::XzReader::new_mem_limit(data, true, XZ_KIBIBYTES);
            io::copy(&mut reader, out).map(drop)
        }
        Packing::Zstd => zstd(data, out),
        Packing::Zip | Packing::Tar => Ok(()),
    }
}

fn zstd(mut data: &[u8], out: &mut Limited<'_>) -> io::Result<()> {
    while !data.is_empty() {
        let frame = data;
        let mut decoder = match StreamingDecoder::new(&mut data) {
            Ok(decoder) => decoder,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                data = data.get(length as usize..).unwrap_or_default();
                continue;
            }
            Err(error) => return Err(io::Error::other(error.to_string())),
        };
        let before = out.left_bytes;
        if let Err(error) = io::copy(&mut decoder, out) {
            let (blocks, written) = (decoder.decoder.blocks_decoded(), before - out.left_bytes);
            zstd_remains(frame, blocks, written, out);
            return Err(error);
        }
        let frame = &decoder.decoder;
        let (told, counted) = (
            frame.get_checksum_from_data(),
            frame.get_calculated_checksum(),
        );
        if told.is_some() && told != counted {
            return Err(io::Error::other("its checksum does not fit"));
        }
    }
    Ok(())
}

/// The decoder holds back a window of several megabytes until a frame is over. Where a frame breaks off, its whole
/// blocks are decoded again with an end put behind them, and what had not been written yet is.
fn zstd_remains(frame: &[u8], blocks: usize, written: u64, out: &mut Limited<'_>) {
    let Some(end) = zstd_blocks_end(frame, blocks) else {
        return;
    };
    // An empty last block, and room for a checksum that nobody holds against anything.
    const END: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
    let Ok(mut decoder) = StreamingDecoder::new(frame[..end].chain(END)) else {
        return;
    };
    let skipped = io::copy(&mut (&mut decoder).take(written), &mut io::sink());
    if skipped.is_ok_and(|skipped| skipped == written) {
        let _ = io::copy(&mut decoder, out);
    }
}

/// Where the first `blocks` blocks of a frame end (RFC 8878, 3.1.1).
fn zstd_blocks_end(frame: &[u8], blocks: usize) -> Option<usize> {
    let descriptor = *frame.get(4)?;
    let single_segment = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content = [usize::from(single_segment), 2, 4, 8][usize::from(descriptor >> 6)];
    let mut at = 5 + usize::from(!single_segment) + dictionary + content;
    for _ in 0..blocks {
        let head = frame.get(at..at + 3)?;
        let head = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        let is_run = head >> 1 & 3 == 1;
        at += 3 + if is_run { 1 } else { (head >> 3) as usize };
    }
    (at <= frame.len()).then_some(at)
}

/// Unpacks one file of a zip archive and holds it against its checksum.
pub fn zipped(
    method: u16,
    crc: u32,
    inner: &mut dyn Read,
    out: &mut Limited<'_>,
) -> io::Result<()> {
    let inner = io::BufReader::new(inner);
    let mut out = Checked {
        out,
        crc: flate2::Crc::new(),
    };
    match method {
        0 => io::copy(&mut { inner }, &mut out)?,
        8 => io::copy(&mut flate2::bufread::DeflateDecoder::new(inner), &mut out)?,
        9 => io::copy(
            &mut deflate64::Deflate64Decoder::with_buffer(inner),
            &mut out,
        )?,
        12 => io::copy(&mut bzip2::bufread::BzDecoder::new(inner), &mut out)?,
        93 => {
            let decoder = StreamingDecoder::new(inner);
            let mut decoder = decoder.map_err(|error| io::Error::other(error.to_string()))?;
            io::copy(&mut decoder, &mut out)?
        }
        95 => {
            let mut reader = lzma_rust2::XzReader::new_mem_limit(inner, true, XZ_KIBIBYTES);
            io::copy(&mut reader, &mut out)?
        }
        other => {
            let text = format!("is packed by method {other}, which is not known here");
            return Err(io::Error::other(text));
        }
    };
    match out.crc.sum() == crc {
        true => Ok(()),
        false => Err(io::Error::other("its checksum does not fit")),
    }
}

struct Checked<'o, 's> {
    out: &'o mut Limited<'s>,
    crc: flate2::Crc,
}

impl Write for Checked<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc.update(bytes);
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
