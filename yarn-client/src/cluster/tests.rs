//! Values shared by the unit tests of several modules.

use proto::ids::ApplicationId;

use crate::yarn::{
    ApplicationReport, ApplicationState, FinalStatus, LogAggregation, QueueInfo, QueueState, ResourceUsage,
};

/// An application that has just been submitted.
pub(crate) fn report(id: ApplicationId) -> ApplicationReport {
    ApplicationReport {
        id,
        attempt: None,
        user: "alice".to_owned(),
        queue: "default".to_owned(),
        name: "word count".to_owned(),
        application_type: "Apache Flink".to_owned(),
        host: "N/A".to_owned(),
        rpc_port: -1,
        state: ApplicationState::Submitted,
        final_status: FinalStatus::Undefined,
        progress: 0.0,
        tracking_url: "N/A".to_owned(),
        original_tracking_url: "N/A".to_owned(),
        diagnostics: String::new(),
        started_ms: 1_700_000_000_000,
        launched_ms: 0,
        finished_ms: 0,
        usage: ResourceUsage::default(),
        tags: Vec::new(),
        priority: 0,
        unmanaged: false,
        am_rm_token: None,
        log_aggregation: LogAggregation::Disabled,
        node_label: None,
        am_node_label: None,
    }
}

/// A queue without a name.
pub(crate) fn queue() -> QueueInfo {
    QueueInfo {
        name: String::new(),
        path: None,
        state: QueueState::Running,
        capacity: 1.0,
        maximum_capacity: 1.0,
        current_capacity: 0.0,
        accessible_node_labels: Vec::new(),
        default_node_label: None,
        allocated_mib: None,
        available_mib: None,
        pending_mib: None,
        allocated_vcores: None,
        available_vcores: None,
        pending_containers: None,
        running_applications: None,
        pending_applications: None,
        preemption_disabled: None,
        children: Vec::new(),
    }
}
