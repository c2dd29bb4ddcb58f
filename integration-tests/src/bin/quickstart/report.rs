//! The results, and the check that nothing else is left.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::progress;

use crate::watch::{self, Event};

/// The ten most frequent words of the counts in an HDFS folder, most frequent first.
pub(crate) async fn most_frequent(cluster: &Cluster, folder: &str) -> Result<Vec<(String, u64)>> {
    let hdfs = cluster.hdfs()?;
    let mut words = Vec::new();
    for (path, _) in hdfs.files(folder).await? {
        let content = hdfs.read(&path).await?;
        for line in String::from_utf8_lossy(&content).lines() {
            let (word, count) =
                line.rsplit_once(' ').with_context(|| format!("{path}: not a count: {line:?}"))?;
            let count = count.parse::<u64>().with_context(|| format!("{path}: not a count: {line:?}"))?;
            words.push((word.to_owned(), count));
        }
    }
    ensure!(!words.is_empty(), "the job ended well, but {folder} holds no words");
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.truncate(10);
    Ok(words)
}

/// Checks that no container, process or staging file of the application is left.
pub(crate) async fn nothing_is_left(cluster: &Cluster, application_id: &str) -> Result<()> {
    watch::until_empty("processes", || cluster.processes_of(application_id)).await?;
    for node in cluster.running_nodes().await? {
        let containers = node.get("numContainers").and_then(serde_json::Value::as_u64);
        ensure!(containers == Some(0), "a node still has containers: {node}");
    }
    let home = format!("/user/{}", cluster.user());
    let files = cluster.hdfs()?.files(&home).await?;
    let staged: Vec<_> =
        files.iter().map(|(path, _)| path).filter(|path| path.contains(application_id)).collect();
    ensure!(staged.is_empty(), "staging files are left: {staged:?}");
    progress::line("  no container, no process and no staging file is left");
    Ok(())
}

/// The words and the timeline.
pub(crate) fn text(words: &[(String, u64)], events: &[Event]) -> String {
    let mut text = String::from("\nThe ten most frequent words:\n");
    // Writing to a String cannot fail.
    for (word, count) in words {
        let _ = writeln!(text, "{count:>8}  {word}");
    }
    text.push_str("\nTimeline, seconds since the command was started (and since the line before):\n");
    let mut before = 0.0;
    for event in events {
        let at = event.at.as_secs_f64();
        let _ = writeln!(text, "{at:>8.1}  (+{:.1})  {}", at - before, event.what);
        before = at;
    }
    text
}
