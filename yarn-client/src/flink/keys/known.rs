//! The names of Flink's options, as the option classes of its distribution have them.

use crate::flink::Version;

/// One name a line, before it `1` and `2`: whether 1.20 and 2.1 have it. A test compares it with the jars of both.
const NAMES: &str = include_str!("known.txt");

/// A name of an option, current or older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The key.
    pub key: &'static str,
    /// Flink 1.20 has it.
    pub in_1_20: bool,
    /// Flink 2.1 has it.
    pub in_2_1: bool,
}

impl Known {
    /// Whether a version is known not to have it. Of versions between those that were read, and of newer ones, only
    /// what cannot be otherwise: what is gone does not come back.
    pub fn is_missing_in(&self, version: &Version) -> bool {
        if version.at_least(2, 1) { !self.in_2_1 } else { !version.at_least(2, 0) && !self.in_1_20 }
    }
}

/// Whether all names of a version are known: then any other is that of nobody, or of a library.
pub(super) fn is_complete_for(version: &Version) -> bool {
    matches!((version.major(), version.minor()), (1, 20) | (2, 1))
}

/// All names.
pub fn known() -> impl Iterator<Item = Known> {
    NAMES.lines().filter_map(|line| {
        let (versions, key) = line.split_once(' ')?;
        Some(Known { key, in_1_20: versions.contains('1'), in_2_1: versions.contains('2') })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::keys::treatment;

    #[test]
    fn every_name_has_a_line_in_the_table() {
        let lost: Vec<_> = known().map(|known| known.key).filter(|key| treatment(key).is_none()).collect();
        assert!(lost.is_empty(), "{lost:#?}");
        assert_eq!(known().count(), NAMES.lines().count());
    }

    #[test]
    fn a_version_lacks_what_is_gone_and_what_is_not_there_yet() {
        let missing = |key: &str, version: &str| {
            let known = known().find(|known| known.key == key).unwrap();
            known.is_missing_in(&Version::parse(version).unwrap())
        };
        assert!(missing("security.ssl.enabled", "2.1.3") && missing("security.ssl.enabled", "2.3.0"));
        assert!(!missing("security.ssl.enabled", "1.20.5") && !missing("security.ssl.enabled", "2.0.0"));
        assert!(missing("events.reporters", "1.17.0") && !missing("events.reporters", "2.2.0"));
        assert!(!missing("parallelism.default", "1.20.5") && !missing("parallelism.default", "2.1.3"));
    }
}
