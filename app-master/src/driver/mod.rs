//! Performs the machine's actions: each becomes a task that ends with an event. Nothing is decided here.

mod checkpoints;
pub mod container;
mod control;
mod error;
pub mod files;
mod flink;
pub mod job_manager;
pub(crate) mod journal;
mod key_record;
mod node_managers;
mod ports;
mod program;
mod resource_manager;
pub(crate) mod settings;
mod staging;
mod start;
mod tokens;

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::control::StatusReply;
use proto::ids::NodeId;
use proto::launch::{LaunchSpec, Workload};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use yarn_client::cause::{Cause, CauseCode};
use yarn_client::conf::{Configuration, Environment};
use yarn_client::flink::options::{HA_CLUSTER_ID, HA_STORAGE_DIR};
use yarn_client::flink::rest::{Connect, Plain};
use yarn_client::flink::tls::rest::RestTls;
use yarn_client::flink::{FlinkConfig, Version};
use yarn_client::security::{Credentials, User};
use yarn_client::yarn::{AM_RM_TOKEN, NodeManagerClient};

use crate::control::Question;
use crate::machine::{Action, Answer, AppMaster, Event, History, Silence};
use crate::trace::Recorder;
use crate::web::forward::Forward;
use container::Container;
use control::ControlPlane;
pub use error::StartError;
use flink::Flink;
use job_manager::JobManager;
use node_managers::NodeManagers;
use ports::Ports;
use program::Watched;
use resource_manager::AmRmClient;
use settings::settings;
use staging::Staging;
use start::{checkpoint_dir, history, of_containers, only_hosts, own_node, take_spec, trace_file};
use tokens::{Held, News, Tokens};

/// Runs the application to its end and returns the exit code.
///
/// # Errors
/// See [`StartError`]; after a successful start all failures are reported by the machine.
pub async fn run(env: &Environment, directory: &Path) -> Result<u8, StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signal)?;
    let container = Container::from_environment(env)?;
    let mut credentials = Credentials::read(&container.token_file)?;
    let mut spec = take_spec(&mut credentials)?;
    files::prepare(&mut spec, directory)?;
    let spec = Arc::new(spec);
    let token = credentials.find(AM_RM_TOKEN).cloned().ok_or(StartError::NoToken)?;
    let conf = Configuration::from_flat(spec.hadoop_conf.clone());
    let user = User::new(spec.user.clone());
    let attempt = u32::try_from(container.id.attempt.attempt).unwrap_or(1);
    let flink_config = FlinkConfig::from_flat(spec.flink_conf.clone());
    let mut token_status = tokens::status(&credentials);
    let held = Held::new(of_containers(&spec, &credentials));
    let mut tokens = Tokens::new(&conf, &spec, &flink_config, &container, (directory, &held));
    let mut token_news = None;
    if let Some(tokens) = tokens.as_mut().filter(|tokens| attempt > 1 || tokens.are_old()) {
        token_news = tokens.before_the_start().await;
    }
    let staging = Staging::open(&conf, &user, &spec.staging_dir, attempt)?;
    key_record::mark_started(&conf, &spec, &container).await?;
    let rest_tls = RestTls::of(&flink_config, &Version::parse(&spec.flink_version)?, directory)?;
    let history = if attempt > 1 { history(&staging).await? } else { History::default() };
    let settings = settings(&spec, &flink_config, &conf, history)?;
    tracing::info!(container = %container.id, attempt, job = settings.workload.job_id().unwrap_or_default(), history = ?settings.history, "starting");

    let (rest, place) = watch::channel(None);
    let flink = Forward::new(place);
    let mut used = flink.watch_use();
    let control = ControlPlane::start(&container, &staging, flink.clone()).await;
    let web_port = control.start_web(&conf, &container, &spec, flink).await;
    let (events, mut inbox) = mpsc::unbounded_channel();
    let mut driver = Driver {
        resource_manager: AmRmClient::new(&conf, token, &spec, &container.host, control.port)?,
        nodes: NodeManagers::new(NodeManagerClient::new(&conf)?, Arc::clone(&spec), held, &container.host),
        application_layer: settings.application_layer,
        recovers: settings.recovers,
        checkpoint_dir: checkpoint_dir(&flink_config, settings.workload.job_id().unwrap_or_default()),
        own_node: own_node(env, &container),
        conf,
        container,
        spec,
        staging,
        ports: None,
        port_choices: 0,
        flink: None,
        rest_tls,
        rest,
        web_port,
        start: 0,
        job_manager: None,
        control,
        events,
    };
    let (news, mut told) = mpsc::unbounded_channel();
    token_news.into_iter().for_each(|it| drop(news.send(it)));
    if let Some(tokens) = tokens {
        tokio::spawn(tokens.keep(news));
    }
    let start = Instant::now();
    let begun = start.elapsed();
    let mut recorder = Recorder::new(trace_file(&flink_config, &driver.container.log_dir));
    recorder.begin(begun, &settings);
    let mut machine = AppMaster::new(settings, begun);
    loop {
        while let Some(action) = machine.poll_action() {
            recorder.action(&action);
            if let Action::Exit(code) = action {
                driver.control.end();
                return Ok(code);
            }
            driver.perform(action);
        }
        let wake = machine.poll_timeout();
        let event = tokio::select! {
            Some(event) = inbox.recv() => Some(event),
            Some(question) = driver.control.questions.recv() => {
                let now = start.elapsed();
                let overlay = |status| StatusReply {
                    attempt,
                    hosts: only_hosts(&driver.spec),
                    tokens: token_status.clone(),
                    ..status
                };
                answer(question, &mut machine, &mut recorder, overlay, now);
                continue;
            }
            Some(News { occurrence, status }) = told.recv() => {
                token_status = Some(status);
                occurrence.into_iter().for_each(|occurrence| driver.control.tell(occurrence));
                continue;
            }
            Ok(()) = used.changed() => {
                Some(Event::Used { under_way: used.borrow_and_update().in_flight })
            }
            _ = terminate.recv() => Some(Event::Terminate),
            () = sleep_until(wake.map(|after| start + after)) => None,
        };
        let now = start.elapsed();
        match event {
            Some(event) => {
                driver.forget_completed(&event);
                recorder.event(now, &event);
                machine.handle(event, now);
            }
            None => {
                recorder.timeout(now);
                machine.handle_timeout(now);
            }
        }
    }
}

fn answer(
    question: Question,
    machine: &mut AppMaster,
    recorder: &mut Recorder<BufWriter<File>>,
    overlay: impl FnOnce(StatusReply) -> StatusReply,
    now: Duration,
) {
    match question {
        Question::Request(request, asker) => {
            recorder.event(now, &Event::Asked(request.clone()));
            drop(asker.send(machine.ask(request, now)));
        }
        // The requester may be gone.
        Question::Status(asker) => drop(asker.send(overlay(machine.status()))),
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct Driver {
    conf: Configuration,
    container: Container,
    own_node: NodeId,
    spec: Arc<LaunchSpec>,
    resource_manager: AmRmClient,
    nodes: NodeManagers,
    staging: Staging,
    application_layer: bool,
    /// High availability is on: Flink itself resumes a job after a failure.
    recovers: bool,
    /// Where the configuration puts the job's checkpoints.
    checkpoint_dir: Option<String>,
    /// Chosen with the first JobManager.
    ports: Option<Ports>,
    /// How often ports were chosen; each search starts elsewhere.
    port_choices: u32,
    flink: Option<Flink>,
    /// `None`: Flink's REST server speaks plain HTTP.
    rest_tls: Option<RestTls>,
    /// Tells those who forward requests the way to Flink's REST server.
    rest: watch::Sender<Option<Arc<dyn Connect>>>,
    /// The port of the web page, which is the application's page in YARN.
    web_port: Option<u16>,
    /// The number of the newest JobManager.
    start: u32,
    /// The running JobManager's process.
    job_manager: Option<rustix::process::Pid>,
    control: ControlPlane,
    events: mpsc::UnboundedSender<Event>,
}

impl Driver {
    fn perform(&mut self, action: Action) {
        match action {
            Action::Register => {
                // The tracking URL needs the REST port, and the machine starts the JobManager at the same time.
                if self.ports.is_none()
                    && let Err(error) = self.choose_ports()
                {
                    self.send(Event::JobManagerStartFailed { cause: error });
                }
                let resource_manager = self.resource_manager.clone();
                self.spawn(async move { resource_manager.register().await });
            }
            Action::Heartbeat(heartbeat) => {
                let resource_manager = self.resource_manager.clone();
                self.spawn(async move { resource_manager.heartbeat(heartbeat).await });
            }
            Action::StartContainer(container) => self.start_container(*container),
            Action::StopContainer(id) => {
                let nodes = self.nodes.clone();
                tokio::spawn(async move { nodes.stop(id).await });
            }
            Action::Begin => {
                let staging = self.staging.clone();
                self.spawn(async move { staging.begin().await });
            }
            Action::WriteJournal(journal) => {
                let staging = self.staging.clone();
                self.spawn(async move { staging.write_journal(&journal).await });
            }
            Action::CheckFence => {
                let staging = self.staging.clone();
                self.spawn(async move { staging.check_fence().await });
            }
            Action::FindCheckpoint { known, own_directory } => {
                let (staging, configured) = (self.staging.clone(), self.checkpoint_dir.clone());
                let (job_id, log_dir) = (self.job_id(), self.container.log_dir.clone());
                self.spawn(async move {
                    let search =
                        checkpoints::Search { job_id: &job_id, known, configured, log_dir: &log_dir };
                    search.newest(staging.systems(), own_directory).await
                });
            }
            Action::StartJobManager { start, new_ports, restore } => {
                self.start = start;
                self.start_job_manager(new_ports, restore);
            }
            Action::KillJobManager => self.signal_job_manager(Signal::KILL),
            Action::DumpJobManager => self.signal_job_manager(Signal::QUIT),
            Action::PollFlink { details, checkpoints, holders } => {
                self.with_flink(move |flink| async move { flink.look(details, checkpoints, holders).await })
            }
            Action::FetchResult { job_id, checkpoints } => {
                self.with_flink(move |flink| async move { flink.result(&job_id, checkpoints).await })
            }
            Action::CancelJobs(jobs) => self.with_flink(|flink| async move { flink.cancel(&jobs).await }),
            Action::DeleteCluster => self.with_flink(|flink| async move { flink.delete_cluster().await }),
            Action::WatchProgram => self.watch_program(),
            Action::InspectCluster => {
                let (conf, spec, own) = (self.conf.clone(), Arc::clone(&self.spec), self.own_node.clone());
                let environment = self.container.environment.clone();
                self.spawn(async move {
                    let user = match User::resolve(&environment, &conf) {
                        Ok(user) if conf.is_secure() => user,
                        _ => User::new(spec.user.clone()),
                    };
                    resource_manager::cluster_capacity(&conf, &user, &spec, &own).await
                });
            }
            Action::RemoveStaging { checkpoint, high_availability } => {
                let (staging, job_id) = (self.staging.clone(), self.job_id());
                let storage = self.high_availability_storage().filter(|_| high_availability);
                self.spawn(async move {
                    if let Some(checkpoint) = checkpoint {
                        checkpoints::remove(staging.systems(), &job_id, &checkpoint).await;
                    }
                    if let Some((storage, cluster_id)) = storage {
                        checkpoints::remove_storage(staging.systems(), &storage, &cluster_id).await;
                    }
                    staging.remove().await
                });
            }
            Action::Unregister { status, diagnostics } => {
                let resource_manager = self.resource_manager.clone();
                let (conf, spec, container) =
                    (self.conf.clone(), Arc::clone(&self.spec), self.container.clone());
                self.spawn(async move {
                    key_record::write_outcome(&conf, &spec, &container, status, &diagnostics).await;
                    resource_manager.unregister(status, &diagnostics).await
                });
            }
            Action::Tell(occurrence) => self.control.tell(*occurrence),
            // The loop returns before it gets here.
            Action::Exit(_) => {}
        }
    }

    /// Flink's directory for this cluster alone; a cluster id chosen by the user may be shared with others.
    fn high_availability_storage(&self) -> Option<(String, String)> {
        let config = FlinkConfig::from_flat(self.spec.flink_conf.clone());
        let application = self.container.id.attempt.application.to_string();
        let ours = self.recovers && config.value(&HA_CLUSTER_ID) == Some(&application);
        let storage = config.value(&HA_STORAGE_DIR).filter(|_| ours)?;
        Some((storage.to_owned(), application))
    }

    /// Forgets ended containers: what they were launched with is of no further use.
    fn forget_completed(&self, event: &Event) {
        let Event::Heartbeat(answer) = event else { return };
        let ids: Vec<_> = answer.completed.iter().map(|status| status.id).collect();
        if !ids.is_empty() {
            let nodes = self.nodes.clone();
            tokio::spawn(async move { nodes.forget(&ids).await });
        }
    }

    fn signal_job_manager(&self, signal: Signal) {
        if let Some(pid) = self.job_manager {
            job_manager::signal(pid, signal);
        }
    }

    fn job_id(&self) -> String {
        let workload = self.spec.workload.as_ref();
        workload.and_then(Workload::job_id).unwrap_or_default().to_owned()
    }

    fn send(&self, event: Event) {
        // The loop holds the receiver for as long as the driver lives.
        let _ = self.events.send(event);
    }

    fn spawn(&self, task: impl Future<Output = Event> + Send + 'static) {
        let events = self.events.clone();
        tokio::spawn(async move {
            let _ = events.send(task.await);
        });
    }

    fn with_flink<F>(&self, ask: impl FnOnce(Flink) -> F)
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let start = self.start;
        match &self.flink {
            Some(flink) => {
                let asked = ask(flink.clone());
                self.spawn(async move { Event::Flink { start, answer: asked.await } });
            }
            None => {
                let (silence, cause) = (Silence::Complete, "it has no port yet".to_owned());
                self.send(Event::Flink { start, answer: Answer::Unreachable { silence, cause } });
            }
        }
    }

    fn watch_program(&self) {
        let Some(rest) = self.flink.as_ref().map(|flink| flink.rest.clone()) else { return };
        let (process, log_dir) = (self.job_manager, self.container.log_dir.clone());
        let job_id = self.job_id();
        // With high availability, a job that is logged as recovered really is.
        let may_pass_over = !job_id.is_empty() && !self.recovers;
        let (start, events) = (self.start, self.events.clone());
        tokio::spawn(async move {
            let watched = Watched { log_dir: &log_dir, rest: &rest, process };
            // `None`: the JobManager is gone, which is reported elsewhere.
            if let Some(passed_over) = watched.end(&job_id).await {
                let answer = Answer::ProgramEnded { job_passed_over: passed_over && may_pass_over };
                let _ = events.send(Event::Flink { start, answer });
            }
        });
    }

    fn choose_ports(&mut self) -> Result<(), Cause> {
        let manager = self.spec.job_manager.clone().unwrap_or_default();
        // Spreads the application masters of one node, also those of several clusters on one machine.
        let id = self.container.id;
        let (application, attempt) = (id.attempt.application, id.attempt.attempt);
        let part =
            |number: i64, scale: u64| u32::try_from(number.unsigned_abs() % 10_007 * scale).unwrap_or(0);
        let start = part(application.cluster_timestamp, 101)
            + part(application.id.into(), 31)
            + part(attempt.into(), 1009)
            + part(id.id, 1)
            + part(self.port_choices.into(), 17);
        self.port_choices += 1;
        let addresses = job_manager::addresses(&self.spec, &self.container);
        let ports = Ports::choose(
            addresses,
            &manager.rpc_port_range,
            &manager.rest_port_range,
            &manager.blob_port_range,
            start,
        )
        .map_err(|error| {
            Cause::new(CauseCode::PortInUse, error.to_string())
                .hint("widen the range, or leave the option out to use any free port")
        })?;
        // Without a page of ours, Flink's own, as far as it can be reached.
        let port = self.web_port.unwrap_or(ports.rest);
        let scheme = if self.web_port.is_none() && self.rest_tls.is_some() { "https" } else { "http" };
        self.resource_manager.set_tracking_url(format!("{scheme}://{}:{port}", self.container.host));
        let host = job_manager::rest_host(&self.spec, &self.container).to_owned();
        let way: Arc<dyn Connect> = match &self.rest_tls {
            Some(tls) => Arc::new(tls.at(&host, ports.rest)),
            None => Arc::new(Plain { host, port: ports.rest }),
        };
        self.flink = Some(Flink::over(Arc::clone(&way), self.application_layer));
        self.rest.send_replace(Some(way));
        self.ports = Some(ports);
        Ok(())
    }

    fn start_job_manager(&mut self, new_ports: bool, restore: Option<String>) {
        if new_ports && let Err(cause) = self.choose_ports() {
            self.send(Event::JobManagerStartFailed { cause });
            return;
        }
        // Ports could not be chosen, which has already been reported.
        let Some(ports) = self.ports else { return };
        match JobManager::start(&self.spec, &self.container, ports, restore) {
            Ok(child) => {
                self.job_manager = child.pid();
                self.send(Event::JobManagerStarted);
                self.spawn(async move {
                    let ended = child.wait().await;
                    Event::JobManagerExited {
                        exit: ended.exit,
                        cause: ended.cause,
                        not_loaded: ended.not_loaded,
                        port_taken: ended.port_taken,
                        job_finished: ended.job_finished,
                        system_exit: ended.system_exit,
                    }
                });
            }
            Err(error) => self.send(Event::JobManagerStartFailed { cause: error.into() }),
        }
    }

    fn start_container(&self, container: yarn_client::yarn::AllocatedContainer) {
        let Some(ports) = self.ports else { return };
        let token = self.resource_manager.node_token(&container.node);
        let nodes = self.nodes.clone();
        self.spawn(async move { nodes.start(container, token, ports).await });
    }
}
