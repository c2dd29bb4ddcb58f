//! What YARN reports, as plain structs.
//!
//! Texts are those of YARN's own classes, so that users see what they know from its tools.

use proto::hadoop::yarn as wire;
use proto::ids::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};

use super::resource::{Resource, ResourceUsage};
use super::states::{
    ApplicationState, AttemptState, ContainerState, FinalStatus, LogAggregation, NodeState, QueueState,
};
use crate::security::Token;

/// What the ResourceManager reports about an application (`ApplicationReport`). A caller without the right to view it
/// gets a report with `N/A`, -1 and empty fields, not an error.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationReport {
    /// The application.
    pub id: ApplicationId,
    /// The current attempt; `None` before the first.
    pub attempt: Option<ApplicationAttemptId>,
    /// Who submitted it.
    pub user: String,
    /// The queue it was placed in.
    pub queue: String,
    /// Name given at submission.
    pub name: String,
    /// Type given at submission, such as `Apache Flink`.
    pub application_type: String,
    /// Host the application master registered; `N/A` before.
    pub host: String,
    /// Port the application master registered; -1 before.
    pub rpc_port: i32,
    /// Its state for YARN. `Finished` only says that the application master has unregistered; see `final_status`.
    pub state: ApplicationState,
    /// What the application master reported about its own work; `Undefined` until then.
    pub final_status: FinalStatus,
    /// 0 to 1, as the application master reports it.
    pub progress: f32,
    /// Address for people, through the ResourceManager's proxy; `N/A` if there is none.
    pub tracking_url: String,
    /// Address as the application master registered it.
    pub original_tracking_url: String,
    /// The reason for its state; for a failed application the cause.
    pub diagnostics: String,
    /// Submission, ms since the epoch.
    pub started_ms: i64,
    /// Time of the first container, ms since the epoch; 0 before, and on Hadoop 2.
    pub launched_ms: i64,
    /// End, ms since the epoch; 0 before.
    pub finished_ms: i64,
    /// What it uses, and has used.
    pub usage: ResourceUsage,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Priority within the queue: higher goes first.
    pub priority: i32,
    /// Whether the application master runs outside of YARN's containers.
    pub unmanaged: bool,
    /// The token with which an unmanaged application master authenticates. The ResourceManager returns it only to the
    /// application's owner, and only once the attempt is [`Launched`](super::AttemptState::Launched), before it has registered.
    pub am_rm_token: Option<Token>,
    /// State of the log aggregation.
    pub log_aggregation: LogAggregation,
    /// Node label expression of its containers.
    pub node_label: Option<String>,
    /// Node label expression of the application master's container.
    pub am_node_label: Option<String>,
}

impl ApplicationReport {
    /// Whether the ResourceManager shows this user no more than that the application exists, and its state: with
    /// `yarn.acl.enable`, to whom neither `yarn.view.acls` nor the queue gives the right to see it
    /// (`RMAppImpl.createAndGetApplicationReport`: everything else, diagnostics included, is "N/A").
    pub fn is_hidden(&self) -> bool {
        self.rpc_port == -1 && self.host == "N/A" && self.diagnostics == "N/A"
    }

    pub(crate) fn from_wire(report: wire::ApplicationReportProto) -> Self {
        let attempt = report.current_application_attempt_id.as_ref().map(ApplicationAttemptId::from);
        let mut tags = report.application_tags.clone();
        tags.sort_unstable();
        Self {
            id: application(report.application_id.as_ref()),
            attempt: attempt.filter(|attempt| attempt.attempt > 0),
            user: report.user().to_owned(),
            queue: report.queue().to_owned(),
            name: report.name().to_owned(),
            application_type: report.application_type().to_owned(),
            host: report.host().to_owned(),
            rpc_port: report.rpc_port(),
            state: ApplicationState::from_field(report.yarn_application_state),
            final_status: FinalStatus::from_field(report.final_application_status),
            progress: report.progress(),
            tracking_url: report.tracking_url().to_owned(),
            original_tracking_url: report.original_tracking_url().to_owned(),
            diagnostics: report.diagnostics().to_owned(),
            started_ms: report.start_time(),
            launched_ms: report.launch_time(),
            finished_ms: report.finish_time(),
            usage: report.app_resource_usage.as_ref().map(ResourceUsage::from_wire).unwrap_or_default(),
            tags,
            priority: report.priority.as_ref().map_or(0, |priority| priority.priority()),
            unmanaged: report.unmanaged_application(),
            am_rm_token: report.am_rm_token.map(Token::from_wire),
            log_aggregation: LogAggregation::from_field(report.log_aggregation_status),
            node_label: report.app_node_label_expression,
            am_node_label: report.am_node_label_expression,
        }
    }
}

/// One attempt of an application (`ApplicationAttemptReport`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// The attempt.
    pub id: ApplicationAttemptId,
    /// Host of the application master.
    pub host: String,
    /// Its port; -1 before it has registered.
    pub rpc_port: i32,
    /// Its state.
    pub state: AttemptState,
    /// The application master's container; `None` before it is allocated.
    pub am_container: Option<ContainerId>,
    /// Address for people.
    pub tracking_url: String,
    /// Address as registered.
    pub original_tracking_url: String,
    /// Why it ended.
    pub diagnostics: String,
    /// Start, ms since the epoch.
    pub started_ms: i64,
    /// End, ms since the epoch; 0 before.
    pub finished_ms: i64,
}

impl AttemptReport {
    pub(crate) fn from_wire(report: wire::ApplicationAttemptReportProto) -> Self {
        Self {
            id: ApplicationAttemptId::from(&report.application_attempt_id.unwrap_or_default()),
            host: report.host().to_owned(),
            rpc_port: report.rpc_port.unwrap_or(-1),
            state: AttemptState::from_field(report.yarn_application_attempt_state),
            am_container: report.am_container_id.as_ref().map(ContainerId::from),
            tracking_url: report.tracking_url().to_owned(),
            original_tracking_url: report.original_tracking_url().to_owned(),
            diagnostics: report.diagnostics().to_owned(),
            started_ms: report.start_time(),
            finished_ms: report.finish_time(),
        }
    }
}

/// A node of the cluster (`NodeReport`).
#[derive(Debug, Clone, PartialEq)]
pub struct NodeReport {
    /// The node.
    pub id: NodeId,
    /// Whether it can be used.
    pub state: NodeState,
    /// `host:port` of its web pages.
    pub http_address: String,
    /// Rack, such as `/default-rack`.
    pub rack: String,
    /// In use; zero for a node that is gone.
    pub used: Resource,
    /// Its total capacity.
    pub capability: Resource,
    /// Containers on it.
    pub containers: i32,
    /// The message of its health check.
    pub health_report: String,
    /// Time of that message, ms since the epoch.
    pub health_reported_ms: i64,
    /// Labels.
    pub labels: Vec<String>,
}

impl NodeReport {
    pub(crate) fn from_wire(report: wire::NodeReportProto) -> Self {
        Self {
            id: node(report.node_id.as_ref()),
            state: NodeState::from_field(report.node_state),
            http_address: report.http_address().to_owned(),
            rack: report.rack_name().to_owned(),
            used: Resource::from_field(report.used.as_ref()),
            capability: Resource::from_field(report.capability.as_ref()),
            containers: report.num_containers(),
            health_report: report.health_report().to_owned(),
            health_reported_ms: report.last_health_report_time(),
            labels: report.node_labels,
        }
    }
}

/// A queue (`QueueInfo`). Capacities are fractions of the parent queue, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueInfo {
    /// Leaf name.
    pub name: String,
    /// Full path, such as `root.default`; `None` before Hadoop 3.4.
    pub path: Option<String>,
    /// Whether it accepts applications.
    pub state: QueueState,
    /// Guaranteed share.
    pub capacity: f32,
    /// Largest share.
    pub maximum_capacity: f32,
    /// Share of the guarantee in use; above 1 if it uses what others leave.
    pub current_capacity: f32,
    /// Node labels its applications may use.
    pub accessible_node_labels: Vec<String>,
    /// Node label used if an application names none.
    pub default_node_label: Option<String>,
    /// Memory allocated now, MiB; `None`, here and below, if the scheduler does not report it.
    pub allocated_mib: Option<i64>,
    /// Memory free now, MiB.
    pub available_mib: Option<i64>,
    /// Memory requested but not allocated, MiB.
    pub pending_mib: Option<i64>,
    /// Cores allocated now.
    pub allocated_vcores: Option<i64>,
    /// Cores free now.
    pub available_vcores: Option<i64>,
    /// Containers requested but not allocated.
    pub pending_containers: Option<i64>,
    /// Applications running now.
    pub running_applications: Option<i64>,
    /// Applications waiting now.
    pub pending_applications: Option<i64>,
    /// Whether its containers are safe from preemption by other queues.
    pub preemption_disabled: Option<bool>,
    /// Queues below it.
    pub children: Vec<Self>,
}

/// Queues nest in every report; deeper nesting than this is treated as invalid.
const MAX_QUEUE_DEPTH: usize = 32;

impl QueueInfo {
    pub(crate) fn from_wire(queue: wire::QueueInfoProto) -> Self {
        Self::at_depth(queue, 0)
    }
}

impl QueueInfo {
    fn at_depth(queue: wire::QueueInfoProto, depth: usize) -> Self {
        let statistics = queue.queue_statistics.unwrap_or_default();
        Self {
            name: queue.queue_name().to_owned(),
            path: queue.queue_path.clone(),
            state: QueueState::from_field(queue.state),
            capacity: queue.capacity(),
            maximum_capacity: queue.maximum_capacity(),
            current_capacity: queue.current_capacity(),
            accessible_node_labels: queue.accessible_node_labels,
            default_node_label: queue.default_node_label_expression.filter(|label| !label.is_empty()),
            allocated_mib: statistics.allocated_memory_mb,
            available_mib: statistics.available_memory_mb,
            pending_mib: statistics.pending_memory_mb,
            allocated_vcores: statistics.allocated_v_cores,
            available_vcores: statistics.available_v_cores,
            pending_containers: statistics.pending_containers,
            running_applications: statistics.num_apps_running,
            pending_applications: statistics.num_apps_pending,
            preemption_disabled: queue.preemption_disabled,
            children: if depth < MAX_QUEUE_DEPTH {
                queue.child_queues.into_iter().map(|child| Self::at_depth(child, depth + 1)).collect()
            } else {
                Vec::new()
            },
        }
    }
}

/// A container as the ResourceManager knows it (`ContainerReport`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerReport {
    /// The container.
    pub id: ContainerId,
    /// The node it runs on.
    pub node: NodeId,
    /// Address of the node's web pages, with scheme.
    pub node_http_address: String,
    /// Its size.
    pub resource: Resource,
    /// Its state.
    pub state: ContainerState,
    /// As [`ContainerStatus::exit_status`]; meaningful once complete.
    pub exit_status: i32,
    /// Why it ended.
    pub diagnostics: String,
    /// Address of its logs.
    pub log_url: String,
    /// Creation, ms since the epoch.
    pub created_ms: i64,
    /// End, ms since the epoch; 0 before.
    pub finished_ms: i64,
}

impl ContainerReport {
    pub(crate) fn from_wire(report: wire::ContainerReportProto) -> Self {
        Self {
            id: container(report.container_id.as_ref()),
            node: node(report.node_id.as_ref()),
            node_http_address: report.node_http_address().to_owned(),
            resource: Resource::from_field(report.resource.as_ref()),
            state: ContainerState::from_field(report.container_state),
            exit_status: report.container_exit_status(),
            diagnostics: report.diagnostics_info().to_owned(),
            log_url: report.log_url().to_owned(),
            created_ms: report.creation_time(),
            finished_ms: report.finish_time(),
        }
    }
}

/// A container's state and how it ended (`ContainerStatus`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerStatus {
    /// The container.
    pub id: ContainerId,
    /// Its state.
    pub state: ContainerState,
    /// Exit status of the process, or one of [`exit_status`]; -1000 while it runs.
    pub exit_status: i32,
    /// Why it ended: YARN's text and the end of the process's standard error.
    pub diagnostics: String,
}

impl ContainerStatus {
    pub(crate) fn from_wire(status: &wire::ContainerStatusProto) -> Self {
        Self {
            id: container(status.container_id.as_ref()),
            state: ContainerState::from_field(status.state),
            exit_status: status.exit_status(),
            diagnostics: status.diagnostics().to_owned(),
        }
    }
}

/// Values of [`ContainerStatus::exit_status`] that are not a process's own (`ContainerExitStatus`).
///
/// ```
/// use yarn_client::yarn::exit_status;
///
/// /// Whether it is worth asking for another container: YARN took this one away, and what ran in it did nothing wrong.
/// fn is_worth_another(exit_status: i32) -> bool {
///     matches!(exit_status, exit_status::PREEMPTED | exit_status::ABORTED | exit_status::DISKS_FAILED)
/// }
/// assert!(is_worth_another(-102));
/// assert!(!is_worth_another(exit_status::EXCEEDED_MEMORY));
/// // A process ended by a signal: 128 plus its number, here SIGKILL.
/// assert!(!is_worth_another(137));
/// ```
pub mod exit_status {
    /// Still running, or could not be prepared.
    pub const INVALID: i32 = -1000;
    /// Released, node lost, or application over.
    pub const ABORTED: i32 = -100;
    /// Too many of the node's disks are bad.
    pub const DISKS_FAILED: i32 = -101;
    /// Taken back for another queue.
    pub const PREEMPTED: i32 = -102;
    /// Used more virtual memory than allowed.
    pub const EXCEEDED_VIRTUAL_MEMORY: i32 = -103;
    /// Used more memory than it was given.
    pub const EXCEEDED_MEMORY: i32 = -104;
    /// Stopped by its application master.
    pub const KILLED_BY_MASTER: i32 = -105;
    /// Stopped by the ResourceManager.
    pub const KILLED_BY_RESOURCE_MANAGER: i32 = -106;
    /// Stopped after the application was over.
    pub const KILLED_AFTER_COMPLETION: i32 = -107;
    /// Stopped by its NodeManager to make room for a guaranteed container.
    pub const KILLED_BY_CONTAINER_SCHEDULER: i32 = -108;
    /// Wrote more logs than its node allows (Hadoop 3).
    pub const EXCESS_LOGS: i32 = -109;
}

/// A container granted to an application master (`Container`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllocatedContainer {
    /// The container.
    pub id: ContainerId,
    /// The node that is to start it: the address of its NodeManager.
    pub node: NodeId,
    /// `host:port` of the node's web pages.
    pub node_http_address: String,
    /// Its size: what was requested, rounded up by the scheduler.
    pub resource: Resource,
    /// Priority of the ask.
    pub priority: i32,
    /// Number of the ask that it fulfils.
    pub allocation_request_id: i64,
    /// Proof of the grant for the NodeManager, valid for ten minutes.
    pub token: Token,
}

impl AllocatedContainer {
    pub(crate) fn from_wire(granted: &wire::ContainerProto) -> Self {
        Self {
            id: container(granted.id.as_ref()),
            node: node(granted.node_id.as_ref()),
            node_http_address: granted.node_http_address().to_owned(),
            resource: Resource::from_field(granted.resource.as_ref()),
            priority: granted.priority.as_ref().map_or(0, |priority| priority.priority()),
            allocation_request_id: granted.allocation_request_id(),
            token: granted.container_token.clone().map(Token::from_wire).unwrap_or_default(),
        }
    }
}

fn application(field: Option<&wire::ApplicationIdProto>) -> ApplicationId {
    ApplicationId::from(&field.copied().unwrap_or_default())
}

fn container(field: Option<&wire::ContainerIdProto>) -> ContainerId {
    ContainerId::from(&field.copied().unwrap_or_default())
}

fn node(field: Option<&wire::NodeIdProto>) -> NodeId {
    NodeId::from(&field.cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests;
