//! Where TaskManagers run: spread over nodes, on a host, on a rack.

use std::fs;

use anyhow::{Context as _, Result};
use integration_tests::cluster::Cluster;
use integration_tests::shared;
use serde_json::Value;

use crate::tool::{GONE, LIMIT, eventually, job_in_state, nothing_left, run, status, text, yarn_flink};

/// Three nodes on two racks; the scheduler alone would fill the first one that asks.
#[tokio::test]
async fn task_managers_run_where_placement_allows() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let racks = tempfile::NamedTempFile::new()?;
    fs::write(racks.path(), "127.0.0.2 /first\n127.0.0.3 /second\n127.0.0.4 /second\n")?;
    let cluster = Cluster::builder("placement")
        .node_managers(3)
        .property("net.topology.node.switch.mapping.impl", "org.apache.hadoop.net.TableMapping")
        .property("net.topology.table.file.name", &racks.path().display().to_string())
        .boot()
        .await?;
    let hosts = async |placement: &[&str], count: usize| -> Result<Vec<String>> {
        let parallelism = count.to_string();
        let options: Vec<_> =
            ["-d", "-p", &parallelism, "-ys", "1"].iter().chain(placement).copied().collect();
        let id = run(&cluster, &options, &["Run"]).await?.expect(0)?.application()?;
        job_in_state(&cluster, &id, "RUNNING").await?;
        let listed = cluster.flink(&id, "/taskmanagers").await.context("no TaskManagers")?;
        let listed = listed.get("taskmanagers").and_then(Value::as_array).cloned().unwrap_or_default();
        // `pekko.tcp://flink@127.0.0.3:1234/user/rpc/taskmanager_0`
        let host =
            |manager: &Value| Some(text(manager, "path").split_once('@')?.1.split(':').next()?.to_owned());
        let mut hosts: Vec<_> = listed.iter().filter_map(host).collect();
        hosts.sort_unstable();
        yarn_flink(&cluster, &["kill", &id]).await?.expect(0)?;
        nothing_left(&cluster, &id, GONE).await?;
        Ok(hosts)
    };
    assert_eq!(hosts(&["--placement", "host=127.0.0.4"], 2).await?, ["127.0.0.4"; 2]);
    assert_eq!(hosts(&["--placement", "rack=/first"], 2).await?, ["127.0.0.2"; 2]);
    let spread = hosts(&["--placement", "spread"], 3).await?;
    assert_eq!(spread, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    let id = run(&cluster, &["-d", "--placement", "host=nope"], &["Run"]).await?.expect(0)?.application()?;
    eventually("a node that is not there is missed", LIMIT, || async {
        let explained = yarn_flink(&cluster, &["explain", "-o", "json", &id]).await?.expect(0)?.json()?;
        let seen = status(&cluster, &id).await?;
        let code = |it: &Value| text(&it["cause"], "code") == "placement_without_nodes";
        Ok(code(&explained) && code(&seen) && text(&explained, "text").contains("nope"))
    })
    .await?;
    yarn_flink(&cluster, &["kill", &id]).await?.expect(0)?;
    let refused = run(&cluster, &["-d", "--placement", "moon"], &["Run"]).await?.expect(2)?;
    assert!(refused.stderr.contains("expected one of: spread, host=NAME"), "{}", refused.stderr);
    Ok(())
}
