//! What one attempt of the application leaves for the next: how far the job got, and how it ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use yarn_client::flink::settings::is_listable;

use super::ending::Outcome;
use super::event::{CheckpointsView, Fence};
use super::{Action, AppMaster, Timer};

/// A journal that could not be written is written again after this time.
const PAUSE: Duration = Duration::from_secs(10);
/// How often this attempt looks for a later one while the ResourceManager is silent.
pub(super) const FENCE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a later attempt waits before it starts a JobManager: by then an earlier one that lives on behind a broken
/// network has seen the mark and killed its own.
const FENCE_WAIT: Duration = Duration::from_secs(4);
/// An earlier one that is still connected learns that it is over with its next heartbeat, and kills its JobManager at
/// once.
const HEARTBEAT_MARGIN: Duration = Duration::from_secs(2);
/// How old the last look at the staging directory may be, once the ResourceManager has been silent for so long that a
/// later attempt may have left its mark.
const FENCE_LIMIT: Duration = Duration::from_secs(3);

/// The content of the journal, and what follows from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The job has been listed by Flink.
    pub job_seen: bool,
    /// Its checkpoints, as last seen.
    pub checkpoints: Option<CheckpointsView>,
    /// The number of TaskManagers a client has requested.
    #[serde(default)]
    pub scaled: Option<u32>,
    /// The job that the session ends with.
    #[serde(default)]
    pub stop_after: Option<String>,
    /// The job's end. An attempt that finds one has nothing to run, only to report.
    pub outcome: Option<Outcome>,
}

/// What an attempt finds when it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// An earlier attempt has started.
    pub begun: bool,
    /// What it wrote.
    pub journal: Journal,
}

/// The journal in memory, and what is stored of it.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) journal: Journal,
    stored: Journal,
    writing: Option<Journal>,
}

/// Guards the right to run a JobManager.
#[derive(Debug)]
pub(super) struct Lease {
    /// When the ResourceManager last answered.
    answered: Duration,
    /// Start of the last look at the staging directory that showed no later attempt.
    alone: Duration,
    /// Since when a look has been under way.
    looking: Option<Duration>,
}

impl Lease {
    pub(super) fn new(now: Duration) -> Self {
        Self { answered: now, alone: now, looking: None }
    }
}

impl Record {
    pub(super) fn new(journal: Journal) -> Self {
        Self { stored: journal.clone(), journal, writing: None }
    }

    pub(super) fn outcome_stored(&self) -> bool {
        self.stored.outcome.is_some()
    }
}

impl AppMaster {
    /// Writes the journal if it says something new. A newer checkpoint alone does not count if a later attempt finds it by
    /// searching: thousands of jobs should not rewrite a file in HDFS all the time. If it does not, each one is written
    /// down as it completes, because Flink removes the older ones.
    pub(super) fn write_journal(&mut self, now: Duration) {
        let found_by_looking = self.finds_newest_checkpoint();
        let record = &mut self.record;
        if record.writing.is_some() || record.journal == record.stored {
            return;
        }
        let moved = record.journal.newest_checkpoint() != record.stored.newest_checkpoint();
        let news = moved && !found_by_looking;
        if !news && !record.journal.is_urgent_after(&record.stored) {
            return;
        }
        self.timers.set(Timer::Journal, now + PAUSE);
        record.writing = Some(record.journal.clone());
        self.actions.push_back(Action::WriteJournal(record.journal.clone()));
    }

    pub(super) fn journal_written(&mut self, failure: Option<String>, now: Duration) {
        let Some(written) = self.record.writing.take() else { return };
        let (held_outcome, succeeded) = (written.outcome.is_some(), failure.is_none());
        match failure {
            None => self.record.stored = written,
            Some(failure) => tracing::warn!("writing the journal: {failure}"),
        }
        if held_outcome {
            self.outcome_written(now);
        } else if succeeded || self.record.journal.outcome.is_some() {
            // What was being written when the job ended does not contain the end, whether it was stored or not.
            self.write_journal(now);
        }
    }

    /// Whether the newest checkpoint is where a later attempt finds it by searching.
    pub(super) fn finds_newest_checkpoint(&self) -> bool {
        self.settings.own_directory && self.record.journal.newest_checkpoint().is_some_and(is_listable)
    }

    /// How long an attempt waits between its mark and its JobManager.
    pub(super) fn fence_wait(&self) -> Duration {
        FENCE_WAIT.max(self.settings.heartbeat + HEARTBEAT_MARGIN)
    }

    /// The ResourceManager has answered: it considers this attempt the current one.
    pub(super) fn confirm_lease(&mut self, now: Duration) {
        self.lease.answered = now;
        self.timers.set(Timer::Fence, now + self.settings.fence_after);
    }

    pub(super) fn check_fence(&mut self, now: Duration) {
        self.timers.set(Timer::Fence, now + FENCE_INTERVAL);
        let lease = &mut self.lease;
        if now >= lease.answered + self.settings.lease && now >= lease.alone + FENCE_LIMIT {
            tracing::error!(
                "neither the ResourceManager nor the staging directory can be reached: giving way"
            );
            self.abandon(1, now);
        } else if lease.looking.is_none() {
            lease.looking = Some(now);
            self.actions.push_back(Action::CheckFence);
        }
    }

    pub(super) fn fence_checked(&mut self, fence: Fence, now: Duration) {
        let begun = self.lease.looking.take();
        match fence {
            // A mark that is made during the look may be missed.
            Fence::Newest => self.lease.alone = begun.unwrap_or(self.lease.alone),
            Fence::Superseded => {
                tracing::error!("a later attempt has begun, or the application is over: giving way");
                self.abandon(1, now);
            }
            Fence::Unknown(cause) => tracing::warn!("looking for a later attempt: {cause}"),
        }
    }
}

impl Journal {
    /// Takes over what Flink reports about the job's checkpoints. A known path is kept if a look does not show it.
    pub(super) fn see(&mut self, seen: Option<CheckpointsView>) {
        match (&mut self.checkpoints, seen) {
            (_, None) => {}
            (
                Some(CheckpointsView::On { completed, path, kept }),
                Some(CheckpointsView::On { completed: more, path: newer, kept: known }),
            ) => {
                *completed |= more;
                *path = newer.or_else(|| path.take());
                *kept = known.or(*kept);
            }
            (known, Some(seen)) => *known = Some(seen),
        }
    }

    /// Notes the newest checkpoint, found in the directory of checkpoints.
    pub(super) fn found(&mut self, found: String) {
        match &mut self.checkpoints {
            Some(CheckpointsView::On { completed, path, .. }) => {
                *completed = true;
                *path = Some(found);
            }
            other => *other = Some(CheckpointsView::On { completed: true, path: Some(found), kept: None }),
        }
    }

    /// Notes that no checkpoint is left at the known path.
    pub(super) fn lost_checkpoints(&mut self) {
        if let Some(CheckpointsView::On { path, .. }) = &mut self.checkpoints {
            *path = None;
        }
    }

    pub(super) fn newest_checkpoint(&self) -> Option<&str> {
        match &self.checkpoints {
            Some(CheckpointsView::On { path, .. }) => path.as_deref(),
            _ => None,
        }
    }

    /// Whether a later attempt would decide differently without this.
    fn is_urgent_after(&self, stored: &Self) -> bool {
        let kind = |journal: &Self| match &journal.checkpoints {
            None => 0,
            Some(CheckpointsView::Off) => 1,
            Some(CheckpointsView::On { completed: false, .. }) => 2,
            Some(CheckpointsView::On { path: None, .. }) => 3,
            Some(CheckpointsView::On { .. }) => 4,
        };
        let kept = |journal: &Self| match &journal.checkpoints {
            Some(CheckpointsView::On { kept, .. }) => *kept,
            _ => None,
        };
        let told =
            |journal: &Self| (journal.job_seen, journal.scaled, journal.stop_after.clone(), kept(journal));
        told(self) != told(stored) || self.outcome != stored.outcome || kind(self) != kind(stored)
    }
}
