//! The names of Flink's options, as found in the option classes of its distribution.

use crate::flink::Version;

/// One name per line, preceded by `1` and `2` if 1.20 and 2.1 have it. A test compares the list with the jars of both.
const NAMES: &str = include_str!("known.txt");

/// The name of an option, current or older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The key.
    pub key: &'static str,
    /// Whether Flink 1.20 has it.
    pub in_1_20: bool,
    /// Whether Flink 2.1 has it.
    pub in_2_1: bool,
}

impl Known {
    /// Whether a version certainly does not have it. For versions between those that were read, and for newer ones,
    /// only what is certain: a key that has been removed does not come back.
    pub fn is_missing_in(&self, version: &Version) -> bool {
        if version.at_least(2, 1) { !self.in_2_1 } else { !version.at_least(2, 0) && !self.in_1_20 }
    }
}

/// Whether all names of a version are known: then any other name is misspelt, or belongs to a library.
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
    fn every_option_has_a_row_in_the_table() {
        let lost: Vec<_> = known().map(|known| known.key).filter(|key| treatment(key).is_none()).collect();
        assert!(lost.is_empty(), "{lost:#?}");
        assert_eq!(known().count(), NAMES.lines().count());
    }

    #[test]
    fn version_lacks_removed_and_future_options() {
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
