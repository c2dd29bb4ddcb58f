//! What a job reports about its checkpoints.

use serde::{Deserialize, Deserializer};

/// `/jobs/:id/checkpoints`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    /// Completed since the start.
    pub completed: u64,
    /// Failed since the start.
    pub failed: u64,
    /// In progress now.
    pub in_progress: u64,
    /// Newest completed checkpoint.
    pub latest_completed: Option<Checkpoint>,
    /// Newest savepoint.
    pub latest_savepoint: Option<Checkpoint>,
    /// What the job was restored from.
    pub latest_restored: Option<Checkpoint>,
    /// Progress of the savepoint that is being made.
    pub savepoint_written: Option<Written>,
}

/// The progress of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Subtasks that have written their state.
    pub subtasks: u32,
    /// All subtasks.
    pub of: u32,
}

/// A checkpoint or savepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Number.
    pub id: u64,
    /// Its path; `None` for `<checkpoint-not-externally-addressable>` and if there is none.
    pub external_path: Option<String>,
    /// Whether it is a savepoint.
    pub is_savepoint: bool,
}

/// `/jobs/:id/checkpoints/config`: what the job's configuration or its program has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct CheckpointConfig {
    /// Interval in ms; `Long.MAX_VALUE` if checkpoints are off (`CheckpointConfigInfo`, `StreamingJobGraphGenerator`).
    interval: i64,
    #[serde(default)]
    externalization: Option<Externalization>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Externalization {
    enabled: bool,
    #[serde(default)]
    delete_on_cancellation: Option<bool>,
}

impl CheckpointConfig {
    /// Whether the job makes checkpoints on its own.
    pub fn is_periodic(self) -> bool {
        (1..i64::MAX).contains(&self.interval)
    }

    /// Whether they are kept when the job is cancelled; `None` if Flink does not say.
    pub fn is_kept(self) -> Option<bool> {
        let Externalization { enabled, delete_on_cancellation } = self.externalization?;
        if enabled { delete_on_cancellation.map(|deleted| !deleted) } else { Some(false) }
    }
}

impl<'de> Deserialize<'de> for Checkpoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Outer {
            #[serde(default)]
            counts: Counts,
            #[serde(default)]
            latest: Latest,
            #[serde(default)]
            history: Vec<Past>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Past {
            status: String,
            is_savepoint: bool,
            num_subtasks: u32,
            num_acknowledged_subtasks: u32,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Counts {
            completed: u64,
            failed: u64,
            in_progress: u64,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Latest {
            completed: Option<Entry>,
            savepoint: Option<Entry>,
            restored: Option<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            id: u64,
            external_path: Option<String>,
            #[serde(default)]
            is_savepoint: bool,
        }
        let checkpoint = |e: Entry| Checkpoint {
            id: e.id,
            external_path: e.external_path.filter(|p| !p.is_empty() && !p.starts_with('<')),
            is_savepoint: e.is_savepoint,
        };
        let Outer { counts, latest, history } = Outer::deserialize(deserializer)?;
        let pending = history.iter().find(|past| past.is_savepoint && past.status == "IN_PROGRESS");
        Ok(Self {
            completed: counts.completed,
            failed: counts.failed,
            in_progress: counts.in_progress,
            latest_completed: latest.completed.map(checkpoint),
            latest_savepoint: latest.savepoint.map(checkpoint),
            latest_restored: latest.restored.map(checkpoint),
            savepoint_written: pending
                .map(|past| Written { subtasks: past.num_acknowledged_subtasks, of: past.num_subtasks }),
        })
    }
}
