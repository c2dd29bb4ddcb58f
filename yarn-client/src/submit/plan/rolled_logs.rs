//! What is aggregated from a container's log directory while it runs.

use crate::conf::{Configuration, keys};

/// Files that a logging library has rolled, such as `taskmanager.log.1`. A NodeManager deletes what it has aggregated, so
/// the pattern must not match a file that is still written to; it is searched for in the name (`AggregatedLogFormat`).
const ROLLED_AWAY: &str = r"\.(log|out|err|stdout|stderr)\.[0-9]+(\.gz)?$";

/// The pattern if the user has not configured one.
///
/// `None` where nodes write indexed files: there they do not record what they have aggregated
/// (`LogAggregationIndexedFileController.write`, seen in 3.4.1), so they aggregate the same files again in every round
/// and delete none. There the logging library's own limit has to suffice.
pub(super) fn default_pattern(hadoop: &Configuration) -> Option<String> {
    let formats = hadoop.get(keys::LOG_AGGREGATION_FORMATS).unwrap_or_default();
    // Nodes write the first format.
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
