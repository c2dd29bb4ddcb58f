//! What kills applications, and how the application master reacts.

use std::collections::BTreeSet;
use std::net::TcpListener;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::{APPLICATION_CLI, output};
use integration_tests::cluster::{Cluster, Daemon, Process};
use integration_tests::{http, prerequisites, shared};
use serde_json::Value;

use crate::counting::Counting;
use crate::gc::notes;
use crate::tool::{
    GONE, LIMIT, Ran, SMALL, end, eventually, jar, job_in_state, nothing_left, run, text, yarn_flink,
};

/// Submits detached and returns the application's id.
pub(crate) async fn submit(cluster: &Cluster, options: &[&str], program: &[&str]) -> Result<String> {
    let options: Vec<_> = ["-d"].iter().chain(options).copied().collect();
    run(cluster, &options, program).await?.expect(0)?.application()
}

/// Waits until `find` finds exactly one process.
pub(crate) async fn appears(what: &str, find: impl Fn() -> Vec<Process> + Sync) -> Result<Process> {
    eventually(what, LIMIT, || async { Ok(find().len() == 1) }).await?;
    find().into_iter().next().with_context(|| format!("{what} is gone again"))
}

/// GET on Flink's REST server, through the ResourceManager's proxy.
pub(crate) async fn flink(cluster: &Cluster, id: &str, path: &str) -> Result<Value> {
    http::get_json(&format!("{}/proxy/{id}{path}", cluster.rm_web())).await
}

/// Number of TaskManagers that Flink lists; 0 while it does not answer.
async fn listed_task_managers(cluster: &Cluster, id: &str) -> usize {
    let answer = flink(cluster, id, "/taskmanagers").await.unwrap_or_default();
    answer.get("taskmanagers").and_then(Value::as_array).map_or(0, Vec::len)
}

/// Cancels the application's job through the proxy, which forwards only GET.
pub(crate) async fn cancel(cluster: &Cluster, id: &str) -> Result<()> {
    let jobs = flink(cluster, id, "/jobs/overview").await?;
    let job = jobs.pointer("/jobs/0/jid").and_then(Value::as_str).context("no job")?;
    let url = format!("{}/proxy/{id}/jobs/{job}/yarn-cancel", cluster.rm_web());
    http::request("GET", &url, &[], Default::default()).await?.success()?;
    Ok(())
}

/// Waits for the end with this final status, and returns the diagnostics.
pub(crate) async fn ends(cluster: &Cluster, id: &str, final_status: &str) -> Result<String> {
    let status = end(cluster, id).await?;
    ensure!(text(&status, "final_status") == final_status, "not {final_status}: {status}");
    Ok(text(&status, "diagnostics").to_owned())
}

/// What the application master and the NodeManagers have logged about an application, for all containers together. Only
/// local logs, which stay for an hour.
pub(crate) fn logs(cluster: &Cluster, id: &str, name: &str) -> String {
    let mut all = String::new();
    for daemon in cluster.daemons().into_iter().filter(|daemon| matches!(daemon, Daemon::NodeManager(_))) {
        let folder = cluster.log_dir(daemon).join("containers").join(id);
        for container in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            all.push_str(&std::fs::read_to_string(container.path().join(name)).unwrap_or_default());
        }
    }
    all
}

#[tokio::test]
async fn application_killed_while_starting_leaves_nothing_behind() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    // First without a container, then with the JobManager's JVM just started, then with Hadoop's own class.
    let accepted = submit(cluster, &[], &["Run"]).await?;
    yarn_flink(cluster, &["kill", &accepted]).await?.expect(0)?;
    let starting = submit(cluster, &[], &["Run"]).await?;
    appears("JobManager", || cluster.job_managers(&starting)).await?;
    yarn_flink(cluster, &["kill", &starting]).await?.expect(0)?;
    for id in [&accepted, &starting] {
        assert_eq!(text(&cluster.application(id).await?, "state"), "KILLED");
        nothing_left(cluster, id, GONE).await?;
    }
    let java = submit(cluster, &[], &["Run"]).await?;
    appears("JobManager", || cluster.job_managers(&java)).await?;
    cluster.java_tool(APPLICATION_CLI, &["application", "-kill", &java]).await?.success()?;
    eventually("no process is left", GONE, || async { Ok(cluster.processes_of(&java).is_empty()) }).await?;
    // Killing an ended application still cleans up; none may write into the staging directories after that.
    yarn_flink(cluster, &["kill", &java]).await?.expect(0)?;
    for id in [&accepted, &starting, &java] {
        nothing_left(cluster, id, GONE).await?;
    }
    Ok(())
}

#[tokio::test]
async fn application_killed_while_its_job_runs_leaves_nothing_behind() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let (ours, java) = (submit(cluster, &[], &["Run"]).await?, submit(cluster, &[], &["Run"]).await?);
    for id in [&ours, &java] {
        job_in_state(cluster, id, "RUNNING").await?;
        assert_eq!(cluster.jvms_of(id).len(), 2, "JobManager and TaskManager");
    }
    let killed = yarn_flink(cluster, &["kill", "-o", "json", &ours]).await?.expect(0)?.json()?;
    assert_eq!(killed.pointer("/applications/0/outcome"), Some(&Value::from("killed")), "{killed}");
    nothing_left(cluster, &ours, GONE).await?;
    cluster.java_tool(APPLICATION_CLI, &["application", "-kill", &java]).await?.success()?;
    eventually("no process is left", GONE, || async { Ok(cluster.processes_of(&java).is_empty()) }).await?;
    yarn_flink(cluster, &["kill", &java]).await?.expect(0)?;
    nothing_left(cluster, &java, GONE).await
}

/// The example jobs with one additional entry, so that no cache has them.
async fn fresh_jar(cluster: &Cluster) -> Result<String> {
    let folder = cluster.scratch("jar")?;
    let fresh = folder.join("fresh.jar");
    std::fs::copy(jar()?, &fresh)?;
    std::fs::write(folder.join("nonce"), format!("{:?}", std::time::SystemTime::now()))?;
    let mut command = std::process::Command::new(prerequisites::java_tool("jar"));
    command.arg("--update").arg("--file").arg(&fresh).arg("-C").arg(&folder).arg("nonce");
    output(command).await?.success()?;
    Ok(fresh.display().to_string())
}

#[tokio::test]
async fn two_clients_upload_the_same_jar_only_once() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let jar = fresh_jar(cluster).await?;
    let args: Vec<_> = [&["run", "-d"][..], &SMALL, &["-c", "example.OneSecond", &jar]].concat();
    let (first, second) = tokio::join!(yarn_flink(cluster, &args), yarn_flink(cluster, &args));
    let ids = [first?.expect(0)?.application()?, second?.expect(0)?.application()?];
    let cached = || async {
        let files = cluster.hdfs()?.files(&cache(cluster)).await?;
        anyhow::Ok(
            files
                .into_iter()
                .map(|(path, entry)| (path, entry.modified_ms, entry.length))
                .collect::<Vec<_>>(),
        )
    };
    let before = cached().await?;
    assert_eq!(before.iter().filter(|(path, ..)| path.contains("fresh.jar")).count(), 1, "{before:?}");
    for id in &ids {
        assert_eq!(ends(cluster, id, "SUCCEEDED").await?.lines().count(), 1);
        nothing_left(cluster, id, GONE).await?;
    }
    // A third one finds everything in place, and no entry has been touched.
    let third = yarn_flink(cluster, &args).await?.expect(0)?.application()?;
    assert_eq!(cached().await?, before);
    ends(cluster, &third, "SUCCEEDED").await?;
    nothing_left(cluster, &third, GONE).await
}

fn cache(cluster: &Cluster) -> String {
    format!("/user/{}/.yarn-flink/cache", cluster.user())
}

#[tokio::test]
async fn killed_task_manager_of_a_streaming_job_is_replaced() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id = submit(cluster, &[], &["Run", "--checkpoint-ms", "300"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let victim = appears("TaskManager", || cluster.task_managers(&id)).await?;
    victim.kill_9();
    let replaced = || async {
        let all = cluster.task_managers(&id);
        Ok(all.len() == 1 && all.iter().all(|process| process.container != victim.container))
    };
    eventually("a new TaskManager", LIMIT, replaced).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    // The ResourceManager has forgotten it, but its node has not.
    let container = victim.container.as_deref().context("no container")?;
    let left = yarn_flink(cluster, &["logs", &id, "--container", container, "taskmanager.log"]).await?;
    assert!(left.expect(0)?.stdout.contains("TaskManagerRunner"));
    cancel(cluster, &id).await?;
    assert!(ends(cluster, &id, "KILLED").await?.contains("CANCELED"));
    nothing_left(cluster, &id, GONE).await?;
    let log = logs(cluster, &id, "appmaster.stderr");
    assert!(log.contains("TaskManager lost") && log.contains("exit=137"), "{log}");
    Ok(())
}

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn killed_task_manager_of_a_batch_job_is_replaced() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let options = [
        ["-D", "execution.runtime-mode=BATCH"],
        ["-D", "restart-strategy.type=fixed-delay"],
        ["-D", "restart-strategy.fixed-delay.delay=100ms"],
    ];
    let id = submit(cluster, options.as_flattened(), &["Sleep", "--seconds", "5"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let victim = appears("TaskManager", || cluster.task_managers(&id)).await?;
    victim.kill_9();
    ends(cluster, &id, "SUCCEEDED").await?;
    assert!(logs(cluster, &id, "appmaster.stderr").contains("TaskManager lost"));
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn job_manager_killed_before_the_job_starts_is_restarted() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id = submit(cluster, &[], &["OneSecond"]).await?;
    let victim = appears("JobManager", || cluster.job_managers(&id)).await?;
    victim.kill_9();
    let diagnostics = ends(cluster, &id, "SUCCEEDED").await?;
    assert!(diagnostics.ends_with("FINISHED"), "{diagnostics}");
    let attempts = cluster.rm_rest(&format!("/ws/v1/cluster/apps/{id}/appattempts")).await?;
    let attempts = attempts.pointer("/appAttempts/appAttempt").and_then(Value::as_array).map(Vec::len);
    assert_eq!(attempts, Some(1), "in place");
    assert!(logs(cluster, &id, "appmaster.stderr").contains("starting it again"));
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn job_manager_killed_while_the_job_runs_ends_the_application() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id = submit(cluster, &[], &["Run"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    appears("JobManager", || cluster.job_managers(&id)).await?.kill_9();
    let diagnostics = ends(cluster, &id, "FAILED").await?;
    assert!(diagnostics.contains("killed by signal 9 while the job was RUNNING"), "{diagnostics}");
    assert!(diagnostics.contains("not restarted") && diagnostics.contains("hint: "), "{diagnostics}");
    nothing_left(cluster, &id, GONE).await
}

/// Sends `signal` to the application master alone, like the kernel's memory killer or an operator.
async fn application_master_dies(kill: impl Fn(&Process) + Sync) -> Result<()> {
    let cluster = shared::cluster().await?;
    let id = submit(cluster, &[], &["Run"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let job_manager = appears("JobManager", || cluster.job_managers(&id)).await?;
    // Flink may show the job before its master has asked for it, and then the next master would know nothing.
    notes(cluster, &id, r#""on":false"#).await?;
    kill(&appears("application master", || cluster.app_masters(&id)).await?);
    eventually("the JobManager dies too", GONE, || async { Ok(!job_manager.lives()) }).await?;
    let diagnostics = ends(cluster, &id, "FAILED").await?;
    assert!(diagnostics.contains("the application master of an earlier attempt was lost"), "{diagnostics}");
    assert!(diagnostics.contains("the job has no checkpointing; it was not restarted"), "{diagnostics}");
    assert!(diagnostics.contains("hint: enable checkpointing"), "{diagnostics}");
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn killed_application_master_takes_its_job_manager_with_it() -> Result<()> {
    let _turn = shared::turn().await;
    application_master_dies(Process::kill_9).await
}

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn terminated_application_master_ends_the_job_manager() -> Result<()> {
    let _turn = shared::turn().await;
    application_master_dies(Process::terminate).await
}

#[tokio::test]
async fn job_runs_on_four_task_managers_with_two_slots_each() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id = submit(
        cluster,
        &["-p", "8", "-ys", "2"],
        &["SetsParallelism", "--parallelism", "8", "--seconds", "3"],
    )
    .await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let overview = flink(cluster, &id, "/overview").await?;
    let number = |key| overview.get(key).and_then(Value::as_u64);
    assert_eq!((number("taskmanagers"), number("slots-total")), (Some(4), Some(8)), "{overview}");
    let resident = appears("application master", || cluster.app_masters(&id)).await?.resident;
    // The limit for the release build is checked by `compare`.
    integration_tests::progress::line(&format!(
        "application master with 4 TaskManagers: {} KiB resident",
        resident / 1024
    ));
    ends(cluster, &id, "SUCCEEDED").await?;
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn program_with_a_larger_parallelism_gets_the_task_managers_it_needs() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id =
        submit(cluster, &["-p", "1"], &["SetsParallelism", "--parallelism", "3", "--seconds", "4"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    assert_eq!(listed_task_managers(cluster, &id).await, 3);
    ends(cluster, &id, "SUCCEEDED").await?;
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn program_with_a_smaller_parallelism_releases_surplus_task_managers() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let options = ["-p", "3", "-D", "resourcemanager.taskmanager-timeout=1s"];
    let id = submit(cluster, &options, &["SetsParallelism", "--parallelism", "1", "--seconds", "15"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let settled = || async {
        Ok(listed_task_managers(cluster, &id).await == 1 && cluster.task_managers(&id).len() == 1)
    };
    eventually("one TaskManager is left", GONE, settled).await?;
    let application = cluster.application(&id).await?;
    assert_eq!(text(&application, "state"), "RUNNING", "given back while the job runs");
    ends(cluster, &id, "SUCCEEDED").await?;
    nothing_left(cluster, &id, GONE).await
}

/// Runs attached, to check what the user sees as well.
async fn fails(cluster: &Cluster, options: &[&str], program: &[&str], texts: &[&str]) -> Result<Ran> {
    let ran = run(cluster, options, program).await?.expect(1)?;
    let id = ran.application()?;
    let diagnostics = ends(cluster, &id, "FAILED").await?;
    for text in texts {
        ensure!(diagnostics.contains(text), "no {text:?} in the diagnostics: {diagnostics}");
        ensure!(ran.stderr.contains(text), "no {text:?} on the terminal: {}", ran.stderr);
    }
    nothing_left(cluster, &id, GONE).await?;
    Ok(ran)
}

#[tokio::test]
async fn task_managers_without_java_end_the_application() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let options = ["-D", "containerized.taskmanager.env.JAVA_HOME=/nonexistent"];
    let texts = [
        "3 TaskManager containers in a row",
        "exited with code 127",
        "/nonexistent/bin/java: No such file",
        "hint: ",
    ];
    fails(cluster, &options, &["Run"], &texts).await.map(drop)
}

#[tokio::test]
async fn task_managers_beyond_their_memory_limit_end_the_application() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    // It touches its whole heap, then waits for a debugger before it runs anything.
    let java = "env.java.opts.taskmanager=-Xms1200m -Xmx1200m -XX:+AlwaysPreTouch \
                -agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=0";
    let texts = ["3 TaskManager containers in a row", "exceeded its memory limit", "hint: "];
    fails(cluster, &["-D", java], &["Run"], &texts).await.map(drop)
}

#[tokio::test]
async fn missing_java_on_the_application_masters_node_is_explained() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let options = ["-D", "env.java.home=/nonexistent"];
    let texts = [
        "Java was not found on node 127.0.0.",
        "/nonexistent/bin/java",
        "hint: set `env.java.home` to a directory",
    ];
    fails(cluster, &options, &["Run"], &texts).await.map(drop)
}

#[tokio::test]
async fn exhausted_port_range_is_explained() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    // On all addresses, as any node may be chosen.
    let held = TcpListener::bind("0.0.0.0:0")?;
    let option = format!("rest.bind-port={}", held.local_addr()?.port());
    let cause = format!("no free port for {} on 127.0.0.", option.replace('=', " in "));
    fails(cluster, &["-D", &option], &["Run"], &[&cause, "hint: widen the range"]).await.map(drop)
}

/// A ResourceManager that dies takes nothing with it. One that kills does, and the SIGTERM of its NodeManagers leaves a
/// JobManager all the time it could want for cleaning up: the latest checkpoint stays, although it was not to be
/// retained.
#[tokio::test]
async fn client_survives_a_dead_resource_manager_and_reports_a_kill() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("failures")
        .node_size(3072, 8)
        .recovery()
        .property("yarn.nodemanager.sleep-delay-before-sigkill.ms", "5000")
        .boot()
        .await?;
    let job = Counting::of_program(&cluster, &[], &[]).await?;
    let id = &job.id;
    job_in_state(&cluster, id, "RUNNING").await?;
    let jvms = || cluster.jvms_of(id).into_iter().map(|jvm| jvm.pid).collect::<BTreeSet<_>>();
    let before = jvms();
    cluster.kill_9(Daemon::ResourceManager(1))?;
    cluster.restart(Daemon::ResourceManager(1)).await?;
    // A recovered application is ACCEPTED until its master has registered again.
    cluster.wait_for_state(id, "RUNNING", LIMIT).await?;
    job_in_state(&cluster, id, "RUNNING").await?;
    assert_eq!(jvms(), before);
    let folder = cluster.log_dir(Daemon::NodeManager(1)).join("containers").join(id);
    assert_eq!(std::fs::read_dir(folder)?.count(), 2, "no container more, not even for a moment");

    let newest = job.completes_a_checkpoint().await?;
    cluster.kill_application(id).await?;
    eventually("no process is left", GONE, || async { Ok(cluster.processes_of(id).is_empty()) }).await?;
    let kept = job.kept().await?;
    ensure!(kept.last().is_some_and(|(number, _)| *number >= newest), "after {newest}: {kept:?}");
    yarn_flink(&cluster, &["kill", id]).await?.expect(0)?;
    nothing_left(&cluster, id, GONE).await?;
    cluster.stop()
}
