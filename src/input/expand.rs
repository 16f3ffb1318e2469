//! What is inside packed files: gzip, zstd, bzip2, xz and zip, also within each other.
//!
//! In: bytes. Out: the bytes of every file inside, with its name (`archive.zip/inner.log`), told by content. A packed
//! file that breaks off is read as far as it goes, and said to; one that grows beyond the limit is a bomb, and
//! nothing of it is used. Archives of tar are not opened.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read, Write};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use zip::ZipArchive;

use super::find::Problem;
use super::store::{Data, Store, Writer};
use super::text;

/// So much may come out of any file, however short.
const FREE_BYTES: u64 = 64 << 20;
/// Packed files within packed files; deeper ones are left as they are.
const MAX_DEPTH: usize = 4;
/// Memory that unpacking one xz file may take.
const XZ_KIBIBYTES: u32 = 256 << 10;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Zip,
}

/// Tells by the first bytes.
fn packing(bytes: &[u8]) -> Option<Packing> {
    match bytes {
        [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
        // Behind the mark stands the first block, or at once the end.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Packing::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Packing::Zip),
        _ => None,
    }
}

/// What came out of one file.
pub struct Expanded {
    pub files: Vec<(String, Data)>,
    /// Names within it, and what was wrong with them.
    pub unreadable: Vec<Problem>,
    pub in_part: Vec<Problem>,
}

/// Unpacks the file `name`, if it is packed, and brings its text to UTF-8.
pub fn expand(name: &str, data: Data, limit: u64, store: &Store) -> Expanded {
    let packed_bytes = data.len() as u64;
    let mut work = Work {
        store,
        limit,
        left_bytes: packed_bytes.saturating_mul(limit).max(FREE_BYTES),
        bomb: false,
        out: Expanded {
            files: Vec::new(),
            unreadable: Vec::new(),
            in_part: Vec::new(),
        },
    };
    work.file(name.to_string(), data, 0);
    if work.bomb {
        work.out.files.clear();
        work.out.in_part.clear();
        work.out.unreadable = vec![(name.to_string(), bomb(packed_bytes, limit))];
    }
    work.out
}

fn bomb(packed_bytes: u64, limit: u64) -> String {
    format!(
        "grows to more than {limit} times its {packed_bytes} bytes when it is unpacked, which logs do not; \
         nothing of it was used. --expand-limit {} allows more",
        limit.saturating_mul(10)
    )
}

struct Work<'s> {
    store: &'s Store,
    limit: u64,
    /// What may still come out, all files within the outermost together.
    left_bytes: u64,
    bomb: bool,
    out: Expanded,
}

/// How far unpacking came.
struct Unpacked {
    data: io::Result<Data>,
    wrong: Option<io::Error>,
}

impl Work<'_> {
    /// One file at any depth.
    fn file(&mut self, name: String, data: Data, depth: usize) {
        let packing = packing(&data).filter(|_| depth < MAX_DEPTH && !self.bomb);
        match packing {
            Some(Packing::Zip) => self.zip(&name, &data, depth),
            Some(packing) => {
                let unpacked = self.unpack(&mut |out| decode(packing, &data, out));
                drop(data);
                self.take(name, unpacked, depth);
            }
            None => match self.utf8(data) {
                Ok(data) => self.out.files.push((name, data)),
                Err(error) => self.out.unreadable.push((name, error.to_string())),
            },
        }
    }

    fn take(&mut self, name: String, unpacked: Unpacked, depth: usize) {
        let data = match unpacked.data {
            Ok(data) => data,
            Err(error) => return self.out.unreadable.push((name, error.to_string())),
        };
        if let Some(error) = unpacked.wrong {
            if data.is_empty() {
                let why = format!("cannot be unpacked: {error}");
                return self.out.unreadable.push((name, why));
            }
            let length = data.len();
            let why = format!("cannot be unpacked behind its first {length} bytes: {error}");
            self.out.in_part.push((name.clone(), why));
        }
        self.file(name, data, depth + 1);
    }

    /// Lets `decode` write, up to the limit.
    fn unpack(&mut self, decode: &mut dyn FnMut(&mut Limited<'_>) -> io::Result<()>) -> Unpacked {
        let mut limited = Limited {
            writer: self.store.writer(),
            left_bytes: self.left_bytes,
            over: false,
            failed: None,
        };
        let mut wrong = decode(&mut limited).err();
        self.left_bytes = limited.left_bytes;
        self.bomb |= limited.over;
        if let Some(error) = limited.failed {
            // There was no room: what was written is no part of a file but of a copy.
            return Unpacked {
                data: Err(error),
                wrong: None,
            };
        }
        if self.bomb {
            wrong = Some(io::Error::other(format!("more than {} times", self.limit)));
        }
        Unpacked {
            data: limited.writer.finish(),
            wrong,
        }
    }

    fn utf8(&mut self, data: Data) -> io::Result<Data> {
        let Some(order) = text::utf16(&data) else {
            return Ok(data);
        };
        let mut writer = self.store.writer();
        text::to_utf8(&data, order, &mut writer)?;
        writer.finish()
    }

    /// Every file in an archive of zip.
    fn zip(&mut self, name: &str, data: &[u8], depth: usize) {
        let mut archive = match ZipArchive::new(Cursor::new(data)) {
            Ok(archive) => archive,
            Err(error) => {
                let why = format!("its list of files cannot be read: {error}");
                return self.out.unreadable.push((name.to_string(), why));
            }
        };
        let mut names = BTreeSet::new();
        for index in 0..archive.len() {
            let mut inner = match archive.by_index_raw(index) {
                Ok(inner) => inner,
                Err(error) => {
                    let inner = format!("{name}/file {}", index + 1);
                    self.out.unreadable.push((inner, error.to_string()));
                    continue;
                }
            };
            if inner.is_dir() {
                continue;
            }
            let called = String::from_utf8_lossy(inner.name_raw()).replace('\\', "/");
            let mut full = format!("{name}/{}", called.trim_start_matches('/'));
            if !names.insert(full.clone()) {
                full = format!("{full} (file {})", index + 1);
            }
            if inner.encrypted() {
                let why = "is encrypted; unpack it first".to_string();
                self.out.unreadable.push((full, why));
                continue;
            }
            #[allow(deprecated)] // the number itself is what the format says
            let method = inner.compression().to_u16();
            let crc = inner.crc32();
            let unpacked = self.unpack(&mut |out| zipped(method, crc, &mut inner, out));
            self.take(full, unpacked, depth);
            if self.bomb {
                return;
            }
        }
    }
}

/// Unpacks everything but zip; several packed files in a row are one.
fn decode(packing: Packing, data: &[u8], out: &mut Limited<'_>) -> io::Result<()> {
    match packing {
        Packing::Gzip => io::copy(&mut flate2::bufread::MultiGzDecoder::new(data), out).map(drop),
        Packing::Bzip2 => io::copy(&mut bzip2::bufread::MultiBzDecoder::new(data), out).map(drop),
        Packing::Xz => {
            let mut reader = lzma_rust2::XzReader::new_mem_limit(data, true, XZ_KIBIBYTES);
            io::copy(&mut reader, out).map(drop)
        }
        Packing::Zstd => zstd(data, out),
        Packing::Zip => Ok(()),
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
fn zipped(method: u16, crc: u32, inner: &mut dyn Read, out: &mut Limited<'_>) -> io::Result<()> {
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

/// Takes bytes until there are too many.
struct Limited<'s> {
    writer: Writer<'s>,
    left_bytes: u64,
    over: bool,
    /// Why nothing more could be written.
    failed: Option<io::Error>,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left_bytes.checked_sub(bytes.len() as u64) else {
            self.over = true;
            return Err(io::Error::other("too long"));
        };
        self.left_bytes = left;
        self.writer.write_all(bytes).map_err(|error| {
            let again = io::Error::new(error.kind(), error.to_string());
            self.failed = Some(error);
            again
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::store::Mapping;
    use zip::write::SimpleFileOptions;

    const LOG: &[u8] =
        b"#Software: Microsoft Exchange Server\r\n2026-03-02T09:00:00.000Z,a,b,c\r\n";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut out = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn zip_of(files: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
        let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            if name.ends_with('/') {
                out.add_directory(*name, options).unwrap();
            } else {
                out.start_file(*name, options).unwrap();
                out.write_all(bytes).unwrap();
            }
        }
        out.finish().unwrap().into_inner()
    }

    fn opened(bytes: Vec<u8>, limit: u64) -> Expanded {
        let store = Store::new(Mapping::Never, std::env::temp_dir());
        expand("a", Data::Memory(bytes), limit, &store)
    }

    /// The one file inside.
    fn inside(bytes: Vec<u8>) -> Vec<u8> {
        let opened = opened(bytes, 250);
        assert!(opened.unreadable.is_empty(), "{:?}", opened.unreadable);
        assert!(opened.in_part.is_empty(), "{:?}", opened.in_part);
        assert_eq!(opened.files.len(), 1);
        opened.files[0].1.to_vec()
    }

    type Packer = fn(&[u8]) -> Vec<u8>;
    const PACKERS: [Packer; 4] = [gzip, bzip2, zstd, xz];

    #[test]
    fn each_packing_is_told_by_content_also_twice_and_in_a_row() {
        assert_eq!(inside(LOG.to_vec()), LOG);
        for (n, pack) in PACKERS.iter().enumerate() {
            assert_eq!(inside(pack(LOG)), LOG, "packer {n}");
            let twice = [pack(LOG), pack(LOG)].concat();
            assert_eq!(inside(twice), [LOG, LOG].concat(), "packer {n} in a row");
            assert_eq!(inside(gzip(&pack(LOG))), LOG, "packer {n} in gzip");
            assert_eq!(inside(pack(b"")), b"", "packer {n}, nothing inside");
        }
        let utf16: Vec<u8> = LOG.iter().flat_map(|&b| [b, 0]).collect();
        assert_eq!(inside(gzip(&utf16)), LOG);
    }

    #[test]
    fn a_packed_file_that_breaks_off_is_read_as_far_as_it_goes() {
        // Text that does not pack well, so that much of it comes out before the break.
        let mut number = 1u64;
        let mut next = || {
            number = number.wrapping_mul(6_364_136_223_846_793_005) + 1;
            b'a' + (number >> 59) as u8
        };
        let long: Vec<u8> = (0..1 << 20).map(|_| next()).collect();
        for (n, pack) in PACKERS.iter().enumerate() {
            let whole = pack(&long);
            let cut = whole[..whole.len() * 9 / 10].to_vec();
            let opened = opened(cut, 250);
            let (part, none) = (&opened.in_part, &opened.unreadable);
            assert_eq!(part.len(), 1, "packer {n}: {none:?}");
            let (_, data) = &opened.files[0];
            assert!(data.len() > 1000 && long.starts_with(data), "packer {n}");
            let words = format!("behind its first {} bytes", data.len());
            assert!(opened.in_part[0].1.contains(&words), "{:?}", opened.in_part);
        }
        let opened = opened(gzip(LOG)[..10].to_vec(), 250);
        assert!(opened.unreadable[0].1.starts_with("cannot be unpacked"));
        assert!(opened.files.is_empty());
    }

    #[test]
    fn every_log_in_a_zip_has_a_name() {
        let plain = SimpleFileOptions::default();
        let stored = plain.compression_method(zip::CompressionMethod::Stored);
        let packed = plain.compression_method(zip::CompressionMethod::Deflated);
        let inner = zip_of(&[("deep/c.log", LOG)], packed);
        let gz = gzip(LOG);
        let files: [(&str, &[u8]); 5] = [
            ("ex01/", b""),
            ("ex01/a.log", LOG),
            ("ex02\\b.log", LOG),
            ("more.zip", &inner),
            ("d.log.gz", &gz),
        ];
        for options in [stored, packed] {
            let opened = opened(zip_of(&files, options), 250);
            assert!(opened.unreadable.is_empty(), "{:?}", opened.unreadable);
            let names: Vec<&str> = opened.files.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(
                names,
                [
                    "a/ex01/a.log",
                    "a/ex02/b.log",
                    "a/more.zip/deep/c.log",
                    "a/d.log.gz"
                ]
            );
            assert!(opened.files.iter().all(|(_, data)| **data == *LOG));
        }
    }

    #[test]
    fn damage_in_a_zip_is_of_one_file() {
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let good = zip_of(&[("a.log", LOG), ("b.log", b"another log")], stored);
        let mut bad = good.clone();
        let at = bad.windows(8).position(|w| w == b"Software").unwrap();
        bad[at] = b's';
        let opened_bad = opened(bad, 250);
        assert_eq!(opened_bad.files.len(), 2);
        assert_eq!(opened_bad.in_part.len(), 1);
        assert!(opened_bad.in_part[0].1.contains("checksum"));
        // A method that nobody knows, and a file that needs a password.
        let mut strange = good.clone();
        let central = strange.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        (strange[8], strange[central + 10]) = (77, 77);
        let opened_strange = opened(strange, 250);
        assert_eq!(opened_strange.files.len(), 1);
        assert!(opened_strange.unreadable[0].1.contains("method 77"));
        let mut locked = good.clone();
        (locked[6], locked[central + 8]) = (1, 1);
        let opened_locked = opened(locked, 250);
        assert_eq!(opened_locked.files.len(), 1);
        assert!(opened_locked.unreadable[0].1.contains("encrypted"));
        let cut = opened(good[..good.len() - 30].to_vec(), 250);
        assert!(cut.files.is_empty() && cut.unreadable[0].1.contains("list of files"));
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_leaves_nothing() {
        let zeros = vec![0u8; FREE_BYTES as usize + 1];
        let plain = SimpleFileOptions::default();
        let zipped = zip_of(&[("a.log", LOG), ("b.log", &zeros)], plain);
        for bomb in [gzip(&zeros), gzip(&gzip(&zeros)), zipped] {
            let opened_bomb = opened(bomb.clone(), 2);
            assert!(opened_bomb.files.is_empty());
            assert_eq!(opened_bomb.unreadable.len(), 1);
            let why = &opened_bomb.unreadable[0].1;
            assert!(why.contains("more than 2 times") && why.contains("--expand-limit"));
            let opened_all = opened(bomb, 1 << 30);
            assert!(opened_all.unreadable.is_empty() && !opened_all.files.is_empty());
        }
    }
}
