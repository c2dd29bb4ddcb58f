//! Typed clients of the ResourceManager and the NodeManagers, and what is handed to them.
//!
//! [`ResourceManager`] is for those who submit and watch applications, [`ApplicationMasterClient`] for the
//! application master's own conversation with the ResourceManager, [`NodeManagerClient`] for starting containers.
//! [`ApplicationSubmission`] and [`LaunchContext`] say what is to run; the rest of the types report what does.

mod application_master;
mod calls;
pub mod container_logs;
mod error;
pub mod launch;
mod node_manager;
mod records;
mod resource_manager;
mod states;
mod submission;
pub mod web;

pub use application_master::{
    AM_RM_TOKEN, AllocateRequest, AllocateResponse, ApplicationMasterClient, ApplicationMasterCommand, Ask,
    Place, Registered,
};
pub use error::{ContainerFailure, YarnError};
pub use launch::LaunchContext;
pub use node_manager::NodeManagerClient;
pub use records::{
    AllocatedContainer, ApplicationReport, AttemptReport, ContainerReport, ContainerStatus, NodeReport,
    QueueInfo, Resource, ResourceUsage, exit_status,
};
pub use resource_manager::{ApplicationFilter, KillOutcome, NewApplication, ResourceManager};
pub use states::{
    ApplicationState, AttemptState, ContainerState, FinalStatus, LogAggregation, NodeState, QueueState,
    UnknownName,
};
pub use submission::{ApplicationSubmission, LogAggregationContext, SubmissionError};
