//! YARN's states, with the names that its own tools show.

use std::fmt;
use std::str::FromStr;

use proto::hadoop::yarn as wire;

/// A text that is not the name of any member of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind} (expected one of: {known})")]
pub struct UnknownName {
    text: String,
    kind: &'static str,
    known: String,
}

/// An enumeration of YARN: our variant, the displayed name, the value in messages.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident from $wire:ident, $kind:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal = $proto:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A value that this build does not know, or none at all.
            Unknown,
        }

        impl $name {
            /// Every member, in YARN's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name as YARN prints it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown => "UNKNOWN",
                }
            }

            /// From an optional enum field.
            pub(super) fn from_field(value: Option<i32>) -> Self {
                match value.and_then(|value| wire::$wire::try_from(value).ok()) {
                    $(Some(wire::$wire::$proto) => Self::$variant,)*
                    None => Self::Unknown,
                }
            }

            /// The value in messages; `None` for [`Self::Unknown`].
            #[allow(dead_code, reason = "some enumerations are only received")]
            pub(super) fn to_wire(self) -> Option<wire::$wire> {
                match self {
                    $(Self::$variant => Some(wire::$wire::$proto),)*
                    Self::Unknown => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            /// Case does not matter.
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL.iter().copied().find(|member| member.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|member| member.name()).collect();
                    UnknownName { text: text.to_owned(), kind: $kind, known: known.join(", ") }
                })
            }
        }
    };
}

names! {
    /// The state of an application (`YarnApplicationState`).
    ApplicationState from YarnApplicationStateProto, "an application state" {
        /// Known to the ResourceManager; nothing has been done yet.
        New = "NEW" = New,
        /// Being stored for recovery.
        NewSaving = "NEW_SAVING" = NewSaving,
        /// Handed to the scheduler.
        Submitted = "SUBMITTED" = Submitted,
        /// Accepted by its queue; the application master is starting or waiting for a container.
        Accepted = "ACCEPTED" = Accepted,
        /// The application master has registered.
        Running = "RUNNING" = Running,
        /// The application master has unregistered; see [`FinalStatus`] for how it went.
        Finished = "FINISHED" = Finished,
        /// Rejected, or no attempt is left.
        Failed = "FAILED" = Failed,
        /// Killed by a user or an administrator.
        Killed = "KILLED" = Killed,
    }
}

impl ApplicationState {
    /// Whether the application is over.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Killed)
    }
}

names! {
    /// What the application master reported about its own work (`FinalApplicationStatus`).
    FinalStatus from FinalApplicationStatusProto, "a final status" {
        /// Not ended yet.
        Undefined = "UNDEFINED" = AppUndefined,
        /// Ended as it should.
        Succeeded = "SUCCEEDED" = AppSucceeded,
        /// Failed.
        Failed = "FAILED" = AppFailed,
        /// Killed from outside.
        Killed = "KILLED" = AppKilled,
        /// Ended with several results; no single one applies.
        Ended = "ENDED" = AppEnded,
    }
}

names! {
    /// The state of one attempt of an application (`YarnApplicationAttemptState`).
    AttemptState from YarnApplicationAttemptStateProto, "an attempt state" {
        /// Known; nothing has been done yet.
        New = "NEW" = AppAttemptNew,
        /// Handed to the scheduler.
        Submitted = "SUBMITTED" = AppAttemptSubmitted,
        /// Waiting for a container.
        Scheduled = "SCHEDULED" = AppAttemptScheduled,
        /// Container found, being stored.
        AllocatedSaving = "ALLOCATED_SAVING" = AppAttemptAllocatedSaving,
        /// Container found.
        Allocated = "ALLOCATED" = AppAttemptAllocated,
        /// The container is starting.
        Launched = "LAUNCHED" = AppAttemptLaunched,
        /// Failed.
        Failed = "FAILED" = AppAttemptFailed,
        /// The application master has registered.
        Running = "RUNNING" = AppAttemptRunning,
        /// The application master has unregistered and may still be running.
        Finishing = "FINISHING" = AppAttemptFinishing,
        /// Over.
        Finished = "FINISHED" = AppAttemptFinished,
        /// Killed from outside.
        Killed = "KILLED" = AppAttemptKilled,
    }
}

names! {
    /// The state of a node (`NodeState`).
    NodeState from NodeStateProto, "a node state" {
        /// Registered, no heartbeat yet.
        New = "NEW" = NsNew,
        /// In use.
        Running = "RUNNING" = NsRunning,
        /// Its health check fails.
        Unhealthy = "UNHEALTHY" = NsUnhealthy,
        /// Removed from service.
        Decommissioned = "DECOMMISSIONED" = NsDecommissioned,
        /// No heartbeat for too long.
        Lost = "LOST" = NsLost,
        /// Restarted.
        Rebooted = "REBOOTED" = NsRebooted,
        /// Being removed from service; gets no new containers.
        Decommissioning = "DECOMMISSIONING" = NsDecommissioning,
        /// Shut down and unregistered.
        Shutdown = "SHUTDOWN" = NsShutdown,
    }
}

names! {
    /// The state of a container (`ContainerState`).
    ContainerState from ContainerStateProto, "a container state" {
        /// Being prepared.
        New = "NEW" = CNew,
        /// Running, or being prepared by its NodeManager.
        Running = "RUNNING" = CRunning,
        /// Over.
        Complete = "COMPLETE" = CComplete,
    }
}

names! {
    /// Whether a queue accepts applications (`QueueState`).
    QueueState from QueueStateProto, "a queue state" {
        /// Accepts none.
        Stopped = "STOPPED" = QStopped,
        /// In use.
        Running = "RUNNING" = QRunning,
        /// Accepts none; those it has may finish.
        Draining = "DRAINING" = QDraining,
    }
}

names! {
    /// The progress of an application's log aggregation (`LogAggregationStatus`).
    LogAggregation from LogAggregationStatusProto, "a log aggregation status" {
        /// Disabled.
        Disabled = "DISABLED" = LogDisabled,
        /// Not started.
        NotStarted = "NOT_START" = LogNotStart,
        /// In progress.
        Running = "RUNNING" = LogRunning,
        /// Complete.
        Succeeded = "SUCCEEDED" = LogSucceeded,
        /// Failed on a node.
        Failed = "FAILED" = LogFailed,
        /// A node has not reported for too long.
        TimeOut = "TIME_OUT" = LogTimeOut,
        /// In progress, and a cycle has failed.
        RunningWithFailure = "RUNNING_WITH_FAILURE" = LogRunningWithFailure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_names_match_yarns() {
        assert_eq!(ApplicationState::NewSaving.to_string(), "NEW_SAVING");
        assert_eq!("running".parse(), Ok(ApplicationState::Running));
        assert_eq!(FinalStatus::from_field(Some(1)), FinalStatus::Succeeded);
        assert_eq!(FinalStatus::from_field(None), FinalStatus::Unknown);
        assert_eq!(NodeState::from_field(Some(99)), NodeState::Unknown);
        let error = "RUNING".parse::<QueueState>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`RUNING` is not a queue state (expected one of: STOPPED, RUNNING, DRAINING)"
        );
        for state in ApplicationState::ALL {
            assert_eq!(state.to_string().parse(), Ok(*state));
            assert_eq!(ApplicationState::from_field(state.to_wire().map(i32::from)), *state);
        }
    }
}
