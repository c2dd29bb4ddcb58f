//! The JobManager's life: the steps before each start, and what its death means.
//!
//! It is restarted in place, on the same ports, if that cannot do the job's work twice: before the job has started,
//! from the newest checkpoint, or with Flink's own high availability. TaskManagers wait for it meanwhile.

use std::time::Duration;

use yarn_client::cause::{Cause, is_mistake};
use yarn_client::flink::JobStatus;

use super::ending::Outcome;
use super::event::{BeginFailure, CheckpointsView, Found, Silence, SystemExit};
use super::{Action, AppMaster, Exit, Occurrence, Timer, text};

/// JobManager processes started before a job has been seen: the first, and replacements of killed ones.
const STARTS_BEFORE_JOB: u32 = 3;
/// Deaths within [`WINDOW`] that are followed by a restart.
const RESTARTS: usize = 5;
const WINDOW: Duration = Duration::from_secs(600);
/// The pause after the first death; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How often, and for how long, a file system that does not answer is tried again.
const FILE_SYSTEM_PAUSE: Duration = Duration::from_secs(2);
const FILE_SYSTEM_PATIENCE: Duration = Duration::from_secs(600);
/// A JobManager that has answered before and then is silent for this long (or twice Flink's own heartbeat timeout, after
/// which its TaskManagers have left it) is considered hung.
const SILENCE: Duration = Duration::from_secs(60);
/// The same for one that is starting: class loading on a busy node takes a minute.
const SILENT_START: Duration = Duration::from_secs(300);
/// The same for one that answers with errors only.
const ERRORS: Duration = Duration::from_secs(600);
/// How long a JVM may take to dump its threads.
const DUMP: Duration = Duration::from_secs(2);
/// From SIGKILL until the process is gone, unless it hangs in the kernel.
const KILL: Duration = Duration::from_secs(30);

/// The state of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// It does not exist; a step towards its start may be under way.
    Absent,
    /// Its start has been requested.
    Starting,
    Running,
    /// It has ended, and no start will follow.
    Gone,
}

/// The next step towards a start, once its precondition is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Mark,
    FindCheckpoint,
    Start,
}

/// How the job continues after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Resume {
    /// As it was submitted: nothing of it has happened yet, or Flink's high availability knows better.
    FromStart,
    /// From the newest checkpoint.
    FromCheckpoint,
}

/// The JobManager as the machine sees it.
#[derive(Debug)]
pub(super) struct JobManager {
    pub(super) process: Process,
    /// Processes started by this attempt.
    pub(super) starts: u32,
    /// Death times of processes that were replaced after the job had started.
    deaths: Vec<Duration>,
    step: Step,
    resume: Resume,
    new_ports: bool,
    /// Since when the file system has refused the step.
    refused_since: Option<Duration>,
    /// It is being killed because it has not answered for this long.
    unresponsive: Option<Duration>,
    /// SIGKILL has been sent for that.
    killed: bool,
}

/// Looks at Flink without a result.
#[derive(Debug, Clone)]
pub(super) struct Unanswered {
    since: Duration,
    silence: Silence,
    pub(super) cause: String,
}

impl JobManager {
    pub(super) fn new() -> Self {
        Self {
            process: Process::Absent,
            starts: 0,
            deaths: Vec::new(),
            step: Step::Mark,
            resume: Resume::FromStart,
            new_ports: false,
            refused_since: None,
            unresponsive: None,
            killed: false,
        }
    }

    /// Rules out further starts: a process that does not exist counts as gone.
    pub(super) fn give_up(&mut self) {
        if self.process == Process::Absent {
            self.process = Process::Gone;
        }
    }
}

impl AppMaster {
    /// Decides what this attempt has to do, from what earlier ones have left.
    pub(super) fn begin(&mut self, now: Duration) {
        if let Some(outcome) = self.record.journal.outcome.clone() {
            return self.end(outcome, now);
        }
        if self.settings.history.begun {
            match self.way_on() {
                Ok(resume) => self.job_manager.resume = resume,
                Err(missing) => return self.end(Outcome::failed(text::lost_attempt(missing)), now),
            }
            if self.record.journal.job_seen {
                self.job_seen = Some(now);
            }
        }
        self.actions.push_back(Action::Begin);
    }

    /// How the job can continue without doing its work twice, or what is missing for that.
    fn way_on(&self) -> Result<Resume, &'static str> {
        let settings = &self.settings;
        match &self.record.journal.checkpoints {
            // The work that a session has lost stays lost: it starts empty.
            _ if settings.recovers || self.work.is_session() => Ok(Resume::FromStart),
            // Its jobs have no known ids by which to find their checkpoints.
            _ if self.work.is_program() && settings.restart_from_scratch => Ok(Resume::FromStart),
            _ if self.work.is_program() => Err(text::SEVERAL_JOBS),
            Some(CheckpointsView::On { completed: true, path: None, .. })
                if !settings.restart_from_scratch =>
            {
                Err(text::CHECKPOINTS_IN_MEMORY)
            }
            Some(CheckpointsView::On { .. }) => Ok(Resume::FromCheckpoint),
            // Nothing has been seen of the job: perhaps it had only just started.
            None if settings.checkpoints_configured
                || settings.checkpoint_directory
                || settings.restart_from_scratch =>
            {
                Ok(Resume::FromCheckpoint)
            }
            _ if settings.restart_from_scratch => Ok(Resume::FromStart),
            None => Err(text::CHECKPOINTS_UNKNOWN),
            Some(_) => Err(text::NO_CHECKPOINTS),
        }
    }

    pub(super) fn begun(&mut self, result: Result<(), BeginFailure>, now: Duration) {
        if self.ending.is_some() {
            return;
        }
        match result {
            Ok(()) => {
                self.job_manager.refused_since = None;
                self.job_manager.step = self.first_step();
                let wait = if self.settings.history.begun { self.fence_wait() } else { Duration::ZERO };
                self.step_at(now + wait, now);
            }
            Err(BeginFailure::Gone) => self.end(Outcome::failed(text::staging_gone()), now),
            Err(BeginFailure::Unavailable(cause)) => self.file_system_refused(&cause, now),
        }
    }

    fn first_step(&self) -> Step {
        match self.job_manager.resume {
            Resume::FromStart => Step::Start,
            Resume::FromCheckpoint => Step::FindCheckpoint,
        }
    }

    fn file_system_refused(&mut self, cause: &str, now: Duration) {
        tracing::warn!("the file system: {cause}");
        let since = *self.job_manager.refused_since.get_or_insert(now);
        if now >= since + FILE_SYSTEM_PATIENCE {
            return self.end(Outcome::failed(text::file_system(cause)), now);
        }
        self.step_at(now + FILE_SYSTEM_PAUSE, now);
    }

    fn step_at(&mut self, at: Duration, now: Duration) {
        if at <= now {
            self.take_step();
        } else {
            self.timers.set(Timer::JobManagerStart, at);
        }
    }

    /// Takes the next step towards a JobManager.
    pub(super) fn take_step(&mut self) {
        if self.ending.is_some() || self.job_manager.process != Process::Absent {
            return;
        }
        match self.job_manager.step {
            Step::Mark => self.actions.push_back(Action::Begin),
            Step::FindCheckpoint => self.find_checkpoint(),
            Step::Start => self.start_job_manager(None),
        }
    }

    pub(super) fn find_checkpoint(&mut self) {
        let known = self.record.journal.newest_checkpoint().map(str::to_owned);
        let own_directory = self.settings.own_directory;
        self.actions.push_back(Action::FindCheckpoint { known, own_directory });
    }

    pub(super) fn checkpoint_found(&mut self, found: Result<Found, String>, now: Duration) {
        if self.ending.is_some() {
            return self.last_checkpoint_found(found, now);
        }
        if self.job_manager.process != Process::Absent {
            return;
        }
        let completed =
            matches!(&self.record.journal.checkpoints, Some(CheckpointsView::On { completed: true, .. }));
        let restore = match found {
            Ok(Found::Newest(path)) => Some(path),
            Ok(_) if self.settings.restart_from_scratch => None,
            Ok(Found::Nothing) if completed => {
                return self.cannot_go_on(text::CHECKPOINTS_LOST, now);
            }
            // Perhaps the program takes no checkpoints, and has done half of its work; or it has taken an unknown one, and a job
            // that starts from scratch would collide with it.
            Ok(Found::Nothing) if !self.knows_no_checkpoints() => None,
            Ok(Found::Nothing | Found::Unknown) => {
                return self.cannot_go_on(text::CHECKPOINTS_UNKNOWN, now);
            }
            Err(cause) => return self.file_system_refused(&cause, now),
        };
        self.job_manager.refused_since = None;
        if let Some(path) = &restore {
            self.record.journal.found(path.clone());
        }
        tracing::info!(checkpoint = restore.as_deref().unwrap_or("none"), "the job goes on");
        self.start_job_manager(restore);
    }

    fn cannot_go_on(&mut self, missing: &str, now: Duration) {
        let own = self.job_manager.starts > 0;
        let cause = if own { text::lost_job_manager(missing) } else { text::lost_attempt(missing) };
        self.end(Outcome::failed(cause), now);
    }

    fn knows_no_checkpoints(&self) -> bool {
        self.record.journal.checkpoints.is_none() && !self.settings.checkpoints_configured
    }

    fn start_job_manager(&mut self, restore: Option<String>) {
        let job_manager = &mut self.job_manager;
        job_manager.process = Process::Starting;
        job_manager.starts += 1;
        let (start, new_ports) = (job_manager.starts, std::mem::take(&mut job_manager.new_ports));
        self.view = None;
        self.answers_since = None;
        self.unanswered = None;
        // It runs the program from the beginning.
        self.work.job_manager_begins();
        self.actions.push_back(Action::StartJobManager { start, new_ports, restore });
    }

    pub(super) fn job_manager_started(&mut self, now: Duration) {
        self.job_manager.process = Process::Running;
        self.tell(Occurrence::JobManagerStarted { start: self.job_manager.starts });
        self.timers.set(Timer::FlinkPoll, now + super::POLL_STARTING);
        if self.ending.is_some() {
            self.kill_job_manager(now);
        }
    }

    /// A look at Flink brought nothing.
    pub(super) fn unreachable(&mut self, silence: Silence, cause: String, now: Duration) {
        self.poll_in_flight = false;
        if self.ending.is_some() {
            return;
        }
        self.timers.set(Timer::FlinkPoll, now + super::POLL_STARTING);
        // Each kind of silence has its own patience, and a change of kind counts as an answer.
        let since = self.unanswered.take().filter(|it| it.silence == silence).map_or(now, |it| it.since);
        self.unanswered = Some(Unanswered { since, silence, cause });
        let patience = match (silence, self.view.is_some()) {
            (Silence::Complete, true) => SILENCE.max(self.settings.heartbeat_timeout * 2),
            (Silence::Complete, false) => SILENT_START,
            (Silence::Error, _) | (Silence::NotReady, true) => ERRORS,
            // It waits for what it needs to become leader, such as ZooKeeper; another process would have to wait too.
            (Silence::NotReady, false) => return,
        };
        if now >= since + patience && self.job_manager.unresponsive.is_none() {
            tracing::error!("the JobManager has not answered for {} s: killing it", (now - since).as_secs());
            self.job_manager.unresponsive = Some(now - since);
            self.actions.push_back(Action::DumpJobManager);
            self.timers.set(Timer::Unresponsive, now + DUMP);
        }
    }

    /// An unresponsive JobManager has had its time for the thread dump: kills it.
    pub(super) fn kill_unresponsive(&mut self, now: Duration) {
        if self.ending.is_some() || self.job_manager.process != Process::Running {
            return;
        }
        if !self.job_manager.killed {
            self.job_manager.killed = true;
            self.actions.push_back(Action::KillJobManager);
            self.timers.set(Timer::Unresponsive, now + KILL);
        } else {
            // Not even SIGKILL helped: it hangs in the kernel, as on a dead disk. Another node will do better, and once
            // this process wakes up, the pending SIGKILL ends it.
            tracing::error!("the JobManager cannot be killed: giving way to another attempt");
            self.abandon(1, now);
        }
    }

    pub(super) fn job_manager_exited(
        &mut self,
        exit: Exit,
        cause: Option<String>,
        not_loaded: bool,
        port_taken: bool,
        system_exit: Option<SystemExit>,
        now: Duration,
    ) {
        self.job_manager.process = Process::Gone;
        self.poll_in_flight = false;
        self.work.job_manager_gone();
        for timer in [Timer::JobManagerExit, Timer::FlinkPoll, Timer::Unresponsive, Timer::Surplus] {
            self.timers.stop(timer);
        }
        let silent = self.job_manager.unresponsive.take();
        let cause = silent.map(text::unresponsive).or(cause);
        self.job_manager.killed = false;
        if self.ending.is_some() {
            return self.advance_ending(now);
        }
        let told = match &cause {
            Some(cause) if not_loaded => Some(text::no_program(cause)),
            cause => cause.clone(),
        };
        self.tell(Occurrence::JobManagerEnded { exit, cause: told });
        if let Some(system_exit) = system_exit {
            return self.program_exited(system_exit, now);
        }
        if self.job_finished() {
            let outcome = match exit {
                Exit::Code(0) => Outcome::finished(),
                _ => Outcome::job_failed(text::failed_after_job(cause.as_deref())),
            };
            return self.end(outcome, now);
        }
        if self.failed_job.is_none() && self.restart_job_manager(exit, cause.as_deref(), port_taken, now) {
            return;
        }
        let stage = self.stage();
        let missing = self.way_on().err().filter(|_| self.is_restartable(exit, cause.as_deref()));
        let last = text::LastEnd { stage, missing, starts: self.job_manager.starts };
        let cause = match (cause.as_deref(), silent) {
            (_, Some(silent)) => text::job_manager_silent(silent, last),
            (Some(cause), None) if not_loaded => text::not_loaded(cause, last),
            // `main` ended because its job failed.
            (Some(cause), None)
                if matches!(stage, text::Stage::Program | text::Stage::JobFailed)
                    && exit == Exit::Code(2) =>
            {
                Cause::of_exceptions(cause)
            }
            (cause, None) => text::job_manager_exit(exit, cause, last),
        };
        if let Some(failed) = self.failed_job.take() {
            return self.failure_unread(failed, cause, now);
        }
        if let Some(failed) = self.first(JobStatus::Failed).filter(|_| self.work.is_program()) {
            return self.program_ends_with(failed, JobStatus::Failed, Some(cause), now);
        }
        self.end(Outcome::failed(cause), now);
    }

    fn stage(&self) -> text::Stage {
        match (self.our_job(), self.job_seen) {
            _ if self.failed_job.is_some() => text::Stage::JobFailed,
            (None, Some(_)) if self.work.is_session() => text::Stage::Session,
            (None, Some(_)) if self.work.is_program() => text::Stage::Program,
            (Some(job), _) => text::Stage::Job(job.status),
            (None, Some(_)) => text::Stage::Returning,
            (None, None) => text::Stage::BeforeJob,
        }
    }

    /// The program has ended its own JVM, and would do so again. After its job that is how it reports its result.
    fn program_exited(&mut self, system_exit: SystemExit, now: Duration) {
        let SystemExit { code, job, cause } = system_exit;
        let seen = self.our_job().map(|job| job.status).filter(|status| status.is_globally_terminal());
        let outcome = match job.or(seen) {
            _ if self.job_finished() && code == 0 => Outcome::finished(),
            _ if self.job_finished() => Outcome::job_failed(text::exited_after_job(code)),
            Some(JobStatus::Canceled) => Outcome::of_job(JobStatus::Canceled),
            Some(JobStatus::Failed) => {
                let cause = cause.as_deref().map(Cause::of_exceptions);
                Outcome::job_failed(cause.unwrap_or_else(|| text::exited(code, self.stage())))
            }
            _ => Outcome::failed(text::exited(code, self.stage())),
        };
        self.end(outcome, now);
    }

    /// Prepares a restart if one is allowed. Returns whether it is.
    fn restart_job_manager(
        &mut self,
        exit: Exit,
        cause: Option<&str>,
        port_taken: bool,
        now: Duration,
    ) -> bool {
        if !port_taken && !self.is_restartable(exit, cause) {
            return false;
        }
        // Once Flink has answered, the program may have started a job that no look has shown yet.
        let may_have_begun = self.work.is_program() && self.view.is_some();
        let pause = if self.job_seen.is_none() && !may_have_begun {
            // A start can fail because a port was taken in the meantime; an exit code means that it would fail again.
            let again = port_taken || matches!(exit, Exit::Signal(_));
            if !again || self.job_manager.starts >= STARTS_BEFORE_JOB {
                return false;
            }
            Duration::ZERO
        } else {
            let Ok(resume) = self.way_on() else { return false };
            let deaths = &mut self.job_manager.deaths;
            deaths.retain(|at| *at + WINDOW > now);
            if deaths.len() >= RESTARTS {
                return false;
            }
            let pause = FIRST_PAUSE.saturating_mul(1 << deaths.len());
            deaths.push(now);
            self.job_manager.resume = resume;
            pause
        };
        tracing::warn!("the JobManager has ended {exit}; starting it again");
        self.job_manager.process = Process::Absent;
        self.job_manager.step = self.first_step();
        if port_taken {
            // The TaskManagers were given the old ports.
            self.job_manager.new_ports = true;
            let containers = self.containers.take_all();
            self.stop_containers(containers);
        }
        self.step_at(now + pause, now);
        self.fit_containers(now);
        true
    }

    /// SIGKILL, if there is a process.
    pub(super) fn kill_job_manager(&mut self, now: Duration) {
        if self.job_manager.process == Process::Running {
            self.killing(now);
            self.actions.push_back(Action::KillJobManager);
        }
    }

    /// Whether the end may have a cause other than the program: a signal (also as the shell or the JVM reports it), a failed
    /// start, Flink's -17 for an error in one of its own threads (`FatalExitExceptionHandler`), its 2 for a fatal error of
    /// any kind (`ClusterEntrypoint.onFatalError`), the JVM's 3 for lack of memory (`-XX:+ExitOnOutOfMemoryError`). A
    /// program's own mistakes would only be repeated.
    fn is_restartable(&self, exit: Exit, cause: Option<&str>) -> bool {
        match exit {
            Exit::Signal(_) => true,
            // This is how a program with several jobs fails.
            Exit::Code(2) if self.work.is_program() => false,
            Exit::Code(2) => !cause.is_some_and(is_mistake),
            Exit::Code(code) => matches!(code, 1 | 3 | 134 | 137 | 143 | 239),
        }
    }
}
