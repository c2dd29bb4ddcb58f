//! `gc` removes what killed applications leave, and nothing of a running one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::APPLICATION_CLI;
use integration_tests::shared;
use serde_json::Value;

use crate::failures::submit;
use crate::staging::file_systems;
use crate::tool::{GONE, LIMIT, eventually, has_staging, job_in_state, text, yarn_flink};

#[tokio::test]
async fn gc_removes_files_of_killed_applications_and_keeps_those_of_running_ones() -> Result<()> {
    let _turn = shared::turn().await;
    // A separate cluster, as others' keys must not be forgotten.
    let cluster = &Cluster::builder("gc").boot().await?;
    let checkpoints = format!("{}/user/{}/checkpoints-gc", cluster.default_fs(), cluster.user());
    let option = format!("execution.checkpointing.dir={checkpoints}");
    let killed = submit(cluster, &["-D", &option], &["Run", "--checkpoint-ms", "300"]).await?;
    let cached = age_cache(cluster).await?;
    ensure!(!cached.is_empty(), "the first submission has filled the cache");
    let running = submit(cluster, &["--key", &format!("gc-{}", std::process::id())], &["Run"]).await?;
    job_in_state(cluster, &running, "RUNNING").await?;
    notes_a_checkpoint(cluster, &killed).await?;
    // Like an operator, so that nothing cleans up afterwards.
    cluster.java_tool(APPLICATION_CLI, &["application", "-kill", &killed]).await?.success()?;
    eventually("no process is left", GONE, || async { Ok(cluster.processes_of(&killed).is_empty()) }).await?;
    ensure!(has_staging(cluster, &killed).await?, "a kill from outside leaves the staging directory");

    let checkpoint = the_newest_checkpoint_is_told(cluster, &killed, &checkpoints).await?;

    let listed = yarn_flink(cluster, &["gc", "--dry-run", "-o", "json"]).await?.expect(0)?.json()?;
    ensure!(listed["removed"].as_array().is_some_and(Vec::is_empty), "{listed}");
    let found = listed.get("would_remove").and_then(Value::as_array).cloned().unwrap_or_default();
    let ids: Vec<_> = found.iter().map(|removed| text(removed, "application_id")).collect();
    assert!(ids.contains(&killed.as_str()) && !ids.contains(&running.as_str()), "{listed}");
    let of_killed = found.iter().find(|removed| text(removed, "application_id") == killed);
    assert_eq!(of_killed.map(|removed| text(removed, "checkpoint")), Some(checkpoint.as_str()), "{listed}");
    assert!(has_staging(cluster, &killed).await?, "only listed");

    let removed = yarn_flink(cluster, &["gc"]).await?.expect(0)?;
    assert!(removed.stdout.contains(&format!("{killed} has ended")), "{removed:?}");
    assert!(removed.stdout.contains(&format!("{killed} checkpoint: {checkpoint}\n")), "{removed:?}");
    assert!(!has_staging(cluster, &killed).await? && has_staging(cluster, &running).await?);
    let again = yarn_flink(cluster, &["gc", "-o", "json"]).await?.expect(0)?.json()?;
    assert_eq!(again.pointer("/removed").and_then(Value::as_array).map(Vec::len), Some(0), "{again}");

    others_tidy_on_their_way(cluster, &killed, &running).await?;
    unused_cache_entries_go(cluster, &cached).await?;

    // The record of the key outlives its application until it is old.
    yarn_flink(cluster, &["kill", &running]).await?.expect(0)?;
    let keys = format!("/user/{}/.yarn-flink/keys", cluster.user());
    let kept = cluster.hdfs()?.list(&keys).await?.len();
    yarn_flink(cluster, &["gc"]).await?.expect(0)?;
    assert_eq!(cluster.hdfs()?.list(&keys).await?.len(), kept);
    let old = yarn_flink(cluster, &["gc", "--keep-keys", "0s"]).await?.expect(0)?;
    assert!(old.stdout.contains(&running), "{old:?}");
    Ok(())
}

/// Waits until the application master has recorded where a checkpoint is.
async fn notes_a_checkpoint(cluster: &Cluster, id: &str) -> Result<()> {
    notes(cluster, id, "/chk-").await
}

/// Waits until the application master has recorded this.
pub(crate) async fn notes(cluster: &Cluster, id: &str, words: &str) -> Result<()> {
    let directory = format!("/user/{}/.yarn-flink/apps/{id}", cluster.user());
    eventually("it is in the journal", LIMIT, || async {
        for (path, entry) in cluster.hdfs()?.files(&directory).await? {
            // It may be replaced in the meantime.
            let content = cluster.hdfs()?.read(&path).await.unwrap_or_default();
            if entry.name.starts_with("journal-") && String::from_utf8_lossy(&content).contains(words) {
                return Ok(true);
            }
        }
        Ok(false)
    })
    .await
}

/// Only the journal knows how far the job of a killed application got. Returns the reported checkpoint.
async fn the_newest_checkpoint_is_told(cluster: &Cluster, id: &str, directory: &str) -> Result<String> {
    let status = yarn_flink(cluster, &["status", "-o", "json", id]).await?.expect(0)?.json()?;
    let checkpoint = text(&status, "checkpoint").to_owned();
    ensure!(checkpoint.starts_with(directory), "{status}");
    let explained = yarn_flink(cluster, &["explain", id]).await?.expect(0)?;
    ensure!(explained.stdout.contains(&format!("\ncheckpoint: {checkpoint}\n")), "{explained:?}");
    ensure!(explained.stdout.contains(&format!("submit again with `-s {checkpoint}`\n")), "{explained:?}");

    let path = checkpoint.strip_prefix(cluster.default_fs()).unwrap_or_default();
    let number: u64 = path.rsplit('-').next().unwrap_or_default().parse()?;
    let newer = path.replace(&format!("chk-{number}"), &format!("chk-{}/_metadata", number + 1));
    ensure!(cluster.hdfs()?.stat(&newer).await?.is_none(), "{checkpoint} is not the newest");
    // The header from which a submission recognises the number of a savepoint.
    let metadata = cluster.hdfs()?.read(&format!("{path}/_metadata")).await?;
    let header = [&[0x49, 0x60, 0x67, 0x2d], &metadata[4..8], &number.to_be_bytes()].concat();
    ensure!(metadata.starts_with(&header), "{:?}", &metadata[..16]);
    Ok(checkpoint)
}

/// What was left long ago is removed by any command, a little at a time.
async fn others_tidy_on_their_way(cluster: &Cluster, ended: &str, running: &str) -> Result<()> {
    let directory = |id: &str| format!("/user/{}/.yarn-flink/apps/{id}", cluster.user());
    let file_systems = file_systems(cluster, cluster.user())?;
    let fs = file_systems.default_fs();
    cluster.hdfs()?.put(&format!("{}/left", directory(ended)), "left").await?;
    fs.set_modification_time(&directory(running), ago(DAY)?).await?;
    yarn_flink(cluster, &["list"]).await?.expect(0)?;
    ensure!(has_staging(cluster, ended).await?, "somebody may still look at it");
    fs.set_modification_time(&directory(ended), ago(DAY)?).await?;
    // A single command may be cut short before it gets there.
    eventually("the directory is gone", GONE, || async {
        yarn_flink(cluster, &["status", ended]).await?.expect(0)?;
        Ok(!has_staging(cluster, ended).await?)
    })
    .await?;
    ensure!(has_staging(cluster, running).await?, "{running} has not ended");
    Ok(())
}

const DAY: Duration = Duration::from_secs(86_400);

fn ago(age: Duration) -> Result<u64> {
    Ok(u64::try_from((SystemTime::now().duration_since(UNIX_EPOCH)? - age).as_millis())?)
}

fn cache(cluster: &Cluster) -> String {
    format!("/user/{}/.yarn-flink/cache", cluster.user())
}

/// Makes all entries look unused for two days. Returns the files in them with their modification times.
async fn age_cache(cluster: &Cluster) -> Result<Vec<(String, u64)>> {
    let file_systems = file_systems(cluster, cluster.user())?;
    let fs = file_systems.default_fs();
    let mut files = Vec::new();
    for entry in fs.list(&cache(cluster)).await?.iter().filter(|entry| entry.name() != ".uploading") {
        files.extend(
            fs.list(&entry.path).await?.into_iter().map(|file| (file.path, file.modification_time_ms)),
        );
        fs.set_modification_time(&entry.path, ago(2 * DAY)?).await?;
    }
    Ok(files)
}

/// `used` are the files of running applications, whose marks were old before these were submitted.
async fn unused_cache_entries_go(cluster: &Cluster, used: &[(String, u64)]) -> Result<()> {
    let file_systems = file_systems(cluster, cluster.user())?;
    let fs = file_systems.default_fs();
    for (path, modified) in used {
        ensure!(fs.stat(path).await?.modification_time_ms == *modified, "{path} was changed");
        let directory = path.rsplit_once('/').map_or(path.as_str(), |(directory, _)| directory);
        let marked = fs.stat(directory).await?.modification_time_ms;
        ensure!(marked > ago(DAY)?, "{directory} was used, and not marked");
    }
    let unused = format!("{}/{}", cache(cluster), "0f".repeat(32));
    let upload = format!("{}/.uploading/application_1_0001-0-cut-off", cache(cluster));
    let hdfs = cluster.hdfs()?;
    hdfs.put(&format!("{unused}/old.jar"), "old").await?;
    hdfs.put(&upload, "half").await?;
    fs.set_modification_time(&unused, ago(30 * DAY)?).await?;
    fs.set_modification_time(&upload, ago(2 * DAY)?).await?;

    // An application of another cluster on the same HDFS may use everything.
    let foreign = format!("/user/{}/.yarn-flink/apps/application_1_0001", cluster.user());
    hdfs.mkdirs(&foreign).await?;
    yarn_flink(cluster, &["gc", "--dry-run"]).await?.expect(0)?;
    yarn_flink(cluster, &["gc", "--keep-cache", "60d"]).await?.expect(0)?;
    assert!(hdfs.stat(&upload).await?.is_none(), "nobody finishes it");
    yarn_flink(cluster, &["gc"]).await?.expect(0)?;
    assert!(hdfs.stat(&unused).await?.is_some());
    hdfs.delete(&foreign).await?;
    yarn_flink(cluster, &["gc", "--keep-cache", "60d"]).await?.expect(0)?;
    yarn_flink(cluster, &["gc", "--dry-run"]).await?.expect(0)?;
    assert!(hdfs.stat(&unused).await?.is_some());

    let removed =
        yarn_flink(cluster, &["gc", "--keep-cache", "0s", "-o", "json"]).await?.expect(0)?.json()?;
    let gone = removed.get("removed").and_then(Value::as_array).cloned().unwrap_or_default();
    let kinds: Vec<_> = gone.iter().map(|removed| (text(removed, "kind"), text(removed, "reason"))).collect();
    assert_eq!(kinds, [("cache", "unused")], "{removed}");
    assert!(hdfs.stat(&unused).await?.is_none());
    for (path, _) in used {
        ensure!(hdfs.stat(path).await?.is_some(), "{path} is used");
    }
    Ok(())
}
