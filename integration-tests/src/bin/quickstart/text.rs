//! A real text: the project's own documents and what the daemons have logged so far.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use integration_tests::binaries;
use integration_tests::cluster::Cluster;

/// The text in HDFS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

/// Puts the text into the HDFS folder `target`.
pub(crate) async fn put(cluster: &Cluster, target: &str) -> Result<Text> {
    let mut files = Vec::new();
    collect(binaries::workspace(), &["md"], &mut files)?;
    collect(&cluster.directory().join("logs"), &["log"], &mut files)?;
    ensure!(!files.is_empty(), "found no text below {}", binaries::workspace().display());
    files.sort();
    let hdfs = cluster.hdfs()?;
    hdfs.mkdirs(target).await?;
    let puts = files.iter().enumerate().map(async |(index, path)| -> Result<u64> {
        let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let bytes = u64::try_from(content.len()).unwrap_or_default();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // The number keeps two files of the same name apart, and Flink's file source ignores names that start with a
        // dot.
        hdfs.put(&format!("{target}/{index:03}-{name}"), content).await?;
        Ok(bytes)
    });
    let sizes: Vec<u64> = stream::iter(puts).buffer_unordered(8).try_collect().await?;
    Ok(Text { files: sizes.len(), bytes: sizes.iter().sum() })
}

/// Files below `folder` with one of the extensions; build output, hidden folders and containers' logs are left out.
fn collect(folder: &Path, extensions: &[&str], files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "containers" {
                collect(&path, extensions, files)?;
            }
        } else if path
            .extension()
            .and_then(|found| found.to_str())
            .is_some_and(|found| extensions.contains(&found))
        {
            files.push(path);
        }
    }
    Ok(())
}
