//! What the CapacityScheduler writes into the diagnostics of an application that is waiting for its first container.
//!
//! Texts: `SchedulerApplicationAttempt.AMState`, `CSAMContainerLaunchDiagnosticsConstants`,
//! `FiCaSchedulerApp.updateAMContainerDiagnostics`, `AbstractLeafQueue`; the FairScheduler and older versions may write
//! none of this.

use std::str::FromStr as _;

use crate::yarn::Resource;

/// The stage of the application master's container (`AMState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// In its queue, not yet allowed to request a container.
    NotActivated,
    /// Requests a container.
    Activated,
    /// Has a container, which is about to be launched.
    Assigned,
    /// Launched, but not registered.
    Launched,
    /// Found in the state store by a ResourceManager that has restarted.
    Recovered,
}

/// Why the scheduler skipped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    ClusterEmpty,
    QueueAmLimit,
    UserAmLimit,
    UserLimit,
}

/// Such a text, parsed. Amounts are in MiB.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct SchedulerText {
    pub(super) stage: Option<Stage>,
    pub(super) reason: Option<Reason>,
    /// Label of the nodes it is to run on; `None` for nodes without one.
    pub(super) label: Option<String>,
    pub(super) asked_mib: Option<u64>,
    pub(super) queue_am_limit_mib: Option<u64>,
    pub(super) user_am_limit_mib: Option<u64>,
    pub(super) queue_am_used_mib: Option<u64>,
    pub(super) partition_mib: Option<u64>,
    /// Maximum share of the partition that the queue may use, percent.
    pub(super) queue_max_percent: Option<f64>,
    pub(super) queue_used_mib: Option<u64>,
    pub(super) queue_max_mib: Option<u64>,
}

const STAGES: [(&str, Stage); 5] = [
    ("Application is added to the scheduler and is not yet activated.", Stage::NotActivated),
    ("Application is Activated, waiting for resources to be assigned for AM.", Stage::Activated),
    ("Scheduler has assigned a container for AM, waiting for AM container to be launched", Stage::Assigned),
    ("AM container is launched, waiting for AM container to Register with RM", Stage::Launched),
    ("Attempt recovered after RM restart", Stage::Recovered),
];

const REASONS: [(&str, Reason); 4] = [
    ("Skipping AM assignment as cluster resource is empty.", Reason::ClusterEmpty),
    ("Queue's AM resource limit exceeded.", Reason::QueueAmLimit),
    ("User's AM resource limit exceeded.", Reason::UserAmLimit),
    ("User capacity has reached its maximum limit.", Reason::UserLimit),
];

/// Parses a diagnostics text. Anything else yields empty fields.
pub(super) fn parse(text: &str) -> SchedulerText {
    let find =
        |table: &[(&str, Stage)]| table.iter().find(|(words, _)| text.contains(words)).map(|(_, is)| *is);
    let details = text.split_once("Details :").map_or("", |(_, details)| details);
    let fields: Vec<(&str, &str)> = details
        .split(';')
        .filter_map(|field| field.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect();
    let field = |key: &str| fields.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    let mib = |key: &str| Some(Resource::from_str(field(key)?).ok()?.memory_mib);
    SchedulerText {
        stage: find(&STAGES),
        reason: REASONS.iter().find(|(words, _)| text.contains(words)).map(|(_, reason)| *reason),
        label: field("AM Partition")
            .filter(|label| !matches!(*label, "" | "<DEFAULT_PARTITION>"))
            .map(str::to_owned),
        asked_mib: mib("AM Resource Request"),
        queue_am_limit_mib: mib("Queue Resource Limit for AM"),
        user_am_limit_mib: mib("User AM Resource Limit of the queue"),
        queue_am_used_mib: mib("Queue AM Resource Usage"),
        partition_mib: mib("Partition Resource"),
        queue_max_percent: field("Queue's Absolute max capacity")
            .and_then(|value| f64::from_str(value.trim_end_matches(['%', ' '])).ok()),
        queue_used_mib: mib("Queue's used capacity (absolute resource)"),
        queue_max_mib: mib("Queue's max capacity (absolute resource)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::texts;

    #[test]
    fn an_application_that_is_not_activated() {
        let text = parse(texts::QUEUE_AM_LIMIT);
        assert_eq!(
            text,
            SchedulerText {
                stage: Some(Stage::NotActivated),
                reason: Some(Reason::QueueAmLimit),
                asked_mib: Some(128),
                queue_am_limit_mib: Some(128),
                user_am_limit_mib: Some(64),
                queue_am_used_mib: Some(128),
                ..SchedulerText::default()
            }
        );
        assert_eq!(parse(texts::CLUSTER_EMPTY).reason, Some(Reason::ClusterEmpty));
        assert_eq!(parse(texts::USER_AM_LIMIT).reason, Some(Reason::UserAmLimit));
    }

    #[test]
    fn an_application_that_waits_for_its_container() {
        let text = parse(texts::LABEL_WITHOUT_NODES);
        assert_eq!(
            (text.stage, text.reason, text.label.as_deref()),
            (Some(Stage::Activated), None, Some("gpu"))
        );
        assert_eq!((text.partition_mib, text.queue_max_percent), (Some(0), Some(100.0)));
        let text = parse(texts::QUEUE_FULL);
        assert_eq!((text.queue_used_mib, text.queue_max_mib, text.label), (Some(64), Some(102), None));
    }

    #[test]
    fn later_stages_and_other_texts() {
        assert_eq!(parse(texts::LAUNCHED).stage, Some(Stage::Launched));
        assert_eq!(parse(texts::RECOVERED).stage, Some(Stage::Recovered));
        assert_eq!(parse("Job 1 FAILED: Details : nothing = here"), SchedulerText::default());
    }
}
