//! From the decision to end until the process exits: the end is written down, Flink is shut down, containers are
//! stopped, the ResourceManager is told and the staging directory is removed, in this order where order matters. An
//! application master that dies on the way leaves enough behind for the next attempt to report the same end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use yarn_client::cause::Cause;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::FinalStatus;

use super::event::Found;
use super::job_manager::Process;
use super::resource_manager::Registration;
use super::{Action, AppMaster, CheckpointsView, Occurrence, Timer, form, text};

/// Flink needs 0.2 to 1 s to shut down after `DELETE /cluster`; a loaded node much longer.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// Within this time the driver reports that jobs are cancelled, or cannot be.
const CANCELLATION: Duration = Duration::from_secs(15);
/// From SIGKILL until the process is gone, unless it hangs in the kernel.
const KILL: Duration = Duration::from_secs(5);
/// Pauses between attempts to unregister: the first, and the longest.
const UNREGISTER_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How the application ends, as its owner will read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The terminal state that the result comes from.
    #[serde(with = "form::text")]
    pub job: JobStatus,
    /// The job that has decided the end; `None`: the application's own job, or a session as a whole.
    #[serde(default)]
    pub of: Option<String>,
    /// Why the job has failed.
    pub cause: Option<Cause>,
    /// What else the owner should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Flink has ended the job for good, or its owner wants it so. Otherwise this process has given up, and what is left of
    /// the job may be needed to resume it.
    #[serde(default)]
    pub settled: bool,
}

impl Outcome {
    /// The job has finished, and there is nothing to add.
    #[must_use]
    pub fn finished() -> Self {
        Self::of_job(JobStatus::Finished)
    }

    pub(super) fn of_job(job: JobStatus) -> Self {
        Self { job, of: None, cause: None, notes: Vec::new(), settled: job.is_globally_terminal() }
    }

    /// This process gives up.
    pub(super) fn failed(cause: Cause) -> Self {
        Self { cause: Some(cause), settled: false, ..Self::of_job(JobStatus::Failed) }
    }

    /// Flink reports the failure of the job or of the program.
    pub(super) fn job_failed(cause: Cause) -> Self {
        Self { cause: Some(cause), ..Self::of_job(JobStatus::Failed) }
    }

    /// The end as Flink reports it, with the exceptions of a failure.
    pub(super) fn of_flink(job: JobStatus, exceptions: Option<&str>) -> Self {
        Self { cause: exceptions.map(Cause::of_exceptions), ..Self::of_job(job) }
    }

    /// Adds a note.
    pub(super) fn noting(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    /// What is reported first.
    fn told(&self) -> Option<&str> {
        self.cause.as_ref().map(|cause| &cause.text).or_else(|| self.notes.first()).map(String::as_str)
    }

    /// The same mapping as flink-yarn's: a cancelled job's application is KILLED.
    fn final_status(&self) -> FinalStatus {
        match self.job {
            JobStatus::Finished => FinalStatus::Succeeded,
            JobStatus::Canceled => FinalStatus::Killed,
            _ => FinalStatus::Failed,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// With a report to the ResourceManager.
    Report(Outcome),
    /// Without one: the attempt is over for the ResourceManager, or the NodeManager is ending the container.
    Abandon(u8),
}

#[derive(Debug)]
pub(super) struct Ending {
    end: End,
    /// SIGKILL for the JobManager is on its way; before that it is asked to shut down.
    killed: bool,
    /// The end is in the journal, or cannot be written down.
    recorded: bool,
    unregistering: bool,
    /// Failed attempts to unregister, in a row.
    refusals: u32,
    /// The search for the newest checkpoint, which the report should mention.
    search: Search,
}

/// The last search for the newest checkpoint of a job that its owner may want to resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Search {
    /// Starts once nothing can write a newer one.
    Due,
    UnderWay,
    Done,
}

impl Ending {
    /// The ResourceManager is being told.
    pub(super) fn reports(&self) -> bool {
        self.unregistering
    }

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
        tracing::info!(state = %outcome.job, cause = outcome.told().unwrap_or_default(), "the end is decided");
        self.tell(Occurrence::Stopping {
            job: outcome.job,
            cause: outcome.told().map(str::to_owned),
            code: outcome.cause.as_ref().map(|cause| cause.code),
        });
        self.record.journal.outcome = Some(outcome.clone());
        let recorded = self.record.outcome_stored();
        // An end that is a success, or that of the named job, was intended: Flink may clean up. In all other cases the owner
        // will want to resume, and a job that is cancelled or suspended loses its checkpoints.
        let wished = outcome.of.is_some() || matches!(outcome.job, JobStatus::Finished | JobStatus::Canceled);
        self.begin_ending(End::Report(outcome), recorded);
        self.write_journal(now);
        let containers = self.containers.take_all();
        self.stop_containers(containers);
        // Withdraws pending requests, and gives the containers back.
        self.hasten_heartbeat(now);
        if self.job_manager.process == Process::Running && self.view.is_some() {
            let jobs = self.unfinished(None);
            // An empty list may be momentary, and the job may be running.
            let lists_none = self.view.as_ref().is_some_and(|view| view.jobs.is_empty());
            let out_of_sight = lists_none && (self.job_seen.is_some() || self.record.journal.job_seen);
            if jobs.is_empty() && (wished || !out_of_sight) {
                self.actions.push_back(Action::DeleteCluster);
                self.timers.set(Timer::JobManagerExit, now + SHUTDOWN);
            } else if wished {
                self.actions.push_back(Action::CancelJobs(jobs));
                self.timers.set(Timer::JobManagerExit, now + CANCELLATION + SHUTDOWN);
            } else {
                self.kill_job_manager(now);
            }
        } else {
            self.kill_job_manager(now);
        }
        self.advance_ending(now);
    }

    /// Kills the JobManager and exits without telling the ResourceManager, for which the attempt is over; a later one may be
    /// on its way. What this one was about to report no longer matters. The staging directory stays, as the next attempt may
    /// need it.
    pub(super) fn abandon(&mut self, code: u8, now: Duration) {
        self.begin_ending(End::Abandon(code), true);
        self.kill_job_manager(now);
        self.advance_ending(now);
    }

    fn begin_ending(&mut self, end: End, recorded: bool) {
        for timer in [
            Timer::FlinkPoll,
            Timer::Shortage,
            Timer::JobManagerStart,
            Timer::Surplus,
            Timer::Unresponsive,
            Timer::Unregister,
        ] {
            self.timers.stop(timer);
        }
        self.job_manager.give_up();
        let journal = &self.record.journal;
        let tells = match &end {
            End::Report(outcome) => {
                let worked = journal.job_seen || journal.checkpoints.is_some();
                worked && text::keeps(outcome, journal.checkpoints.as_ref())
            }
            End::Abandon(_) => false,
        };
        let search = if tells { Search::Due } else { Search::Done };
        self.ending =
            Some(Ending { end, killed: false, recorded, unregistering: false, refusals: 0, search });
    }

    /// SIGTERM. The NodeManager sends SIGKILL 250 ms later.
    pub(super) fn terminated(&mut self, now: Duration) {
        if self.ending.is_some() {
            self.kill_job_manager(now);
        } else {
            self.abandon(143, now);
        }
    }

    /// SIGKILL is on its way to the JobManager.
    pub(super) fn killing(&mut self, now: Duration) {
        if let Some(ending) = &mut self.ending {
            ending.killed = true;
        }
        self.timers.set(Timer::JobManagerExit, now + KILL);
    }

    pub(super) fn jobs_cancelled(&mut self, now: Duration) {
        if self.ending.as_ref().is_some_and(|ending| !ending.killed) {
            self.actions.push_back(Action::DeleteCluster);
            self.timers.set(Timer::JobManagerExit, now + SHUTDOWN);
        }
    }

    pub(super) fn cluster_deleted(&mut self, accepted: bool, now: Duration) {
        if !accepted {
            self.kill_job_manager(now);
        }
    }

    /// The journal holds the end now, or could not be written: the end is reported all the same.
    pub(super) fn outcome_written(&mut self, now: Duration) {
        if let Some(ending) = &mut self.ending {
            ending.recorded = true;
        }
        self.advance_ending(now);
    }

    /// The JobManager has been asked or told to exit, and still exists.
    pub(super) fn job_manager_overdue(&mut self, now: Duration) {
        let Some(ending) = &self.ending else { return };
        if ending.killed {
            // Even SIGKILL did not help: it hangs in the kernel. The NodeManager will see to the container.
            self.job_manager.process = Process::Gone;
            self.advance_ending(now);
        } else {
            self.kill_job_manager(now);
        }
    }

    /// The ResourceManager could not be told.
    pub(super) fn unregister_failed(&mut self, now: Duration) {
        if let Some(ending) = &mut self.ending {
            let pause =
                UNREGISTER_PAUSE.0.saturating_mul(1 << ending.refusals.min(8)).min(UNREGISTER_PAUSE.1);
            ending.refusals += 1;
            self.timers.set(Timer::Unregister, now + pause);
        }
    }

    pub(super) fn unregister_again(&mut self, now: Duration) {
        if let Some(ending) = &mut self.ending {
            ending.unregistering = false;
        }
        self.advance_ending(now);
    }

    /// Takes the next step once everything before it is done.
    pub(super) fn advance_ending(&mut self, _now: Duration) {
        let Some(ending) = &mut self.ending else { return };
        if self.exited
            || self.job_manager.process != Process::Gone
            || !ending.recorded
            || ending.unregistering
        {
            return;
        }
        match &ending.end {
            End::Abandon(code) => {
                self.actions.push_back(Action::Exit(*code));
                self.exited = true;
            }
            End::Report(_) if ending.search == Search::Due => {
                ending.search = Search::UnderWay;
                self.find_checkpoint();
            }
            End::Report(_) if ending.search == Search::UnderWay => {}
            End::Report(outcome) if self.resource_manager.registration == Registration::Done => {
                ending.unregistering = true;
                let checkpoints = self.record.journal.checkpoints.as_ref();
                let diagnostics = text::diagnostics(&self.settings, outcome, checkpoints);
                let status = outcome.final_status();
                self.actions.push_back(Action::Unregister { status, diagnostics });
            }
            End::Report(_) => {}
        }
    }

    /// Takes the checkpoint that the report mentions: the last look at Flink may have missed the job's last one.
    pub(super) fn last_checkpoint_found(&mut self, found: Result<Found, String>, now: Duration) {
        match found {
            Ok(Found::Newest(path)) => self.record.journal.found(path),
            Ok(Found::Nothing) => self.record.journal.lost_checkpoints(),
            Ok(Found::Unknown) => {}
            Err(cause) => tracing::warn!("looking for the newest checkpoint: {cause}"),
        }
        if let Some(ending) = &mut self.ending {
            ending.search = Search::Done;
        }
        self.advance_ending(now);
    }

    /// No attempt will follow, so nothing has to be kept for one.
    pub(super) fn unregistered(&mut self) {
        let outcome = match self.ending.as_ref().map(|ending| &ending.end) {
            Some(End::Report(outcome)) => Some(outcome),
            _ => None,
        };
        let ended_well =
            outcome.is_some_and(|it| matches!(it.job, JobStatus::Finished | JobStatus::Canceled));
        // Only if the job itself wants its checkpoints removed: those of our earlier JobManagers, which Flink does not
        // know.
        let checkpoint = match &self.record.journal.checkpoints {
            Some(CheckpointsView::On { path, kept: Some(false), .. })
                if ended_well && self.settings.own_directory =>
            {
                path.clone()
            }
            _ => None,
        };
        let high_availability = self.settings.recovers && outcome.is_some_and(|it| it.settled);
        self.actions.push_back(Action::RemoveStaging { checkpoint, high_availability });
    }

    pub(super) fn staging_removed(&mut self, failure: Option<String>) {
        if let Some(failure) = failure {
            tracing::warn!("{failure}");
        }
        self.actions.push_back(Action::Exit(0));
        self.exited = true;
    }
}
