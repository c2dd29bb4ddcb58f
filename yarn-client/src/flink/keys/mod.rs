//! How every configuration key of Flink, of flink-yarn and of this project is treated: one table, against which
//! configurations are checked, and from which `docs/keys.md` is generated.
//!
//! Flink itself ignores keys that it does not know, so it would also ignore settings that have no effect here, which users
//! would only discover in production. So every key that is not passed to Flink unchanged is either honoured or reported.

mod check;
mod harmless;
mod known;
mod spelling;
mod table;

#[cfg(test)]
mod document;

pub use check::{Asked, check, check_job};
pub use known::{Known, known};

use super::options::Opt;

/// How a key is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It is read here and has its documented effect.
    Honoured(&'static str),
    /// Always set here, whatever the user's value is.
    Set(&'static str),
    /// Set here if the user has not set it.
    Default(&'static str),
    /// Removed from the configuration, with a warning: it would break what is set here.
    Removed(&'static str),
    /// It has no meaning here, and a warning says so.
    Ignored(&'static str),
    /// An error before anything is submitted.
    Refused {
        /// Why, and what to do instead.
        reason: &'static str,
        /// Values that have no effect: Flink's own defaults.
        harmless: &'static [&'static str],
    },
    /// Flink reads it, and nothing here depends on it.
    Harmless(&'static str),
}

impl Treatment {
    /// The reason or purpose.
    pub const fn text(&self) -> &'static str {
        match self {
            Self::Honoured(text)
            | Self::Set(text)
            | Self::Default(text)
            | Self::Removed(text)
            | Self::Ignored(text)
            | Self::Harmless(text)
            | Self::Refused { reason: text, .. } => text,
        }
    }
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Flink's distribution, in one of the versions from which the list of [`known`] keys was made.
    Flink,
    /// A library outside Flink's distribution, a plugin, or any other source: keys below such a prefix are never called misspelt.
    Open,
    /// Versions of Flink before 1.17.
    OldFlink,
    /// This project.
    Ours,
}

/// A row of the table: keys with the same treatment.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The keys, each with its older names. One that ends in `.` stands for all keys below it; `*` is one part of a key.
    pub options: &'static [Opt],
    /// How they are treated.
    pub treatment: Treatment,
    /// Where they come from.
    pub origin: Origin,
}

impl Row {
    /// All names of the row's keys.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.options
            .iter()
            .flat_map(|option| std::iter::once(option.key).chain(option.deprecated.iter().copied()))
    }
}

/// All rows.
pub fn table() -> impl Iterator<Item = &'static Row> {
    table::OURS.iter().chain(harmless::FLINKS)
}

/// The table's row for a key: an exact name takes precedence over a prefix, and a longer prefix over a shorter one.
pub fn row(key: &str) -> Option<&'static Row> {
    let matching = table().flat_map(|row| row.names().map(move |name| (name, row)));
    matching
        .filter(|(name, _)| matches(name, key))
        .max_by_key(|(name, _)| (*name == key, name.len()))
        .map(|(_, row)| row)
}

/// How a key is treated; `None` for one that is not in the table.
pub fn treatment(key: &str) -> Option<Treatment> {
    row(key).map(|row| row.treatment)
}

/// The text of a key's row.
pub(super) fn text(option: &Opt) -> &'static str {
    treatment(option.key).map_or("", |treatment| treatment.text())
}

fn matches(name: &str, key: &str) -> bool {
    if let Some((before, after)) = name.split_once('*') {
        return key.len() > before.len() + after.len() && key.starts_with(before) && key.ends_with(after);
    }
    if name.ends_with('.') { key.len() > name.len() && key.starts_with(name) } else { key == name }
}

/// Keys that shape processes. A session's processes are already running, so Flink would silently ignore them.
const OF_CLUSTERS: [&str; 26] = [
    "akka.",
    "blob.",
    "cluster.",
    "containerized.",
    "env.",
    "external-resource",
    "flink.hadoop.",
    "flink.yarn.",
    "heartbeat.",
    "high-availability",
    "io.tmp.dirs",
    "jobmanager.archive.",
    "jobmanager.bind-host",
    "jobmanager.memory.",
    "jobmanager.rpc.",
    "jobstore.",
    "pekko.",
    "process.",
    "resourcemanager.",
    "rest.",
    "security.",
    "slotmanager.",
    "taskmanager.",
    "web.",
    "yarn-flink.",
    "yarn.",
];

/// Whether a key describes a cluster, which a job of a running session cannot change.
pub fn is_of_clusters(key: &str) -> bool {
    OF_CLUSTERS.iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::flink::{limits, options};

    #[test]
    fn no_key_appears_twice() {
        let mut seen = BTreeSet::new();
        for name in table().flat_map(Row::names) {
            assert!(seen.insert(name), "{name}");
        }
    }

    /// Checks that what is read here is in the table, and that what the table calls honoured is read.
    #[test]
    fn table_and_options_agree() {
        let ours = |treatment| !matches!(treatment, Treatment::Harmless(_));
        for option in options::ALL {
            for name in std::iter::once(&option.key).chain(option.deprecated) {
                let treatment = treatment(name).unwrap_or_else(|| panic!("{name} is not in the table"));
                assert!(ours(treatment), "{name} is read here");
            }
        }
        let prefixes = options::MASTER_ENV_PREFIXES
            .into_iter()
            .chain(options::TASKMANAGER_ENV_PREFIXES)
            .chain([options::HADOOP_PREFIX, options::YARN_PREFIX]);
        let read: BTreeSet<&str> =
            options::ALL.iter().chain(&limits::ALL).map(|option| option.key).chain(prefixes).collect();
        // `submit/keys` contains it.
        let elsewhere = |key: &str| key == "pipeline.jobid" || key.contains('*');
        for row in table().filter(|row| matches!(row.treatment, Treatment::Honoured(_))) {
            for option in row.options.iter().filter(|option| !elsewhere(option.key)) {
                assert!(read.contains(option.key), "{} is read nowhere", option.key);
            }
        }
    }

    #[test]
    fn most_specific_row_applies() {
        let harmless = |key| matches!(treatment(key), Some(Treatment::Harmless(_)));
        assert!(harmless("state.backend.type") && harmless("fs.s3a.endpoint"));
        assert!(matches!(treatment("state.checkpoints.dir"), Some(Treatment::Honoured(_))));
        assert!(matches!(treatment("fs.default-scheme"), Some(Treatment::Honoured(_))));
        assert!(matches!(treatment("external-resource.gpu.yarn.config-key"), Some(Treatment::Honoured(_))));
        assert!(harmless("external-resource.gpu.param.x"));
        assert!(matches!(treatment("containerized.master.env.A"), Some(Treatment::Honoured(_))));
        assert_eq!(treatment("containerized.master.env."), None);
        assert_eq!(treatment("web.no-such"), None);
    }

    #[test]
    fn job_keys_are_distinguished_from_cluster_keys() {
        for key in [
            "yarn.tags",
            "yarn-flink.trace",
            "high-availability",
            "taskmanager.numberOfTaskSlots",
            "io.tmp.dirs",
        ] {
            assert!(is_of_clusters(key), "{key}");
        }
        for key in
            ["pipeline.name", "state.backend.type", "restart-strategy.type", "jobmanager.scheduler", "my.own"]
        {
            assert!(!is_of_clusters(key), "{key}");
        }
    }
}
