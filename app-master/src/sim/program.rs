//! A program that executes several jobs: rounds one after the other, with the jobs of a round in parallel. Its JobManager
//! runs it from the beginning, and does not know what it had done before.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::FinalStatus;

use super::session::SessionJob;
use super::{Due, World, ms};
use crate::machine::{Answer, Exit};

/// What `main` does.
#[derive(Debug, Clone, Default)]
pub struct ProgramModel {
    /// The jobs of each round.
    pub rounds: Vec<Vec<SessionJob>>,
    /// After all of them `main` throws: the JobManager exits with 2.
    pub throws: bool,
    /// Flink forgets ended jobs after this time (`jobstore.expiration-time`), and `main` takes longer between its jobs.
    pub forgets_after: Option<Duration>,
}

impl ProgramModel {
    /// A random program with at least one job.
    pub fn random(rng: &mut StdRng) -> Self {
        let rounds = rng.random_range(1..4);
        let rounds = (0..rounds).map(|_| {
            let jobs = rng.random_range(1..4);
            (0..jobs).map(|_| SessionJob::random(rng, 6)).collect()
        });
        let rounds = rounds.collect();
        let forgets_after = rng.random_bool(0.3).then(|| ms(rng.random_range(5_000..20_000)));
        Self { rounds, throws: rng.random_bool(0.05), forgets_after }
    }

    /// The most slots that are needed at once.
    pub(super) fn most_slots(&self) -> u32 {
        self.rounds.iter().map(|jobs| jobs.iter().map(|job| job.slots).sum()).max().unwrap_or(0)
    }

    /// Slots of the largest job: with fewer it never runs.
    pub(super) fn least_slots(&self) -> u32 {
        self.rounds.iter().flatten().map(|job| job.slots).max().unwrap_or(0)
    }

    /// The expected report if nothing goes wrong: the program ends with the first round that did not succeed.
    pub(super) fn result(&self) -> FinalStatus {
        let ends = |wanted: JobStatus| move |job: &SessionJob| job.end == wanted;
        let bad = self.rounds.iter().find(|jobs| !jobs.iter().all(ends(JobStatus::Finished)));
        match bad {
            Some(jobs) if jobs.iter().any(ends(JobStatus::Failed)) => FinalStatus::Failed,
            Some(_) => FinalStatus::Killed,
            None if self.throws => FinalStatus::Failed,
            None => FinalStatus::Succeeded,
        }
    }
}

/// The program inside one JobManager.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// The attempt and generation of the JobManager.
    home: Option<(u32, u32)>,
    /// The rounds it has started.
    begun: usize,
    /// When it continues: it is busy between its jobs.
    goes_on: Option<Duration>,
    returned: bool,
    /// The attempt that watches its log.
    watched: Option<u32>,
}

impl World {
    /// Lets `main` continue.
    pub(super) fn live_program(&mut self) {
        let Some(model) = self.scenario.program.clone() else { return };
        let there = self.masters.iter().find_map(|(attempt, master)| {
            let up = master.job_manager.as_ref().is_some_and(|jm| jm.up(self.now) && !jm.stopping);
            up.then_some((*attempt, master.generation))
        });
        let Some(home) = there else { return };
        if self.program.home != Some(home) {
            let watched = self.program.watched.filter(|attempt| *attempt == home.0);
            self.program = Program { home: Some(home), watched, ..Program::default() };
        }
        let jobs = || self.jobs.list.iter().filter(|job| job.home == Some(home));
        if self.program.returned || jobs().any(|job| !job.status.is_terminal()) {
            return;
        }
        match self.program.goes_on {
            Some(at) if at > self.now => return,
            Some(_) => self.program.goes_on = None,
            None => {
                let most = model.forgets_after.map_or(ms(3000), |after| after * 2);
                let at = self.now + self.rng.random_range(ms(1)..most);
                self.program.goes_on = Some(at);
                return self.at(at, Due::Main);
            }
        }
        let jobs = || self.jobs.list.iter().filter(|job| job.home == Some(home));
        let well = jobs().all(|job| job.status == JobStatus::Finished);
        match model.rounds.get(self.program.begun).filter(|_| well) {
            Some(round) => {
                for (nth, job) in round.iter().enumerate() {
                    let id =
                        format!("{:08x}{:024x}", self.job_managers_started, self.program.begun << 8 | nth);
                    self.add_job(id, *job, home);
                }
                self.program.begun += 1;
            }
            None => {
                self.note(|| "main returns".to_owned());
                self.program.returned = true;
                if well && model.throws {
                    self.after(ms(100), Due::JobManagerEnds(home.0, home.1, Exit::Code(2)));
                } else {
                    self.durable.ended = Some(JobStatus::Finished);
                    self.tell_program_end();
                }
            }
        }
    }

    /// An attempt waits for the program's end.
    pub(super) fn watch_program(&mut self, attempt: u32) {
        self.program.watched = Some(attempt);
        self.tell_program_end();
    }

    /// The end is in the log: reports it now, or when the log is read.
    fn tell_program_end(&mut self) {
        let (Some(attempt), Some((of, start))) = (self.program.watched, self.program.home) else { return };
        if self.program.returned && attempt == of {
            let delay: Duration = ms(self.rng.random_range(0..150));
            self.after(delay, Due::Answer(of, start, Answer::ProgramEnded { job_passed_over: false }));
        }
    }

    /// The report matches the ends of the jobs.
    pub(super) fn check_end_of_program(&mut self, status: FinalStatus, diagnostics: &str, calm: bool) {
        let Some(model) = &self.scenario.program else { return };
        let wanted = model.result();
        // A successful program must have run to its end.
        let right = status == wanted && (self.program.returned || status == FinalStatus::Failed)
            || status == FinalStatus::Failed && !calm;
        if !right {
            self.violated(format!("reports {status}, but the program's end is {wanted}: {diagnostics}"));
        }
    }
}
