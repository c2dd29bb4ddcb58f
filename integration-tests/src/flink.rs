//! An unmodified Flink distribution, laid out as people know it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::versions::FlinkVersion;

/// A downloaded Flink: a folder that can be `FLINK_HOME`.
#[derive(Clone, Debug)]
pub struct Flink {
    version: FlinkVersion,
    home: PathBuf,
}

impl Flink {
    /// Downloads the distribution from PyPI once and returns it.
    ///
    /// # Errors
    /// Python with pip is missing, no network, or the cache cannot be written.
    pub fn download(version: FlinkVersion) -> Result<Self> {
        todo!()
    }

    /// Its version, such as `1.20.5`.
    pub fn version(&self) -> &'static str {
        self.version.version
    }

    /// The folder with `lib/`, `plugins/`, `opt/`, `bin/` and `conf/`. Never write into it: other runs share it.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// `conf/` of the distribution, with `config.yaml` and the log4j files of a stock installation.
    pub fn conf_dir(&self) -> PathBuf {
        self.home.join("conf")
    }

    /// The jars of `lib/`, sorted.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn libraries(&self) -> Result<Vec<PathBuf>> {
        todo!()
    }

    /// A `java` command that runs `main_class` with Flink's libraries and `more_classpath` behind them, and
    /// `FLINK_CONF_DIR` set. With `org.apache.flink.client.cli.CliFrontend` this is Flink's own command line.
    pub fn command(&self, main_class: &str, more_classpath: &[PathBuf]) -> Command {
        todo!()
    }
}
