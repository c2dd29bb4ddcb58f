//! YARN's states, by the names its own tools show.

use std::fmt;
use std::str::FromStr;

use proto::hadoop::yarn as wire;

/// A text that names no member of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {kind}; known are {known}")]
pub struct UnknownName {
    text: String,
    kind: &'static str,
    known: String,
}

/// An enumeration of YARN: our variant, the name people see, the value on the wire.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident from $wire:ident, $kind:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal = $proto:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A value this build does not know, or none at all.
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

            /// The value on the wire; `None` for [`Self::Unknown`].
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
    /// Where an application stands (`YarnApplicationState`).
    ApplicationState from YarnApplicationStateProto, "an application state" {
        /// Known to the ResourceManager, nothing done yet.
        New = "NEW" = New,
        /// Being stored for recovery.
        NewSaving = "NEW_SAVING" = NewSaving,
        /// Handed to the scheduler.
        Submitted = "SUBMITTED" = Submitted,
        /// Accepted by its queue; the application master waits for a container or starts.
        Accepted = "ACCEPTED" = Accepted,
        /// The application master has registered.
        Running = "RUNNING" = Running,
        /// The application master has unregistered; see [`FinalStatus`] for how it went.
        Finished = "FINISHED" = Finished,
        /// Rejected, or no attempt is left.
        Failed = "FAILED" = Failed,
        /// Ended by a person or by an administrator.
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
    /// What the application master said of its own work (`FinalApplicationStatus`).
    FinalStatus from FinalApplicationStatusProto, "a final status" {
        /// Not ended yet.
        Undefined = "UNDEFINED" = AppUndefined,
        /// Ended as it should.
        Succeeded = "SUCCEEDED" = AppSucceeded,
        /// Failed.
        Failed = "FAILED" = AppFailed,
        /// Ended from outside.
        Killed = "KILLED" = AppKilled,
        /// Ended with several results; no single one applies.
        Ended = "ENDED" = AppEnded,
    }
}

names! {
    /// Where one attempt of an application stands (`YarnApplicationAttemptState`).
    AttemptState from YarnApplicationAttemptStateProto, "an attempt state" {
        /// Known, nothing done yet.
        New = "NEW" = AppAttemptNew,
        /// Handed to the scheduler.
        Submitted = "SUBMITTED" = AppAttemptSubmitted,
        /// Waits for a container.
        Scheduled = "SCHEDULED" = AppAttemptScheduled,
        /// Container found, being stored.
        AllocatedSaving = "ALLOCATED_SAVING" = AppAttemptAllocatedSaving,
        /// Container found.
        Allocated = "ALLOCATED" = AppAttemptAllocated,
        /// The container starts.
        Launched = "LAUNCHED" = AppAttemptLaunched,
        /// Failed.
        Failed = "FAILED" = AppAttemptFailed,
        /// The application master has registered.
        Running = "RUNNING" = AppAttemptRunning,
        /// It has unregistered and may still run.
        Finishing = "FINISHING" = AppAttemptFinishing,
        /// Over.
        Finished = "FINISHED" = AppAttemptFinished,
        /// Ended from outside.
        Killed = "KILLED" = AppAttemptKilled,
    }
}

names! {
    /// Where a node stands (`NodeState`).
    NodeState from NodeStateProto, "a node state" {
        /// Registered, no heartbeat yet.
        New = "NEW" = NsNew,
        /// In use.
        Running = "RUNNING" = NsRunning,
        /// Its health check fails.
        Unhealthy = "UNHEALTHY" = NsUnhealthy,
        /// Taken out of service.
        Decommissioned = "DECOMMISSIONED" = NsDecommissioned,
        /// No heartbeat for too long.
        Lost = "LOST" = NsLost,
        /// Restarted.
        Rebooted = "REBOOTED" = NsRebooted,
        /// Being taken out of service; gets nothing new.
        Decommissioning = "DECOMMISSIONING" = NsDecommissioning,
        /// Has said goodbye.
        Shutdown = "SHUTDOWN" = NsShutdown,
    }
}

names! {
    /// Where a container stands (`ContainerState`).
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
    /// Whether a queue takes applications (`QueueState`).
    QueueState from QueueStateProto, "a queue state" {
        /// Takes none.
        Stopped = "STOPPED" = QStopped,
        /// In use.
        Running = "RUNNING" = QRunning,
        /// Takes none; those it has may end.
        Draining = "DRAINING" = QDraining,
    }
}

names! {
    /// How far the collection of an application's logs is (`LogAggregationStatus`).
    LogAggregation from LogAggregationStatusProto, "a log aggregation status" {
        /// Switched off.
        Disabled = "DISABLED" = LogDisabled,
        /// Not begun.
        NotStarted = "NOT_START" = LogNotStart,
        /// Under way.
        Running = "RUNNING" = LogRunning,
        /// All there.
        Succeeded = "SUCCEEDED" = LogSucceeded,
        /// Failed on a node.
        Failed = "FAILED" = LogFailed,
        /// A node has not reported for too long.
        TimeOut = "TIME_OUT" = LogTimeOut,
        /// Under way, and a cycle has failed.
        RunningWithFailure = "RUNNING_WITH_FAILURE" = LogRunningWithFailure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_yarn() {
        assert_eq!(ApplicationState::NewSaving.to_string(), "NEW_SAVING");
        assert_eq!("running".parse(), Ok(ApplicationState::Running));
        assert_eq!(FinalStatus::from_field(Some(1)), FinalStatus::Succeeded);
        assert_eq!(FinalStatus::from_field(None), FinalStatus::Unknown);
        assert_eq!(NodeState::from_field(Some(99)), NodeState::Unknown);
        let error = "RUNING".parse::<QueueState>().unwrap_err();
        assert_eq!(error.to_string(), "'RUNING' is not a queue state; known are STOPPED, RUNNING, DRAINING");
        for state in ApplicationState::ALL {
            assert_eq!(state.to_string().parse(), Ok(*state));
            assert_eq!(ApplicationState::from_field(state.to_wire().map(i32::from)), *state);
        }
    }
}
