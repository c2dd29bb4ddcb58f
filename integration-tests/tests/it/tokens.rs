//! Keys of tokens roll over while an application runs: those it was given at its start are worthless in the end.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;

use crate::failures::{appears, submit};
use crate::tool::{GONE, LIMIT, eventually, job_in_state, nothing_left, yarn_flink};

/// Number of lines in the ResourceManager's log that contain this.
fn logged(cluster: &Cluster, words: &str) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(cluster.log_dir(Daemon::ResourceManager(1)))? {
        let path = entry?.path();
        if path.is_file() {
            count +=
                String::from_utf8_lossy(&fs::read(path)?).lines().filter(|line| line.contains(words)).count();
        }
    }
    Ok(count)
}

#[tokio::test]
async fn application_survives_rotated_token_keys() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let mut cluster = Cluster::builder("tokens").recovery();
    // A new key is used after 1.5 times the expiry, and created after a little more than twice that at the earliest
    // (`AMRMTokenSecretManager`, `NMTokenSecretManagerInRM`, `RMContainerTokenSecretManager`).
    for key in [
        "yarn.am.liveness-monitor.expiry-interval-ms",
        "yarn.nm.liveness-monitor.expiry-interval-ms",
        "yarn.resourcemanager.rm.container-allocation.expiry-interval-ms",
    ] {
        cluster = cluster.property(key, "8000");
    }
    for kind in ["am-rm-tokens", "nm-tokens", "container-tokens"] {
        cluster =
            cluster.property(&format!("yarn.resourcemanager.{kind}.master-key-rolling-interval-secs"), "26");
    }
    let cluster = &cluster.boot().await?;
    let id = submit(cluster, &[], &["Run", "--checkpoint-ms", "500"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let before = appears("TaskManager", || cluster.task_managers(&id)).await?.pid;

    let keys = ["AMRMTokenSecretManager", "NMTokenSecretManagerInRM", "ContainerTokenSecretManager"];
    let rolled = || async {
        let activated = |class: &str| logged(cluster, &format!("{class} - Activating next master key"));
        for class in keys {
            if activated(class)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    };
    eventually("every key is another one", LIMIT, rolled).await.with_context(|| {
        format!("activated: {:?}", keys.map(|class| logged(cluster, &format!("{class} - Activating")).ok()))
    })?;

    // A new connection to the ResourceManager, authenticated with the newest token.
    cluster.kill_9(Daemon::ResourceManager(1))?;
    cluster.restart(Daemon::ResourceManager(1)).await?;
    cluster.wait_for_state(&id, "RUNNING", LIMIT).await?;
    // A new container, launched with the newest tokens.
    appears("TaskManager", || cluster.task_managers(&id)).await?.kill_9();
    eventually("another TaskManager", LIMIT, || async {
        Ok(cluster.task_managers(&id).iter().any(|process| process.pid != before))
    })
    .await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let attempts = cluster.rm_rest(&format!("/ws/v1/cluster/apps/{id}/appattempts")).await?;
    let attempts =
        attempts.pointer("/appAttempts/appAttempt").and_then(|value| value.as_array()).map(Vec::len);
    ensure!(attempts == Some(1), "there was another attempt: {attempts:?}");
    yarn_flink(cluster, &["kill", &id]).await?.expect(0)?;
    nothing_left(cluster, &id, GONE).await
}
