//! `gc`: what killed applications leave goes, and nothing of a running one.

use anyhow::{Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::APPLICATION_CLI;
use integration_tests::shared;
use serde_json::Value;

use crate::failures::{appears, submit};
use crate::tool::{GONE, eventually, has_staging, job_in_state, text, yarn_flink};

#[tokio::test]
async fn what_a_killed_application_leaves_is_removed_and_a_running_one_keeps_its_own() -> Result<()> {
    let _turn = shared::turn().await;
    // Of its own: others' keys must not be forgotten.
    let cluster = &Cluster::builder("gc").boot().await?;
    let killed = submit(cluster, &[], &["Run"]).await?;
    let running = submit(cluster, &["--key", &format!("gc-{}", std::process::id())], &["Run"]).await?;
    job_in_state(cluster, &running, "RUNNING").await?;
    appears("JobManager", || cluster.job_managers(&killed)).await?;
    // As an operator does it: nobody cleans up after it.
    cluster.java_tool(APPLICATION_CLI, &["application", "-kill", &killed]).await?.success()?;
    eventually("no process is left", GONE, || async { Ok(cluster.processes_of(&killed).is_empty()) }).await?;
    ensure!(has_staging(cluster, &killed).await?, "a kill from outside leaves the staging directory");

    let listed = yarn_flink(cluster, &["gc", "--dry-run", "-o", "json"]).await?.expect(0)?.json()?;
    let found = listed.get("removed").and_then(Value::as_array).cloned().unwrap_or_default();
    let ids: Vec<_> = found.iter().map(|removed| text(removed, "application_id")).collect();
    assert!(ids.contains(&killed.as_str()) && !ids.contains(&running.as_str()), "{listed}");
    assert!(has_staging(cluster, &killed).await?, "only listed");

    let removed = yarn_flink(cluster, &["gc"]).await?.expect(0)?;
    assert!(removed.stdout.contains(&format!("{killed} has ended")), "{removed:?}");
    assert!(!has_staging(cluster, &killed).await? && has_staging(cluster, &running).await?);
    let again = yarn_flink(cluster, &["gc", "-o", "json"]).await?.expect(0)?.json()?;
    assert_eq!(again.pointer("/removed").and_then(Value::as_array).map(Vec::len), Some(0), "{again}");

    // The record of the key outlives its application, until it is old.
    yarn_flink(cluster, &["kill", &running]).await?.expect(0)?;
    let keys = format!("/user/{}/.yarn-flink/keys", cluster.user());
    let kept = cluster.hdfs()?.list(&keys).await?.len();
    yarn_flink(cluster, &["gc"]).await?.expect(0)?;
    assert_eq!(cluster.hdfs()?.list(&keys).await?.len(), kept);
    let old = yarn_flink(cluster, &["gc", "--keep-keys", "0s"]).await?.expect(0)?;
    assert!(old.stdout.contains(&running), "{old:?}");
    Ok(())
}
