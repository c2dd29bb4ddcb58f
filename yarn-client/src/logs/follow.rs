//! What is being written: the ends of running containers' files, again and again.

use std::ops::ControlFlow;
use std::time::Duration;

use proto::ids::ApplicationId;

use super::local::Running;
use super::progress::Rest;
use super::{LogFile, Logs, LogsError, Origin, Progress, Sink, Wanted};
use crate::deploy::Gateway;
use crate::yarn::container_logs;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Nodes collect within some seconds after the end.
const COLLECTED: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(10);
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
    let mut running = begun.running.iter().map(Node::of).collect::<Vec<_>>();
    let mut over = false;
    loop {
        for node in running.iter().filter(|node| wanted.container(&node.container)) {
            let Ok(files) = container_logs::list(&node.address, &node.container, TIMEOUT).await else {
                continue;
            };
            for (at, from) in progress.plan(&node.container, &files, wanted) {
                let file = &files[at];
                let log = LogFile {
                    container: node.container.clone(),
                    node: node.name.clone(),
                    name: file.name.clone(),
                    length: file.length,
                    modified_ms: None,
                    modified: Some(file.modified.clone()),
                    origin: Origin::Local,
                };
                let to = grown(&node.address, &log, from, sink).await?;
                progress.read(&node.container, &file.name, to);
            }
        }
        if over {
            return rest(gateway, id, wanted, &progress, sink).await;
        }
        tokio::time::sleep(PAUSE).await;
        let report = gateway.application(id).await?;
        // One more look: the last lines say how it ended.
        over = report.state.is_final();
        if let Some(attempt) = report.attempt
            && let Ok(containers) = gateway.resource_manager.containers(attempt).await
            && !containers.is_empty()
        {
            running = containers.into_iter().map(Running::new).map(|it| Node::of(&it)).collect();
        }
    }
}

/// A container, and where its files are.
struct Node {
    container: String,
    name: String,
    address: String,
}

impl Node {
    fn of(running: &Running) -> Self {
        Self {
            container: running.id.clone(),
            name: running.node.clone(),
            address: running.address().to_owned(),
        }
    }
}

/// What was written after the last look has been collected meanwhile, or will be soon.
async fn rest(
    gateway: &Gateway,
    id: ApplicationId,
    wanted: &Wanted,
    progress: &Progress,
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
            container_logs::read_last(address, &log.container, &log.name, last, TIMEOUT, &mut keep).await;
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
