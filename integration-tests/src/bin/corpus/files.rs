//! Files that nodes cannot fetch: they are damaged while the application waits for room.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::{Cluster, Daemon};

use crate::bench::{Application, Bench, Fault};
use crate::fillers::Fillers;
use crate::waiting;

/// The path in HDFS of the file with this name.
async fn found(cluster: &Cluster, name: &str) -> Result<String> {
    let begun = Instant::now();
    loop {
        let files = cluster.hdfs()?.files(&format!("/user/{}", cluster.user())).await?;
        if let Some((path, _)) = files.into_iter().find(|(path, _)| path.ends_with(name)) {
            return Ok(path);
        }
        ensure!(begun.elapsed() < Duration::from_secs(90), "{name} is not in HDFS");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A file that no node and no cache has seen.
fn fresh(folder: &Path) -> Result<PathBuf> {
    let file = folder.join(format!("shipped-{:08x}.txt", rand::random::<u32>()));
    fs::write(&file, format!("{:032x}", rand::random::<u128>())).context("cannot write")?;
    Ok(file)
}

pub(crate) async fn spoilt(bench: &Bench<'_>) -> Result<()> {
    let cluster = bench.cluster;
    let fillers = Fillers::new(cluster);
    let folder = cluster.scratch("shipped")?;
    let ship = || Ok::<_, anyhow::Error>(format!("yarn.ship-files={}", folder.display()));
    let refill = async || {
        fillers.empty().await?;
        fs::remove_file(fs::read_dir(&folder)?.next().context("no file")??.path())?;
        fresh(&folder)?;
        fillers.all_but(64).await
    };
    let name_of = || {
        Ok::<_, anyhow::Error>(
            fs::read_dir(&folder)?.next().context("no file")??.file_name().to_string_lossy().into_owned(),
        )
    };
    if !bench.wants_any(&[
        "shipped file deleted",
        "shipped file changed",
        "DataNode frozen at localisation",
        "NameNode killed at localisation",
    ]) {
        return Ok(());
    }
    fresh(&folder)?;
    fillers.all_but(64).await?;

    let deleted = async |_: &Application<'_>| {
        let path = found(cluster, &name_of()?).await?;
        ensure!(cluster.hdfs()?.delete(&path).await?, "{path} is not deleted");
        fillers.empty().await
    };
    let how = "a shipped file is deleted from HDFS between submission and launch";
    bench
        .tries(Fault::new("shipped file deleted", how, "resource_missing").set(ship()?), deleted, refill)
        .await?;

    let changed = async |_: &Application<'_>| {
        let path = found(cluster, &name_of()?).await?;
        let content = cluster.hdfs()?.read(&path).await?;
        cluster.hdfs()?.delete(&path).await?;
        cluster.hdfs()?.put(&path, content).await?;
        fillers.empty().await
    };
    let how = "a shipped file is written again between submission and launch";
    bench
        .tries(Fault::new("shipped file changed", how, "resource_changed").set(ship()?), changed, refill)
        .await?;

    let frozen = async |_: &Application<'_>| {
        found(cluster, &name_of()?).await?;
        cluster.freeze(Daemon::DataNode)?;
        fillers.empty().await
    };
    let thaw = async || {
        cluster.thaw(Daemon::DataNode)?;
        refill().await
    };
    let how = "the DataNode stopped (SIGSTOP) before the launch";
    let fault = Fault::waiting("DataNode frozen at localisation", how, "localizing").set(ship()?);
    bench.tries(fault, frozen, thaw).await?;

    let killed = async |_: &Application<'_>| {
        found(cluster, &name_of()?).await?;
        cluster.kill_9(Daemon::NameNode)?;
        fillers.empty().await
    };
    let restart = async || {
        cluster.restart(Daemon::NameNode).await?;
        waiting::nodes(cluster, 2).await?;
        refill().await
    };
    let how = "the NameNode killed between submission and launch";
    let fault = Fault::new("NameNode killed at localisation", how, "file_system_unreachable")
        .set(ship()?)
        .within(120);
    bench.tries(fault, killed, restart).await?;
    fillers.empty().await
}
