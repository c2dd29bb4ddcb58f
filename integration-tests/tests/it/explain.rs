//! Why an application waits and why it has ended: `explain` and `status` on real daemons, with each cause provoked.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::{APPLICATION_CLI, RM_ADMIN_CLI};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;
use serde_json::{Value, json};

use crate::tool::{GONE, LIMIT, end, eventually, nothing_left, run, status, text, yarn_flink};

/// Time limit until the scheduler has recorded why it passes over an application.
const SOON: Duration = Duration::from_secs(20);

/// The output of `explain -o json`.
async fn explain(cluster: &Cluster, id: &str) -> Result<Value> {
    yarn_flink(cluster, &["explain", "-o", "json", id]).await?.expect(0)?.json()
}

fn code(printed: &Value) -> &str {
    printed.pointer("/cause/code").and_then(Value::as_str).unwrap_or_default()
}

/// Waits until the cause is this one and its sentence contains `words`; the text output and that of `status` must say
/// the same.
async fn explained(cluster: &Cluster, id: &str, expected: &str, words: &[&str]) -> Result<Value> {
    let is_so = || async { Ok(code(&explain(cluster, id).await?) == expected) };
    let waited = eventually(&format!("{id} is explained by {expected}"), SOON, is_so).await;
    let printed = explain(cluster, id).await?;
    waited.with_context(|| format!("it is {printed}"))?;
    let cause = printed.get("cause").context("no cause")?;
    ensure!(code(&printed) == expected, "it changed: {printed}");
    for word in words {
        ensure!(text(cause, "text").contains(word), "no '{word}' in {cause}");
    }
    ensure!(text(cause, "text") == text(&printed, "text"), "{printed}");
    let evidence = cause.get("evidence").and_then(Value::as_array).context("no evidence")?;
    ensure!(!evidence.is_empty(), "no evidence: {cause}");
    ensure!(printed.get("unknown") == Some(&json!([])), "something could not be asked: {printed}");
    let status = status(cluster, id).await?;
    ensure!(code(&status) == expected, "status says otherwise: {status}");

    let said = yarn_flink(cluster, &["explain", id]).await?.expect(0)?.stdout;
    let first = said.lines().next().unwrap_or_default();
    ensure!(first.ends_with(&format!(" [{expected}]")), "{said}");
    ensure!(words.iter().all(|word| first.contains(word)), "{said}");
    if let Some(hint) = cause.get("hint").and_then(Value::as_str) {
        ensure!(said.ends_with(&format!("\nhint: {hint}\n")), "{said}");
    }
    Ok(printed)
}

/// Submits a shell command as the master of an application with a single attempt.
async fn submit(cluster: &Cluster, queue: &str, mib: u32, command: &str) -> Result<String> {
    submit_with(cluster, queue, mib, command, json!({})).await
}

async fn submit_with(
    cluster: &Cluster,
    queue: &str,
    mib: u32,
    command: &str,
    mut more: Value,
) -> Result<String> {
    more["resource"] = json!({"memory": mib, "vCores": 1});
    cluster.submit_with(cluster.user(), queue, "explained", command, &more).await
}

async fn kill(cluster: &Cluster, ids: &[&str]) -> Result<()> {
    for id in ids {
        cluster.kill_application(id).await?;
        cluster.wait_for_end(id, GONE).await?;
    }
    Ok(())
}

/// One node of 2 GiB, queues with limits, and a label that no node has.
async fn boot() -> Result<Cluster> {
    let cluster = Cluster::builder("explain")
        .without_hdfs()
        .recovery()
        .node_labels()
        .node_size(2048, 8)
        .queues(&[("wide", 50), ("other", 10), ("masters", 20), ("capped", 10), ("stopped", 10)])
        .scheduler_property("root.masters.maximum-am-resource-percent", "0.05")
        .scheduler_property("root.capped.maximum-capacity", "10")
        .scheduler_property("root.capped.maximum-am-resource-percent", "1.0")
        .scheduler_property("root.stopped.state", "STOPPED")
        .scheduler_property("root.accessible-node-labels", "gpu")
        .scheduler_property("root.accessible-node-labels.gpu.capacity", "100")
        .scheduler_property("root.wide.accessible-node-labels", "gpu")
        .scheduler_property("root.wide.accessible-node-labels.gpu.capacity", "100")
        // Larger than the node: what can be requested while there is no node.
        .property("yarn.scheduler.maximum-allocation-mb", "8192")
        .property("yarn.nm.liveness-monitor.expiry-interval-ms", "3000")
        // Shell commands never register.
        .property("yarn.am.liveness-monitor.expiry-interval-ms", "600000")
        .boot()
        .await?;
    cluster.java_tool(RM_ADMIN_CLI, &["-addToClusterNodeLabels", "gpu(exclusive=true)"]).await?.success()?;
    Ok(cluster)
}

/// One cluster for all, because booting takes longer than provoking.
#[tokio::test]
async fn explains_why_an_application_is_waiting_or_has_failed() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = boot().await?;
    limits(&cluster).await?;
    localization(&cluster).await?;
    ends(&cluster).await?;
    slots(&cluster).await?;
    nodes(&cluster).await?;
    cluster.stop()
}

async fn limits(cluster: &Cluster) -> Result<()> {
    let first = submit(cluster, "masters", 128, "sleep 1000").await?;
    explained(cluster, &first, "am_starting", &["127.0.0.2"]).await?;
    let second = submit(cluster, "masters", 128, "sleep 1000").await?;
    let words = ["masters` use 128 of their limit of 128 MiB", "this one needs 128 MiB"];
    explained(cluster, &second, "queue_am_limit", &words).await?;

    let third = submit(cluster, "capped", 128, "sleep 1000").await?;
    cluster.wait_for_state(&third, "ACCEPTED", SOON).await?;
    explained(cluster, &third, "am_starting", &[]).await?;
    let fourth = submit(cluster, "capped", 128, "sleep 1000").await?;
    explained(cluster, &fourth, "queue_full", &["uses 128 of its maximum of 204 MiB", "needs 128 MiB"])
        .await?;

    let labelled = json!({"app-node-label-expression": "gpu"});
    let labelled = submit_with(cluster, "wide", 128, "sleep 1000", labelled).await?;
    explained(cluster, &labelled, "label_without_nodes", &["`gpu`"]).await?;
    kill(cluster, &[&labelled]).await?;

    // No limit holds back the first application master of a queue.
    let large = submit(cluster, "other", 1200, "sleep 1000").await?;
    explained(cluster, &large, "am_starting", &[]).await?;
    let larger = submit(cluster, "wide", 640, "sleep 1000").await?;
    // 2048 - 128 - 128 - 1216
    explained(cluster, &larger, "cluster_full", &["640 MiB", "576 MiB"]).await?;

    let refused = submit(cluster, "stopped", 128, "sleep 1000").await?;
    explained(cluster, &refused, "queue_stopped", &["root.stopped is STOPPED"]).await?;
    let unknown = yarn_flink(cluster, &["explain", "application_1_0001"]).await?.expect(5)?;
    ensure!(unknown.stderr.contains("does not know application_1_0001"), "{}", unknown.stderr);

    // Killed by our own tool and by Hadoop's.
    yarn_flink(cluster, &["kill", &large]).await?.expect(0)?;
    cluster.java_tool(APPLICATION_CLI, &["application", "-kill", &larger]).await?.success()?;
    let by = format!("killed by user {} at 127.0.0.1", cluster.user());
    for id in [&large, &larger] {
        explained(cluster, id, "application_killed", &[&by]).await?;
    }
    kill(cluster, &[&first, &second, &third, &fourth]).await
}

/// A named pipe as a file of the application: the node waits for its content forever.
async fn localization(cluster: &Cluster) -> Result<()> {
    let pipe = cluster.scratch("pipe")?.join("endless");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status()?;
    ensure!(made.success(), "mkfifo: {made}");
    let modified = std::fs::metadata(&pipe)?.modified()?.duration_since(std::time::UNIX_EPOCH)?.as_millis();
    let modified = u64::try_from(modified)?;
    let id = submit_with(cluster, "wide", 128, "sleep 1", with_file(&pipe.display().to_string(), modified))
        .await?;
    explained(cluster, &id, "localizing", &["127.0.0.2 has been localizing the application's files"]).await?;
    kill(cluster, &[&id]).await
}

/// A submission with one file.
fn with_file(path: &str, modified_ms: u64) -> Value {
    let resource = format!("file://{path}");
    json!({
        "am-container-spec": {
            "commands": {"command": "sleep 1"},
            "environment": {"entry": []},
            "local-resources": {"entry": [{"key": "file", "value": {
                "resource": resource, "type": "FILE", "visibility": "APPLICATION", "size": 1, "timestamp": modified_ms,
            }}]},
        },
    })
}

/// Ends of containers, in YARN's words.
async fn ends(cluster: &Cluster) -> Result<()> {
    let hog = r#"python3 -c 'import time; x=b\"x\"*400000000; time.sleep(60)'"#;
    // The beginning of a native program, and nothing else.
    let foreign = "head -c 4 /bin/sh > x; head -c 64 /dev/zero >> x; chmod +x x; ./x 2><LOG_DIR>/stderr";
    let missing = with_file("/no/such/file", 1);
    for (command, more, expected, words) in [
        (hog, json!({}), "memory_limit", &["limit of 128 MB"][..]),
        ("exec /no/bin/java -version 2><LOG_DIR>/stderr", json!({}), "java_missing", &["/no/bin/java"]),
        (foreign, json!({}), "binary_incompatible", &["cannot execute binary file"]),
        ("kill -9 \\$\\$", json!({}), "killed_by_signal", &["signal 9"]),
        ("sleep 1", missing, "resource_missing", &["file:/no/such/file"]),
        (
            "echo its last words >&2; exit 7",
            json!({}),
            "application_master_failed",
            &["code 7", "its last words"],
        ),
    ] {
        let id = submit_with(cluster, "wide", 128, command, more).await?;
        cluster.wait_for_end(&id, SOON).await?;
        explained(cluster, &id, expected, words).await?;
    }
    Ok(())
}

/// A job whose TaskManager has no room.
async fn slots(cluster: &Cluster) -> Result<()> {
    let filler = submit(cluster, "wide", 640, "sleep 1000").await?;
    explained(cluster, &filler, "am_starting", &[]).await?;
    let staging = cluster.scratch("staging")?;
    let base = format!("yarn.staging-directory=file://{}", staging.display());
    let id =
        run(cluster, &["-d", "--queue", "wide", "-D", &base], &["Run"]).await?.expect(0)?.application()?;
    cluster.wait_for_state(&id, "RUNNING", LIMIT).await?;
    // Its master adds what it knows.
    let given = "the ResourceManager has not yet allocated 1 of 1 TaskManager containers";
    eventually("the job waits for slots", LIMIT, || async {
        let printed = explain(cluster, &id).await?;
        Ok(code(&printed) == "no_slots" && printed["cause"]["evidence"].to_string().contains(given))
    })
    .await?;
    explained(cluster, &id, "no_slots", &["is waiting for slots", "0 TaskManagers with 0 slots"]).await?;
    // Now there is room.
    kill(cluster, &[&filler]).await?;
    eventually("nothing is wrong", LIMIT, || async {
        let printed = explain(cluster, &id).await?;
        Ok(text(&printed, "text").contains("no problem was found") && printed["cause"].is_null())
    })
    .await?;
    kill(cluster, &[&id]).await
}

/// After a restart of the ResourceManager; without a node; with a node that is too small.
async fn nodes(cluster: &Cluster) -> Result<()> {
    let started = submit(cluster, "wide", 128, "sleep 1000").await?;
    explained(cluster, &started, "am_starting", &[]).await?;
    cluster.kill_9(Daemon::ResourceManager(1))?;
    cluster.restart(Daemon::ResourceManager(1)).await?;
    explained(cluster, &started, "rm_restarted", &["to register again"]).await?;
    kill(cluster, &[&started]).await?;

    cluster.kill_9(Daemon::NodeManager(1))?;
    eventually("the node is lost", SOON, || async { Ok(cluster.running_nodes().await?.is_empty()) }).await?;
    let large = submit(cluster, "wide", 4096, "sleep 1000").await?;
    explained(cluster, &large, "no_live_nodes", &["of 1 nodes 1 LOST"]).await?;
    // The queue's backlog alone would not show how large either of them is.
    let second = submit(cluster, "wide", 4096, "sleep 1000").await?;
    cluster.restart(Daemon::NodeManager(1)).await?;
    let words = ["4096 MiB", "the largest node has 2048 MiB"];
    for id in [&large, &second] {
        explained(cluster, id, "ask_larger_than_any_node", &words).await?;
    }
    Ok(())
}

/// A program that fails with these options, and the expected explanation.
struct Failing<'a> {
    options: &'a [&'a str],
    program: &'a str,
    code: &'a str,
    words: &'a [&'a str],
    hint: &'a str,
}

/// Flink's own ends: the job's exception, a TaskManager that grows, a TaskManager without Java; all three at once.
#[tokio::test]
async fn explains_why_a_job_failed() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    // It touches its whole heap, then waits for a debugger before it runs anything.
    let memory = "env.java.opts.taskmanager=-Xms1200m -Xmx1200m -XX:+AlwaysPreTouch \
                  -agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=0";
    let no_java = "containerized.taskmanager.env.JAVA_HOME=/nonexistent";
    let (memory, no_java) = (["-D", memory], ["-D", no_java]);
    let case = |options, program, code, words, hint| Failing { options, program, code, words, hint };
    let cases = [
        case(&[][..], "FailingTask", "job_failed", &["this task was asked to fail"][..], "yarn-flink logs"),
        case(&memory, "Run", "memory_limit", &["a TaskManager used ", "limit of 832 MB"], "(`-tm`)"),
        case(&no_java, "Run", "java_missing", &["/nonexistent/bin/java"], "containerized.taskmanager"),
    ];
    let mut ids = Vec::new();
    for case in &cases {
        let options: Vec<_> = ["-d"].iter().chain(case.options).copied().collect();
        ids.push(run(cluster, &options, &[case.program]).await?.expect(0)?.application()?);
    }
    for (case, id) in cases.iter().zip(&ids) {
        let ended = end(cluster, id).await?;
        ensure!(text(&ended, "final_status") == "FAILED", "{ended}");
        let printed = explained(cluster, id, case.code, case.words).await?;
        ensure!(text(&printed["cause"], "hint").contains(case.hint), "{printed}");
        nothing_left(cluster, id, GONE).await?;
    }
    // What the README promises about a job that has failed by itself.
    eventually("the stack of the exception is in the logs", LIMIT, || async {
        let printed = yarn_flink(cluster, &["logs", &ids[0], "jobmanager.log"]).await?;
        Ok(printed.stdout.contains("this task was asked to fail")
            && printed.stdout.contains("\tat example.FailingTask"))
    })
    .await
}
