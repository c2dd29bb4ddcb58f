//! What is known about an application and its surroundings, and how it is gathered.

use std::time::Duration;

use proto::control::{StatusReply, Tokens};
use proto::ids::ApplicationId;

use super::outcome::Outcome;
use super::{CauseCode, waiting};
use crate::cluster::{ApplicationError, Gateway, foreign, tags};
use crate::flink::rest::{JobOverview, Options, Overview, RestError};
use crate::yarn::{
    ApplicationReport, ApplicationState, AttemptReport, ContainerReport, NodeReport, QueueInfo,
    ResourceManager, YarnError, web,
};

/// Limit for one response of the ResourceManager, which has just responded.
const RESOURCE_MANAGER: Duration = Duration::from_secs(5);
/// Web services are asked in passing.
const WEB: Duration = Duration::from_secs(1);
/// Flink is asked in passing; it may be behind a firewall.
const FLINK: Options = Options {
    connect_timeout: Duration::from_millis(500),
    timeout: Duration::from_secs(2),
    max_body: 4 << 20,
};

/// What a running job's Flink reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlinkView {
    /// TaskManagers and slots.
    pub overview: Overview,
    /// The jobs.
    pub jobs: Vec<JobOverview>,
}

/// What a running application is waiting for, according to its own master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// A sentence.
    pub text: String,
    /// The code, if waiting alone may not help.
    pub code: Option<CauseCode>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Waiting {
    fn of(status: &StatusReply) -> Option<Self> {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Some(Self {
            text: said(&status.waiting)?,
            code: status.waiting_code.parse().ok(),
            hint: said(&status.waiting_hint),
        })
    }
}

/// Everything relevant to an application. Only the report is always present: what was not requested, or not returned, is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The application.
    pub report: ApplicationReport,
    /// Its attempts.
    pub attempts: Vec<AttemptReport>,
    /// Live containers of the current attempt.
    pub containers: Vec<ContainerReport>,
    /// State of the application master's container in its NodeManager's terms, while it starts: `LOCALIZING`,
    /// `RUNNING`; see [`web::container_state`].
    pub am_container_state: Option<String>,
    /// Memory of the container that it requests, MiB, if it requests exactly one.
    pub asked_mib: Option<u64>,
    /// Its queue.
    pub queue: Option<QueueInfo>,
    /// All nodes, including dead ones; `None` if they are not known.
    pub nodes: Option<Vec<NodeReport>>,
    /// Flink's own view, of a running application.
    pub flink: Option<FlinkView>,
    /// What a running application's own master says it is waiting for; see [`consult`](super::consult).
    pub waiting: Option<Waiting>,
    /// The only hosts on which its TaskManagers may run, according to its master; empty: any.
    pub hosts: Vec<String>,
    /// Id and state of a running application's only job, according to its master.
    pub told_job: Option<(String, String)>,
    /// The tokens of a running application on a secure cluster, according to its master.
    pub tokens: Option<Tokens>,
    /// Why a running application's own master did not respond, although it should have; see [`consult`](super::consult).
    pub silent: Option<String>,
    /// The newest checkpoint of an application that has ended without reporting one.
    pub checkpoint: Option<String>,
    /// What could not be determined, and why.
    pub unknown: Vec<String>,
}

impl Evidence {
    /// Only the report, for views of many applications.
    pub fn of(report: ApplicationReport) -> Self {
        Self {
            report,
            attempts: Vec::new(),
            containers: Vec::new(),
            am_container_state: None,
            asked_mib: None,
            queue: None,
            nodes: None,
            flink: None,
            waiting: None,
            hosts: Vec::new(),
            told_job: None,
            tokens: None,
            silent: None,
            checkpoint: None,
            unknown: Vec::new(),
        }
    }

    /// Adds what the application's master reports.
    pub fn told(&mut self, status: &StatusReply) {
        self.waiting = Waiting::of(status);
        self.hosts.clone_from(&status.hosts);
        self.tokens.clone_from(&status.tokens);
        self.told_job = match status.jobs.as_slice() {
            [job] if status.session.is_none() => Some((job.id.clone(), job.state.clone())),
            _ => None,
        };
    }

    /// Id and state of the job of an application that has one: according to its end (`outcome`), its master or, without
    /// the state, its submission.
    pub fn job(&self, outcome: Option<&Outcome>) -> (Option<String>, Option<String>) {
        let (id, state) = self.told_job.clone().unzip();
        let ended_id = outcome.and_then(|outcome| outcome.job_id.clone());
        let ended_state = outcome.and_then(|outcome| outcome.job_state).map(|state| state.to_string());
        (ended_id.or(id).or_else(|| tags::job_of(&self.report.tags)), ended_state.or(state))
    }

    /// The application master's container, while it exists.
    pub(super) fn am_container(&self) -> Option<&ContainerReport> {
        let attempt = self.attempts.iter().find(|attempt| Some(attempt.id) == self.report.attempt)?;
        self.containers.iter().find(|container| Some(container.id) == attempt.am_container)
    }
}

/// One application, with what explains its state.
///
/// # Errors
/// As [`Gateway::application`]. Anything else that cannot be determined is in [`Evidence::unknown`].
pub async fn evidence(gateway: &Gateway, id: ApplicationId) -> Result<Evidence, ApplicationError> {
    let report = gateway.application(id).await?;
    // Several requests at once are too large for the callers' stacks.
    Ok(Box::pin(gather(&gateway.resource_manager, report)).await)
}

/// Requests what explains the reported state: one round of a few concurrent calls. What is not returned, or not
/// permitted for the caller, is listed in [`Evidence::unknown`] and makes the explanation less specific.
pub async fn gather(resource_manager: &ResourceManager, report: ApplicationReport) -> Evidence {
    let mut evidence = Evidence::of(report);
    let report = &evidence.report;
    let waits = !report.state.is_final() && report.state != ApplicationState::Running;
    let runs = report.state == ApplicationState::Running;
    let failed = report.state == ApplicationState::Failed && report.attempt.is_some();
    let containers = async {
        match report.attempt {
            Some(attempt) => resource_manager.containers(attempt).await,
            None => Ok(Vec::new()),
        }
    };
    let (attempts, containers, queue, nodes, asked_mib, flink) = tokio::join!(
        asked(waits || failed, resource_manager.attempts(report.id)),
        asked(waits, containers),
        asked(waits || runs, resource_manager.queue(&report.queue)),
        asked(waits || runs, resource_manager.nodes(&[])),
        ask_size(resource_manager, report, waits),
        ask_flink(resource_manager, runs.then_some(report)),
    );
    let mut unknown = Vec::new();
    let mut keep = |what: &str, error: String| unknown.push(format!("{what}: {error}"));
    match attempts {
        Some(Ok(attempts)) => evidence.attempts = attempts,
        Some(Err(error)) => keep("the attempts", error),
        None => {}
    }
    match containers {
        Some(Ok(containers)) => evidence.containers = containers,
        Some(Err(error)) => keep("the containers", error),
        None => {}
    }
    match queue {
        Some(Ok(queue)) => evidence.queue = queue,
        Some(Err(error)) => keep("the queue", error),
        None => {}
    }
    match nodes {
        Some(Ok(nodes)) => evidence.nodes = Some(nodes),
        Some(Err(error)) => keep("the nodes", error),
        None => {}
    }
    match flink {
        Some(Ok(flink)) => evidence.flink = Some(flink),
        Some(Err(error)) if waiting::is_ours(&evidence.report) => keep("Flink", error.to_string()),
        Some(Err(_)) | None => {}
    }
    evidence.asked_mib = asked_mib;
    evidence.unknown = unknown;
    if waits && let Some(container) = evidence.am_container() {
        // A node that does not respond makes the explanation only slightly less specific.
        let asked =
            web::container_state(resource_manager.web(), &container.node_http_address, container.id, WEB)
                .await;
        evidence.am_container_state = asked.ok();
    }
    evidence
}

async fn asked<T>(
    wanted: bool,
    call: impl Future<Output = Result<T, YarnError>>,
) -> Option<Result<T, String>> {
    if !wanted {
        return None;
    }
    Some(match tokio::time::timeout(RESOURCE_MANAGER, call).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", RESOURCE_MANAGER.as_secs())),
    })
}

/// The ResourceManager's web service is where its proxy for the application is: only `yarn.web-proxy.address` moves
/// that elsewhere, to a server that does not support the request.
async fn ask_size(
    resource_manager: &ResourceManager,
    report: &ApplicationReport,
    wanted: bool,
) -> Option<u64> {
    let url = url::Url::parse(&report.tracking_url).ok().filter(|_| wanted)?;
    let address = format!("{}://{}:{}", url.scheme(), url.host_str()?, url.port_or_known_default()?);
    let asked = web::asked_mib(resource_manager.web(), &address, report.id, WEB).await.ok()?;
    match asked.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

/// Flink, through YARN's web proxy: its own server listens on loopback.
async fn ask_flink(
    resource_manager: &ResourceManager,
    report: Option<&ApplicationReport>,
) -> Option<Result<FlinkView, RestError>> {
    let client = foreign::client(resource_manager.web(), report?, FLINK)?;
    let answers = tokio::try_join!(client.overview(), client.jobs_overview());
    Some(answers.map(|(overview, jobs)| FlinkView { overview, jobs }))
}
