//! `logs`: what containers have written, compared with what `yarn logs` prints.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::LOGS_CLI;
use integration_tests::cluster::{Builder, Cluster, Daemon};
use integration_tests::shared;
use serde_json::Value;

use crate::tool::{LIMIT, as_other, command, end, eventually, finish, job_in_state, run, text, yarn_flink};

/// Content by container and file, extracted from what `yarn logs` or our command prints.
fn files(printed: &str) -> Result<BTreeMap<(String, String), String>> {
    let mut found = BTreeMap::new();
    for part in printed.split("Container: container_").skip(1) {
        let (head, rest) = part.split_once("LogContents:\n").context("no content")?;
        let line = |key: &str| head.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        let container = head.split(' ').next().unwrap_or_default().to_owned();
        let length: usize = line("LogLength:").parse().context("no length")?;
        ensure!(rest.len() >= length, "{} is cut off: {head}", line("LogType:"));
        let (content, after) = rest.split_at(length);
        ensure!(after.trim_start().starts_with("End of LogType:"), "{head}{after}");
        let key = (container, line("LogType:").to_owned());
        found.insert(key, content.to_owned());
    }
    Ok(found)
}

/// The whole text of `yarn logs`.
async fn theirs(cluster: &Cluster, id: &str) -> Result<String> {
    Ok(cluster.java_tool(LOGS_CLI, &["-applicationId", id]).await?.success()?.stdout)
}

async fn ours(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    Ok(yarn_flink(cluster, &[&["logs"], arguments].concat()).await?.expect(0)?.stdout)
}

/// Checks that every file is printed exactly as by `yarn logs`, headers and footers included.
async fn the_same(cluster: &Cluster, id: &str) -> Result<usize> {
    let (ours, theirs) = (ours(cluster, &[id]).await?, theirs(cluster, id).await?);
    let (mine, peers) = (files(&ours)?, files(&theirs)?);
    ensure!(mine.keys().eq(peers.keys()), "{:?}\n{:?}", mine.keys(), peers.keys());
    for (key, content) in &mine {
        ensure!(peers.get(key) == Some(content), "{key:?} differs");
    }
    let lines = |printed: &str| {
        let mut heads: Vec<_> = printed
            .lines()
            .filter(|line| {
                [
                    "Container: ",
                    "LogAggregationType:",
                    "LogType:",
                    "LogLastModifiedTime:",
                    "LogLength:",
                    "End of",
                ]
                .iter()
                .any(|begin| line.starts_with(begin))
            })
            .map(str::to_owned)
            .collect();
        heads.sort_unstable();
        heads
    };
    ensure!(lines(&ours) == lines(&theirs), "{:#?}\n{:#?}", lines(&ours), lines(&theirs));
    Ok(mine.len())
}

/// Waits until the nodes have collected all logs of an ended application.
async fn collected(cluster: &Cluster, id: &str, containers: usize) -> Result<()> {
    eventually("the logs are collected", LIMIT, || async {
        let listed = yarn_flink(cluster, &["logs", "--list", "-o", "json", id]).await?;
        let Ok(listed) = listed.json() else { return Ok(false) };
        let files = listed["files"].as_array().cloned().unwrap_or_default();
        let found: BTreeSet<_> = files.iter().map(|file| text(file, "container")).collect();
        Ok(files.iter().all(|file| text(file, "aggregation") == "AGGREGATED") && found.len() == containers)
    })
    .await
}

#[tokio::test]
async fn logs_of_running_containers_and_aggregated_logs_are_printed() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id = run(cluster, &["-d"], &["Run"]).await?.expect(0)?.application()?;
    job_in_state(cluster, &id, "RUNNING").await?;
    // While it runs, from its nodes.
    let listed = yarn_flink(cluster, &["logs", "--list", "-o", "json", &id]).await?.expect(0)?.json()?;
    let files = listed["files"].as_array().cloned().unwrap_or_default();
    ensure!(files.iter().all(|file| text(file, "aggregation") == "LOCAL"), "{listed}");
    let task_manager = files.iter().find(|file| text(file, "file") == "taskmanager.log").context("no log")?;
    let container = text(task_manager, "container").to_owned();
    let said = ours(cluster, &[&id, "--am", "jobmanager.log"]).await?;
    ensure!(said.contains("StandaloneApplicationClusterEntryPoint"), "{said}");
    ensure!(!said.contains("taskmanager.log\n"), "{said}");
    let tail = ours(cluster, &[&id, "--container", &container, "--tail", "2", "taskmanager.log"]).await?;
    let (_, content) = tail.split_once("LogContents:\n").context("no content")?;
    let (content, _) = content.split_once("End of LogType").context("no end")?;
    ensure!(content.lines().count() == 2, "{tail}");

    // Whatever the cluster's file system is, they are on their nodes.
    let foreign = ["logs", "-D", "fs.defaultFS=s3a://bucket", &id, "--am", "jobmanager.log"];
    let foreign = yarn_flink(cluster, &foreign).await?.expect(0)?;
    ensure!(foreign.stdout.contains("StandaloneApplicationClusterEntryPoint"), "{foreign:?}");
    ensure!(foreign.stderr.contains("only hdfs, viewfs and file are supported, not s3a"), "{foreign:?}");

    // A NodeManager that comes back knows its containers, or has ended them; either way their logs are somewhere.
    let wrong = yarn_flink(cluster, &["logs", &id, "no-such.log"]).await?.expect(5)?;
    ensure!(wrong.stderr.contains("no log file no-such.log"), "{wrong:?}");
    ensure!(wrong.stderr.contains("taskmanager.log"), "the hint names what there is: {wrong:?}");
    let strange = ["logs", &id, "--container", "container_1_0001_01_000009"];
    yarn_flink(cluster, &strange).await?.expect(5)?;
    let follower = command(cluster, &["logs", "--follow", &id, "jobmanager.log"])?.spawn()?;
    eventually("it is followed", LIMIT, || async { Ok(follower.id().is_some()) }).await?;

    yarn_flink(cluster, &["cancel", &id]).await?.expect(0)?;
    end(cluster, &id).await?;
    let followed = finish(follower).await?.expect(0)?;
    ensure!(followed.stdout.contains("switched from state RUNNING to CANCELLING"), "{}", followed.stdout);
    collected(cluster, &id, 2).await?;
    ensure!(the_same(cluster, &id).await? > 8);

    let folder = cluster.scratch("logs")?;
    let directory = folder.join("out").display().to_string();
    yarn_flink(cluster, &["logs", &id, "--out", &directory, "--container", &container]).await?.expect(0)?;
    let node = std::fs::read_dir(&directory)?.next().context("nothing was written")??.path();
    let written = std::fs::read_to_string(node.join(&container).join("taskmanager.log"))?;
    ensure!(written.contains("TaskManagerRunner"), "{written}");

    // Another user's application, and one whose owner is no longer known, beside a directory that is closed.
    let asks = async |id: &str| as_other(cluster, &["logs", id]).await;
    let other = cluster.other();
    let theirs = asks(&id).await?.expect(3)?;
    ensure!(
        theirs
            .stderr
            .contains(&format!("{id} belongs to {}, and {other} is not permitted to read", cluster.user())),
        "{theirs:?}"
    );
    ensure!(theirs.stderr.contains("hint: run this as"), "{theirs:?}");
    let hdfs = cluster.hdfs()?;
    let collected = format!("/app-logs/{}", cluster.user());
    let files = hdfs.files(&collected).await?;
    let (file, _) = files.iter().find(|(path, _)| path.contains(&id)).context("nothing is collected")?;
    let forgotten = "application_1_0007";
    let place = format!("/app-logs/zed/bucket-logs-tfile/0007/{forgotten}");
    hdfs.put(&format!("{place}/n1_1"), hdfs.read(file).await?).await?;
    hdfs.mkdirs("/app-logs/bob").await?;
    hdfs.set_permission("/app-logs/bob", "700").await?;
    ensure!(asks(forgotten).await?.expect(0)?.stdout.contains("Container: container_"));
    hdfs.set_permission("/app-logs/zed", "700").await?;
    let closed = asks(forgotten).await?.expect(3)?;
    ensure!(
        closed.stderr.contains(&format!("{other} is not permitted to read"))
            && closed.stderr.contains("/app-logs/zed"),
        "{closed:?}"
    );
    // A truncated file beside a complete one.
    let whole = hdfs.read(file).await?;
    hdfs.put(&format!("{place}/n0_1"), whole.slice(..whole.len() - 9)).await?;
    let damaged = yarn_flink(cluster, &["logs", forgotten]).await?.expect(3)?;
    ensure!(
        damaged.stdout.contains(" on n1_1") && damaged.stderr.contains("n0_1 is damaged"),
        "{}",
        damaged.stderr
    );
    for path in ["/app-logs/zed", "/app-logs/bob"] {
        hdfs.delete(path).await?;
    }

    let unknown = yarn_flink(cluster, &["logs", "application_1_0001"]).await?.expect(5)?;
    ensure!(unknown.stderr.contains("application_1_0001 not found"), "{unknown:?}");
    let usage = yarn_flink(cluster, &["logs", "application_x"]).await?.expect(2)?;
    ensure!(usage.stdout.is_empty(), "{usage:?}");
    Ok(())
}

/// The other format, compressed; and a NodeManager that is restarted while its containers run.
#[tokio::test]
async fn indexed_logs_are_read_and_survive_a_restarted_node() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let controller =
        "org.apache.hadoop.yarn.logaggregation.filecontroller.ifile.LogAggregationIndexedFileController";
    let cluster = Cluster::builder("logs-indexed")
        .node_managers(1)
        .node_size(4096, 4)
        .log_aggregation()
        .recovery()
        .property("yarn.log-aggregation.file-formats", "IFile")
        .property("yarn.log-aggregation.file-controller.IFile.class", controller)
        .property("yarn.nodemanager.log-aggregation.compression-type", "gz");
    let cluster = collects_soon(cluster, 10).boot().await?;
    let cluster = &cluster;
    let id = run(cluster, &["-d"], &["Run"]).await?.expect(0)?.application()?;
    job_in_state(cluster, &id, "RUNNING").await?;
    cluster.kill_9(Daemon::NodeManager(1))?;
    cluster.restart(Daemon::NodeManager(1)).await?;
    eventually("the node hands out logs again", LIMIT, || async {
        let said = yarn_flink(cluster, &["logs", &id, "taskmanager.log"]).await?;
        Ok(said.code == Some(0) && said.stdout.contains("TaskManagerRunner"))
    })
    .await?;
    yarn_flink(cluster, &["cancel", &id]).await?.expect(0)?;
    end(cluster, &id).await?;
    collected(cluster, &id, 2).await?;
    ensure!(the_same(cluster, &id).await? > 8);
    let listed = yarn_flink(cluster, &["logs", "--list", "-o", "json", &id]).await?.expect(0)?.json()?;
    ensure!(listed["files"].as_array().is_some_and(|files| files.iter().any(big)), "{listed}");
    // Not the default: a node would collect them again in every round there.
    let wanted = ["-D", r"yarn.rolled-logs.include-pattern=\.log\.[0-9]+$"];
    rolls(cluster, &wanted, &["AGGREGATED", "LOCAL"]).await
}

/// Rolled files go to the cluster's file system every few seconds; without the switch, an hour is the minimum.
fn collects_soon(cluster: Builder, seconds: u32) -> Builder {
    cluster
        .property("yarn.nodemanager.log-aggregation.debug-enabled", "true")
        .property("yarn.nodemanager.log-aggregation.roll-monitoring-interval-seconds", &seconds.to_string())
        // Collected files are removed from the node, as everywhere except in tests.
        .property("yarn.nodemanager.delete.debug-delay-sec", "0")
}

#[tokio::test]
async fn rolled_log_files_are_aggregated_while_the_job_runs() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = Cluster::builder("logs-rolled").node_managers(1).node_size(4096, 4).log_aggregation();
    rolls(&collects_soon(cluster, 2).boot().await?, &[], &["AGGREGATED"]).await
}

/// The lines in 80 "megabytes" of `Talks`.
const LINES: usize = 800_000;

/// An endless job does not fill its node's disk, and a follower of its log misses nothing and sees nothing twice.
/// `places`: where rolled files are found.
async fn rolls(cluster: &Cluster, options: &[&str], places: &[&str]) -> Result<()> {
    let much = ["Talks", "--megabytes", "80", "--to", "log", "--then-wait", "600"];
    let id = run(cluster, &[&["-d"], options].concat(), &much).await?.expect(0)?.application()?;
    let where_is = async |name: &str| {
        let listed = yarn_flink(cluster, &["logs", "--list", "-o", "json", &id]).await?.expect(0)?.json()?;
        let files = listed["files"].as_array().cloned().unwrap_or_default();
        let found = files.iter().filter(|file| text(file, "file") == name);
        anyhow::Ok(found.map(|file| text(file, "aggregation").to_owned()).collect::<Vec<_>>())
    };
    eventually("it writes a log", LIMIT, || async {
        Ok(where_is("taskmanager.log").await.is_ok_and(|found| !found.is_empty()))
    })
    .await?;
    let follower = command(cluster, &["logs", "--follow", &id, "taskmanager.log"])?.spawn()?;
    // It ends with the application, whose end is requested below: no full pipe blocks anything.
    let followed = tokio::spawn(finish(follower));
    eventually("the first 100 MB are collected", LIMIT, || async {
        let mut found = where_is("taskmanager.log.1").await.unwrap_or_default();
        found.dedup();
        Ok(found == places)
    })
    .await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    // A node may collect faster than a busy machine writes.
    eventually("all lines are written", LIMIT, || async {
        let tail = yarn_flink(cluster, &["logs", &id, "--tail", "1", "taskmanager.log"]).await?;
        Ok(tail.stdout.contains(&format!(" {LINES} x")))
    })
    .await?;
    ensure!(where_is("taskmanager.log").await? == ["LOCAL"]);
    yarn_flink(cluster, &["cancel", &id]).await?.expect(0)?;
    end(cluster, &id).await?;
    let followed = followed.await??.expect(0)?.stdout;
    collected(cluster, &id, 2).await?;
    let found = where_is("taskmanager.log.1").await?;
    ensure!(!found.is_empty() && found.iter().all(|place| place == "AGGREGATED"), "{found:?}");
    the_same(cluster, &id).await?;

    let mut numbers: Vec<u32> = followed
        .lines()
        .filter_map(|line| {
            line.split_once("example.Talks")?.1.split_whitespace().find_map(|word| word.parse().ok())
        })
        .collect();
    let told = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    let gap = (1..).zip(&numbers).find(|(expected, number)| expected != *number);
    ensure!(
        numbers.len() == LINES && told == LINES,
        "{} of {LINES} lines, {told} in all; missing first: {gap:?}",
        numbers.len()
    );
    Ok(())
}

fn big(file: &Value) -> bool {
    file["length"].as_u64() > Some(10_000)
}
