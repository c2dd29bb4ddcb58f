//! The summary of many runs, which `yarn-flink simulate` prints.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use yarn_client::yarn::FinalStatus;

use super::{Fault, JobModel, Kind, Scenario, World, settings};
use crate::machine::Settings;

/// The longest run that is simulated.
const LIMIT: Duration = Duration::from_secs(30 * 86_400);

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Request {
    /// Number of TaskManagers the job needs, with one slot each.
    pub task_managers: u32,
    /// Number of nodes in the cluster.
    pub nodes: u32,
    /// How long the job works if nothing goes wrong.
    pub work: Duration,
    /// Pauses between checkpoints; `None`: the job takes none.
    pub checkpoint_interval: Option<Duration>,
    /// Flink's high availability is on.
    pub high_availability: bool,
    /// `--restart-from-scratch`.
    pub restart_from_scratch: bool,
    /// Maximum number of attempts of the application.
    pub max_attempts: u32,
    /// Nothing goes wrong.
    pub calm: bool,
    /// Kinds of faults; empty: all kinds.
    pub faults: Vec<Kind>,
    /// The average time between faults.
    pub every: Duration,
    /// Number of lives to simulate, with seeds from [`Self::seed`] on.
    pub lives: u64,
    /// Seed of the first run.
    pub seed: u64,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            task_managers: 4,
            nodes: 4,
            work: Duration::from_secs(600),
            checkpoint_interval: Some(Duration::from_secs(10)),
            high_availability: false,
            restart_from_scratch: false,
            max_attempts: 2,
            calm: false,
            faults: Vec::new(),
            every: Duration::from_secs(120),
            lives: 200,
            seed: 1,
        }
    }
}

impl Request {
    /// Sets one option, given as `key=value`.
    ///
    /// # Errors
    /// The key does not exist, or the value cannot be read; the text says what is expected.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
            value.parse().map_err(|_| format!("`{value}` is not a valid number"))
        }
        fn seconds(value: &str) -> Result<Duration, String> {
            let seconds: f64 = number(value)?;
            Duration::try_from_secs_f64(seconds).map_err(|_| format!("`{value}` is not a number of seconds"))
        }
        match key {
            "task-managers" => self.task_managers = number::<u32>(value)?.clamp(1, 10_000),
            "nodes" => self.nodes = number::<u32>(value)?.clamp(1, 10_000),
            "work" => self.work = seconds(value)?,
            "checkpoint-interval" => {
                self.checkpoint_interval = Some(seconds(value)?).filter(|interval| !interval.is_zero());
            }
            "high-availability" => self.high_availability = value == "true",
            "restart-from-scratch" => self.restart_from_scratch = value == "true",
            "max-attempts" => self.max_attempts = number::<u32>(value)?.max(1),
            "faults" => {
                self.faults = match value {
                    "all" | "none" => Vec::new(),
                    list => list.split(',').map(str::parse).collect::<Result<_, _>>()?,
                };
                self.calm = value == "none";
            }
            "every" => self.every = seconds(value)?.max(Duration::from_secs(1)),
            "lives" => self.lives = number::<u64>(value)?.max(1),
            "seed" => self.seed = number(value)?,
            _ => return Err(format!("`{key}` is not a simulation parameter")),
        }
        Ok(())
    }

    fn scenario(&self, seed: u64) -> Scenario {
        let mut rng = StdRng::seed_from_u64(seed);
        let kinds: &[Kind] = if self.faults.is_empty() { &Kind::ALL } else { &self.faults };
        let job = JobModel {
            work: self.work,
            checkpoint_interval: self.checkpoint_interval,
            ..JobModel::short(self.task_managers)
        };
        let settings = Settings {
            parallelism: self.task_managers,
            recovers: self.high_availability,
            checkpoints_configured: self.checkpoint_interval.is_some(),
            restart_from_scratch: self.restart_from_scratch,
            ..settings()
        };
        let mut faults: Vec<(Duration, Fault)> = Vec::new();
        let horizon = self.work.mul_f32(1.5);
        let mut at = Duration::ZERO;
        loop {
            // Exponential pauses: faults are independent of each other.
            at += self.every.mul_f64(-rng.random_range(f64::EPSILON..1.0).ln());
            if self.calm || at > horizon {
                break;
            }
            let kind = kinds[rng.random_range(0..kinds.len())];
            faults.push((at, kind.draw(&mut rng, self.nodes, self.task_managers)));
        }
        faults.push((horizon * 2, Fault::OwnerLooks));
        Scenario {
            nodes: self.nodes,
            containers_per_node: (2 * self.task_managers).div_ceil(self.nodes) + 1,
            max_attempts: self.max_attempts,
            // Many faults take a job back to its last checkpoint, or to its start, many times.
            horizon: LIMIT,
            faults,
            ..Scenario::calm(settings, job)
        }
    }

    fn play(&self, seed: u64, trace: bool) -> World {
        let mut world = World::new(self.scenario(seed), seed);
        if trace {
            world.keep_trace();
        }
        world.run(LIMIT);
        world
    }

    /// The trace of one run, step by step.
    pub fn trace(&self) -> String {
        let world = self.play(self.seed, true);
        let mut text = world.trace().join("\n");
        let _ = write!(text, "\n{:>9.3} s  {}\n", world.duration().as_secs_f64(), world.ending());
        for violation in world.violations() {
            let _ = writeln!(text, "violated invariant: {violation}");
        }
        text
    }

    /// The summary of all runs.
    pub fn summary(&self) -> Summary {
        let calm = Self { calm: true, ..self.clone() };
        let without = calm.play(self.seed, false).duration();
        let mut endings: BTreeMap<String, Ending> = BTreeMap::new();
        let (mut costs, mut attempts, mut job_managers) = (Vec::new(), 0, 0);
        let mut broken_rules = Vec::new();
        for seed in self.seed..self.seed + self.lives {
            let world = self.play(seed, false);
            let text = anonymous(&world.ending());
            endings.entry(text.clone()).or_insert(Ending { text, lives: 0, seed }).lives += 1;
            attempts += u64::from(world.attempts());
            job_managers += u64::from(world.job_managers_started());
            if world.report().is_some_and(|(status, _)| status == FinalStatus::Succeeded) {
                costs.push(world.duration().saturating_sub(without));
            }
            broken_rules.extend(world.violations().iter().map(|rule| format!("seed {seed}: {rule}")));
        }
        costs.sort_unstable();
        let late = |percent: usize| {
            let cost = costs.get(costs.len().checked_sub(1)? * percent / 100)?;
            u64::try_from(cost.as_millis()).ok()
        };
        #[expect(clippy::cast_precision_loss, reason = "averages for people to look at")]
        let average = |sum: u64| sum as f64 / self.lives as f64;
        let mut endings: Vec<_> = endings.into_values().collect();
        endings.sort_by_key(|ending| std::cmp::Reverse(ending.lives));
        Summary {
            lives: self.lives,
            without_faults_ms: u64::try_from(without.as_millis()).unwrap_or(u64::MAX),
            endings,
            attempts: average(attempts),
            job_managers: average(job_managers),
            late_median_ms: late(50),
            late_90_percent_ms: late(90),
            late_worst_ms: late(100),
            broken_rules,
        }
    }
}

/// The summary of many runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Number of lives simulated.
    pub lives: u64,
    /// How long one takes if nothing goes wrong.
    pub without_faults_ms: u64,
    /// The ways in which lives ended, the most frequent first.
    pub endings: Vec<Ending>,
    /// Average number of attempts per run.
    pub attempts: f64,
    /// Average number of JobManagers per run.
    pub job_managers: f64,
    /// The median delay of runs with faults whose job finished.
    pub late_median_ms: Option<u64>,
    /// The delay that nine in ten did not exceed.
    pub late_90_percent_ms: Option<u64>,
    /// The longest delay.
    pub late_worst_ms: Option<u64>,
    /// Rules that must never be broken, but were: a bug.
    pub broken_rules: Vec<String>,
}

/// One way to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// Final status and the first line of the diagnostics.
    pub text: String,
    /// Number of lives that ended this way.
    pub lives: u64,
    /// The seed of the first of them.
    pub seed: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f32();
        writeln!(
            f,
            "{} runs; without faults a run takes {:.1} s",
            self.lives,
            seconds(self.without_faults_ms)
        )?;
        for Ending { text, lives, seed } in &self.endings {
            writeln!(f, "{lives:>7}  {text}  (seed {seed})")?;
        }
        writeln!(f, "{:.2} attempts and {:.2} JobManagers per run", self.attempts, self.job_managers)?;
        if let (Some(median), Some(most), Some(worst)) =
            (self.late_median_ms, self.late_90_percent_ms, self.late_worst_ms)
        {
            let [median, most, worst] = [median, most, worst].map(seconds);
            writeln!(
                f,
                "delay of finished jobs: {median:.1} s (median), {most:.1} s (90 %), {worst:.1} s (worst)"
            )?;
        }
        self.broken_rules.iter().try_for_each(|rule| writeln!(f, "violated invariant: {rule}"))
    }
}

/// Normalizes an ending by removing the job's id and container numbers.
fn anonymous(ending: &str) -> String {
    let words =
        ending.split(' ').map(|word| if word.starts_with("container_") { "container_…" } else { word });
    words.collect::<Vec<_>>().join(" ").replace(&format!("Job {} ", super::JOB), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_without_faults_have_no_delay() {
        let mut request = Request { lives: 3, ..Request::default() };
        request.set("faults", "none").expect("a value");
        request.set("work", "30").expect("a value");
        let summary = request.summary();
        assert!(summary.broken_rules.is_empty(), "{summary}");
        let text = summary.to_string();
        assert!(text.contains("      3  SUCCEEDED: FINISHED"), "{text}");
        assert!(text.contains("delay of finished jobs: 0.0 s (median)"), "{text}");
    }

    #[test]
    fn lost_masters_cost_attempts_and_violate_no_invariant() {
        let mut request = Request { lives: 50, ..Request::default() };
        for (key, value) in [("faults", "appmaster,node"), ("max-attempts", "9"), ("every", "60")] {
            request.set(key, value).expect("a value");
        }
        let summary = request.summary();
        assert!(summary.broken_rules.is_empty(), "{summary}");
        assert!(summary.to_string().contains("SUCCEEDED"), "{summary}");
        assert!(request.trace().contains("FAULT"));
    }

    #[test]
    fn invalid_parameters_are_rejected() {
        let mut request = Request::default();
        assert!(
            request.set("faults", "appmaster,weather").expect_err("no such fault").contains("taskmanager")
        );
        assert!(request.set("every", "-1").is_err());
        assert!(request.set("colour", "red").is_err());
    }
}
