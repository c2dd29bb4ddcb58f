//! `run --key` and `--max-wait` on a real cluster: clients that die at any moment, and what exists afterwards.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::shared;
use rand::Rng as _;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use yarn_client::submit::Key;

use crate::tool::{GONE, LIMIT, command, end, finish, nothing_left, run, run_args, text, yarn_flink};

/// Sets how many clients [`client_killed_at_any_step_leaves_one_application_per_key`] kills; 14 by default.
const RUNS_VARIABLE: &str = "YARN_FLINK_TEST_KEY_RUNS";

/// Lines of the client's log (`-vv`) at which it is killed: the start of each step, and the moments around a
/// submission.
const BOUNDARIES: [&str; 7] = [
    "step=Read",
    "step=Prepare",
    "step=Publish",
    "step=Submit",
    "key: files staged",
    "step=Ask",
    "step=Done",
];

/// A key that no other test and no other run has.
fn fresh(name: &str) -> String {
    format!("{name}-{:016x}", rand::rng().random::<u64>())
}

/// Applications of this name, dead ones included.
async fn named(cluster: &Cluster, name: &str) -> Result<Vec<Value>> {
    let all = cluster.applications().await?;
    Ok(all.into_iter().filter(|application| text(application, "name") == name).collect())
}

/// The path of a key's record.
fn record(cluster: &Cluster, key: &str) -> Result<String> {
    Ok(format!("/user/{}/.yarn-flink/keys/{}", cluster.user(), Key::new(key)?.digest()))
}

fn start(cluster: &Cluster, options: &[&str], program: &[&str]) -> Result<Child> {
    let args = run_args(options, program)?;
    Ok(command(cluster, &args.iter().map(String::as_str).collect::<Vec<_>>())?.spawn()?)
}

/// Kills a client a little after it has logged `boundary`; returns whether it lived to log the line.
async fn kill_at(mut child: Child, boundary: &str, later: Duration) -> Result<bool> {
    let mut lines = BufReader::new(child.stderr.take().context("no standard error")?).lines();
    while let Some(line) = lines.next_line().await? {
        if line.contains(boundary) {
            tokio::time::sleep(later).await;
            child.start_kill()?;
            child.wait().await?;
            return Ok(true);
        }
    }
    child.wait().await?;
    Ok(false)
}

#[tokio::test]
async fn second_call_with_a_key_follows_the_first() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let key = fresh("twice");
    let options = ["-o", "json", "--name", &key, "--key", &key];
    let first = run(cluster, &[&options[..], &["-d"]].concat(), &["OneSecond"]).await?.expect(0)?;
    let second = run(cluster, &[&options[..], &["-d"]].concat(), &["OneSecond"]).await?.expect(0)?;
    ensure!(first.stdout == second.stdout, "{first:?} {second:?}");
    let other = run(cluster, &options, &["OneSecond", "--other"]).await?.expect(2)?;
    ensure!(other.stderr.contains("has already been used for another program"), "{other:?}");

    let attached = run(cluster, &options, &["OneSecond"]).await?.expect(0)?;
    ensure!(attached.application()? == first.application()?, "{attached:?}");
    let (ended, job) = (attached.json()?, first.json()?);
    ensure!(
        text(&ended, "job_state") == "FINISHED" && text(&ended, "job_id") == text(&job, "job_id"),
        "{ended}"
    );
    let late = run(cluster, &options, &["OneSecond"]).await?.expect(0)?;
    ensure!(text(&late.json()?, "state") == "FINISHED", "{late:?}");
    ensure!(named(cluster, &key).await?.len() == 1, "more than one application");
    nothing_left(cluster, &first.application()?, GONE).await?;

    let record = record(cluster, &key)?;
    let mut files = Vec::new();
    for (path, entry) in cluster.hdfs()?.files(&record).await? {
        let content = cluster.hdfs()?.read(&path).await?;
        ensure!(String::from_utf8_lossy(&content).contains(&first.application()?), "{path}");
        files.push((entry.name, entry.permission));
    }
    let expected = ["1", "ended", "started"].map(|name| (name.to_owned(), "600".to_owned()));
    ensure!(files == expected, "{files:?}");

    // Forgotten, as `gc` does after a week: what runs now is another application, and must not write to the checkpoint
    // directory of the first one's job.
    cluster.hdfs()?.delete(&record).await?;
    let again = run(cluster, &[&options[..], &["-d"]].concat(), &["OneSecond"]).await?.expect(0)?;
    ensure!(again.application()? != first.application()?, "{again:?}");
    ensure!(text(&again.json()?, "job_id") != text(&job, "job_id"), "{again:?} {job}");
    end(cluster, &again.application()?).await?;
    Ok(())
}

#[tokio::test]
async fn concurrent_clients_with_one_key_start_one_application() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    for _ in 0..3 {
        let key = fresh("race");
        let options = ["-d", "-o", "json", "--name", &key, "--key", &key];
        let clients = [(); 4].map(|()| start(cluster, &options, &["OneSecond"]));
        let mut ids = Vec::new();
        for client in clients {
            ids.push(finish(client?).await?.expect(0)?.application()?);
        }
        ids.dedup();
        ensure!(ids.len() == 1 && named(cluster, &key).await?.len() == 1, "{ids:?}");
        yarn_flink(cluster, &["kill", &ids[0]]).await?.expect(0)?;
    }
    Ok(())
}

/// SIGKILL at each boundary in turn, up to 15 ms after it, twice; then a client that is left alone.
#[tokio::test]
async fn client_killed_at_any_step_leaves_one_application_per_key() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let runs = std::env::var(RUNS_VARIABLE).ok().and_then(|runs| runs.parse().ok()).unwrap_or(14);
    let (mut killed, mut adopted, mut followed) = (0, 0, 0);
    for number in 0..runs {
        let key = fresh("killed");
        let options = ["-d", "-vv", "-o", "json", "--name", &key, "--key", &key];
        for _ in 0..2 {
            let later = Duration::from_millis(rand::rng().random_range(0..15));
            let boundary = BOUNDARIES[number % BOUNDARIES.len()];
            let client = start(cluster, &options, &["OneSecond"])?;
            killed += u32::from(kill_at(client, boundary, later).await?);
        }
        let before = named(cluster, &key).await?.len();
        let last = run(cluster, &options, &["OneSecond"]).await?.expect(0)?;
        let id = last.application()?;
        let found = named(cluster, &key).await?;
        ensure!(found.len() == 1, "{} applications: {found:?}\n{}", found.len(), last.stderr);
        ensure!(text(&found[0], "id") == id, "{found:?}\n{}", last.stderr);
        ensure!(text(&found[0], "applicationTags").contains("yarn-flink-key:"), "{found:?}");
        if before == 1 {
            followed += 1
        } else {
            adopted += 1
        }
        yarn_flink(cluster, &["kill", &id]).await?.expect(0)?;
    }
    integration_tests::progress::line(&format!(
        "{runs} keys: {killed} clients killed, then {followed} followed and {adopted} submitted"
    ));
    ensure!(killed >= u32::try_from(runs)? && adopted > 0 && followed > 0, "{killed} {adopted} {followed}");
    Ok(())
}

/// Clients die until the job is done: it has run once, and the last client reports how it ended.
#[tokio::test]
async fn result_of_a_keyed_job_is_remembered() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let key = fresh("runs");
    let options = ["-vv", "-o", "json", "--name", &key, "--key", &key];
    for boundary in ["step=Publish", "key: files staged", "step=Submit"] {
        kill_at(start(cluster, &options, &["OneSecond"])?, boundary, Duration::ZERO).await?;
    }
    let last = run(cluster, &options, &["OneSecond"]).await?.expect(0)?;
    let ended = end(cluster, &last.application()?).await?;
    ensure!(text(&ended, "final_status") == "SUCCEEDED", "{ended}");
    ensure!(named(cluster, &key).await?.len() == 1, "more than one application");
    // Whichever client wrote the record or submitted the application, the job is that of the record.
    let first = cluster.hdfs()?.read(&format!("{}/1", record(cluster, &key)?)).await?;
    let first: Value = serde_json::from_slice(&first)?;
    ensure!(text(&ended, "job_id").len() == 32, "{ended}");
    ensure!(text(&first, "job_id") == text(&ended, "job_id"), "{first} {ended}");
    ensure!(text(&last.json()?, "job_id") == text(&ended, "job_id"), "{last:?} {ended}");
    Ok(())
}

/// Flink would delete the older run's checkpoint when it came to its number.
#[tokio::test]
async fn fixed_job_id_is_refused_among_checkpoints_of_an_earlier_run() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let (key, job) = (fresh("collides"), format!("{:032x}", rand::rng().random::<u128>()));
    let directory = format!("/user/{}/checkpoints-{key}", cluster.user());
    cluster.hdfs()?.put(&format!("{directory}/{job}/chk-4/_metadata"), "m").await?;
    let (id, place) = (
        format!("pipeline.jobid={job}"),
        format!("execution.checkpointing.dir={}{directory}", cluster.default_fs()),
    );
    let options = ["-d", "--name", &key, "--key", &key, "-D", &id, "-D", &place];
    let refused = run(cluster, &options, &["OneSecond"]).await?.expect(2)?;
    let newest = format!("{}{directory}/{job}/chk-4", cluster.default_fs());
    ensure!(
        refused.stderr.contains(&format!("hint: resume from the latest one with `-s {newest}`")),
        "{refused:?}"
    );
    ensure!(named(cluster, &key).await?.is_empty(), "submitted all the same");
    ensure!(cluster.hdfs()?.stat(&record(cluster, &key)?).await?.is_none(), "a key was used for nothing");
    Ok(())
}

/// No application master registers within 200 ms: the NodeManager has not even been told.
#[tokio::test]
async fn max_wait_kills_an_application_that_waits_too_long() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let name = fresh("waits");
    let ran =
        run(cluster, &["-d", "--name", &name, "--max-wait", "1ms"], &["OneSecond"]).await?.expect(124)?;
    ensure!(ran.stderr.contains(" s and has been killed: ") && ran.stderr.contains("hint: "), "{ran:?}");
    let id = ran.application()?;
    let killed = cluster.wait_for_state(&id, "KILLED", LIMIT).await?;
    ensure!(text(&killed, "diagnostics").contains("killed by `--max-wait`: "), "{killed}");
    nothing_left(cluster, &id, GONE).await?;

    // One that gets its turn is left alone, and the detached client stays until then.
    let ran = run(cluster, &["-d", "-o", "json", "--max-wait", "2min"], &["OneSecond"]).await?.expect(0)?;
    ensure!(matches!(text(&ran.json()?, "state"), "RUNNING" | "FINISHED"), "{ran:?}");
    let ended = end(cluster, &ran.application()?).await?;
    ensure!(text(&ended, "final_status") == "SUCCEEDED", "{ended}");
    Ok(())
}
