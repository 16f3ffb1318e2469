//! Packed files made and opened, whole and damaged.

use std::io::Cursor;
use std::sync::Arc;

use super::*;
use crate::input::store::Mapping;
use zip::write::SimpleFileOptions;

const LOG: &[u8] = b"#Software: Microsoft Exchange Server\r\n2026-03-02T09:00:00.000Z,a,b,c\r\n";

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
    let store = Store::new(Mapping::Never, std::env::temp_dir(), Arc::default());
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
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
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

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if name.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        out.append_data(&mut header, name, *bytes).unwrap();
    }
    out.into_inner().unwrap()
}

fn names(opened: &Expanded) -> Vec<&str> {
    opened.files.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn every_log_in_a_tar_has_a_name() {
    let long = format!("{}long.log", "deep/".repeat(60));
    let inner = zip_of(&[("c.log", LOG)], SimpleFileOptions::default());
    let gz = gzip(LOG);
    let tar = tar_of(&[
        ("ex01/", b""),
        ("ex01/a.log", LOG),
        (&long, LOG),
        ("more.zip", &inner),
        ("d.log.gz", &gz),
        ("ex01/a.log", LOG),
        ("empty.log", b""),
    ]);
    for packed in [tar.clone(), gzip(&tar), zstd(&tar), xz(&tar), bzip2(&tar)] {
        let opened = opened(packed, 250);
        assert!(opened.unreadable.is_empty(), "{:?}", opened.unreadable);
        assert!(opened.in_part.is_empty(), "{:?}", opened.in_part);
        assert_eq!(
            names(&opened),
            [
                "a/ex01/a.log",
                &format!("a/{long}"),
                "a/more.zip/c.log",
                "a/d.log.gz",
                "a/ex01/a.log (file 6)",
                "a/empty.log",
            ]
        );
        let full = opened.files.iter().filter(|(_, data)| **data == *LOG);
        assert_eq!(full.count(), 5);
    }
}

#[test]
fn a_damaged_tar_is_read_as_far_as_it_goes_and_said_to() {
    let tar = tar_of(&[("a.log", LOG), ("b.log", LOG), ("c.log", LOG)]);
    // In the middle of the second file, at its end, behind the last.
    let cut = opened(tar[..3 * 512 + 10].to_vec(), 250);
    assert_eq!(names(&cut), ["a/a.log", "a/b.log"]);
    assert_eq!(cut.in_part[0].0, "a/b.log");
    let want = format!("10 of {} bytes", LOG.len());
    assert!(cut.in_part[0].1.contains(&want), "{:?}", cut.in_part);
    let cut = opened(tar[..4 * 512].to_vec(), 250);
    assert_eq!(names(&cut), ["a/a.log", "a/b.log"]);
    assert!(cut.in_part[0].1.contains("has no end"), "{:?}", cut.in_part);
    let more = opened([&tar[..], b"more"].concat(), 250);
    assert_eq!(more.files.len(), 3);
    assert!(more.in_part[0].1.contains("bytes behind its end"));
    // The second entry's header does not fit its sum: the third is found again.
    let mut bad = tar.clone();
    bad[2 * 512] ^= 1;
    let bad = opened(bad, 250);
    assert_eq!(names(&bad), ["a/a.log", "a/c.log"]);
    let why = &bad.in_part[0].1;
    assert!(
        why.contains("at byte 1024") && why.contains("read on at byte 2048"),
        "{why}"
    );
}

#[test]
fn a_sparse_file_of_a_tar_is_a_bomb_like_any_other() {
    let mut header = tar::Header::new_gnu();
    header.set_path("a.log").unwrap();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(512);
    let sparse = |header: &mut tar::Header, at: u64, size: u64| {
        let gnu = header.as_gnu_mut().unwrap();
        gnu.realsize[..12].copy_from_slice(format!("{size:011o}\0").as_bytes());
        gnu.sparse[0].offset[..12].copy_from_slice(format!("{at:011o}\0").as_bytes());
        gnu.sparse[0].numbytes[..12].copy_from_slice(format!("{:011o}\0", 512).as_bytes());
        header.set_cksum();
    };
    let archive = |header: &tar::Header| [header.as_bytes(), &[b'x'; 512][..], &[0; 1024]].concat();
    sparse(&mut header, 1024, 1536);
    let good = opened(archive(&header), 250);
    assert!(good.in_part.is_empty(), "{:?}", good.in_part);
    assert_eq!(
        *good.files[0].1,
        [[0; 1024].as_slice(), &[b'x'; 512]].concat()[..]
    );
    sparse(&mut header, 1 << 32, (1 << 32) + 512);
    let bomb = opened(archive(&header), 250);
    assert!(bomb.files.is_empty() && bomb.unreadable[0].1.contains("more than 250 times"));
}

#[test]
fn text_is_no_tar() {
    assert!(!archive::is_tar(&[b'7'; 1024]));
    assert!(!archive::is_tar(&LOG.repeat(20)));
    assert!(!archive::is_tar(&[0; 1024]));
    assert!(archive::is_tar(&tar_of(&[("a", b"")])));
}
