//! Flink versions, and the few things that differ between them.

use std::fmt;

/// A Flink version such as `1.20.5`; ordered by its numbers, the rest of the text is only displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    text: String,
}

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a Flink version (expected something like 1.20.5)")]
pub struct VersionError {
    /// What was given.
    pub text: String,
}

/// Differences between versions; see [`Version::features`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Reads `config.yaml` (standard YAML, FLINK-29712, 1.19).
    pub standard_yaml: bool,
    /// Reads `flink-conf.yaml` (dropped in 2.0); if both are supported, this one takes precedence if it exists.
    pub legacy_yaml: bool,
    /// The configuration file written for containers.
    pub config_file: &'static str,
    /// `jobmanager.heap.size`, `taskmanager.heap.size` and their `.mb` forms still work (dropped in 2.0).
    pub legacy_heap_options: bool,
    /// `env.java.default-opts.*` exist (1.19).
    pub default_java_opts: bool,
    /// Serves `/applications`: one application with many jobs, whose status decides (2.3).
    pub applications: bool,
}

impl Version {
    /// Oldest and newest supported minor version.
    pub const SUPPORTED: ((u32, u32), (u32, u32)) = ((1, 17), (2, 3));

    /// Parses `1.20`, `1.20.5`, `1.20.5-SNAPSHOT` or `1.18.1-vendor3`.
    ///
    /// # Errors
    /// The text does not start with two numbers.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError { text: text.to_owned() };
        let trimmed = text.trim();
        // Everything after the first character other than a digit or dot is a vendor or snapshot suffix.
        let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let mut numbers = trimmed.get(..end).unwrap_or_default().split('.').take_while(|n| !n.is_empty());
        let mut next = || numbers.next().map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (next(), next()) else { return Err(error()) };
        let patch = next().unwrap_or(Ok(0)).map_err(|_| error())?;
        Ok(Self { major, minor, patch, text: trimmed.to_owned() })
    }

    /// The version in a file name such as `flink-dist-1.20.5.jar`, or `None` for another file.
    pub fn from_dist_jar(file_name: &str) -> Option<Self> {
        let version = file_name.strip_prefix("flink-dist")?.strip_suffix(".jar")?;
        // `flink-dist_2.12-1.14.6.jar`: a Scala version before the dash.
        let (scala, version) = version.split_once('-')?;
        if !scala.is_empty() && !scala.starts_with('_') {
            return None;
        }
        Self::parse(version).ok()
    }

    /// First number.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Second number.
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// Third number, 0 if missing.
    pub fn patch(&self) -> u32 {
        self.patch
    }

    /// Whether this is `major.minor` or later.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Whether the minor version is within [`Self::SUPPORTED`]. Only 1.20 and 2.x are tested.
    pub fn is_supported(&self) -> bool {
        let (oldest, newest) = Self::SUPPORTED;
        (oldest..=newest).contains(&(self.major, self.minor))
    }

    /// What this version supports.
    pub fn features(&self) -> Features {
        Features {
            standard_yaml: self.at_least(1, 19),
            legacy_yaml: !self.at_least(2, 0),
            config_file: if self.at_least(1, 19) { "config.yaml" } else { "flink-conf.yaml" },
            legacy_heap_options: !self.at_least(2, 0),
            default_java_opts: self.at_least(1, 19),
            applications: self.at_least(2, 3),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| self.text.cmp(&other.text))
    }
}

impl std::str::FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn parses_and_compares() {
        let v = version("1.20.5");
        assert_eq!((v.major(), v.minor(), v.patch()), (1, 20, 5));
        assert_eq!(version("2.1").patch(), 0);
        assert_eq!(version("1.20-SNAPSHOT").minor(), 20);
        assert_eq!(version("1.18.1-csa1.2").patch(), 1);
        assert!(version("1.9.3") < version("1.17.0") && version("1.20.5") < version("2.0.0"));
        assert_eq!(version("1.20.5-x").to_string(), "1.20.5-x");
        for bad in ["", "1", "1.", "x.y", "v1.20", "1.99999999999"] {
            assert!(Version::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_the_name_of_the_dist_jar() {
        let of = |name| Version::from_dist_jar(name).map(|v| v.to_string());
        assert_eq!(of("flink-dist-1.20.5.jar").as_deref(), Some("1.20.5"));
        assert_eq!(of("flink-dist_2.12-1.14.6.jar").as_deref(), Some("1.14.6"));
        assert_eq!(of("flink-dist-2.1-SNAPSHOT.jar").as_deref(), Some("2.1-SNAPSHOT"));
        for other in [
            "flink-dist.jar",
            "flink-distribution-1.20.jar",
            "flink-csv-1.20.5.jar",
            "flink-dist-1.20.5.jar.bak",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn versions_have_their_features() {
        assert!(!version("1.16.3").is_supported() && version("1.17.0").is_supported());
        assert!(version("2.3.9").is_supported() && !version("2.4.0").is_supported());
        let (old, lts, two, newest) = (
            version("1.18.1").features(),
            version("1.20.5").features(),
            version("2.1.0").features(),
            version("2.3.0").features(),
        );
        assert_eq!(old.config_file, "flink-conf.yaml");
        assert!(!old.standard_yaml && old.legacy_yaml && lts.standard_yaml && lts.legacy_yaml);
        assert!(two.standard_yaml && !two.legacy_yaml && !two.legacy_heap_options);
        assert!(!two.applications && newest.applications);
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = Version::parse(&text);
            let _ = Version::from_dist_jar(&text);
        }
    }
}
