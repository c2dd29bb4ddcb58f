//! What is being written: the ends of running containers' files, again and again.

use std::ops::ControlFlow;
use std::time::Duration;

use proto::ids::ApplicationId;

use super::local::TIMEOUT;
use super::progress::Rest;
use super::{LogFile, Logs, LogsError, Progress, Sink, Wanted};
use crate::deploy::Gateway;
use crate::yarn::container_logs::{self, Part};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Nodes collect within some seconds after the end.
const COLLECTED: Duration = Duration::from_secs(30);
/// A node hands out the last bytes of a file; it may have grown by this much since it was listed.
const SLACK: u64 = 64 * 1024;

/// Goes on where [`Logs::read`] has ended, until the application has.
///
/// # Errors
/// As [`Logs::read`]. A node that does not answer is asked again.
pub async fn follow(
    gateway: &Gateway,
    id: ApplicationId,
    wanted: &Wanted,
    begun: &Logs,
    mut progress: Progress,
    sink: &mut dyn Sink,
) -> Result<(), LogsError> {
    let mut running = begun.running.clone();
    let mut over = false;
    loop {
        for container in running.iter().filter(|container| wanted.container(&container.id)) {
            let Ok(files) = container_logs::list(&container.address, &container.id, TIMEOUT).await else {
                continue;
            };
            for (at, from) in progress.plan(&container.id, &files, wanted) {
                let file = container.file(files[at].clone());
                let to = grown(&container.address, &file, from, sink).await?;
                progress.read(&container.id, &file.name, to);
            }
        }
        if over {
            return rest(gateway, id, wanted, progress, sink).await;
        }
        tokio::time::sleep(PAUSE).await;
        let report = gateway.application(id).await?;
        // One more look: the last lines say how it ended.
        over = report.state.is_final();
        if let Ok(containers) = super::running(gateway, &report).await
            && !containers.is_empty()
        {
            running = containers;
        }
    }
}

/// What was written after the last look has been collected meanwhile, or will be soon.
async fn rest(
    gateway: &Gateway,
    id: ApplicationId,
    wanted: &Wanted,
    progress: Progress,
    sink: &mut dyn Sink,
) -> Result<(), LogsError> {
    let deadline = tokio::time::Instant::now() + COLLECTED;
    loop {
        let late = tokio::time::Instant::now() >= deadline;
        if let Ok(logs) = super::find(gateway, id).await
            && (late || !logs.incomplete)
        {
            return match logs.read(wanted, &mut Rest::new(progress, sink)).await {
                Err(LogsError::NoSuchFile { .. } | LogsError::NoSuchContainer { .. }) => Ok(()),
                read => read.map(drop),
            };
        }
        if late {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Hands on what has come since `from`. Returns up to where.
async fn grown(address: &str, log: &LogFile, from: u64, sink: &mut dyn Sink) -> Result<u64, LogsError> {
    let mut slack = SLACK;
    loop {
        let mut parts = Vec::new();
        let last = (log.length - from).saturating_add(slack);
        let mut keep = |part: &[u8]| {
            parts.push(bytes::Bytes::copy_from_slice(part));
            ControlFlow::Continue(())
        };
        let read =
            container_logs::read(address, &log.container, &log.name, Part::Last(last), TIMEOUT, &mut keep)
                .await;
        // Asked again at the next look.
        let Ok(length) = read else { return Ok(from) };
        // Rolled away since it was listed: the next look knows its new name.
        if length < log.length {
            return Ok(from);
        }
        let content: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let begin = length.saturating_sub(content);
        if begin > from {
            // It has grown by more: what lies between must not be missed.
            slack = slack.saturating_mul(4);
            continue;
        }
        let mut skip = from - begin;
        let _ = sink.begin(log)?;
        for part in parts {
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(part.len());
            skip -= skipped as u64;
            sink.content(&part[skipped..])?;
        }
        sink.end(log)?;
        return Ok(length.max(from));
    }
}
