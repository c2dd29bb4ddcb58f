//! From the moment the end is decided until the process exits: Flink is shut down, containers are stopped, the
//! staging directory is removed, the ResourceManager is told, in this order where order matters.

use std::time::Duration;

use yarn_client::flink::JobStatus;
use yarn_client::yarn::FinalStatus;

use super::{Action, AppMaster, Exit, JOB_MANAGER_STARTS, JobManager, Registration, StopSignal, Timer, text};

/// Flink needs 0.2 to 1 s to shut down after `DELETE /cluster`; a loaded node much longer.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// From SIGTERM to SIGKILL.
const TERMINATION: Duration = Duration::from_secs(5);

/// How the application ends, as its owner will read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) job: JobStatus,
    /// What follows the state on the first line of the diagnostics, and the lines after it.
    pub(super) cause: Option<String>,
}

impl Outcome {
    pub(super) fn finished() -> Self {
        Self { job: JobStatus::Finished, cause: None }
    }

    pub(super) fn failed(cause: String) -> Self {
        Self { job: JobStatus::Failed, cause: Some(cause) }
    }

    /// As flink-yarn maps it: a cancelled job's application is KILLED.
    fn final_status(&self) -> FinalStatus {
        match self.job {
            JobStatus::Finished => FinalStatus::Succeeded,
            JobStatus::Canceled => FinalStatus::Killed,
            _ => FinalStatus::Failed,
        }
    }
}

/// How firmly the JobManager has been told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Asked,
    Terminated,
    Killed,
}

#[derive(Debug)]
enum End {
    /// With a report to the ResourceManager.
    Report(Outcome),
    /// Without: the attempt is over for the ResourceManager, or the NodeManager ends the container.
    Abandon(u8),
}

#[derive(Debug)]
pub(super) struct Ending {
    end: End,
    stop: Stop,
    staging_done: bool,
    unregistering: bool,
    notes: Vec<String>,
}

impl Ending {
    pub(super) fn succeeded(&self) -> bool {
        matches!(&self.end, End::Report(outcome) if outcome.job == JobStatus::Finished)
    }
}

impl AppMaster {
    /// Decides the end. The first decision stands: what follows from it must not overwrite the cause.
    pub(super) fn end(&mut self, outcome: Outcome, now: Duration) {
        if self.ending.is_some() {
            return;
        }
        tracing::info!(state = %outcome.job, cause = outcome.cause.as_deref().unwrap_or(""), "the end is decided");
        self.begin_ending(End::Report(outcome));
        self.actions.push_back(Action::RemoveStaging);
        let containers = self.containers.take_all();
        self.stop_containers(containers);
        // Withdraws what is still asked for, and gives the containers back.
        self.hasten_heartbeat(now);
        match self.job_manager {
            JobManager::Running if self.view.is_some() => {
                self.actions.push_back(Action::DeleteCluster);
                self.timers.set(Timer::JobManagerExit, now + SHUTDOWN);
            }
            JobManager::Running => self.stop_job_manager(now),
            JobManager::Absent if self.job_manager_starts == 0 => self.job_manager = JobManager::Gone,
            // Its start has been asked for: it is stopped as soon as it runs.
            JobManager::Absent | JobManager::Gone => {}
        }
        self.advance_ending(now);
    }

    /// Stops the JobManager and exits without a word to the ResourceManager. The staging directory stays: a next
    /// attempt may need it.
    pub(super) fn abandon(&mut self, code: u8, now: Duration) {
        if self.ending.is_some() {
            return;
        }
        self.begin_ending(End::Abandon(code));
        if self.job_manager == JobManager::Absent && self.job_manager_starts == 0 {
            self.job_manager = JobManager::Gone;
        }
        self.stop_job_manager(now);
        self.advance_ending(now);
    }

    fn begin_ending(&mut self, end: End) {
        for timer in [Timer::FlinkPoll, Timer::Starvation] {
            self.timers.stop(timer);
        }
        let staging_done = matches!(end, End::Abandon(_));
        self.ending =
            Some(Ending { end, stop: Stop::Asked, staging_done, unregistering: false, notes: Vec::new() });
    }

    /// SIGTERM. The NodeManager follows with SIGKILL after 250 ms, so the JobManager hears of it at once.
    pub(super) fn terminated(&mut self, now: Duration) {
        if self.ending.is_some() {
            self.stop_job_manager(now);
        } else {
            self.abandon(143, now);
        }
    }

    pub(super) fn stop_job_manager(&mut self, now: Duration) {
        if self.job_manager != JobManager::Running {
            return;
        }
        if let Some(ending) = &mut self.ending {
            ending.stop = ending.stop.max_with(Stop::Terminated);
        }
        self.actions.push_back(Action::StopJobManager(StopSignal::Terminate));
        self.timers.set(Timer::JobManagerExit, now + TERMINATION);
    }

    pub(super) fn cluster_deleted(&mut self, accepted: bool, now: Duration) {
        if !accepted {
            self.stop_job_manager(now);
        }
    }

    pub(super) fn staging_removed(&mut self, failure: Option<String>, now: Duration) {
        if let Some(ending) = &mut self.ending {
            ending.staging_done = true;
            ending.notes.extend(failure);
        }
        self.advance_ending(now);
    }

    pub(super) fn ending_timeouts(&mut self, now: Duration) {
        let Some(ending) = &mut self.ending else { return };
        if self.timers.take_expired(Timer::JobManagerExit, now) {
            match ending.stop {
                Stop::Asked => self.stop_job_manager(now),
                Stop::Terminated => {
                    ending.stop = Stop::Killed;
                    self.actions.push_back(Action::StopJobManager(StopSignal::Kill));
                    self.timers.set(Timer::JobManagerExit, now + TERMINATION);
                }
                // Not even SIGKILL: it hangs in the kernel. The NodeManager will see to the container.
                Stop::Killed => {
                    self.job_manager = JobManager::Gone;
                    self.advance_ending(now);
                }
            }
        }
        if self.timers.take_expired(Timer::Unregister, now)
            && let Some(ending) = &mut self.ending
        {
            ending.unregistering = false;
            self.advance_ending(now);
        }
    }

    /// Takes the next step once everything before it is done.
    pub(super) fn advance_ending(&mut self, _now: Duration) {
        let Some(ending) = &mut self.ending else { return };
        if self.job_manager != JobManager::Gone || !ending.staging_done || ending.unregistering {
            return;
        }
        match &ending.end {
            End::Abandon(code) => {
                self.actions.push_back(Action::Exit(*code));
                self.exited = true;
            }
            End::Report(outcome) if self.registration == Registration::Done => {
                ending.unregistering = true;
                let diagnostics = text::diagnostics(&self.settings.job_id, outcome, &ending.notes);
                let status = outcome.final_status();
                self.actions.push_back(Action::Unregister { status, diagnostics });
            }
            End::Report(_) => {}
        }
    }

    pub(super) fn unregistered(&mut self) {
        self.actions.push_back(Action::Exit(0));
        self.exited = true;
    }

    /// Our job has ended in another way than FINISHED: its cause is read before anything is shut down.
    pub(super) fn fetch_result(&mut self, now: Duration) {
        let Some(status) = self.our_job().map(|job| job.status) else { return };
        self.timers.stop(Timer::FlinkPoll);
        if status == JobStatus::Failed {
            // Answered even when it fails; a JobManager that dies meanwhile ends the wait too.
            self.actions.push_back(Action::FetchResult { job_id: self.settings.job_id.clone() });
        } else {
            self.end(Outcome { job: status, cause: None }, now);
        }
    }

    pub(super) fn job_result(&mut self, cause: Option<String>, now: Duration) {
        let job = self.our_job().map_or(JobStatus::Failed, |job| job.status);
        self.end(Outcome { job, cause }, now);
    }

    /// `main` has returned after its job was FINISHED.
    pub(super) fn program_ended(&mut self, job_passed_over: bool, now: Duration) {
        if self.finished {
            let outcome =
                if job_passed_over { Outcome::failed(text::job_passed_over()) } else { Outcome::finished() };
            self.end(outcome, now);
        }
    }

    /// Flink 2.3 and later: the application's end decides, a finished job alone does not.
    pub(super) fn application_ended(
        &mut self,
        end: JobStatus,
        cause: Option<String>,
        job: Option<JobStatus>,
        now: Duration,
    ) {
        match (end, job) {
            (JobStatus::Finished, _) => self.end(Outcome::finished(), now),
            (JobStatus::Failed, Some(JobStatus::Failed)) => self.fetch_result(now),
            (JobStatus::Failed, Some(JobStatus::Finished)) => {
                self.end(Outcome::failed(text::failed_after_job(cause.as_deref())), now);
            }
            _ => self.end(Outcome { job: end, cause }, now),
        }
    }

    pub(super) fn job_manager_exited(
        &mut self,
        exit: Exit,
        cause: Option<String>,
        port_taken: bool,
        now: Duration,
    ) {
        self.job_manager = JobManager::Gone;
        self.poll_in_flight = false;
        self.timers.stop(Timer::JobManagerExit);
        if self.ending.is_some() {
            self.advance_ending(now);
            return;
        }
        if self.finished {
            let outcome = match exit {
                Exit::Code(0) => Outcome::finished(),
                _ => Outcome::failed(text::failed_after_job(cause.as_deref())),
            };
            self.end(outcome, now);
            return;
        }
        let replaceable = port_taken || matches!(exit, Exit::Signal(_));
        if self.job_seen.is_none() && replaceable && self.job_manager_starts < JOB_MANAGER_STARTS {
            tracing::warn!(?exit, "the JobManager ended before the job began; starting it again");
            if port_taken {
                // The TaskManagers were told the old ports.
                let containers = self.containers.take_all();
                self.stop_containers(containers);
            }
            self.start_job_manager(port_taken);
            self.fit_containers(now);
            return;
        }
        let status = self.our_job().map(|job| job.status);
        let cause = text::job_manager_exit(exit, cause.as_deref(), status, self.job_manager_starts);
        self.end(Outcome::failed(cause), now);
    }
}

impl Stop {
    fn max_with(self, other: Self) -> Self {
        if self == Self::Killed { self } else { other }
    }
}
