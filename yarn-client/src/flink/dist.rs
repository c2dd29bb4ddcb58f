//! What a Flink distribution holds on disk.

use std::path::{Path, PathBuf};

use super::{Lookup, Version};

/// A file to ship together with its place in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistFile {
    /// Where it is.
    pub path: PathBuf,
    /// Where it goes, relative to the working directory, with `/` (`lib/flink-csv-1.20.5.jar`).
    pub link: String,
    /// Size in bytes.
    pub size: u64,
}

/// A Flink distribution: the unpacked archive, or PyPI's `apache-flink-libraries` (`lib`, `plugins`, `opt`, no `conf`).
#[derive(Clone, Debug)]
pub struct Distribution {
    /// The directory given.
    pub home: PathBuf,
    /// From the name of the flink-dist jar.
    pub version: Version,
    /// Jars of `lib`, sorted by name, flink-dist included.
    pub lib: Vec<DistFile>,
    /// Index of flink-dist in `lib` as a file of its own.
    pub dist_jar: DistFile,
    /// All files below `plugins`.
    pub plugins: Vec<DistFile>,
    /// Jars of `opt`.
    pub opt: Vec<DistFile>,
    /// Files of `usrlib` beside `lib`, if it exists (FLINK-24897).
    pub usrlib: Vec<DistFile>,
}

/// A directory that is not a usable Flink distribution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistError {
    /// A directory or file that cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No flink-dist jar.
    #[error("{} holds no flink-dist-<version>.jar, so it is not the lib directory of a Flink distribution", lib.display())]
    NoDistJar {
        /// The lib directory.
        lib: PathBuf,
    },
    /// More than one flink-dist jar.
    #[error("{} holds several flink-dist jars: {}", lib.display(), names.join(", "))]
    SeveralDistJars {
        /// The lib directory.
        lib: PathBuf,
        /// Their names.
        names: Vec<String>,
    },
    /// A version this code was not made for.
    #[error("Flink {version} is not supported (1.17 to 2.3 are)")]
    UnsupportedVersion {
        /// The version found.
        version: Version,
    },
}

impl DistError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        todo!()
    }
}

/// Which logging framework the configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFramework {
    /// Log4j 2, `log4j.properties`.
    Log4j,
    /// Logback, `logback.xml`.
    Logback,
}

/// The log configuration shipped to containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfiguration {
    /// Framework.
    pub framework: LogFramework,
    /// File name in the container: `log4j.properties` or `logback.xml`.
    pub name: &'static str,
    /// The user's file, or `None` for the built-in text.
    pub path: Option<PathBuf>,
}

impl LogConfiguration {
    /// `log4j.properties` of the directory if there, else `logback.xml`, else the built-in text.
    pub fn find(conf_dir: Option<&Path>) -> Self {
        let _ = conf_dir;
        todo!()
    }

    /// The text to ship when [`Self::path`] is `None`.
    pub fn built_in() -> &'static str {
        todo!()
    }
}

impl Distribution {
    /// Opens a distribution. `FLINK_LIB_DIR`, `FLINK_PLUGINS_DIR` and `FLINK_OPT_DIR` replace the directories below `home`.
    ///
    /// # Errors
    /// No readable `lib`, no or several flink-dist jars, a version out of range.
    pub fn open(home: &Path, env: Lookup<'_>) -> Result<Self, DistError> {
        let _ = (home, env);
        todo!()
    }
}
