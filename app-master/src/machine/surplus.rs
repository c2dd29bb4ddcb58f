//! Containers that the jobs can do without, and when they are given back.

use std::time::Duration;

use super::inquiry::{Progressing, Survey};
use super::{AppMaster, JobView, Timer};

/// The pause between two searches for TaskManagers that hold results, while some are idle.
const SURVEY_PAUSE: Duration = Duration::from_secs(5);

impl AppMaster {
    /// Number of containers that the jobs can do without; 0 while a job is not listed or has not been asked about, as its need
    /// is unknown then.
    pub(super) fn surplus(&self) -> u32 {
        if !self.knows_jobs() || self.inquiries.outstanding() {
            return 0;
        }
        self.containers.working().saturating_sub(self.desired())
    }

    /// Brings the containers in line with what is desired: an earlier heartbeat for more, stops for less.
    pub(super) fn fit_containers(&mut self, now: Duration) {
        let surplus = self.surplus();
        // A container on its way is given back only if the jobs run without it.
        if surplus > 0 && self.jobs_run() {
            let stopped = self.containers.take_unregistered(surplus);
            self.stop_containers(stopped);
        }
        self.watch_surplus(now);
        self.hasten_heartbeat(now);
    }

    fn jobs_run(&self) -> bool {
        let runs = |job: &JobView| job.tasks_active == job.tasks_total && job.tasks_total > 0;
        self.all_jobs(runs)
    }

    /// Schedules a search among surplus TaskManagers for when they will have been idle long enough.
    fn watch_surplus(&mut self, now: Duration) {
        let idle =
            (self.surplus() > 0).then(|| self.containers.next_idle(self.settings.idle_timeout)).flatten();
        match idle.filter(|_| self.survey.is_none()) {
            Some(at) => {
                let pause = self.surveyed.map_or(now, |at| at + SURVEY_PAUSE);
                self.timers.set(Timer::Surplus, at.max(pause));
            }
            None => self.timers.stop(Timer::Surplus),
        }
    }

    /// A TaskManager has been idle for long enough. It may hold results of a batch job that a later stage has yet to read,
    /// and be in use again a moment later: only fresh looks can tell.
    pub(super) fn look_for_surplus(&mut self, now: Duration) {
        self.survey = Some(Survey::new(now));
        self.timers.set_at_most(Timer::FlinkPoll, now);
    }

    /// Takes from a look what it says about results. When all TaskManagers that hold any are known, those of the others that
    /// this look has shown to be idle are stopped.
    pub(super) fn go_on_with_survey(&mut self, now: Duration) {
        let (Some(mut survey), Some(view)) = (self.survey.take(), &self.view) else { return };
        let idle_at = match survey.observe(view, now) {
            Progressing::Goes => {
                self.survey = Some(survey);
                return;
            }
            Progressing::Failed => None,
            Progressing::Complete { idle_at } => Some(idle_at),
        };
        self.surveyed = Some(now);
        if let Some(idle_at) = idle_at {
            let (surplus, patience) = (self.surplus(), self.settings.idle_timeout);
            let held = |id: &str| survey.holds(id);
            let stopped = self.containers.take_idle(surplus, patience, held, idle_at);
            self.stop_containers(stopped);
        }
    }
}
