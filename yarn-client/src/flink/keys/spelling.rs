//! Misspelt keys.

use super::{Known, Origin, Treatment, known, row, table};
use crate::flink::Version;

/// Maximum number of edits by which a key may differ from the intended one; short keys are similar by coincidence.
const EDITS: usize = 2;
const SHORT: usize = 16;

/// The known key, or the key below a known prefix, that was probably meant; `None` for keys that are known or belong to
/// other software.
pub(super) fn meant(key: &str, version: Option<&Version>) -> Option<String> {
    if row(key).is_some_and(|row| row.origin == Origin::Open) || is_known(key) {
        return None;
    }
    let exists = |known: &Known| version.is_none_or(|version| !known.is_missing_in(version));
    let ours = table().filter(|row| row.origin == Origin::Ours).flat_map(super::Row::names);
    let names = known().filter(exists).map(|known| known.key).chain(ours);
    let likest = names.filter_map(|name| Some((edits(key, name)?, name))).min();
    likest.map(|(_, name)| name.to_owned()).or_else(|| below_prefix(key))
}

/// Whether a key is one of Flink's, one of this project's, or in the table under its full name.
pub(super) fn is_known(key: &str) -> bool {
    known().any(|known| known.key == key)
        || row(key).is_some_and(|row| row.names().any(|name| name == key || name.contains('*')))
}

/// `containerised.master.env.A`: the prefix is misspelt, and anything may follow it.
fn below_prefix(key: &str) -> Option<String> {
    let honoured = table().filter(|row| matches!(row.treatment, Treatment::Honoured(_)));
    let prefixes = honoured.flat_map(super::Row::names).filter(|name| name.ends_with('.'));
    prefixes
        .filter_map(|prefix| {
            let end = key.match_indices('.').nth(prefix.matches('.').count() - 1)?.0;
            let (start, rest) = key.split_at(end + 1);
            Some((edits(start, prefix)?, format!("{prefix}{rest}")))
        })
        .filter(|(_, meant)| meant != key)
        .min()
        .map(|(_, meant)| meant)
}

/// The number of edits between two keys, if it is small. Case, `-` and `_` do not count: `numberoftaskslots`.
fn edits(given: &str, name: &str) -> Option<usize> {
    if given.len().abs_diff(name.len()) > 8 {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let (given, name) = (plain(given), plain(name));
    let most = if name.len() < SHORT { 1 } else { EDITS };
    Some(strsim::osa_distance(&given, &name)).filter(|edits| *edits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_key_is_distinguished_from_a_foreign_one() {
        let version = Version::parse("1.20.5").unwrap();
        let meant = |key: &str| meant(key, Some(&version));
        for (given, name) in [
            ("taskmanager.memory.proces.size", "taskmanager.memory.process.size"),
            ("taskmanger.numberOfTaskSlots", "taskmanager.numberOfTaskSlots"),
            ("taskmanager.number-of-task-slots", "taskmanager.numberOfTaskSlots"),
            ("taskmanager.numberOfTaskSlot", "taskmanager.numberOfTaskSlots"),
            ("paralelism.default", "parallelism.default"),
            ("state.checkpoint.dir", "state.checkpoints.dir"),
            ("execution.checkpointing.intervall", "execution.checkpointing.interval"),
            ("yarn.aplication.queue", "yarn.application.queue"),
            ("yarn.application.qeueu", "yarn.application.queue"),
            ("yarn-flink.alow-local-state", "yarn-flink.allow-local-state"),
            ("containerised.master.env.A", "containerized.master.env.A"),
            ("flink.hadop.dfs.replication", "flink.hadoop.dfs.replication"),
            ("restart-stratgy.type", "restart-strategy.type"),
        ] {
            assert_eq!(meant(given).as_deref(), Some(name), "{given}");
        }
        for known in known() {
            assert_eq!(meant(known.key), None, "{} is known", known.key);
        }
        for others in [
            "metrics.reporter.prom.factory.clas",
            "metrics.reporters.x",
            "fs.s3a.acess.key",
            "s3.access-key",
            "flink.hadoop.dfs.replicatoin",
            "containerized.master.env.JAVA_HOEM",
            "external-resource.gpu.amuont",
            "table.exec.mini-batch.enable",
            "my.own.key",
            "flink.jar.x",
            "execution.terminate-application-on-any-job-terminated-exceptionally",
            "security.delegation.token.provider.hbase.enabled",
        ] {
            assert_eq!(meant(others), None, "{others}");
        }
    }

    #[test]
    fn only_what_the_version_has_is_proposed() {
        let (old, new) = (Version::parse("1.20.5").unwrap(), Version::parse("2.1.3").unwrap());
        let misspelt = "security.ssl.enable";
        assert_eq!(meant(misspelt, Some(&old)).as_deref(), Some("security.ssl.enabled"));
        assert_eq!(meant(misspelt, Some(&new)), None);
    }
}
