//! Delegation tokens that live for seconds instead of days: with a keytab an application outlives them, without one it says when
//! they end.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::kerberos::{ALICE, principal};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;
use serde_json::Value;

use crate::failures::{appears, logs};
use crate::tool::{GONE, LIMIT, Ran, end, eventually, every, job_in_state, run, status, text, yarn_flink};

/// From then on a token is of no use, ms; a NameNode's renewer has to renew it in half of this.
const LIFE: u64 = 40_000;

/// So often new tokens are obtained, each time at three quarters of their life, in twenty lives.
const TWENTY_LIVES: usize = 27;

/// `-D` options with which containers find the KDC, if it is not that of the nodes.
pub(crate) fn finds_kdc(cluster: &Cluster) -> [String; 2] {
    ["-D".to_owned(), format!("security.kerberos.krb5-conf.path={}", cluster.krb5_conf().display())]
}

/// A counting job that fails if its state has lost or repeated a record. It counts slowly until the file `hurry` appears.
async fn count(cluster: &Cluster, options: &[&str], hurry: &str) -> Result<Ran> {
    let kdc = finds_kdc(cluster);
    let directory = format!("execution.checkpointing.dir={}/user/{ALICE}/counting", cluster.default_fs());
    let options: Vec<_> = ["-d", "-D", &directory]
        .into_iter()
        .chain(kdc.iter().map(String::as_str))
        .chain(options.iter().copied())
        .collect();
    let program = ["Run", "--checkpoint-ms", "500", "--records", "300000", "--hurry", hurry];
    run(cluster, &options, &program).await?.expect(0)
}

/// How often the application master has got new tokens.
fn renewals(cluster: &Cluster, id: &str) -> usize {
    logs(cluster, id, "appmaster.stderr").matches("new tokens, which end on").count()
}

async fn new_tokens(cluster: &Cluster, id: &str, more: usize) -> Result<()> {
    let before = renewals(cluster, id);
    eventually("new tokens", LIMIT, || async { Ok(renewals(cluster, id) >= before + more) }).await
}

async fn completed(cluster: &Cluster, id: &str) -> u64 {
    let latest = cluster.checkpoints(id).await.unwrap_or_default();
    latest.pointer("/counts/completed").and_then(Value::as_u64).unwrap_or_default()
}

/// A checkpoint that has begun after this call.
async fn goes_on(cluster: &Cluster, id: &str) -> Result<()> {
    let before = completed(cluster, id).await;
    eventually("two more checkpoints", LIMIT, || async { Ok(completed(cluster, id).await >= before + 2) })
        .await
}

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn application_outlives_its_tokens_with_a_keytab() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = Cluster::builder("token-lives").kerberos("authentication").node_managers(2);
    let life = LIFE.to_string();
    let cluster = cluster
        .property("dfs.namenode.delegation.token.max-lifetime", &life)
        .property("dfs.namenode.delegation.token.renew-interval", &(LIFE / 2).to_string());
    let cluster = &cluster.boot().await?;
    // `hdfs-native` does not use a token in the last minute of its life, which these would never leave if the NameNode's clock were
    // not ahead. The ResourceManager has to know when to renew them.
    let ahead = Duration::from_secs(75);
    cluster.restart_ahead(Daemon::NameNode, ahead).await?;
    cluster.restart_ahead(Daemon::ResourceManager(1), ahead).await?;
    let (with, without) = tokio::join!(with_keytab(cluster), without_keytab(cluster));
    every([with, without])
}

async fn with_keytab(cluster: &Cluster) -> Result<()> {
    let (keytab, principal) = (cluster.keytab(ALICE).display().to_string(), principal(ALICE));
    let hurry = cluster.scratch("lives")?.join("hurry");
    let options = ["--keytab", &keytab, "--principal", &principal];
    let ran = count(cluster, &options, &hurry.display().to_string()).await?;
    ensure!(!ran.stderr.contains("tokens"), "{ran:?}");
    let id = &ran.application()?;
    goes_on(cluster, id).await?;
    // Those of the submission have ended, and those that came after them.
    new_tokens(cluster, id, 2).await?;
    goes_on(cluster, id).await?;
    let events = yarn_flink(cluster, &["events", "-o", "json", id]).await?.expect(0)?;
    ensure!(events.stdout.contains("\"tokens_renewed\""), "{events:?}");
    let told = status(cluster, id).await?;
    ensure!(told["tokens_renewed"] == true && told["tokens_end_ms"].is_u64(), "{told}");

    appears("TaskManager", || cluster.task_managers(id)).await?.kill_9();
    goes_on(cluster, id).await?;
    appears("JobManager", || cluster.job_managers(id)).await?.kill_9();
    eventually("a checkpoint after the JobManager's restart", LIMIT, || async {
        let latest = cluster.checkpoints(id).await.unwrap_or_default();
        Ok(latest.pointer("/latest/restored").is_some_and(Value::is_object)
            && completed(cluster, id).await > 0)
    })
    .await?;
    appears("application master", || cluster.app_masters(id)).await?.kill_9();
    appears("application master", || cluster.app_masters(id)).await?;
    new_tokens(cluster, id, 1).await?;
    goes_on(cluster, id).await?;
    let twenty = Duration::from_millis(20 * LIFE);
    eventually("twenty lives of tokens", twenty + LIMIT, || async {
        Ok(renewals(cluster, id) >= TWENTY_LIVES)
    })
    .await?;
    goes_on(cluster, id).await?;
    fs::write(&hurry, "")?;
    let end = end(cluster, id).await?;
    ensure!(text(&end, "final_status") == "SUCCEEDED", "{end}");
    eventually("no process of the application", GONE, || async { Ok(cluster.processes_of(id).is_empty()) })
        .await?;
    // Nobody has shown the keytab, or a token.
    let log = logs(cluster, id, "appmaster.stderr");
    ensure!(log.contains("new tokens, which end on") && !log.contains("cannot be renewed"), "{log}");
    Ok(())
}

async fn without_keytab(cluster: &Cluster) -> Result<()> {
    // It needs nothing of HDFS once its containers run.
    let kdc = finds_kdc(cluster);
    let options: Vec<_> = ["-d"].into_iter().chain(kdc.iter().map(String::as_str)).collect();
    let ran = run(cluster, &options, &["Run"]).await?.expect(0)?;
    let note = "its tokens for HDFS end on";
    ensure!(ran.stderr.contains(note) && ran.stderr.contains("`--keytab`"), "{ran:?}");
    let id = &ran.application()?;
    job_in_state(cluster, id, "RUNNING").await?;
    let told = status(cluster, id).await?;
    let ends = told["tokens_end_ms"].as_u64().context("no end")?;
    ensure!(told["tokens_renewed"] == false, "{told}");
    tokio::time::sleep(Duration::from_millis(ends.saturating_sub(yarn_client::now_ms()))).await;
    let explained = yarn_flink(cluster, &["explain", id]).await?.expect(0)?;
    ensure!(explained.stdout.contains("its tokens for HDFS ended"), "{explained:?}");
    ensure!(explained.stdout.contains("security.kerberos.login.keytab"), "{explained:?}");
    yarn_flink(cluster, &["kill", id]).await?.expect(0)?;
    eventually("no process of the application", GONE, || async { Ok(cluster.processes_of(id).is_empty()) })
        .await
}
