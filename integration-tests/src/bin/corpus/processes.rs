//! What users and the kernel do to a running application.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use integration_tests::cluster::Process;
use integration_tests::cluster::java::APPLICATION_CLI;
use integration_tests::http;

use crate::bench::{Application, Bench, Fault, Side};

async fn fine() -> Result<()> {
    Ok(())
}

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];
const ONCE: &str = "yarn.application-attempts=1";

pub(crate) async fn by_people(bench: &Bench<'_>) -> Result<()> {
    let cluster = bench.cluster;
    let cancelled = async |application: &Application<'_>| {
        let job = application.runs().await?;
        // On the JobManager's own port, as the proxy forwards no PATCH.
        let overview = format!("{}/proxy/{}/jobs/{job}/yarn-cancel", cluster.rm_web(), application.id);
        http::get(&overview).await?;
        Ok(())
    };
    bench
        .tries(
            Fault::new("job cancelled", "Flink's REST is told to cancel the job", "job_canceled"),
            cancelled,
            fine,
        )
        .await?;

    let killed = async |application: &Application<'_>| {
        application.runs().await?;
        cluster.java_tool(APPLICATION_CLI, &["application", "-kill", &application.id]).await?.success()?;
        Ok(())
    };
    bench
        .tries(Fault::new("application killed", "yarn application -kill", "application_killed"), killed, fine)
        .await?;

    let limited = async |application: &Application<'_>| {
        application.runs().await?;
        let url = format!(
            "{}/ws/v1/cluster/apps/{}/timeout?user.name={}",
            cluster.rm_web(),
            application.id,
            cluster.user()
        );
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
        let expiry = at.strftime("%Y-%m-%dT%H:%M:%S.000+0000");
        let body = serde_json::json!({"timeout": {"type": "LIFETIME", "expiryTime": expiry.to_string()}});
        http::request("PUT", &url, &JSON, Bytes::from(body.to_string())).await?.success()?;
        Ok(())
    };
    bench
        .tries(
            Fault::new("lifetime over", "the application's lifetime ends", "lifetime_exceeded"),
            limited,
            fine,
        )
        .await?;

    let failed = async |application: &Application<'_>| {
        application.runs().await?;
        let attempt = application.report().await?;
        let container =
            attempt.get("amContainerLogs").and_then(|url| url.as_str()).context("no container")?;
        let id =
            container.split('/').find(|part| part.starts_with("container_")).context("no container id")?;
        let mut parts = id.rsplitn(3, '_');
        let number = parts.nth(1).context("no attempt")?.parse::<u32>()?;
        let attempt = format!("{}_{number:06}", application.id.replace("application_", "appattempt_"));
        cluster.java_tool(APPLICATION_CLI, &["applicationattempt", "-fail", &attempt]).await?.success()?;
        Ok(())
    };
    let fault =
        Fault::new("attempt failed by hand", "yarn applicationattempt -fail", "attempt_failed_by_user");
    bench.tries(fault.set(ONCE), failed, fine).await
}

pub(crate) async fn by_signals(bench: &Bench<'_>) -> Result<()> {
    let task_manager = async |application: &Application<'_>| {
        application.runs().await?;
        application.appears(Application::task_manager).await?.kill_9();
        Ok(())
    };
    let fault =
        Fault::new("TaskManager killed", "kill -9 of its JVM; a job without restarts", "killed_by_signal");
    bench.tries(fault, task_manager, fine).await?;

    let master = async |application: &Application<'_>| {
        application.runs().await?;
        application.appears(Application::master).await?.kill_9();
        Ok(())
    };
    let fault = Fault::new("application master killed", "kill -9, the only attempt", "killed_by_signal");
    bench.tries(fault.set(ONCE), master, fine).await?;

    let fault =
        Fault::new("application master killed, no checkpoints", "kill -9; two attempts", "attempt_lost");
    bench.tries(fault.set("yarn.application-attempts=2"), master, fine).await?;

    // Kills it as often as it comes back.
    let job_manager = async |application: &Application<'_>| {
        application.runs().await?;
        let mut last = 0;
        for _ in 0..10 {
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_secs(40) {
                if let Some(process) = application.job_manager().filter(|process| process.pid != last) {
                    process.kill_9();
                    last = process.pid;
                    break;
                }
                let state = application.report().await?;
                if crate::bench::text(&state, "finalStatus") != "UNDEFINED" {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            if application.side == Side::Flinks {
                return Ok(());
            }
        }
        Ok(())
    };
    let fault = Fault::new(
        "JobManager killed again and again",
        "kill -9 whenever it comes back",
        "job_manager_killed",
    )
    .set("execution.checkpointing.interval=1s")
    .within(120);
    bench.tries(fault, job_manager, fine).await?;

    let name = "staging directory removed";
    let removed = async |application: &Application<'_>| {
        application.runs().await?;
        let hdfs = bench.cluster.hdfs()?;
        let home = format!("/user/{}", bench.cluster.user());
        for own in [
            format!("{home}/.yarn-flink/apps/{}", application.id),
            format!("{home}/.flink/{}", application.id),
        ] {
            hdfs.delete(&own).await?;
        }
        application.appears(Application::master).await?.kill_9();
        Ok(())
    };
    let fault = Fault::new(name, "it is removed, then the application master killed", "staging_gone")
        .set("yarn.application-attempts=2")
        .set("execution.checkpointing.interval=1s");
    bench.tries(fault, removed, fine).await
}

async fn stops<'a>(
    application: &Application<'a>,
    process: impl Fn(&Application<'a>) -> Option<Process>,
) -> Result<()> {
    application.runs().await?;
    application.appears(process).await?.stop();
    Ok(())
}

/// Processes that exist but hang.
pub(crate) async fn that_hang(bench: &Bench<'_>) -> Result<()> {
    let task_manager =
        async |application: &Application<'_>| stops(application, Application::task_manager).await;
    let interval = "execution.checkpointing.interval=1s";
    let storage = format!(
        "execution.checkpointing.dir={}/user/{}/checkpoints",
        bench.cluster.default_fs(),
        bench.cluster.user()
    );
    let how = "its JVM stopped (SIGSTOP); a job with checkpoints";
    let fault = Fault::outlived("hung TaskManager", how, "Flink had received no heartbeat from it for");
    bench.tries(fault.set(interval).set(&storage), task_manager, fine).await?;
    let how = "its JVM stopped (SIGSTOP); a job without restarts";
    let fault = Fault::new("hung TaskManager, no restarts", how, "task_manager_unresponsive");
    bench.tries(fault, task_manager, fine).await?;

    let job_manager =
        async |application: &Application<'_>| stops(application, Application::job_manager).await;
    let how = "its JVM stopped (SIGSTOP); a job with checkpoints";
    let fault = Fault::outlived("hung JobManager", how, "did not respond for");
    bench.tries(fault.set(interval).set(&storage).within(150), job_manager, fine).await?;

    let master = async |application: &Application<'_>| stops(application, Application::master).await;
    let how = "its process stopped (SIGSTOP); asked before YARN has missed it";
    let fault = Fault::new("hung application master", how, "am_unreachable");
    bench.tries(fault.set(interval).set(&storage).set("yarn.application-attempts=2"), master, fine).await
}
