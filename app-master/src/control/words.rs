//! Translates what the machine reports into messages of the control plane.

use proto::control;
use proto::control::event::What;

use crate::machine::{Exit, Occurrence};

impl From<Occurrence> for What {
    fn from(occurrence: Occurrence) -> Self {
        match occurrence {
            Occurrence::Registered => Self::Registered(control::Registered {}),
            Occurrence::Requested { task_managers } => Self::Requested(control::Requested { task_managers }),
            Occurrence::Allocated { id, node } => {
                Self::Allocated(control::Allocated { container: id.to_string(), node: node.to_string() })
            }
            Occurrence::Launched(id) => Self::Launched(control::Launched { container: id.to_string() }),
            Occurrence::TaskManagerRegistered(id) => {
                Self::TaskManagerRegistered(control::TaskManagerRegistered { container: id.to_string() })
            }
            Occurrence::ContainerLost { id, node, cause, code, registered } => {
                Self::ContainerLost(control::ContainerLost {
                    container: id.to_string(),
                    node: node.to_string(),
                    cause,
                    code: code.map(|code| code.to_string()).unwrap_or_default(),
                    was_registered: registered,
                })
            }
            Occurrence::Released(id) => Self::Released(control::Released { container: id.to_string() }),
            Occurrence::JobManagerStarted { start } => {
                Self::JobManagerStarted(control::JobManagerStarted { start })
            }
            Occurrence::JobManagerEnded { exit, cause } => {
                let exit = match exit {
                    Exit::Code(code) => format!("exit code {code}"),
                    Exit::Signal(signal) => format!("signal {signal}"),
                };
                let cause = match cause {
                    Some(cause) => format!("{exit}: {cause}"),
                    None => exit,
                };
                Self::JobManagerEnded(control::JobManagerEnded { cause })
            }
            Occurrence::JobState { job_id, status, previous } => Self::JobState(control::JobState {
                job_id,
                state: status.to_string(),
                previous: previous.map(|status| status.to_string()).unwrap_or_default(),
            }),
            Occurrence::CheckpointCompleted { job_id, path } => {
                Self::CheckpointCompleted(control::CheckpointCompleted { job_id, path })
            }
            Occurrence::Scaled { previous, task_managers, cause } => {
                Self::Scaled(control::Scaled { previous, task_managers, cause })
            }
            Occurrence::TokensRenewed { end_ms } => Self::TokensRenewed(control::TokensRenewed { end_ms }),
            Occurrence::TokenRenewalFailed { cause, end_ms } => {
                Self::TokenRenewalFailed(control::TokenRenewalFailed { cause, end_ms })
            }
            Occurrence::Stopping { job, cause, code } => Self::Stopping(control::Stopping {
                job_state: job.to_string(),
                cause: cause.unwrap_or_default(),
                code: code.map(|code| code.to_string()).unwrap_or_default(),
            }),
        }
    }
}
