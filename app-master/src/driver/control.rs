//! Starts the control plane, and translates between it and the machine.

use std::time::Duration;

use proto::control::{self, event, watch_reply};
use proto::launch::LaunchSpec;
use tokio::sync::mpsc;
use tokio::time::Instant;
use yarn_client::conf::Configuration;
use yarn_client::now_ms;

use super::container::Container;
use super::ports;
use super::staging::Staging;
use crate::control::certificates::{CertificateError, Certificates};
use crate::control::events::Events;
use crate::control::record::Record;
use crate::control::{Question, listen, serve};
use crate::machine::Occurrence;
use crate::telling::Telling;
use crate::warnings::Warnings;
use crate::web::access::Access;
use crate::web::acl::Rights;
use crate::web::forward::Forward;
use crate::web::groups::Groups;
use crate::web::{self, Web};

/// Number of questions that may wait for the machine.
const QUESTIONS: usize = 64;
/// How soon an event is written down for the watchers of a later attempt, and the pause until the next write, for each 500
/// events: all of them are written each time.
const SOON: Duration = Duration::from_secs(1);
const KEEP_PAUSE: Duration = Duration::from_secs(4);
/// Pauses between attempts to leave the client's certificate in the staging directory.
const PAUSE: Duration = Duration::from_secs(5);

/// The driver's end of the control plane.
#[derive(Debug)]
pub(super) struct ControlPlane {
    /// `None` when it could not be started: the job does not depend on it.
    pub(super) port: Option<u16>,
    pub(super) questions: mpsc::Receiver<Question>,
    asker: mpsc::Sender<Question>,
    events: Events,
    record: Record,
    telling: Telling,
    begun: Instant,
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("cannot listen on {host}")]
    Listen { host: String, source: std::io::Error },
    #[error(transparent)]
    Certificates(#[from] CertificateError),
}

impl ControlPlane {
    /// Starts to listen, and leaves the client's certificate in the staging directory.
    pub(super) async fn start(container: &Container, staging: &Staging, flink: Forward) -> Self {
        let attempt = u32::try_from(container.id.attempt.attempt).unwrap_or(1);
        let earlier = if attempt > 1 { staging.earlier_events().await } else { Vec::new() };
        let events = Events::new(attempt, earlier);
        let (asker, questions) = mpsc::channel(QUESTIONS);
        let mut record = Record::new(&container.log_dir);
        let mut begin = |what, at| record.write(events.push(what, at));
        // Only the first attempt reports these, although it has not seen them.
        if attempt == 1 {
            if let Some(at) = container.submitted_ms {
                begin(event::What::Submitted(control::Submitted {}), at);
            }
            if let Some(at) = container.localising_ms() {
                begin(event::What::Localising(control::Localising {}), at);
            }
        }
        let started = event::What::AttemptStarted(control::AttemptStarted {
            container: container.id.to_string(),
            host: container.host.clone(),
        });
        begin(started, now_ms());
        let port = match open(container, staging, &events, asker.clone(), flink).await {
            Ok(port) => Some(port),
            Err(error) => {
                tracing::warn!("cannot start the control plane: {error}");
                None
            }
        };
        Self { port, questions, asker, events, record, telling: Telling::default(), begun: Instant::now() }
    }

    /// Starts to serve the web page, on a port of `range`. Returns the port; `None` if there is none: the job does not
    /// depend on it.
    pub(super) async fn start_web(
        &self,
        conf: &Configuration,
        container: &Container,
        spec: &LaunchSpec,
        flink: Forward,
    ) -> Option<u16> {
        let listener = match ports::web(&container.host, &spec.web_port_range) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!("cannot start the web page: {error}");
                return None;
            }
        };
        let port = listener.local_addr().ok()?.port();
        let application = container.id.attempt.application.to_string();
        let access = Access::new(conf, &application);
        tokio::spawn(access.clone().keep_resolving());
        let web = Web {
            access,
            rights: Rights::new(conf, spec, &application),
            groups: Groups::new(conf),
            flink,
            events: self.events.clone(),
            questions: self.asker.clone(),
            application: application.into(),
            user: spec.user.clone().into(),
        };
        tokio::spawn(web::serve(listener, web));
        Some(port)
    }

    /// Reports an occurrence to followers and in the log.
    pub(super) fn tell(&mut self, occurrence: Occurrence) {
        let line = self.telling.line(&occurrence, self.begun.elapsed());
        let event = self.events.push(occurrence.into(), now_ms());
        if let Some(line) = line {
            tracing::info!("{line}");
            self.record.write(event);
        }
    }

    /// The last event has been reported.
    pub(super) fn end(&self) {
        self.events.end();
    }
}

async fn open(
    container: &Container,
    staging: &Staging,
    events: &Events,
    asker: mpsc::Sender<Question>,
    flink: Forward,
) -> Result<u16, StartError> {
    let host = &container.host;
    let listening = listen(host).await;
    let (listener, address) =
        listening.map_err(|source| StartError::Listen { host: host.clone(), source })?;
    let certificates = Certificates::issue(container.id.attempt.application)?;
    tokio::spawn(serve(listener, certificates.server, events.clone(), asker, flink));
    tokio::spawn(keep(events.clone(), staging.clone()));
    let staging = staging.clone();
    tokio::spawn(async move {
        let warnings = Warnings::of("leaving the client's certificate");
        while let Err(failure) = staging.write_certificate(certificates.client.clone()).await {
            warnings.failed(&failure);
            tokio::time::sleep(PAUSE).await;
        }
        warnings.worked();
    });
    Ok(address.port())
}

/// Writes events down for the next attempt. Checkpoints alone do not trigger this: thousands of jobs take them all day.
async fn keep(events: Events, staging: Staging) {
    let warnings = Warnings::of("writing events down");
    let mut watcher = events.watch(None, true);
    while let Some(reply) = watcher.next().await {
        let Some(watch_reply::Reply::Event(event)) = reply.reply else { continue };
        if matches!(event.what, Some(event::What::CheckpointCompleted(_))) {
            continue;
        }
        tokio::time::sleep(SOON).await;
        watcher = events.watch(events.last().as_ref(), true);
        let all = events.all();
        let pause = KEEP_PAUSE * (1 + u32::try_from(all.len() / 500).unwrap_or(u32::MAX));
        match staging.write_events(all).await {
            Ok(()) => warnings.worked(),
            Err(error) => warnings.failed(&error),
        }
        tokio::time::sleep(pause).await;
    }
}
