//! A job's checkpoints where Flink stores them: `<directory>/chk-<n>/_metadata` (`AbstractFsCheckpointStorageAccess`).

use crate::hdfs::{FileSystem, HdfsError};

const PREFIX: &str = "chk-";
/// Written last: without it a checkpoint is not complete.
const METADATA: &str = "_metadata";
/// First bytes of a `_metadata` (`Checkpoints.HEADER_MAGIC_NUMBER`), followed by a version and the checkpoint's number,
/// 4 and 8 bytes.
const MAGIC: [u8; 4] = [0x49, 0x60, 0x67, 0x2d];
const HEADER: usize = 16;

/// The number in the name of a checkpoint's directory.
pub fn number(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// The newest completed checkpoint in this directory.
///
/// # Errors
/// Errors of the file system.
pub async fn newest_in(fs: &dyn FileSystem, directory: &str) -> Result<Option<u64>, HdfsError> {
    let mut numbers: Vec<u64> =
        fs.list(directory).await?.iter().filter_map(|entry| number(entry.name())).collect();
    numbers.sort_unstable();
    for number in numbers.into_iter().rev() {
        if is_complete(fs, &path_of(directory, number)).await? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Whether a checkpoint exists and is complete.
pub(super) async fn is_complete(fs: &dyn FileSystem, checkpoint: &str) -> Result<bool, HdfsError> {
    match fs.stat(&format!("{checkpoint}/{METADATA}")).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The path of a checkpoint.
pub fn path_of(directory: &str, number: u64) -> String {
    format!("{}/{PREFIX}{number}", directory.trim_end_matches('/'))
}

/// The directory of a savepoint or checkpoint; users may also give the path of its `_metadata`.
pub(crate) fn directory_of(savepoint: &str) -> &str {
    let savepoint = savepoint.trim_end_matches('/');
    savepoint.strip_suffix(METADATA).map_or(savepoint, |directory| directory.trim_end_matches('/'))
}

/// The number of a savepoint or checkpoint, from its own file; `None` if that does not contain one.
pub(crate) async fn number_of(fs: &dyn FileSystem, savepoint: &str) -> Result<Option<u64>, HdfsError> {
    let file = fs.open(&format!("{savepoint}/{METADATA}")).await?;
    Ok(number_in(&file.read_at(0, HEADER).await?))
}

fn number_in(header: &[u8]) -> Option<u64> {
    let rest = header.strip_prefix(&MAGIC)?;
    Some(u64::from_be_bytes(rest.get(4..)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_savepoint_says_its_number() {
        // As written by `Checkpoints.storeCheckpointMetadata` and `MetadataV2V3SerializerBase`.
        let header = [0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7];
        assert_eq!(number_in(&header), Some(7));
        assert_eq!(number_in(&header[..15]), None);
        assert_eq!(number_in(&[0; 16]), None);
    }

    #[test]
    fn a_savepoint_has_two_names() {
        for name in ["hdfs:///s/savepoint-1", "hdfs:///s/savepoint-1/", "hdfs:///s/savepoint-1/_metadata"] {
            assert_eq!(directory_of(name), "hdfs:///s/savepoint-1");
        }
    }
}
