//! Watches an application until it has reached a given level.

use std::time::Duration;

use proto::ids::ApplicationId;
use tokio::time::Instant;

use super::kill;
use crate::cluster::{ApplicationError, Gateway, Live, ResourceManagerError, live};
use crate::flink::JobStatus;
use crate::yarn::{ApplicationReport, ApplicationState, ApplicationSubmission, KillOutcome, ResourceManager};

/// Pause after a change of state; the reference client polls at this interval.
const QUICK: Duration = Duration::from_millis(200);
/// The longest pause between two polls.
const SLOW: Duration = Duration::from_secs(1);

/// The level that an application must have reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitLevel {
    /// The ResourceManager has accepted it.
    Submitted,
    /// The scheduler has accepted it into its queue.
    Accepted,
    /// Its master has registered.
    Running,
    /// It has ended.
    Finished,
}

impl WaitLevel {
    /// Whether an application in this state has reached the level. One that has ended will not get any further.
    pub fn is_reached(self, state: ApplicationState) -> bool {
        let come = match state {
            ApplicationState::Accepted => Self::Accepted,
            ApplicationState::Running => Self::Running,
            ApplicationState::Finished | ApplicationState::Failed | ApplicationState::Killed => {
                Self::Finished
            }
            _ => Self::Submitted,
        };
        come >= self
    }
}

/// Waits until the application has reached the level, or has ended. `on_change` is called with the first report and
/// with each one whose state is new.
///
/// `submission` is what we have just submitted under this id: if a ResourceManager that failed over does not know the
/// application yet, it is submitted again.
///
/// # Errors
/// [`ResourceManagerError::TimedOut`] after `timeout` (the application continues), else
/// [`ApplicationError::ResourceManager`].
pub async fn wait(
    resource_manager: &ResourceManager,
    id: ApplicationId,
    level: WaitLevel,
    timeout: Option<Duration>,
    submission: Option<&ApplicationSubmission>,
    on_change: &mut (dyn FnMut(&ApplicationReport) + Send),
) -> Result<ApplicationReport, ApplicationError> {
    let begun = Instant::now();
    let deadline = timeout.map(|timeout| begun + timeout);
    let mut state = None;
    let mut pause = QUICK;
    loop {
        let poll = poll(resource_manager, id, submission.filter(|_| state.is_none()));
        let timed_out = || {
            ApplicationError::ResourceManager(ResourceManagerError::TimedOut {
                application: id,
                state: state.map_or("UNKNOWN", ApplicationState::name).to_owned(),
                waited: begun.elapsed(),
            })
        };
        let report = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, poll).await.map_err(|_| timed_out())??,
            None => poll.await?,
        };
        if let Some(report) = report {
            if state != Some(report.state) {
                state = Some(report.state);
                pause = QUICK;
                on_change(&report);
            }
            if level.is_reached(report.state) {
                return Ok(report);
            }
        }
        let next = Instant::now() + pause;
        if let Some(deadline) = deadline.filter(|deadline| *deadline < next) {
            tokio::time::sleep_until(deadline).await;
        } else {
            tokio::time::sleep_until(next).await;
        }
        pause = next_pause(pause);
    }
}

/// Waits until a running application is ready, or has ended: its job is RUNNING, or its session accepts jobs. Returns
/// the last report. `bases`: see [`Live::open`].
///
/// # Errors
/// [`ResourceManagerError::TimedOut`] after `timeout`, [`ApplicationError::Master`], and as [`wait`].
pub async fn work(
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
    timeout: Option<Duration>,
) -> Result<ApplicationReport, ApplicationError> {
    let begun = Instant::now();
    let file_systems = gateway.file_systems()?;
    let mut state = ApplicationState::Running;
    let works = async {
        let mut pause = QUICK;
        loop {
            let report = gateway.application(id).await?;
            state = report.state;
            if state.is_final() {
                return Ok(report);
            }
            match Live::of(&file_systems, report.clone(), bases).await {
                Ok(live) if works(&live).await => return Ok(report),
                Ok(_) => {}
                Err(error) if live::is_passing(&error) => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = next_pause(pause);
        }
    };
    let Some(timeout) = timeout else { return works.await };
    // Around all of it: otherwise the wait for an absent ResourceManager would be longer.
    tokio::time::timeout(timeout, works).await.unwrap_or_else(|_| {
        let state = format!("{state}, with its job not yet running");
        Err(ResourceManagerError::TimedOut { application: id, state, waited: begun.elapsed() }.into())
    })
}

/// Whether the application is ready, according to Flink.
async fn works(live: &Live) -> bool {
    let Ok(status) = live.status().await else { return false };
    if status.session.is_some() {
        return live.flink.overview().await.is_ok();
    }
    let mut states = status.jobs.iter().filter_map(|job| job.state.parse::<JobStatus>().ok());
    states.any(|state| state == JobStatus::Running || state.is_terminal())
}

/// Waits until the application runs or has ended; if it does neither within `max_wait`, kills it, with the scheduler's
/// reason why it was waiting. `submission`, `on_change`: see [`wait`]. `bases`: see [`kill::kill`].
///
/// # Errors
/// [`ResourceManagerError::NotRunning`] if it has been killed, else as [`wait`] and [`kill::kill`].
pub async fn run_within(
    gateway: &Gateway,
    id: ApplicationId,
    max_wait: Duration,
    bases: &[String],
    submission: Option<&ApplicationSubmission>,
    on_change: &mut (dyn FnMut(&ApplicationReport) + Send),
) -> Result<(), ApplicationError> {
    let waited =
        wait(&gateway.resource_manager, id, WaitLevel::Running, Some(max_wait), submission, on_change);
    let waited = match waited.await {
        Err(ApplicationError::ResourceManager(ResourceManagerError::TimedOut { waited, .. })) => waited,
        other => return other.map(drop),
    };
    let report = gateway.application(id).await?;
    if WaitLevel::Running.is_reached(report.state) {
        return Ok(());
    }
    let why = match report.diagnostics.trim() {
        "" => "the scheduler gives no reason".to_owned(),
        text => text.to_owned(),
    };
    let reason = format!("killed by `--max-wait`: {} after {}: {why}", report.state, crate::seconds(waited));
    match kill::kill_because(gateway, id, bases, Some(&reason)).await?.outcome {
        KillOutcome::AlreadyFinished(_) => Ok(()),
        KillOutcome::Killed => {
            let state = report.state.name().to_owned();
            Err(ResourceManagerError::NotRunning { application: id, state, waited, why }.into())
        }
    }
}

/// A report, or `None` if the application had to be submitted again.
async fn poll(
    resource_manager: &ResourceManager,
    id: ApplicationId,
    submission: Option<&ApplicationSubmission>,
) -> Result<Option<ApplicationReport>, ApplicationError> {
    match (resource_manager.report(id).await, submission) {
        (Ok(report), _) => Ok(Some(report)),
        (Err(error), Some(submission)) if error.is_not_found() => {
            resource_manager.submit(submission).await.map_err(ApplicationError::from)?;
            Ok(None)
        }
        (Err(error), _) => Err(ApplicationError::of(id, error)),
    }
}

fn next_pause(pause: Duration) -> Duration {
    (pause * 5 / 4).min(SLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_reached_by_states() {
        use ApplicationState as S;
        for (level, states) in [
            (WaitLevel::Submitted, &[S::New, S::NewSaving, S::Submitted, S::Accepted, S::Running][..]),
            (WaitLevel::Accepted, &[S::Accepted, S::Running]),
            (WaitLevel::Running, &[S::Running]),
            (WaitLevel::Finished, &[]),
        ] {
            for &state in S::ALL {
                let expected = states.contains(&state) || state.is_final();
                assert_eq!(level.is_reached(state), expected, "{level:?} {state}");
            }
        }
    }

    #[test]
    fn pauses_grow_to_a_second() {
        let pauses: Vec<_> =
            std::iter::successors(Some(QUICK), |pause| Some(next_pause(*pause))).take(10).collect();
        assert_eq!(pauses[0], QUICK);
        assert!(pauses.is_sorted());
        assert_eq!(pauses[9], SLOW);
    }
}
