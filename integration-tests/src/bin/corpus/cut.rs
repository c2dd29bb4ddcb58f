//! A connection that is cut between two processes of an application, and open to all others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::bench::{Application, Bench, Fault};

/// Flink's own heartbeat timeout is 50 s, and a JVM has to start.
const REPLACED: Duration = Duration::from_secs(120);

pub(crate) async fn off(bench: &Bench<'_>) -> Result<()> {
    let cut = async |application: &Application<'_>| {
        application.runs().await?;
        let task_manager = application.appears(Application::task_manager).await?;
        let job_manager = application.appears(Application::job_manager).await?;
        let jvms = || bench.cluster.jvms_of(&application.id).into_iter().map(|jvm| jvm.pid);
        let before: BTreeSet<_> = jvms().collect();
        bench.cluster.cut_off(&task_manager, &job_manager)?;
        let begun = Instant::now();
        while jvms().all(|pid| before.contains(&pid)) {
            if begun.elapsed() > REPLACED {
                let url = format!("{}/proxy/{}/taskmanagers", bench.cluster.rm_web(), application.id);
                let listed = integration_tests::http::get_json(&url).await.unwrap_or_default();
                let listed = listed.get("taskmanagers").and_then(|all| all.as_array()).map_or(0, Vec::len);
                bail!("not replaced within {} s; Flink lists {listed} TaskManagers", REPLACED.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        application.runs().await.map(drop)
    };
    let fault = Fault::outlived(
        "TaskManager cut off from its JobManager",
        "nothing passes between the two any more, both reach all others; asked once another one has its tasks",
        "Flink had received no heartbeat from it for",
    )
    .runs(&["Run", "--checkpoint-ms", "1000"]);
    bench.tries(fault, cut, async || Ok(())).await
}
