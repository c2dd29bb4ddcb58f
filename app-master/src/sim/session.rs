//! Sessions: jobs that come and go, requests of the owner, and the invariants for both.

use std::collections::BTreeSet;
use std::time::Duration;

use proto::ids::ContainerId;
use rand::Rng;
use rand::rngs::StdRng;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::FinalStatus;

use super::{Due, World, ms};
use crate::machine::{
    Answer, Event, FlinkView, JobView, Reply, Request, SessionSettings, Size, TaskManagerView,
};

/// How old the machine's knowledge about Flink may be when it stops a TaskManager.
const STALE: Duration = ms(1500);
/// Unanswered requests are repeated after this time.
const AGAIN: Duration = ms(1000);

/// What happens in a session besides faults.
#[derive(Debug, Clone, Default)]
pub struct SessionModel {
    /// When each job is submitted.
    pub jobs: Vec<(Duration, SessionJob)>,
    /// When its owner requests something.
    pub asks: Vec<(Duration, Ask)>,
}

/// A job of a session; it takes no checkpoints.
#[derive(Debug, Clone, Copy)]
pub struct SessionJob {
    /// Number of slots it needs.
    pub slots: u32,
    /// How long all its tasks must run.
    pub work: Duration,
    /// How it ends.
    pub end: JobStatus,
    /// For a batch job: how long a single task reads what the tasks before it have left on their TaskManagers.
    pub second_stage: Option<Duration>,
}

impl SessionJob {
    fn whole(&self) -> Duration {
        self.work + self.second_stage.unwrap_or_default()
    }
}

/// What the owner requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Scale to this many TaskManagers.
    Scale(u32),
    /// End with the n-th job.
    StopAfter(usize),
    /// End now.
    Shutdown,
}

/// A submitted job.
#[derive(Debug)]
pub(super) struct Submitted {
    id: String,
    job: SessionJob,
    pub(super) status: JobStatus,
    progress: Duration,
    /// The attempt and generation of the JobManager that lists it.
    pub(super) home: Option<(u32, u32)>,
    /// The container of each of its slots; empty while it waits for them.
    placed: Vec<ContainerId>,
    /// Containers with results of its first stage, which its second stage reads.
    results: Vec<ContainerId>,
    placed_at: Duration,
    lived: Duration,
    ended_at: Option<Duration>,
}

/// Everything about a session that the machine does not hold.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) list: Vec<Submitted>,
    /// The owner has been told that it ends.
    pub(super) shut_down: bool,
    pub(super) stop_after: Option<usize>,
    /// The largest number of TaskManagers it was ever meant to have.
    pub(super) most: u32,
    /// Flink has been unreachable, or forgetful, until then.
    blind_until: Duration,
}

impl SessionJob {
    /// A random job. One in `bad` fails, and as many are cancelled.
    pub(super) fn random(rng: &mut StdRng, bad: u32) -> Self {
        let end = match rng.random_range(0..2 * bad) {
            0 | 1 => JobStatus::Failed,
            2 | 3 => JobStatus::Canceled,
            _ => JobStatus::Finished,
        };
        let work = Duration::from_millis(rng.random_range(0..60_000));
        let reading = Duration::from_millis(rng.random_range(0..120_000));
        let second_stage = rng.random_bool(0.3).then_some(reading);
        Self { slots: rng.random_range(1..6), work, end, second_stage }
    }
}

impl Submitted {
    fn unplace(&mut self) {
        self.placed.clear();
        self.results.clear();
    }
}

impl SessionModel {
    /// Random jobs and requests; the last request is the end.
    pub fn random(rng: &mut StdRng) -> (Self, SessionSettings) {
        let time = |rng: &mut StdRng, most: u64| Duration::from_millis(rng.random_range(0..most));
        let min = rng.random_range(0..3);
        let max = (min + rng.random_range(0..6)).max(1);
        let mut model = Self::default();
        for _ in 0..rng.random_range(0..6) {
            let job = SessionJob::random(rng, 3);
            model.jobs.push((time(rng, 120_000), job));
        }
        if rng.random_bool(0.3) {
            model.asks.push((time(rng, 150_000), Ask::Scale(rng.random_range(1..8))));
        }
        if !model.jobs.is_empty() && rng.random_bool(0.3) {
            let nth = rng.random_range(0..model.jobs.len());
            model.asks.push((model.jobs[nth].0 + time(rng, 20_000), Ask::StopAfter(nth)));
        }
        model.asks.push((Duration::from_secs(200) + time(rng, 300_000), Ask::Shutdown));
        let idle_timeout = rng.random_bool(0.3).then(|| Duration::from_secs(20) + time(rng, 60_000));
        (model, SessionSettings { size: Size { min, max }, idle_timeout })
    }
}

impl World {
    /// Puts what is planned into the queue.
    pub(super) fn plan_session(&mut self) {
        let Some(model) = self.scenario.session.clone() else { return };
        for (nth, (at, _)) in model.jobs.iter().enumerate() {
            self.at(*at, Due::Submit(nth));
        }
        for (at, ask) in model.asks {
            self.at(at, Due::Ask(ask));
        }
        self.jobs.most = self.scenario.settings.workload.session().map_or(0, |session| session.size.max);
    }

    /// The JobManager that clients reach.
    fn reachable_home(&self) -> Option<(u32, u32)> {
        let master = self.masters.get(&self.resource_manager.attempt).filter(|master| master.alive)?;
        let there = master.job_manager.as_ref().is_some_and(|jm| jm.up(self.now) && !jm.stopping);
        (there && self.rest_away_until <= self.now)
            .then_some((self.resource_manager.attempt, master.generation))
    }

    pub(super) fn submit(&mut self, nth: usize) {
        let Some((_, job)) = self.scenario.session.as_ref().and_then(|model| model.jobs.get(nth)).copied()
        else {
            return;
        };
        let Some(home) = self.reachable_home() else {
            return self.after(AGAIN, Due::Submit(nth));
        };
        self.add_job(format!("{nth:032x}"), job, home);
    }

    /// A JobManager accepts a job.
    pub(super) fn add_job(&mut self, id: String, job: SessionJob, home: (u32, u32)) {
        self.note(|| format!("job {id} is submitted: {job:?}"));
        self.jobs.list.push(Submitted {
            id,
            job,
            status: JobStatus::Running,
            progress: Duration::ZERO,
            home: Some(home),
            placed: Vec::new(),
            results: Vec::new(),
            placed_at: self.now,
            lived: self.now,
            ended_at: None,
        });
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        let now = self.now;
        let attempt = self.resource_manager.attempt;
        let request = match ask {
            Ask::Scale(task_managers) => Request::Scale { task_managers },
            Ask::StopAfter(nth) => Request::StopAfterJob { job_id: format!("{nth:032x}") },
            Ask::Shutdown => Request::Shutdown,
        };
        let Some(master) = self.masters.get_mut(&attempt).filter(|master| master.alive) else {
            return self.after(AGAIN, Due::Ask(ask));
        };
        if attempt == 1 {
            self.recorder.event(now, &Event::Asked(request.clone()));
        }
        let answer = master.machine.ask(request, now);
        self.note(|| format!("asked for {ask:?}: {answer:?}"));
        match (ask, answer) {
            (Ask::Shutdown, Ok(_)) => self.jobs.shut_down = true,
            (Ask::StopAfter(nth), Ok(Reply::Cancels(_))) => self.jobs.stop_after = Some(nth),
            (Ask::Scale(number), Ok(_)) => self.jobs.most = self.jobs.most.max(number),
            // A shutdown is requested until the session ends.
            (Ask::Shutdown, Err(_)) => self.after(AGAIN, Due::Ask(ask)),
            _ => {}
        }
    }

    /// Lets the session's jobs live until now.
    pub(super) fn live_jobs(&mut self) {
        let now = self.now;
        if self.rest_away_until > now || self.rest_forgets_until > now {
            self.jobs.blind_until = now + STALE;
        }
        let slots = self.scenario.settings.slots as usize;
        let mut list = std::mem::take(&mut self.jobs.list);
        let reachable = |world: &Self, home: Option<(u32, u32)>| {
            home.is_some_and(|(attempt, generation)| {
                world.masters.get(&attempt).is_some_and(|master| {
                    master.generation == generation
                        && master.job_manager.as_ref().is_some_and(|jm| jm.up(now) && !jm.stopping)
                })
            })
        };
        for job in &mut list {
            // With high availability the next JobManager takes over the jobs that had not ended.
            if job.home.is_none() && self.scenario.settings.recovers && !job.status.is_terminal() {
                job.home = self.reachable_home();
                job.lived = now;
            }
            if !reachable(self, job.home) || job.status.is_terminal() {
                job.unplace();
                job.lived = now;
                continue;
            }
            let there = self.task_managers(job.home.map_or(0, |(attempt, _)| attempt));
            if job.placed.iter().chain(&job.results).any(|id| !there.contains(id)) {
                job.unplace();
                job.progress = Duration::ZERO;
            }
            if !job.placed.is_empty() {
                job.progress += now - job.lived;
                if job.progress >= job.job.whole() {
                    job.status = job.job.end;
                    job.ended_at = Some(now);
                    job.unplace();
                } else if job.progress >= job.job.work && job.results.is_empty() {
                    job.results.clone_from(&job.placed);
                    job.placed.truncate(1);
                }
            }
            job.lived = now;
        }
        for nth in 0..list.len() {
            let waits = !list[nth].status.is_terminal() && list[nth].placed.is_empty();
            if !waits || !reachable(self, list[nth].home) {
                continue;
            }
            let there = self.task_managers(list[nth].home.map_or(0, |(attempt, _)| attempt));
            let used =
                |id: &ContainerId| list.iter().flat_map(|job| &job.placed).filter(|it| *it == id).count();
            let free: Vec<ContainerId> = there
                .iter()
                .flat_map(|id| std::iter::repeat_n(*id, slots.saturating_sub(used(id))))
                .take(list[nth].job.slots as usize)
                .collect();
            if free.len() == list[nth].job.slots as usize {
                list[nth].placed = free;
                self.durable.worked = self.scenario.program.is_some();
                list[nth].placed_at = now;
            }
        }
        self.jobs.list = list;
    }

    /// When the next job ends.
    pub(super) fn next_job_end(&self) -> Option<Duration> {
        let working = self.jobs.list.iter().filter(|job| !job.placed.is_empty());
        let next = |job: &Submitted| if job.results.is_empty() { job.job.work } else { job.job.whole() };
        working.map(|job| job.lived + next(job).saturating_sub(job.progress) + ms(1)).min()
    }

    /// A JobManager is gone: its ended jobs are forgotten, and the others too unless high availability keeps them.
    pub(super) fn jobs_lose_home(&mut self, attempt: u32, generation: u32) {
        let recovers = self.scenario.settings.recovers;
        for job in self.jobs.list.iter_mut().filter(|job| job.home == Some((attempt, generation))) {
            job.home = None;
            job.unplace();
            job.progress = Duration::ZERO;
        }
        self.jobs.list.retain(|job| job.home.is_some() || (recovers && !job.status.is_terminal()));
    }

    pub(super) fn cancel_jobs(&mut self, attempt: u32, jobs: &[String]) {
        let here = |job: &Submitted| job.home.is_some_and(|(of, _)| of == attempt);
        for job in self.jobs.list.iter_mut().filter(|job| here(job) && jobs.contains(&job.id)) {
            if !job.status.is_terminal() {
                job.status = JobStatus::Canceled;
                job.unplace();
            }
        }
        self.answer(attempt, ms(300), Answer::JobsCancelled);
    }

    /// What Flink shows about a session.
    pub(super) fn session_view(&self, attempt: u32) -> FlinkView {
        let here = self.jobs.list.iter().filter(|job| job.home.is_some_and(|(of, _)| of == attempt));
        let after = self.scenario.program.as_ref().and_then(|program| program.forgets_after);
        let forgotten = |job: &Submitted| {
            after.zip(job.ended_at).is_some_and(|(after, ended_at)| ended_at + after <= self.now)
        };
        let jobs = here.filter(|job| !forgotten(job)).map(|job| JobView {
            id: job.id.clone(),
            status: job.status,
            slots_needed: Some(if job.results.is_empty() { job.job.slots } else { 1 }),
            streaming: Some(job.job.second_stage.is_none()),
            tasks_total: job.job.slots,
            tasks_active: u32::try_from(job.placed.len()).unwrap_or(0),
            tasks_finished: if job.results.is_empty() { 0 } else { job.job.slots - 1 },
            checkpoints: None,
        });
        let slots = self.scenario.settings.slots;
        let task_managers = self.listed(attempt).into_iter().map(|id| {
            let used = self.jobs.list.iter().flat_map(|job| &job.placed).filter(|it| **it == id).count();
            let free_slots = slots - u32::try_from(used).unwrap_or(0).min(slots);
            TaskManagerView { id: id.to_string(), slots, free_slots }
        });
        FlinkView {
            jobs: jobs.collect(),
            application: None,
            task_managers: task_managers.collect(),
            holders: Some(self.results()),
        }
    }

    /// TaskManagers with results that are yet to be read.
    fn results(&self) -> BTreeSet<String> {
        self.jobs.list.iter().flat_map(|job| &job.results).map(ToString::to_string).collect()
    }

    /// A TaskManager with tasks or results must stay, unless the application ends, or the TaskManager hangs.
    pub(super) fn check_stop(&mut self, attempt: u32, id: ContainerId) {
        let Some(master) = self.masters.get(&attempt).filter(|master| !master.ends) else { return };
        if self.jobs.blind_until > self.now
            || self.resource_manager.containers.get(&id).is_none_or(|container| container.hangs(self.now))
        {
            return;
        }
        let job = master.job_manager.as_ref().and_then(|jm| jm.job.as_ref());
        let held = job.is_some_and(|job| !job.status.is_terminal() && job.holders.contains(&id));
        let held_here =
            |job: &&Submitted| job.home.is_some_and(|(of, _)| of == attempt) && job.results.contains(&id);
        if held || self.jobs.list.iter().any(|job| held_here(&job)) {
            self.violated(format!("{id} is stopped, and holds results that are still to be read"));
        }
        let busy = self.jobs.list.iter().find(|job| {
            job.placed.contains(&id)
                && job.placed_at + STALE < self.now
                && job.home.is_some_and(|(of, _)| of == attempt)
        });
        if let Some(job) = busy {
            let job = job.id.clone();
            self.violated(format!("{id} is stopped, and holds tasks of job {job}"));
        }
    }

    /// A session ends for a reason: a request, the named job, the idle timeout, or because something went wrong.
    pub(super) fn check_session_end(&mut self, status: FinalStatus, diagnostics: &str) {
        let calm = self.faults_injected == 0;
        let leased = self.scenario.settings.workload.session().is_some_and(|it| it.idle_timeout.is_some());
        let last = self.jobs.stop_after.and_then(|nth| self.scenario.session.as_ref()?.jobs.get(nth));
        let last = last.map(|(_, job)| job.end);
        let told = self.jobs.shut_down;
        let fits = self.scenario.settings.task_manager_mib <= self.scenario.maximum_mib;
        let right = match status {
            FinalStatus::Succeeded => told || leased || last == Some(JobStatus::Finished),
            // A job that is cancelled with the session may be the one it was to end with.
            FinalStatus::Killed => last == Some(JobStatus::Canceled),
            _ => !calm || !fits || last == Some(JobStatus::Failed),
        };
        if !right {
            self.violated(format!("the session reports {status}: {diagnostics}"));
        }
    }
}
