//! Flink versions, and the few things that differ between them.

use std::fmt;

/// A Flink version such as `1.20.5`; ordered by its numbers, the rest of the text is only shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    text: String,
}

/// Text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a Flink version (expected something like 1.20.5)")]
pub struct VersionError {
    /// What was given.
    pub text: String,
}

/// What differs between versions; see [`Version::features`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Reads `config.yaml` (standard YAML, FLINK-29712, 1.19).
    pub standard_yaml: bool,
    /// Reads `flink-conf.yaml` (dropped in 2.0); where both are read, this one wins if it exists.
    pub legacy_yaml: bool,
    /// The configuration file written for containers.
    pub config_file: &'static str,
    /// `jobmanager.heap.size`, `taskmanager.heap.size` and their `.mb` forms still work (dropped in 2.0).
    pub legacy_heap_options: bool,
    /// `env.java.default-opts.*` exist (1.19).
    pub default_java_opts: bool,
    /// `/applications` is served: one application with many jobs, whose status decides (2.3).
    pub applications: bool,
}

impl Version {
    /// Oldest and newest minor version this code was made for.
    pub const SUPPORTED: ((u32, u32), (u32, u32)) = ((1, 17), (2, 3));

    /// Parses `1.20`, `1.20.5`, `1.20.5-SNAPSHOT` or `1.18.1-vendor3`.
    ///
    /// # Errors
    /// When the text does not start with two numbers.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let _ = text;
        todo!()
    }

    /// The version in a file name such as `flink-dist-1.20.5.jar`, or `None` for another file.
    pub fn from_dist_jar(file_name: &str) -> Option<Self> {
        let _ = file_name;
        todo!()
    }

    /// First number.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Second number.
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// Third number, 0 when missing.
    pub fn patch(&self) -> u32 {
        self.patch
    }

    /// Whether this is `major.minor` or later.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Whether the minor version lies in [`Self::SUPPORTED`].
    pub fn is_supported(&self) -> bool {
        todo!()
    }

    /// What this version can do.
    pub fn features(&self) -> Features {
        todo!()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
