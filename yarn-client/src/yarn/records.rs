//! What YARN reports, as plain structs.
//!
//! Texts are those of YARN's own classes, so that what people see here is what they know from its tools.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use proto::hadoop::yarn as wire;
use proto::ids::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};

use super::states::{
    ApplicationState, AttemptState, ContainerState, FinalStatus, LogAggregation, NodeState, QueueState,
};
use crate::security::Token;

/// An amount of a node's means.
///
/// ```
/// use yarn_client::yarn::Resource;
///
/// // As YARN's diagnostics write it.
/// let largest: Resource = "<memory:8192, vCores:4>".parse()?;
/// assert_eq!(largest, Resource::new(8192, 4));
/// assert!(Resource::new(1024, 1).fits_in(&largest));
/// assert!(!Resource::new(1024, 5).fits_in(&largest));
///
/// let with_gpu = Resource { others: [("yarn.io/gpu".to_owned(), 1)].into(), ..Resource::new(1024, 1) };
/// assert_eq!(with_gpu.to_string(), "<memory:1024, vCores:1, yarn.io/gpu: 1>");
/// // What the other does not have is no room.
/// assert!(!with_gpu.fits_in(&largest));
/// # Ok::<(), yarn_client::yarn::ParseResourceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Resource {
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Virtual cores.
    pub vcores: u32,
    /// Other resource types by name, such as `yarn.io/gpu`, in the cluster's units.
    pub others: BTreeMap<String, u64>,
}

impl Resource {
    /// Memory (MiB) and cores, nothing else.
    pub fn new(memory_mib: u64, vcores: u32) -> Self {
        Self { memory_mib, vcores, others: BTreeMap::new() }
    }

    /// Whether a container of this size fits into `other` in every dimension.
    pub fn fits_in(&self, other: &Self) -> bool {
        self.memory_mib <= other.memory_mib
            && self.vcores <= other.vcores
            && self
                .others
                .iter()
                .all(|(name, amount)| *amount <= other.others.get(name).copied().unwrap_or(0))
    }
}

impl fmt::Display for Resource {
    /// As `org.apache.hadoop.yarn.api.records.Resource` prints: `<memory:1024, vCores:1>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<memory:{}, vCores:{}", self.memory_mib, self.vcores)?;
        for (name, amount) in &self.others {
            write!(f, ", {name}: {amount}")?;
        }
        f.write_str(">")
    }
}

/// A text that is not a [`Resource`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of resources such as <memory:1024, vCores:1>")]
pub struct ParseResourceError(String);

impl FromStr for Resource {
    type Err = ParseResourceError;

    /// Reads what [`Display`](fmt::Display) and YARN's diagnostics write.
    fn from_str(text: &str) -> Result<Self, ParseResourceError> {
        let parse = || {
            let inner = text.strip_prefix('<')?.strip_suffix('>')?;
            let mut amounts = inner
                .split(", ")
                .map(|entry| {
                    let (name, amount) = entry.rsplit_once(':')?;
                    Some((name.to_owned(), amount.trim_start().parse::<u64>().ok()?))
                })
                .collect::<Option<BTreeMap<_, _>>>()?;
            let memory_mib = amounts.remove("memory")?;
            let vcores = u32::try_from(amounts.remove("vCores")?).ok()?;
            Some(Self { memory_mib, vcores, others: amounts })
        };
        parse().ok_or_else(|| ParseResourceError(text.to_owned()))
    }
}

/// Negative amounts, which YARN uses for "not known", read as zero.
fn amount(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl Resource {
    pub(super) fn from_wire(resource: &wire::ResourceProto) -> Self {
        // Memory and cores also stand in the map, for Java's own use; fields 1 and 2 are what counts.
        let others =
            resource.resource_value_map.iter().filter(|entry| !matches!(&*entry.key, "memory-mb" | "vcores"));
        Self {
            memory_mib: amount(resource.memory()),
            vcores: u32::try_from(resource.virtual_cores()).unwrap_or(0),
            others: others.map(|entry| (entry.key.clone(), amount(entry.value()))).collect(),
        }
    }
}

impl Resource {
    pub(super) fn to_wire(&self) -> wire::ResourceProto {
        let entry = |(name, amount): (&String, &u64)| wire::ResourceInformationProto {
            key: name.clone(),
            value: Some(i64::try_from(*amount).unwrap_or(i64::MAX)),
            ..Default::default()
        };
        wire::ResourceProto {
            memory: Some(i64::try_from(self.memory_mib).unwrap_or(i64::MAX)),
            virtual_cores: Some(i32::try_from(self.vcores).unwrap_or(i32::MAX)),
            resource_value_map: self.others.iter().map(entry).collect(),
        }
    }
}

fn resource(field: Option<&wire::ResourceProto>) -> Resource {
    field.map(Resource::from_wire).unwrap_or_default()
}

/// What an application uses and has used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceUsage {
    /// Containers in use; -1 where the caller may not know.
    pub containers: i32,
    /// Containers reserved on nodes that have no room yet.
    pub reserved_containers: i32,
    /// In use now.
    pub used: Resource,
    /// Reserved now.
    pub reserved: Resource,
    /// Used and reserved.
    pub needed: Resource,
    /// MiB-seconds so far.
    pub memory_mib_seconds: i64,
    /// Core-seconds so far.
    pub vcore_seconds: i64,
    /// Lost to preemption: MiB-seconds.
    pub preempted_memory_mib_seconds: i64,
    /// Lost to preemption: core-seconds.
    pub preempted_vcore_seconds: i64,
}

impl ResourceUsage {
    pub(super) fn from_wire(usage: &wire::ApplicationResourceUsageReportProto) -> Self {
        Self {
            containers: usage.num_used_containers(),
            reserved_containers: usage.num_reserved_containers(),
            used: resource(usage.used_resources.as_ref()),
            reserved: resource(usage.reserved_resources.as_ref()),
            needed: resource(usage.needed_resources.as_ref()),
            memory_mib_seconds: usage.memory_seconds(),
            vcore_seconds: usage.vcore_seconds(),
            preempted_memory_mib_seconds: usage.preempted_memory_seconds(),
            preempted_vcore_seconds: usage.preempted_vcore_seconds(),
        }
    }
}

/// What the ResourceManager says of an application (`ApplicationReport`). A caller without the right to view it
/// gets a report with `N/A`, -1 and empty fields, not an error.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationReport {
    /// The application.
    pub id: ApplicationId,
    /// The current attempt; `None` before the first.
    pub attempt: Option<ApplicationAttemptId>,
    /// Who submitted it.
    pub user: String,
    /// Where it was placed.
    pub queue: String,
    /// Name given at submission.
    pub name: String,
    /// Type given at submission, such as `Apache Flink`.
    pub application_type: String,
    /// Host the application master registered; `N/A` before.
    pub host: String,
    /// Port the application master registered; -1 before.
    pub rpc_port: i32,
    /// State.
    pub state: ApplicationState,
    /// Result.
    pub final_status: FinalStatus,
    /// 0 to 1.
    pub progress: f32,
    /// Address for people, through the ResourceManager's proxy; `N/A` where there is none.
    pub tracking_url: String,
    /// Address as the application master registered it.
    pub original_tracking_url: String,
    /// Why it is where it is; for a failed one the cause.
    pub diagnostics: String,
    /// Start time, ms since the epoch.
    pub started_ms: i64,
    /// Time of the first container, ms since the epoch; 0 before, and on Hadoop 2.
    pub launched_ms: i64,
    /// End, ms since the epoch; 0 before.
    pub finished_ms: i64,
    /// What it uses.
    pub usage: ResourceUsage,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Priority within the queue: higher goes first.
    pub priority: i32,
    /// Whether the application master runs outside of YARN's containers.
    pub unmanaged: bool,
    /// What an unmanaged application master proves itself with. The ResourceManager tells the application's owner alone, and only
    /// once the attempt is [`Launched`](super::AttemptState::Launched), before it has registered.
    pub am_rm_token: Option<Token>,
    /// Log collection.
    pub log_aggregation: LogAggregation,
    /// Node label expression of its containers.
    pub node_label: Option<String>,
    /// Node label expression of the application master's container.
    pub am_node_label: Option<String>,
}

impl ApplicationReport {
    pub(super) fn from_wire(report: wire::ApplicationReportProto) -> Self {
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
    /// Its port; -1 before it registered.
    pub rpc_port: i32,
    /// State.
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
    pub(super) fn from_wire(report: wire::ApplicationAttemptReportProto) -> Self {
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
    /// State.
    pub state: NodeState,
    /// `host:port` of its web pages.
    pub http_address: String,
    /// Rack, such as `/default-rack`.
    pub rack: String,
    /// In use; zero for a node that is gone.
    pub used: Resource,
    /// All it offers.
    pub capability: Resource,
    /// Containers on it.
    pub containers: i32,
    /// What its health check says.
    pub health_report: String,
    /// When it said so, ms since the epoch.
    pub health_reported_ms: i64,
    /// Labels.
    pub labels: Vec<String>,
}

impl NodeReport {
    pub(super) fn from_wire(report: wire::NodeReportProto) -> Self {
        Self {
            id: node(report.node_id.as_ref()),
            state: NodeState::from_field(report.node_state),
            http_address: report.http_address().to_owned(),
            rack: report.rack_name().to_owned(),
            used: resource(report.used.as_ref()),
            capability: resource(report.capability.as_ref()),
            containers: report.num_containers(),
            health_report: report.health_report().to_owned(),
            health_reported_ms: report.last_health_report_time(),
            labels: report.node_labels,
        }
    }
}

/// A queue (`QueueInfo`). Capacities are fractions of the parent queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueInfo {
    /// Leaf name.
    pub name: String,
    /// Full path, such as `root.default`; `None` before Hadoop 3.4.
    pub path: Option<String>,
    /// State.
    pub state: QueueState,
    /// Guaranteed share.
    pub capacity: f32,
    /// Largest share.
    pub maximum_capacity: f32,
    /// Share of the guarantee in use.
    pub current_capacity: f32,
    /// Node labels its applications may use.
    pub accessible_node_labels: Vec<String>,
    /// Node label used where an application names none.
    pub default_node_label: Option<String>,
    /// Means allotted now, MiB; `None` where the scheduler does not say.
    pub allocated_mib: Option<i64>,
    /// Means free now, MiB.
    pub available_mib: Option<i64>,
    /// Means asked for and not there, MiB.
    pub pending_mib: Option<i64>,
    /// Cores allotted now.
    pub allocated_vcores: Option<i64>,
    /// Cores free now.
    pub available_vcores: Option<i64>,
    /// Containers asked for and not there.
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

/// Queues nest in every report; more levels than this are not believed.
const MAX_QUEUE_DEPTH: usize = 32;

impl QueueInfo {
    pub(super) fn from_wire(queue: wire::QueueInfoProto) -> Self {
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
    /// Where it runs.
    pub node: NodeId,
    /// Address of the node's web pages, with scheme.
    pub node_http_address: String,
    /// Its size.
    pub resource: Resource,
    /// State.
    pub state: ContainerState,
    /// Exit status; meaningful once complete.
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
    pub(super) fn from_wire(report: wire::ContainerReportProto) -> Self {
        Self {
            id: container(report.container_id.as_ref()),
            node: node(report.node_id.as_ref()),
            node_http_address: report.node_http_address().to_owned(),
            resource: resource(report.resource.as_ref()),
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
    /// State.
    pub state: ContainerState,
    /// Exit status of the process, or one of [`exit_status`]; -1000 while it runs.
    pub exit_status: i32,
    /// Why it ended: YARN's text and the end of the process's standard error.
    pub diagnostics: String,
}

impl ContainerStatus {
    pub(super) fn from_wire(status: &wire::ContainerStatusProto) -> Self {
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
/// // A process that a signal ended: 128 and its number, here SIGKILL.
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
    /// Where.
    pub node: NodeId,
    /// `host:port` of the node's web pages.
    pub node_http_address: String,
    /// Its size: what was asked, rounded up by the scheduler.
    pub resource: Resource,
    /// Priority of the ask.
    pub priority: i32,
    /// Number of the ask this answers.
    pub allocation_request_id: i64,
    /// Proof of the grant for the NodeManager, valid for ten minutes.
    pub token: Token,
}

impl AllocatedContainer {
    pub(super) fn from_wire(granted: &wire::ContainerProto) -> Self {
        Self {
            id: container(granted.id.as_ref()),
            node: node(granted.node_id.as_ref()),
            node_http_address: granted.node_http_address().to_owned(),
            resource: resource(granted.resource.as_ref()),
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
