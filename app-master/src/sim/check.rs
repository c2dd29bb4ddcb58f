//! Invariants that must hold at every step, and at the end.

use std::time::Duration;

use proto::ids::ContainerId;
use yarn_client::cause::Ending;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::FinalStatus;

use super::perform::RETAINED;
use super::yarn::Application;
use super::{ProgramModel, World, ms};
use crate::machine::{Action, Answer, Event, Heartbeat, Occurrence};

/// No fault and no consequence of one lasts longer: YARN's patience with a node and then with an attempt on it, or the time
/// for which a node is avoided.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Whether an action belongs in the trace: polls and empty heartbeats would fill it.
pub(super) fn says_something(action: &Action) -> bool {
    match action {
        // The events follow from what has already been recorded.
        Action::PollFlink { .. } | Action::Tell(_) => false,
        Action::Heartbeat(Heartbeat { ask, releases, exclude, welcome, .. }) => {
            ask.is_some() || !releases.is_empty() || !exclude.is_empty() || !welcome.is_empty()
        }
        _ => true,
    }
}

/// The same for events.
pub(super) fn brings_something(event: &Event) -> bool {
    match event {
        Event::Flink { answer: Answer::View(_) | Answer::Unreachable { .. }, .. } => false,
        Event::Heartbeat(answer) => {
            !answer.allocated.is_empty()
                || !answer.completed.is_empty()
                || !answer.preempted.is_empty()
                || !answer.previous.is_empty()
        }
        _ => true,
    }
}

impl World {
    pub(super) fn violated(&mut self, what: String) {
        self.note(|| format!("VIOLATED: {what}"));
        self.violations.push(what);
    }

    /// Broken invariants.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Never two live JobManagers.
    pub(super) fn check(&mut self) {
        let live: Vec<u32> = self
            .masters
            .iter()
            .filter(|(_, master)| master.job_manager.is_some())
            .map(|(attempt, _)| *attempt)
            .collect();
        if live.len() > 1 {
            self.violated(format!("JobManagers of attempts {live:?} are alive at the same time"));
        }
    }

    /// What is requested and what exists never exceed the need together.
    pub(super) fn check_heartbeat(&mut self, attempt: u32, heartbeat: &Heartbeat) {
        let slots = self.scenario.settings.slots;
        let need = match (&self.scenario.session, &self.scenario.program) {
            (Some(_), _) => self.jobs.most,
            (None, program) => {
                let jobs = program.as_ref().map_or(self.scenario.job.slots, ProgramModel::most_slots);
                let needs = jobs.max(self.scenario.settings.parallelism).div_ceil(slots);
                self.scenario.settings.limits.wanted(needs)
            }
        };
        let Some(master) = self.masters.get_mut(&attempt) else { return };
        for id in &heartbeat.releases {
            master.containers.insert(*id, true);
        }
        let held = master.containers.values().filter(|gone| !**gone).count();
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        if let Some(ask) = heartbeat.ask
            && ask > 0
            && ask + held > need
        {
            self.violated(format!("asks for {ask} with {held} in hand, but needs {need}"));
        }
    }

    /// A container is started once, and only by the attempt it was given to.
    pub(super) fn check_start(&mut self, attempt: u32, id: ContainerId) {
        if self.masters[&attempt].containers.get(&id) != Some(&false) {
            self.violated(format!("{id} is started, but was not given to attempt {attempt}"));
        }
    }

    /// The events of a container are consistent: it is allocated once, ends once, and has no events after that.
    pub(super) fn check_told(&mut self, attempt: u32, occurrence: &Occurrence) {
        let adopts = self.scenario.settings.recovers && attempt > 1;
        let Some(master) = self.masters.get_mut(&attempt) else { return };
        master.ends |= matches!(occurrence, Occurrence::Stopping { .. });
        let before = |id| master.told.get(id).copied();
        let (id, adds_up, gone) = match occurrence {
            Occurrence::Allocated { id, .. } => (id, before(id).is_none(), false),
            Occurrence::Launched(id) => (id, before(id) == Some(false), false),
            // A container that an earlier attempt has launched is found running.
            Occurrence::TaskManagerRegistered(id) => {
                (id, before(id) == Some(false) || (adopts && before(id).is_none()), false)
            }
            Occurrence::ContainerLost { id, .. } | Occurrence::Released(id) => {
                (id, before(id) == Some(false) || (adopts && before(id).is_none()), true)
            }
            _ => return,
        };
        master.told.insert(*id, gone);
        if !adds_up {
            self.violated(format!("followers receive `{occurrence}` out of order"));
        }
    }

    /// A job's work is not done twice, and resumes from its own latest checkpoint. If the newest one cannot be searched for, it
    /// resumes from the one recorded last, which must still exist. Returns whether it does.
    pub(super) fn check_restore(&mut self, attempt: u32, restored: usize) -> bool {
        let settings = &self.scenario.settings;
        let newest = self.durable.checkpoints.len();
        let told_only = !settings.own_directory && self.masters[&attempt].generation == 0;
        if restored > newest {
            self.violated(format!("goes on from checkpoint {restored}, which is another application's"));
        } else if restored < newest && told_only && restored > 0 {
            let there = restored + RETAINED > newest;
            // Checkpoints that come faster than a look and a write are not guaranteed.
            let slow = self.scenario.job.checkpoint_interval.is_some_and(|it| it > Duration::from_secs(2));
            if !there && slow && !self.files_were_away {
                self.violated(format!("goes on from checkpoint {restored} of {newest}, which is gone"));
            }
            return there;
        } else if restored < newest {
            // A job that is lost just after its first checkpoint can restart from scratch, if its owner allows it.
            let untold = told_only && self.had_just_begun_checkpoints();
            let unknowable = !self.masters[&attempt].knows_directory || untold;
            if restored > 0 || !(settings.restart_from_scratch && unknowable) {
                self.violated(format!("goes on from checkpoint {restored}, but there is {newest}"));
            }
        } else if self.durable.worked
            && self.scenario.job.checkpoint_interval.is_none()
            && !settings.restart_from_scratch
        {
            self.violated("a job without checkpoints is started a second time".to_owned());
        }
        true
    }

    /// Whether the job was lost before Flink had reported its first checkpoint and that was recorded.
    fn had_just_begun_checkpoints(&self) -> bool {
        let completed_at = &self.durable.completed_at;
        let span = completed_at.last().zip(completed_at.first()).map(|(last, first)| *last - *first);
        span.is_none_or(|span| span <= self.scenario.checkpoints_age + ms(3000))
    }

    /// When Flink shuts down gracefully, it suspends what is running and removes its checkpoints.
    pub(super) fn check_orderly_end(&mut self, attempt: u32) {
        let job = self.masters[&attempt].job_manager.as_ref().and_then(|jm| jm.job.as_ref());
        let suspended = job.is_some_and(|job| !job.status.is_terminal());
        if suspended && self.scenario.job.checkpoint_interval.is_some() && !self.scenario.has_many_jobs() {
            self.violated("Flink is shut down while a job runs, which deletes its checkpoints".to_owned());
        }
    }

    /// Jobs are cancelled only on request.
    pub(super) fn check_cancellation(&mut self) {
        if !self.jobs.shut_down && self.jobs.stop_after.is_none() {
            self.violated("jobs are cancelled that were not meant to end".to_owned());
        }
    }

    /// Whether the job can never get its TaskManagers.
    pub(super) fn is_hopeless(&self) -> bool {
        let settings = &self.scenario.settings;
        let slots = self.scenario.program.as_ref().map_or(self.scenario.job.slots, ProgramModel::least_slots);
        let room = self.resource_manager.whole_room() * settings.slots;
        (self.scenario.session.is_none() && slots > room)
            || settings.task_manager_mib > self.scenario.maximum_mib
    }

    /// Nothing waits forever that could proceed.
    pub(super) fn check_patience(&mut self) {
        let faults_over = self.scenario.horizon + PATIENCE;
        if self.scenario.session.is_none() && self.now > faults_over {
            self.violated("the job waits although there is room for it".to_owned());
        }
    }

    pub(super) fn check_unregister(&mut self, attempt: u32) {
        if self.masters[&attempt].job_manager.is_some() {
            self.violated("unregisters while the JobManager is alive".to_owned());
        }
    }

    pub(super) fn check_exit(&mut self, attempt: u32, code: u8) {
        if self.masters[&attempt].job_manager.is_some() {
            self.violated(format!("exits with {code} while the JobManager is alive"));
        }
        let master = &self.masters[&attempt];
        // A ResourceManager forgets those that never started when it restarts.
        let known = |id: &&ContainerId| self.resource_manager.containers.contains_key(id);
        let held = master.containers.iter().filter(|(_, gone)| !**gone).map(|(id, _)| id);
        let left: Vec<_> = held.filter(known).collect();
        if code == 0 && !left.is_empty() {
            self.violated(format!("{left:?} were neither stopped nor given back nor reported"));
        }
    }

    /// The staging directory is removed once no attempt can need it any more.
    pub(super) fn check_removal(&mut self, checkpoint: bool, high_availability: bool) {
        if checkpoint && (self.scenario.job.kept || !self.scenario.settings.own_directory) {
            self.violated("removes checkpoints that must be kept or are not its own".to_owned());
        }
        let many = self.scenario.has_many_jobs();
        match &self.resource_manager.application {
            Application::Finished(status, _) => {
                if checkpoint && *status == FinalStatus::Failed {
                    self.violated("removes the checkpoints of a failed job".to_owned());
                } else if high_availability && !many && self.durable.ended.is_none() {
                    self.violated(
                        "removes what high availability has kept of a job that has not ended".to_owned(),
                    );
                }
            }
            Application::Killed => {}
            other => {
                let other = format!("{other:?}");
                self.violated(format!("removes the staging directory while the application is {other}"));
            }
        }
    }

    /// The invariants after the end.
    pub(super) fn check_end(&mut self) {
        for (attempt, master) in &mut self.masters {
            if master.machine.poll_action().is_some() && master.alive {
                self.violations.push(format!("attempt {attempt} goes on after the end"));
            }
        }
        if self.scenario.session.is_some() {
            return self.check_end_of_session();
        }
        let model = &self.scenario.job;
        let settings = &self.scenario.settings;
        let room = self.scenario.nodes * self.scenario.containers_per_node * settings.slots;
        let slots = self.scenario.program.as_ref().map_or(model.slots, ProgramModel::least_slots);
        let fits = slots <= room && settings.task_manager_mib <= self.scenario.maximum_mib;
        let calm = self.faults_injected == 0 && fits;
        let wanted = match (model.end, model.main_throws || model.second) {
            (JobStatus::Finished, false) => FinalStatus::Succeeded,
            (JobStatus::Canceled, _) => FinalStatus::Killed,
            _ => FinalStatus::Failed,
        };
        let Application::Finished(status, diagnostics) = self.resource_manager.application.clone() else {
            if calm {
                self.violated("a run without faults ends without a report".to_owned());
            }
            return;
        };
        if self.scenario.program.is_some() {
            self.check_end_of_program(status, &diagnostics, calm);
            return self.check_staging();
        }
        let truth = self.durable.ended;
        let right = match status {
            FinalStatus::Succeeded => truth == Some(JobStatus::Finished) && wanted == status,
            FinalStatus::Killed => truth == Some(JobStatus::Canceled),
            _ => !calm || wanted == status,
        };
        if !right || (calm && wanted != status) {
            self.violated(format!("reports {status}, but the job is {truth:?}: {diagnostics}"));
        }
        self.check_told_checkpoint(&diagnostics);
        self.check_ending(status, &diagnostics);
        self.check_staging();
    }

    /// The codes that programs read agree with the final status, and a failure has a cause.
    fn check_ending(&mut self, status: FinalStatus, diagnostics: &str) {
        let right = Ending::parse(diagnostics).is_some_and(|it| match it.state {
            JobStatus::Finished => status == FinalStatus::Succeeded,
            JobStatus::Canceled => status == FinalStatus::Killed,
            _ => status == FinalStatus::Failed && it.cause.is_some(),
        });
        if !right {
            self.violated(format!("reports {status}, and not why: {diagnostics}"));
        }
    }

    /// The diagnostics of a failed job name the latest checkpoint, once Flink has had the time to report one.
    fn check_told_checkpoint(&mut self, diagnostics: &str) {
        let known = self.durable.completed_at.first().is_some_and(|at| {
            self.durable.ended_at.is_some_and(|end| *at + self.scenario.checkpoints_age <= end + ms(400))
        });
        if self.durable.ended != Some(JobStatus::Failed) || !known {
            return;
        }
        let newest = format!("\ncheckpoint: chk-{}", self.durable.checkpoints.len());
        if !diagnostics.contains(&newest) {
            self.violated(format!("does not mention the{newest}: {diagnostics}"));
        }
    }

    fn check_end_of_session(&mut self) {
        match self.resource_manager.application.clone() {
            Application::Finished(status, diagnostics) => {
                self.check_session_end(status, &diagnostics);
                self.check_ending(status, &diagnostics);
                self.check_staging();
            }
            _ if self.faults_injected == 0 => {
                self.violated("a run without faults ends without a report".to_owned())
            }
            _ => {}
        }
    }

    /// The staging directory is gone, unless no application master was left to remove it.
    fn check_staging(&mut self) {
        let buried = self.masters.get(&self.resource_manager.attempt).is_some_and(|master| master.alive);
        let excused = self.removal_failed || self.faults_injected > 0 && !self.files.removed && !buried;
        if !self.files.removed && !excused {
            self.violated("the staging directory is left behind".to_owned());
        }
    }

    /// Final status and diagnostics, when the application master could report them.
    pub fn report(&self) -> Option<(FinalStatus, &str)> {
        match &self.resource_manager.application {
            Application::Finished(status, diagnostics) => Some((*status, diagnostics)),
            _ => None,
        }
    }

    /// How the application ended, as text.
    pub fn ending(&self) -> String {
        match &self.resource_manager.application {
            Application::Finished(status, diagnostics) => {
                format!("{status}: {}", diagnostics.lines().next().unwrap_or_default())
            }
            Application::Failed => "FAILED: no attempts left".to_owned(),
            Application::Killed if self.given_up => "KILLED: its owner gave up waiting".to_owned(),
            Application::Killed => "KILLED".to_owned(),
            other => format!("not over: {other:?}"),
        }
    }

    /// Total work that all JobManagers had to repeat.
    pub fn job_managers_started(&self) -> u32 {
        self.job_managers_started
    }

    /// The last attempt's number.
    pub fn attempts(&self) -> u32 {
        self.resource_manager.attempt
    }

    /// Virtual duration of the run.
    pub fn duration(&self) -> Duration {
        self.now
    }
}
