//! Follows the files of running containers by polling their ends.

use std::time::Duration;

use proto::ids::ApplicationId;

use super::fresh::{Found, Fresh};
use super::local::Running;
use super::progress::{Place, Rest};
use super::{Cluster, LogFile, Logs, LogsError, Progress, Sink, Wanted};
use crate::yarn::container_logs::{self, Part};

/// Pause between two polls.
const PAUSE: Duration = Duration::from_secs(1);
/// Nodes aggregate within some seconds after the end.
const COLLECTED: Duration = Duration::from_secs(30);
/// A node returns the last bytes of a file, which may have grown by this much since it was listed.
const SLACK: u64 = 64 * 1024;

/// Continues where [`Logs::read`] has ended, until the application ends.
///
/// # Errors
/// As [`Logs::read`]. A node that does not respond is asked again. Returns what could not be read at the end.
pub async fn follow(
    cluster: Cluster<'_>,
    id: ApplicationId,
    wanted: &Wanted,
    begun: &Logs,
    mut progress: Progress,
    sink: &mut dyn Sink,
) -> Result<Vec<LogsError>, LogsError> {
    // What is rolled while it is followed belongs to it, wherever it is found.
    let wanted = &Wanted { rolled: true, ..wanted.clone() };
    let mut running = begun.running.clone();
    let mut over = false;
    loop {
        for container in running.iter().filter(|container| wanted.container(&container.id)) {
            let Ok(files) = container.list().await else {
                continue;
            };
            let mut pieces = progress.plan(&container.id, &files, wanted).into_iter();
            while let Some(piece) = pieces.next() {
                let file = container.file(files[piece.at].clone());
                let found = grown(container, &file, piece.place.clone(), sink).await?;
                if progress.settle(&container.id, &files, piece, found, &mut pieces).is_break() {
                    break;
                }
            }
        }
        if over {
            return rest(cluster, id, wanted, progress, sink).await;
        }
        tokio::time::sleep(PAUSE).await;
        let report = cluster.resource_manager.report(id).await?;
        // Poll once more: the last lines say how it ended.
        over = report.state.is_final();
        if let Ok(containers) = super::running(cluster, &report).await
            && !containers.is_empty()
        {
            running = containers;
        }
    }
}

/// Reads what was written after the last poll: it has been aggregated in the meantime, or will be soon.
async fn rest(
    cluster: Cluster<'_>,
    id: ApplicationId,
    wanted: &Wanted,
    progress: Progress,
    sink: &mut dyn Sink,
) -> Result<Vec<LogsError>, LogsError> {
    let deadline = tokio::time::Instant::now() + COLLECTED;
    loop {
        let late = tokio::time::Instant::now() >= deadline;
        if let Ok(logs) = super::find(cluster, id).await
            && (late || !logs.incomplete)
        {
            return match logs.read(wanted, &mut Rest::new(progress, sink)).await {
                Err(LogsError::NoSuchFile { .. } | LogsError::NoSuchContainer { .. }) => Ok(Vec::new()),
                read => read.map(|read| read.failed),
            };
        }
        if late {
            return Ok(Vec::new());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Passes on what has been written since `place`.
async fn grown(
    container: &Running,
    log: &LogFile,
    mut place: Place,
    sink: &mut dyn Sink,
) -> Result<Found, LogsError> {
    let mut slack = SLACK;
    loop {
        let last = (log.length - place.to).saturating_add(slack);
        let mut fresh = Fresh::new(log, place, sink);
        let mut take = |whole, part: &[u8]| fresh.take(whole, last, part);
        // A node that does not respond is asked again at the next poll.
        let Running { address, web, .. } = container;
        let part = Part::Last(last);
        let _ = container_logs::read(web, address, &log.container, &log.name, part, &mut take).await;
        match fresh.end()? {
            Found::More(same) => place = same,
            found => return Ok(found),
        }
        slack = slack.saturating_mul(4);
    }
}
