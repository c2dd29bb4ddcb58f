//! What a shell, a scheduler and a user at a prompt can rely on.

use std::fs::File;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use crate::tool::{
    GONE, LIMIT, application_named, command, end, eventually, finish, job_in_state, nothing_left, run,
    run_args, status, text, yarn_flink,
};

/// `run failing.jar | head -1`, a full disk: the exit code is that of what was done.
#[tokio::test]
async fn exit_codes_do_not_depend_on_who_reads_the_output() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let nobody = async |args: &[&str]| {
        let mut child = command(cluster, args)?.spawn()?;
        drop(child.stdout.take());
        finish(child).await
    };
    let full = async |args: &[&str]| {
        finish(command(cluster, args)?.stdout(Stdio::from(File::create("/dev/full")?)).spawn()?).await
    };
    let failing = run_args(&[], &["ThrowInMain"])?;
    let failing: Vec<&str> = failing.iter().map(String::as_str).collect();
    let failed = nobody(&failing).await?.expect(1)?;
    ensure!(failed.stderr.contains("this is the root of it"), "{failed:?}");
    nobody(&["list", "--all"]).await?.expect(0)?;
    nobody(&["status", "application_1_0001"]).await?.expect(5)?;
    let lost = full(&["list", "--all"]).await?.expect(2)?;
    ensure!(lost.stderr.contains("cannot write to standard output"), "{lost:?}");
    // It has been submitted; exit code 2 would make callers submit it again.
    let detached = run_args(&["-d", "--name", "told-to-nobody"], &["Run"])?;
    full(&detached.iter().map(String::as_str).collect::<Vec<_>>()).await?.expect(0)?;
    let id = application_named(cluster, "told-to-nobody").await?;
    full(&["kill", &id]).await?.expect(0)?;
    nothing_left(cluster, &id, GONE).await
}

/// The usual shared setup: all users may write there, and each has a separate directory. No command is told where it
/// is.
#[tokio::test]
async fn shared_staging_directory_serves_all_users() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let scratch = cluster.scratch("Shared-Staging")?;
    let name = scratch.file_name().and_then(|name| name.to_str()).context("a folder without a name")?;
    let base = format!("/{name}");
    hdfs.mkdirs(&base).await?;
    hdfs.set_permission(&base, "1777").await?;
    let staging = format!("yarn.staging-directory={base}");
    let options = ["-d", "-D", &staging];
    let id = run(cluster, &options, &["Run"]).await?.expect(0)?.application()?;
    let own = format!("{base}/{}/.yarn-flink/apps/{id}", cluster.user());
    ensure!(hdfs.stat(&own).await?.is_some(), "{own} is not there");
    job_in_state(cluster, &id, "RUNNING").await?;
    yarn_flink(cluster, &["jobs", &id]).await?.expect(0)?;
    let seen = status(cluster, &id).await?;
    ensure!(text(&seen, "job_state") == "RUNNING" && seen["task_managers"] == 1, "{seen}");
    yarn_flink(cluster, &["events", &id]).await?.expect(0)?;
    yarn_flink(cluster, &["kill", &id]).await?.expect(0)?;
    ensure!(hdfs.stat(&own).await?.is_none(), "{own} is still there");
    nothing_left(cluster, &id, GONE).await?;

    // A directory that does not exist yet, with files that only `gc` can find. The second user is told who owns it.
    let made = format!("{base}/made");
    let staging = format!("yarn.staging-directory={made}");
    let options = ["-d", "-D", &staging];
    let id = run(cluster, &options, &["Run"]).await?.expect(0)?.application()?;
    let second = run_args(&options, &["Run"])?;
    let second = command(cluster, &second.iter().map(String::as_str).collect::<Vec<_>>())?
        .env("HADOOP_USER_NAME", "mallory")
        .spawn()?;
    let second = finish(second).await?.expect(3)?;
    ensure!(second.stderr.contains(&format!("belongs to {}", cluster.user())), "{second:?}");
    ensure!(second.stderr.contains(&format!("{made}/mallory")), "{second:?}");
    cluster.kill_application(&id).await?;
    let own = format!("{made}/.yarn-flink/apps/{id}");
    eventually("its processes are gone", GONE, || async { Ok(cluster.processes_of(&id).is_empty()) }).await?;
    ensure!(hdfs.stat(&own).await?.is_some(), "its master had time to remove it");
    // The location comes from Flink's configuration, with or without a distribution beside it.
    let conf = cluster.scratch("shared-staging-conf")?;
    std::fs::write(conf.join("config.yaml"), format!("yarn.staging-directory: {made}\n"))?;
    let gc = command(cluster, &["gc"])?.env("FLINK_CONF_DIR", &conf).env_remove("FLINK_HOME").spawn()?;
    finish(gc).await?.expect(0)?;
    ensure!(hdfs.stat(&own).await?.is_none(), "{own} is still there");
    ensure!(hdfs.delete(&base).await?);
    Ok(())
}

/// The ResourceManager is away for longer than a command retries: a client that waits for a job waits for it.
#[tokio::test]
async fn attached_run_survives_a_resource_manager_restart() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = Cluster::builder("waits-out").node_managers(1).node_size(4096, 8).recovery().boot().await?;
    let args = run_args(&["--name", "waits-out"], &["Sleep", "--seconds", "8"])?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut client = command(&cluster, &args)?.spawn()?;
    let id = application_named(&cluster, "waits-out").await?;
    job_in_state(&cluster, &id, "RUNNING").await?;
    let mut follower = command(&cluster, &["events", "--follow", &id])?.spawn()?;
    let mut follower_says = BufReader::new(follower.stderr.take().context("no stderr")?);
    // Like that of `status`, its first query is not repeated, so it must have been answered.
    let mut told = BufReader::new(follower.stdout.take().context("no stdout")?);
    let mut first = String::new();
    tokio::time::timeout(LIMIT, told.read_line(&mut first)).await.context("no event is told")??;
    cluster.kill_9(Daemon::ResourceManager(1))?;

    let mut says = BufReader::new(client.stderr.take().context("no stderr")?);
    let mut said = String::new();
    let waits = async {
        while !said.contains("is not responding") {
            ensure!(says.read_line(&mut said).await? > 0, "it has ended: {said}");
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LIMIT, waits).await.context("nothing was told")??;
    ensure!(said.contains("waiting for it for up to 15 min"), "{said}");
    // A command with a single query does not wait.
    let asked = yarn_flink(&cluster, &["status", &id]).await?.expect(3)?;
    ensure!(asked.stderr.contains("check that the ResourceManager is running"), "{asked:?}");
    cluster.restart(Daemon::ResourceManager(1)).await?;
    let ran = finish(client).await?.expect(0)?;
    says.read_to_string(&mut said).await?;
    ensure!(ran.stdout.contains("final_status: SUCCEEDED"), "{ran:?}");
    ensure!(said.contains("is responding again") && said.matches("is not responding").count() == 1, "{said}");
    finish(follower).await?.expect(0)?;
    let mut said = String::new();
    follower_says.read_to_string(&mut said).await?;
    ensure!(said.contains(&format!("{id} FINISHED")), "{said}");
    let ended = end(&cluster, &id).await?;
    ensure!(text(&ended, "final_status") == "SUCCEEDED", "{ended}");
    cluster.stop()
}
