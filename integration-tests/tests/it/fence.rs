//! Two application masters of one application, and a key whose application YARN has forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;

use crate::counting::Counting;
use crate::failures::{appears, logs};
use crate::relay::{Relay, port_of};
use crate::tool::{GONE, LIMIT, eventually, nothing_left, run, text};

#[tokio::test]
async fn only_one_application_of_a_key_passes_the_fence() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = Cluster::builder("fence")
        .node_managers(2)
        .node_size(3072, 8)
        .property("yarn.am.liveness-monitor.expiry-interval-ms", "12000")
        .property("yarn.resourcemanager.max-completed-applications", "1")
        .boot()
        .await?;
    let cluster = Arc::new(cluster);
    forgotten_keys(&cluster).await?;
    two_attempts(&cluster).await?;
    Arc::into_inner(cluster).context("somebody still uses the cluster")?.stop()
}

/// Makes the configuration of the client, and so of the application master, reach the ResourceManager's scheduler
/// through a relay.
async fn redirect(cluster: &Cluster) -> Result<Relay> {
    let port = port_of(cluster, "yarn.resourcemanager.scheduler.address")?;
    let relay = Relay::start(port).await?;
    let path = cluster.client_conf_dir().join("yarn-site.xml");
    let site = std::fs::read_to_string(&path)?;
    std::fs::write(&path, site.replace(&format!("localhost:{port}<"), &format!("{}<", relay.address)))?;
    Ok(relay)
}

/// The first application master is cut off from the ResourceManager, and its NodeManager hangs; the second one starts
/// while the first is alive. Both can reach HDFS.
async fn two_attempts(cluster: &Arc<Cluster>) -> Result<()> {
    let relay = redirect(cluster).await?;
    let job = Counting::submit(cluster, &[], &[]).await?;
    let before = job.completes_a_checkpoint().await?;
    let first = appears("application master", || cluster.app_masters(&job.id)).await?;
    let job_manager = appears("JobManager", || cluster.job_managers(&job.id)).await?;

    let most = Arc::new(AtomicUsize::new(0));
    let (watched, id, seen) = (Arc::clone(cluster), job.id.clone(), Arc::clone(&most));
    let watch = tokio::spawn(async move {
        loop {
            seen.fetch_max(watched.job_managers(&id).len(), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let node = job.application_master().await?;
    cluster.freeze(Daemon::NodeManager(node))?;
    relay.close_to(first.pid);
    eventually("a second attempt", LIMIT, || async { Ok(cluster.app_masters(&job.id).len() == 2) }).await?;
    ensure!(job_manager.lives() || cluster.job_managers(&job.id).is_empty(), "a JobManager too many");
    eventually("the first gives way", LIMIT, || async { Ok(!first.lives() && !job_manager.lives()) }).await?;
    let log = logs(cluster, &job.id, "appmaster.stderr");
    ensure!(log.contains("a later attempt has begun"), "{log}");
    job.goes_on_from(before).await?;
    cluster.thaw(Daemon::NodeManager(node))?;
    ensure!(job.attempts().await? == 2, "two attempts");
    job.finishes().await?;
    watch.abort();
    // Releases its reference to the cluster.
    let _ = watch.await;
    ensure!(most.load(Ordering::Relaxed) == 1, "{} JobManagers at a time", most.load(Ordering::Relaxed));
    Ok(())
}

/// Jobs that YARN has forgotten are answered from the key's record, and not run again.
async fn forgotten_keys(cluster: &Cluster) -> Result<()> {
    for (program, code, state) in [("OneSecond", 0, "FINISHED"), ("FailingTask", 1, "FAILED")] {
        let options = ["-o", "json", "--name", program, "--key", program];
        let first = run(cluster, &options, &[program]).await?.expect(code)?;
        let id = first.application()?;
        nothing_left(cluster, &id, GONE).await?;
        let other = cluster.submit_command(cluster.user(), "default", "other", "sleep 1000").await?;
        cluster.kill_application(&other).await?;
        eventually("YARN forgets it", LIMIT, || async {
            Ok(!cluster.applications().await?.iter().any(|application| text(application, "id") == id))
        })
        .await?;
        let again = run(cluster, &options, &[program]).await?.expect(code)?;
        ensure!(again.application()? == id, "{again:?}");
        ensure!(text(&again.json()?, "job_state") == state, "{again:?}");
        let named = |application: &serde_json::Value| text(application, "name") == program;
        ensure!(!cluster.applications().await?.iter().any(named), "it has been started again");
    }
    Ok(())
}
