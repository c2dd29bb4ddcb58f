//! A cluster whose web pages want HTTPS and Kerberos.

use anyhow::{Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::kerberos::BOB;
use integration_tests::shared;
use serde_json::{Value, json};

use crate::tool::{GONE, LIMIT, Ran, eventually, run, status, text, yarn_flink};

/// `yarn-flink` as `bob`.
async fn as_bob(cluster: &Cluster, args: &[&str]) -> Result<Ran> {
    let keytab = cluster.keytab(BOB).display().to_string();
    yarn_flink(cluster, &[args, &["--keytab", &keytab, "--principal", BOB]].concat()).await
}

#[tokio::test]
async fn web_pages_with_https_and_kerberos_are_read() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("closed-web").kerberos("authentication").closed_web().access_control();
    let cluster = &cluster.boot().await?;
    let krb5 = format!("security.kerberos.krb5-conf.path={}", cluster.krb5_conf().display());
    let id = run(cluster, &["-d", "-D", &krb5], &["Run"]).await?.expect(0)?.application()?;
    eventually("Flink has a TaskManager", LIMIT, || async {
        let seen = status(cluster, &id).await?;
        Ok(seen.pointer("/task_managers").and_then(Value::as_u64) == Some(1))
    })
    .await?;
    let seen = status(cluster, &id).await?;
    ensure!(text(&seen, "tracking_url").starts_with("https://localhost:"), "{seen}");
    // Flink is asked through the proxy, which the application master must know by its HTTPS address.
    let explained = yarn_flink(cluster, &["explain", "-o", "json", &id]).await?.expect(0)?.json()?;
    ensure!(explained["unknown"] == json!([]), "{explained}");

    let logs = yarn_flink(cluster, &["logs", &id]).await?.expect(0)?.stdout;
    // Its JVM knows where `krb5.conf` is.
    for line in ["LogType:taskmanager.log", "-Djava.security.krb5.conf=conf/krb5.conf"] {
        ensure!(logs.contains(line), "{line} is not in {logs}");
    }
    // Nodes know by the ticket who asks. They answer 503 to others, not 403.
    let refused = as_bob(cluster, &["logs", &id]).await?.expect(3)?;
    let others = refused.stderr.contains("did not return the logs of container_")
        && refused.stderr.contains("`yarn.view.acls`");
    ensure!(others && !refused.stdout.contains("LogType"), "{refused:?}");
    // The scheduler says on its page that it makes no queues.
    let missing = run(cluster, &["-d", "--queue", "nosuch"], &["Run"]).await?.expect(3)?.stderr;
    ensure!(missing.contains("queue `nosuch` does not exist\n\nhint: choose one"), "{missing}");

    yarn_flink(cluster, &["kill", &id]).await?.expect(0)?;
    eventually("no process of the application", GONE, || async { Ok(cluster.processes_of(&id).is_empty()) })
        .await
}
