//! Hadoop's jars from Maven Central.

use std::path::PathBuf;

use anyhow::Result;

use crate::versions::HadoopVersion;

/// Jars of one Hadoop release, daemons and clients.
#[derive(Clone, Debug)]
pub struct Hadoop {
    /// Which release.
    pub version: HadoopVersion,
    /// Folder with all jars; use it as `<jars>/*` behind a configuration folder.
    pub jars: PathBuf,
}

impl Hadoop {
    /// Downloads the jars with Maven once and returns them.
    ///
    /// # Errors
    /// Maven is missing, no network, or the cache cannot be written.
    pub fn download(version: HadoopVersion) -> Result<Self> {
        todo!()
    }
}
