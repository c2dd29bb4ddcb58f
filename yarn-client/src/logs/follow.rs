//! What is being written: the ends of running containers' files, again and again.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use proto::ids::ApplicationId;

use super::{LogFile, Logs, LogsError, Origin, Sink, Wanted};
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
    sink: &mut dyn Sink,
) -> Result<(), LogsError> {
    // Bytes of each file that have been handed on.
    let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut first = true;
    let mut over = false;
    let mut running =
        begun.running.iter().map(|it| (it.id.clone(), it.address().to_owned())).collect::<Vec<_>>();
    loop {
        for (container, address) in &running {
            if !wanted.container(container) {
                continue;
            }
            let Ok(files) = container_logs::list(address, container, TIMEOUT).await else { continue };
            for file in files.into_iter().filter(|file| wanted.file(&file.name)) {
                let key = (container.clone(), file.name.clone());
                let from = match seen.get(&key) {
                    // Shorter than before: it has been rolled away, and begins anew.
                    Some(from) if *from <= file.length => *from,
                    Some(_) => 0,
                    // What was read before is what was listed then, as far as anybody can tell.
                    None if first => begun.length_read(container, &file.name).unwrap_or(file.length),
                    None => 0,
                };
                let to = if file.length > from {
                    let log = LogFile {
                        container: container.clone(),
                        node: begun.node_of(container),
                        name: file.name,
                        length: file.length,
                        modified_ms: None,
                        modified: Some(file.modified),
                        origin: Origin::Local,
                    };
                    grown(address, &log, from, sink).await?
                } else {
                    from
                };
                seen.insert(key, to);
            }
        }
        if over {
            return rest(gateway, id, wanted, &seen, sink).await;
        }
        first = false;
        tokio::time::sleep(PAUSE).await;
        let report = gateway.application(id).await?;
        // One more look: the last lines say how it ended.
        over = report.state.is_final();
        if let Some(attempt) = report.attempt
            && let Ok(containers) = gateway.resource_manager.containers(attempt).await
        {
            running = containers.into_iter().map(|it| (it.id.to_string(), it.node_http_address)).collect();
        }
    }
}

/// What was written after the last look has been collected meanwhile, or will be soon.
async fn rest(
    gateway: &Gateway,
    id: ApplicationId,
    wanted: &Wanted,
    seen: &BTreeMap<(String, String), u64>,
    sink: &mut dyn Sink,
) -> Result<(), LogsError> {
    let deadline = tokio::time::Instant::now() + COLLECTED;
    loop {
        if let Ok(logs) = super::find(gateway, id).await
            && logs.running.is_empty()
        {
            let mut behind = Behind { seen, skip: 0, sink };
            return match logs.read(wanted, &mut behind).await {
                Err(LogsError::NoSuchFile { .. } | LogsError::NoSuchContainer { .. }) => Ok(()),
                read => read,
            };
        }
        if tokio::time::Instant::now() >= deadline {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Leaves out what has been handed on.
struct Behind<'a> {
    seen: &'a BTreeMap<(String, String), u64>,
    /// Of the file that is being read.
    skip: u64,
    sink: &'a mut dyn Sink,
}

impl Sink for Behind<'_> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        let key = (file.container.clone(), file.name.clone());
        self.skip = self.seen.get(&key).copied().unwrap_or(0);
        if file.length <= self.skip {
            return Ok(ControlFlow::Break(()));
        }
        self.sink.begin(file)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        self.sink.content(&bytes[skipped..])
    }

    fn end(&mut self, file: &LogFile) -> io::Result<()> {
        self.sink.end(file)
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
