//! Fifty clients watch an application with a thousand TaskManagers: how late they learn of events. The events are those
//! of a simulated life; sockets, TLS and gRPC are real, and all in this process.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use app_master::control::certificates::Certificates;
use app_master::control::events::Events;
use app_master::control::{listen, serve};
use app_master::machine::Settings;
use app_master::sim::{JobModel, Scenario, World, settings};
use app_master::web::forward::Forward;
use proto::control::{WatchRequest, watch_reply};
use proto::ids::ApplicationId;
use yarn_client::control::Identity;

use crate::report::{Must, Report};

const WATCHERS: usize = 50;
const TASK_MANAGERS: u32 = 1000;
/// Number of events at once: every heartbeat of a busy cluster brings some.
const BURST: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn measure(runs: u16, report: &mut Report) -> Result<()> {
    let mut lags = Vec::new();
    let mut told = 0;
    for _ in 0..runs {
        let (events, mut run) = once().await?;
        told = events;
        run.sort_by(f64::total_cmp);
        lags.push(run[run.len() * 99 / 100]);
    }
    report.row("lag of 50 watchers, 99 %", "ms", &lags, None, Must::Most(100.0));
    report.note(format!(
        "lag of watchers: {WATCHERS} watchers hear {told} events of {TASK_MANAGERS} containers."
    ));
    Ok(())
}

/// The number of events, and each watcher's lag with each, in ms.
async fn once() -> Result<(usize, Vec<f64>)> {
    let mut job = JobModel::short(TASK_MANAGERS);
    job.work = Duration::from_secs(60);
    let mut scenario = Scenario::calm(Settings { parallelism: TASK_MANAGERS, ..settings() }, job);
    scenario.nodes = 100;
    let occurrences = World::new(scenario, 1).occurrences(Duration::from_secs(3600));
    ensure!(occurrences.len() > 3 * TASK_MANAGERS as usize, "only {} events", occurrences.len());

    let application = ApplicationId { cluster_timestamp: 1_700_000_000_000, id: 1 };
    let certificates = Certificates::issue(application)?;
    let (listener, address) = listen("127.0.0.1").await?;
    let events = Events::new(1, Vec::new());
    let (asker, _questions) = tokio::sync::mpsc::channel(1);
    let (_, place) = tokio::sync::watch::channel(None);
    tokio::spawn(serve(listener, certificates.server, events.clone(), asker, Forward::new(place)));
    let sent = Arc::new(Mutex::new(Vec::with_capacity(occurrences.len())));
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let mut control =
            Identity::parse(application, &certificates.client)?.control(&address.to_string()).await?;
        let request = WatchRequest { after: None, follow: true };
        let mut replies = control.watch(request).await?.into_inner();
        let sent: Arc<Mutex<Vec<Instant>>> = Arc::clone(&sent);
        watchers.push(tokio::spawn(async move {
            let mut lags = Vec::new();
            while let Ok(Some(reply)) = replies.message().await {
                let Some(watch_reply::Reply::Event(event)) = reply.reply else { continue };
                let number = event.id.map_or(0, |id| id.number);
                let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                let sent = sent.lock().ok().and_then(|sent| sent.get(at?).copied());
                lags.extend(sent.map(|sent| sent.elapsed().as_secs_f64() * 1000.0));
            }
            lags
        }));
    }
    let count = occurrences.len();
    for burst in occurrences.chunks(BURST) {
        for occurrence in burst {
            if let Ok(mut sent) = sent.lock() {
                sent.push(Instant::now());
            }
            events.push(occurrence.clone().into(), 0);
        }
        tokio::time::sleep(PAUSE).await;
    }
    events.end();
    let mut lags = Vec::new();
    for watcher in watchers {
        let heard = watcher.await.context("a watcher")?;
        ensure!(heard.len() == count, "a watcher heard {} of {count} events", heard.len());
        lags.extend(heard);
    }
    Ok((count, lags))
}
