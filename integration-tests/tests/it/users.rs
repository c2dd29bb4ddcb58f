//! One application whose containers run as two users of the operating system, and what strangers on its nodes see.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::output;
use integration_tests::cluster::{Cluster, Daemon, Process};
use integration_tests::shared;

use crate::failures::{appears, ends, submit};
use crate::tool::{GONE, job_in_state, nothing_left};

/// Runs the second node's containers; exists everywhere, and is not the submitting user.
const OTHER: &str = "nobody";
/// A user who runs nothing here.
const STRANGER: &str = "daemon";
/// A word in Flink's configuration, which may contain passwords.
const SECRET: &str = "s3cret-of-the-fixture";
/// YARN's files that authenticate the application.
const TOKENS: &str = "container_tokens";

fn owner(process: &Process) -> Result<u32> {
    let folder = format!("/proc/{}", process.pid);
    Ok(fs::metadata(&folder).with_context(|| format!("{folder} is gone"))?.uid())
}

/// The files below `folder` that contain a word, regardless of who may read them.
async fn holding(word: &str, folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut grep = Command::new("grep");
    grep.args(["-rlF", "--", word]).arg(folder);
    Ok(output(grep).await?.stdout.lines().map(PathBuf::from).collect())
}

/// All files below `folder`, regardless of who may read them.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

/// Neither of the two users can read the other's files unless these are for everyone: all they share goes through HDFS,
/// YARN and Flink's own connections.
#[tokio::test]
async fn containers_run_as_their_users_and_others_cannot_read_secrets() -> Result<()> {
    let _turn = shared::patient_turn().await;
    // Each node has room for one of the two containers.
    let cluster =
        Cluster::builder("users").node_managers(2).node_size(1500, 8).node_user(2, OTHER).boot().await?;
    let options = [
        format!("execution.checkpointing.dir={}/user/{}/checkpoints", cluster.default_fs(), cluster.user()),
        format!("fixture.password={SECRET}"),
    ];
    let options: Vec<_> = options.iter().flat_map(|option| ["-D", option]).collect();
    let folder = cluster.scratch("users")?;
    // Both users must see when it is time to hurry.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    let hurry = folder.join("hurry");
    let (records, file) = ("30000", hurry.display().to_string());
    let program = ["Run", "--checkpoint-ms", "300", "--records", records, "--hurry", &file];
    let id = submit(&cluster, &options, &program).await?;
    job_in_state(&cluster, &id, "RUNNING").await?;
    let master = appears("application master", || cluster.app_masters(&id)).await?;
    let job_manager = appears("JobManager", || cluster.job_managers(&id)).await?;
    let task_manager = appears("TaskManager", || cluster.task_managers(&id)).await?;
    let users = BTreeSet::from([owner(&master)?, owner(&task_manager)?]);
    ensure!(users.len() == 2 && owner(&job_manager)? == owner(&master)?, "not two users: {users:?}");
    reads_no_secret(&cluster, &id).await?;
    fs::write(&hurry, "")?;
    ensure!(ends(&cluster, &id, "SUCCEEDED").await?.ends_with("FINISHED"), "it has not counted to its end");
    nothing_left(&cluster, &id, GONE).await?;
    cluster.stop()
}

/// Checks, while it runs, that others can read no secret.
async fn reads_no_secret(cluster: &Cluster, id: &str) -> Result<()> {
    for process in cluster.processes_of(id) {
        let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment);
        ensure!(!environment.contains(SECRET), "process {} has it in its environment", process.pid);
        ensure!(!process.command.concat().contains(SECRET), "everybody sees it: {:?}", process.command);
    }
    for number in 1..=2 {
        let node = Daemon::NodeManager(number);
        let data = cluster.directory().join("data").join(node.to_string());
        let (work, logs) = (files(&data), cluster.log_dir(node).join("containers"));
        let secret = holding(SECRET, &data).await?;
        ensure!(!secret.is_empty(), "{node} has no configuration in {}", data.display());
        ensure!(work.iter().any(|path| path.ends_with(TOKENS)), "{node} has no tokens");
        ensure!(!files(&logs).is_empty(), "{node} has no logs in {}", logs.display());
        // Its owner can read all of it.
        let mut others = vec![STRANGER];
        others.extend((number == 1).then_some(OTHER));
        for other in others {
            let read = [cluster.readable_by(other, &data)?, cluster.readable_by(other, &logs)?].concat();
            // A container's directory contains tokens, configuration and launch script, that of its logs its logs.
            // Flink's temporary files beside them are in YARN's directory of the application, whose mode is YARN's.
            let own =
                |path: &&PathBuf| path.to_string_lossy().contains("/container_") || secret.contains(*path);
            let own: Vec<_> = read.iter().filter(own).collect();
            ensure!(own.is_empty(), "{other} can read on {node}: {own:#?}");
        }
    }
    Ok(())
}
