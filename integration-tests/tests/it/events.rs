//! `events`: what a running application reports, across the restart of its master, and to whom.

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::shared;
use serde_json::Value;

use crate::counting::Counting;
use crate::failures::appears;
use crate::tool::{LIMIT, Ran, as_other, command, eventually, finish, text, yarn_flink};

#[tokio::test]
async fn followers_receive_every_event_once() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = &shared::cluster().await?;
    let job = Counting::submit(cluster, &[], &[]).await?;
    let id = job.id.clone();
    // It starts before the application's master runs.
    let follower = command(cluster, &["events", "--follow", "-o", "json", &id])?.spawn()?;
    let before = job.completes_a_checkpoint().await?;
    // Events that are to outlive this attempt have to be written down.
    eventually("the events are written down", LIMIT, || async { has_events(cluster, &id).await }).await?;
    refused(cluster, &id).await?;
    let told = lines(&yarn_flink(cluster, &["events", "-o", "json", &id]).await?.expect(0)?)?;
    let seen = told.last().context("no events")?.clone();

    appears("application master", || cluster.app_masters(&id)).await?.kill_9();
    job.goes_on_from(before).await?;
    let rest = yarn_flink(cluster, &["events", "-o", "json", "--after", text(&seen, "id"), &id]).await?;
    let rest = lines(&rest.expect(0)?)?;
    ensure!(rest.iter().all(|event| place(event) > place(&seen)), "repeated: {rest:?}");
    ensure!(kinds(&rest).contains(&"attempt_started"), "{rest:?}");
    // Checkpoints are looked at every two seconds.
    eventually("a checkpoint is told", LIMIT, || async {
        let told = lines(&yarn_flink(cluster, &["events", "-o", "json", &id]).await?.expect(0)?)?;
        Ok(kinds(&told).contains(&"checkpoint_completed"))
    })
    .await?;
    job.finishes().await?;

    let all = lines(&finish(follower).await?.expect(0)?)?;
    for attempt in [1, 2] {
        let numbers: Vec<_> =
            all.iter().map(place).filter(|(of, _)| *of == attempt).map(|(_, n)| n).collect();
        let expected: Vec<_> = (1..=u64::try_from(numbers.len())?).collect();
        ensure!(numbers == expected && !numbers.is_empty(), "attempt {attempt}: {numbers:?}");
    }
    let kinds = kinds(&all);
    ensure!(kinds.starts_with(&["submitted", "localising", "attempt_started"]), "{kinds:?}");
    let times: Vec<_> = all.iter().take(3).map(|event| event["time_ms"].as_u64()).collect();
    ensure!(times.is_sorted() && times.iter().all(Option::is_some), "{times:?}");
    for kind in ["registered", "allocated", "launched", "task_manager_registered"] {
        ensure!(kinds.iter().filter(|it| **it == kind).count() >= 2, "{kind}: {kinds:?}");
    }
    ensure!(kinds.contains(&"checkpoint_completed"), "{kinds:?}");
    let stopping = all.iter().find(|event| text(event, "event") == "stopping").context("no end")?;
    ensure!(text(stopping, "job_state") == "FINISHED", "{stopping}");

    // Its masters have left them with their logs, the killed one everything that it had reported.
    eventually("its events outlive it", LIMIT, || async {
        let ended = yarn_flink(cluster, &["events", "-o", "json", &id]).await?;
        let told = if ended.code == Some(0) { lines(&ended)? } else { Vec::new() };
        let left = |events: &[Value]| -> Vec<(u32, u64)> {
            let worth = events.iter().filter(|event| text(event, "event") != "checkpoint_completed");
            worth.map(place).collect()
        };
        Ok(left(&told) == left(&all))
    })
    .await
}

/// Another user cannot read the certificate, and so gets nothing.
async fn refused(cluster: &Cluster, id: &str) -> Result<()> {
    let ran = as_other(cluster, &["events", id]).await?.expect(3)?;
    ensure!(ran.stdout.is_empty() && ran.stderr.contains("belongs to"), "{ran:?}");
    Ok(())
}

async fn has_events(cluster: &Cluster, id: &str) -> Result<bool> {
    let directory = format!("/user/{}/.yarn-flink/apps/{id}", cluster.user());
    let entries = cluster.hdfs()?.list(&directory).await?;
    Ok(entries.iter().any(|entry| entry.name.starts_with("events-") && !entry.name.ends_with(".writing")))
}

fn lines(ran: &Ran) -> Result<Vec<Value>> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).context("no JSON")).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| text(event, "event")).collect()
}

/// The attempt and the number of an event.
fn place(event: &Value) -> (u32, u64) {
    let (attempt, number) = text(event, "id").split_once('.').unwrap_or_default();
    (attempt.parse().unwrap_or(0), number.parse().unwrap_or(0))
}
