//! URIs of files: scheme, authority, path.

use super::HdfsError;

/// A file's URI, taken apart. The path is kept as written: Hadoop paths may hold characters that URLs may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUri {
    /// `hdfs`, `file`, …; `None` for a plain path.
    pub scheme: Option<String>,
    /// `host:port`, name service, or empty.
    pub authority: String,
    /// The path; without a scheme it may be relative.
    pub path: String,
}

pub(super) fn resolve(text: &str, root: &str, home: &str) -> Result<String, HdfsError> {
    let _ = (text, root, home);
    todo!()
}
