//! Archives: the same files make the same bytes, whoever packs them, where and when.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Below the archive's own directory.
    pub(crate) path: String,
    mode: u32,
    pub(crate) content: Vec<u8>,
}

impl Entry {
    pub(crate) fn file(path: impl Into<String>, content: Vec<u8>) -> Self {
        Self { path: path.into(), mode: 0o644, content }
    }

    pub(crate) fn program(path: impl Into<String>, content: Vec<u8>) -> Self {
        Self { mode: 0o755, ..Self::file(path, content) }
    }
}

/// What `sha256sum -c` reads.
pub(crate) fn sums<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let sum =
        |content: &[u8]| Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    files.into_iter().map(|(name, content)| format!("{}  {name}\n", sum(content))).collect()
}

/// Packs files and their checksums into the directory `root` of an archive. Everything has the same time and no owner.
pub(crate) fn write(root: &str, mut entries: Vec<Entry>, time: u64) -> Result<Vec<u8>> {
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let double = entries.windows(2).find(|pair| pair[0].path == pair[1].path);
    ensure!(
        double.is_none(),
        "two files of the archive have the name {}",
        double.map_or("", |pair| &pair[0].path)
    );
    let sums = sums(entries.iter().map(|entry| (entry.path.as_str(), entry.content.as_slice())));
    entries.push(Entry::file("SHA256SUMS", sums.into_bytes()));

    let packed = GzBuilder::new().operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(packed);
    for directory in directories(root, &entries) {
        let mut header = header(EntryType::Directory, 0o755, 0, time);
        archive.append_data(&mut header, format!("{directory}/"), std::io::empty())?;
    }
    for Entry { path, mode, content } in entries {
        let mut header = header(EntryType::Regular, mode, content.len() as u64, time);
        archive.append_data(&mut header, format!("{root}/{path}"), content.as_slice())?;
    }
    let mut packed = archive.into_inner()?;
    packed.flush()?;
    Ok(packed.finish()?)
}

/// The head of a gzip file names the system that made it.
const UNKNOWN_SYSTEM: u8 = 255;

fn header(kind: EntryType, mode: u32, size: u64, time: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Outer ones first.
fn directories(root: &str, entries: &[Entry]) -> BTreeSet<String> {
    let above = |entry: &Entry| -> Vec<String> {
        let folders = Path::new(&entry.path).ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
        folders.map(|folder| format!("{root}/{}", folder.display())).collect()
    };
    std::iter::once(root.to_owned()).chain(entries.iter().flat_map(above)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    fn entries() -> Vec<Entry> {
        vec![
            Entry::program("yarn-flink", b"\x7fELF".to_vec()),
            Entry::file("man/man1/yarn-flink.1", b".TH\n".to_vec()),
            Entry::file("README.md", Vec::new()),
        ]
    }

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let one = write("x-1", entries(), 7).unwrap();
        let mut turned = entries();
        turned.reverse();
        assert_eq!(write("x-1", turned, 7).unwrap(), one);
        assert_ne!(write("x-1", entries(), 8).unwrap(), one);
        assert_ne!(write("x-2", entries(), 7).unwrap(), one);
        // No time, no name and no system in the head.
        assert_eq!(one[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    }

    #[test]
    fn files_are_sorted_and_have_modes_times_and_sums() {
        let packed = write("x-1", entries(), 1_700_000_000).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(packed.as_slice()));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            let (path, mode) = (entry.path().unwrap().display().to_string(), header.mode().unwrap());
            let mut content = String::new();
            let _ = entry.read_to_string(&mut content);
            found.push((path, mode, content));
        }
        let paths: Vec<_> = found.iter().map(|(path, mode, _)| (path.as_str(), *mode)).collect();
        assert_eq!(
            paths,
            [
                ("x-1/", 0o755),
                ("x-1/man/", 0o755),
                ("x-1/man/man1/", 0o755),
                ("x-1/README.md", 0o644),
                ("x-1/man/man1/yarn-flink.1", 0o644),
                ("x-1/yarn-flink", 0o755),
                ("x-1/SHA256SUMS", 0o644),
            ]
        );
        let sums = &found[6].2;
        assert!(
            sums.starts_with("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  README.md\n"),
            "{sums}"
        );
        assert_eq!(sums.lines().count(), 3);
    }

    #[test]
    fn no_file_hides_another() {
        let double = vec![Entry::file("a", Vec::new()), Entry::file("a", b"b".to_vec())];
        let error = write("x", double, 0).unwrap_err().to_string();
        assert!(error.contains("the name a"), "{error}");
    }
}
