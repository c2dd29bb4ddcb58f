//! What is worth reporting to those who watch the application. Nothing depends on it.

use proto::ids::{ContainerId, NodeId};
use serde::Serialize;
use yarn_client::cause::CauseCode;
use yarn_client::flink::JobStatus;

use super::containers::Failure;
use super::{Action, AppMaster, Exit, FlinkView, form};

/// Something that has happened in the life of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Occurrence {
    /// The ResourceManager accepted the registration, at the start or after it had restarted.
    Registered,
    /// More or fewer TaskManagers are requested from the ResourceManager than before.
    Requested {
        /// The total number wanted.
        task_managers: u32,
    },
    /// The ResourceManager has given a container.
    Allocated {
        /// The container.
        #[serde(serialize_with = "form::text::serialize")]
        id: ContainerId,
        /// Its node.
        #[serde(serialize_with = "form::text::serialize")]
        node: NodeId,
    },
    /// Its node has agreed to launch a container.
    Launched(#[serde(serialize_with = "form::text::serialize")] ContainerId),
    /// Flink lists the container as a TaskManager.
    TaskManagerRegistered(#[serde(serialize_with = "form::text::serialize")] ContainerId),
    /// A container that was wanted is gone.
    ContainerLost {
        /// The container.
        #[serde(serialize_with = "form::text::serialize")]
        id: ContainerId,
        /// Its node.
        #[serde(serialize_with = "form::text::serialize")]
        node: NodeId,
        /// The reason, as text.
        cause: String,
        /// What YARN's exit status says about it.
        #[serde(skip)]
        code: Option<CauseCode>,
        /// It was already a TaskManager.
        registered: bool,
    },
    /// A container that is no longer needed is told to stop.
    Released(#[serde(serialize_with = "form::text::serialize")] ContainerId),
    /// The JobManager's process is running.
    JobManagerStarted {
        /// How many JobManagers this attempt has started, including this one.
        start: u32,
    },
    /// The JobManager's process has ended prematurely.
    JobManagerEnded {
        /// How it ended.
        exit: Exit,
        /// What its log says.
        cause: Option<String>,
    },
    /// A job is in another state, or listed for the first time.
    JobState {
        /// 32 hexadecimal digits.
        job_id: String,
        /// The new state.
        #[serde(serialize_with = "form::text::serialize")]
        status: JobStatus,
        /// The state before.
        #[serde(serialize_with = "form::optional::serialize")]
        previous: Option<JobStatus>,
    },
    /// A newer checkpoint has been seen.
    CheckpointCompleted {
        /// 32 hexadecimal digits.
        job_id: String,
        /// Where it is.
        path: String,
    },
    /// The wanted number of TaskManagers has changed.
    Scaled {
        /// Number wanted before.
        previous: u32,
        /// Number wanted now.
        task_managers: u32,
        /// The reason, as text.
        cause: String,
    },
    /// There are new delegation tokens.
    TokensRenewed {
        /// When they end, ms since the epoch.
        end_ms: u64,
    },
    /// Delegation tokens cannot be renewed; there will be other attempts.
    TokenRenewalFailed {
        /// The reason, as text.
        cause: String,
        /// When those that there are end, ms since the epoch.
        end_ms: u64,
    },
    /// The end is decided.
    Stopping {
        /// The state that the application's result comes from.
        #[serde(serialize_with = "form::text::serialize")]
        job: JobStatus,
        /// The reason, as text.
        cause: Option<String>,
        /// The code of the cause of a failure.
        #[serde(skip)]
        code: Option<CauseCode>,
    },
}

impl AppMaster {
    pub(super) fn tell(&mut self, occurrence: Occurrence) {
        self.actions.push_back(Action::Tell(Box::new(occurrence)));
    }

    pub(super) fn tell_loss(&mut self, failure: &Failure, registered: bool) {
        let Failure { id, node, cause, code, .. } = failure.clone();
        self.tell(Occurrence::ContainerLost { id, node, cause, code, registered });
    }

    /// Compares the jobs with those of the last look and reports the changes.
    pub(super) fn tell_jobs(&mut self, old: Option<&FlinkView>, new: &FlinkView) {
        for job in &new.jobs {
            let previous =
                old.and_then(|old| old.jobs.iter().find(|it| it.id == job.id)).map(|old| old.status);
            if previous != Some(job.status) {
                self.tell(Occurrence::JobState { job_id: job.id.clone(), status: job.status, previous });
            }
        }
    }
}
