//! Logs of containers whose NodeManager still has them, from its web service (`NMWebServices`): the files in the
//! container's log directory, and the content of each.

use std::io;
use std::ops::ControlFlow;

use super::progress::Noting;
use super::{LogFile, LogsError, Origin, Seen, Sink, Wanted};
use crate::yarn::ContainerReport;
use crate::yarn::container_logs::{self, LocalLog, Part};
use crate::yarn::web::{self, WebError};

/// A container of a running attempt.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) id: String,
    pub(super) node: String,
    pub(super) address: String,
    pub(super) web: web::Client,
}

impl Running {
    pub(super) fn new(report: ContainerReport, web: web::Client) -> Self {
        Self {
            id: report.id.to_string(),
            node: report.node.to_string(),
            address: report.node_http_address,
            web,
        }
    }

    /// Lists the files in its directory.
    pub(super) async fn list(&self) -> Result<Vec<LocalLog>, WebError> {
        container_logs::list(&self.web, &self.address, &self.id, container_logs::STEP).await
    }

    /// One of its files, as it was listed.
    pub(super) fn file(&self, listed: LocalLog) -> LogFile {
        LogFile {
            container: self.id.clone(),
            node: self.node.clone(),
            name: listed.name,
            length: listed.length,
            modified_ms: None,
            modified: Some(listed.modified),
            origin: Origin::Local,
        }
    }

    /// Reads the container's files. What cannot be read is recorded, and reading continues.
    ///
    /// # Errors
    /// Only those of the sink.
    pub(super) async fn read(
        &self,
        wanted: &Wanted,
        seen: &mut Seen,
        sink: &mut Noting<'_>,
    ) -> io::Result<()> {
        if !wanted.container(&self.id) {
            seen.file(wanted, &self.id, "");
            return Ok(());
        }
        let failed = |what: String, source: Box<dyn std::error::Error + Send + Sync>| LogsError::Node {
            address: self.address.clone(),
            what,
            source,
        };
        let what = format!("the logs of {}", self.id);
        // Wait for it only once.
        if seen.silent.contains(&self.address) {
            seen.fail(failed(what, "it did not respond before".into()));
            return Ok(());
        }
        let files = match self.list().await {
            Ok(files) => files,
            Err(source) => {
                if source.is_silence() {
                    seen.silent.insert(self.address.clone());
                }
                seen.fail(failed(what, source.into()));
                return Ok(());
            }
        };
        for listed in files {
            let file = self.file(listed);
            if !seen.file(wanted, &self.id, &file.name) {
                sink.passed_over(&file);
                continue;
            }
            if sink.begin(&file)? == ControlFlow::Break(()) {
                continue;
            }
            let mut written = Ok(());
            let mut left = file.length;
            let mut write = |_, part: &[u8]| {
                // The file may have grown in the meantime.
                let part = &part[..part.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
                left -= part.len() as u64;
                written = sink.content(part);
                if written.is_ok() && left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            let read = container_logs::read(
                &self.web,
                &self.address,
                &self.id,
                &file.name,
                Part::First(file.length),
                &mut write,
            )
            .await;
            written?;
            sink.end(&file)?;
            if let Err(source) = read {
                let is_silence = source.is_silence();
                seen.fail(failed(format!("{} of {}", file.name, self.id), source.into()));
                if is_silence {
                    seen.silent.insert(self.address.clone());
                    break;
                }
            }
        }
        Ok(())
    }
}
