//! The one cluster that the tests of a test binary share.
//!
//! Booting takes seconds, so tests that do not break daemons use [`cluster`]. They avoid each other by looking only at
//! their own application and using their own paths ([`crate::cluster::Cluster::scratch`]). libtest runs tests on
//! several threads; [`turn`] limits how many of them load the machine at a time. The more threads there are
//! (`RUST_TEST_THREADS`), the sooner a test that mostly waits ([`patient_turn`]) starts.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::LazyLock;
use std::time::Instant;

use anyhow::{Result, anyhow};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::cluster::Cluster;
use crate::prerequisites::{self, MissingPrerequisites};
use crate::progress;

/// Variable that makes tests use the cluster that `quickstart --keep` left running.
pub const KEPT_VARIABLE: &str = "YARN_FLINK_TEST_KEPT";

/// Variable with a file to which each test appends the seconds for which it held its turn, and its name: where the time
/// of a whole run goes. What libtest reports includes the wait for the turn.
pub const TURNS_VARIABLE: &str = "YARN_FLINK_TEST_TURNS";

/// A turn to load the machine, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    kind: &'static str,
    since: Instant,
    _permit: SemaphorePermit<'static>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(file) = std::env::var_os(TURNS_VARIABLE) else { return };
        let thread = std::thread::current();
        let line = format!(
            "{:.1}\t{}\t{}\n",
            self.since.elapsed().as_secs_f64(),
            self.kind,
            thread.name().unwrap_or("unknown")
        );
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&file)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            progress::line(&format!("cannot write {}: {error}", file.display()));
        }
    }
}

/// The shared cluster, booted by the first caller: HDFS and two NodeManagers of 8 GiB and 8 vcores each.
///
/// Statics are never dropped, so the cluster is ended by its reaper when the test process ends.
///
/// With `YARN_FLINK_TEST_KEPT=1` the cluster that `quickstart --keep` left running is used instead, which makes a
/// single test start at once.
///
/// # Errors
/// Those of [`crate::cluster::Builder::boot`]; later callers get the first one's error text.
pub async fn cluster() -> Result<&'static Cluster> {
    static SHARED: OnceCell<Result<Cluster, String>> = OnceCell::const_new();
    let booted = SHARED.get_or_init(async || boot().await.map_err(|error| format!("{error:#}"))).await;
    booted.as_ref().map_err(|text| anyhow!("the shared cluster did not start: {text}"))
}

/// The description of the shared cluster, which is also that of `quickstart --keep`.
pub fn description(name: &str) -> crate::cluster::Builder {
    Cluster::builder(name).node_managers(2).node_size(8192, 8).log_aggregation()
}

async fn boot() -> Result<Cluster> {
    if std::env::var_os(KEPT_VARIABLE).is_some_and(|value| value == "1") {
        return Cluster::kept()?
            .ok_or_else(|| anyhow!("{KEPT_VARIABLE} is set, but `quickstart --keep` left no cluster"));
    }
    description("shared").boot().await
}

/// Waits for a turn to load the machine: there are as many at a time as pairs of cores, at least one. Hold it for the
/// whole test.
pub async fn turn() -> Turn {
    static TURNS: LazyLock<Semaphore> = LazyLock::new(one_for_two_cores);
    of("busy", &TURNS).await
}

/// The same for a test that mostly waits, for timeouts or for a job that counts: one of these may run beside each test
/// that loads the machine. They have their own turns, so that none of them waits behind a test that loads the machine.
pub async fn patient_turn() -> Turn {
    static TURNS: LazyLock<Semaphore> = LazyLock::new(one_for_two_cores);
    of("patient", &TURNS).await
}

fn one_for_two_cores() -> Semaphore {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new((cores / 2).max(1))
}

/// Waits for one of these turns.
///
/// # Panics
/// If a prerequisite of any test is missing, which should not be reported only after twenty minutes.
async fn of(kind: &'static str, turns: &'static Semaphore) -> Turn {
    static READY: LazyLock<Result<(), MissingPrerequisites>> = LazyLock::new(prerequisites::check_for_tests);
    if let Err(missing) = &*READY {
        panic!("{missing}");
    }
    match turns.acquire().await {
        Ok(permit) => Turn { kind, since: Instant::now(), _permit: permit },
        // The semaphore is never closed.
        Err(_) => std::future::pending().await,
    }
}
