//! What of a container's log directory is collected while it runs.

use crate::conf::{Configuration, keys};

/// Files that a log library has rolled away, such as `taskmanager.log.1`. A NodeManager deletes what it has collected, so
/// none that is still written to must match; the pattern is searched for in the name (`AggregatedLogFormat`).
const ROLLED_AWAY: &str = r"\.(log|out|err|stdout|stderr)\.[0-9]+(\.gz)?$";

/// The pattern of a user who has configured none.
///
/// None where nodes write indexed files: there they do not take note of what they have collected
/// (`LogAggregationIndexedFileController.write`, seen in 3.4.1), so that they collect the same files again in every round
/// and delete none. The log library's own limit has to be enough there.
pub(super) fn default_pattern(hadoop: &Configuration) -> Option<String> {
    let formats = hadoop.get(keys::LOG_AGGREGATION_FORMATS).unwrap_or_default();
    // Nodes write the first.
    let written = formats.split(',').next().unwrap_or_default().trim();
    let class = hadoop.get(&format!("yarn.log-aggregation.file-controller.{written}.class"));
    let indexed = written == "IFile" || class.is_some_and(|class| class.contains("IndexedFile"));
    (!indexed).then(|| ROLLED_AWAY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_collected_again_and_again_is_not() {
        let class =
            "org.apache.hadoop.yarn.logaggregation.filecontroller.ifile.LogAggregationIndexedFileController";
        for (formats, collects) in
            [(None, true), (Some("TFile,IFile"), true), (Some("IFile, TFile"), false), (Some("Mine"), false)]
        {
            let mut hadoop = Configuration::default();
            hadoop.set("yarn.log-aggregation.file-controller.Mine.class", class);
            if let Some(formats) = formats {
                hadoop.set(keys::LOG_AGGREGATION_FORMATS, formats);
            }
            assert_eq!(default_pattern(&hadoop).is_some(), collects, "{formats:?}");
        }
    }
}
