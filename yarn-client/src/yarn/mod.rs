//! Typed clients of the ResourceManager and the NodeManagers, and the types they take and return.
//!
//! There are three protocols, each with its own client:
//!
//! | used by | client | protocol |
//! |---|---|---|
//! | programs that submit and watch applications | [`ResourceManager`] | `ApplicationClientProtocol` |
//! | an application master, to the ResourceManager | [`ApplicationMasterClient`] | `ApplicationMasterProtocol` |
//! | an application master, to the nodes | [`NodeManagerClient`] | `ContainerManagementProtocol` |
//!
//! [`ApplicationSubmission`] and [`LaunchContext`] say what is to run; the other types report what is running.
//!
//! # Submitting an application
//! 1. [`ResourceManager::new_application`] returns an id, and the maximum size of a container.
//! 2. Upload the files of the application master to the cluster (`hdfs::stage`). A container finds them in its working
//!    directory, as [`LaunchContext::local_resources`].
//! 3. [`ResourceManager::submit`]. Success means that the ResourceManager has accepted the application, not that it
//!    will run: queue, limits and tokens are checked afterwards.
//! 4. Watch [`ResourceManager::report`] until [`ApplicationState::is_final`]. Then [`ApplicationReport::final_status`]
//!    is what the application master reported about its own work.
//!
//! The example `distributed_shell` is a complete program, both client and application master.
//!
//! # Being an application master
//! 1. Find the token of kind [`AM_RM_TOKEN`] in the file that `HADOOP_TOKEN_FILE_LOCATION` names
//!    ([`Credentials::read`](crate::security::Credentials::read)). An unmanaged application master finds it in
//!    [`ApplicationReport::am_rm_token`].
//! 2. [`ApplicationMasterClient::register`], before anything else.
//! 3. [`ApplicationMasterClient::allocate`], repeatedly: it is also the heartbeat. After ten minutes of silence
//!    (`yarn.am.liveness-monitor.expiry-interval-ms`) the ResourceManager starts another attempt.
//! 4. [`NodeManagerClient::start`] for each container that is returned, with the token of its node
//!    ([`AllocateResponse::nm_tokens`]) and its own ([`AllocatedContainer::token`]).
//! 5. [`ApplicationMasterClient::finish`] until it returns `true`; then exit.
//!
//! # Caveats
//! - [`ResourceManager::submit`] may be repeated: for a known id the ResourceManager responds as if it were new. Two programs
//!   that submit different contexts under one id both succeed, and the first context is used.
//! - [`ResourceManager::report`] does not fail for a caller who may not view the application: it returns `N/A`, -1 and empty
//!   fields.
//! - [`ResourceManager::applications`] returns what the ResourceManager remembers: some thousand of those that have ended.
//! - [`ResourceManager::kill`] does not fail for an application that has already ended; see [`KillOutcome`].
//! - An [`Ask`] is absolute and remains in effect until it is granted: do not repeat it with every heartbeat, or the
//!   ResourceManager grants it again. After [`YarnError::is_resync`] register and repeat what is still needed.
//! - Tokens of nodes are sent once, with the first container on a node.
//! - A granted container must be started within ten minutes (`yarn.resourcemanager.rm.container-allocation.expiry-interval-ms`).
//! - [`NodeManagerClient::start`] may return after the container has ended; [`AllocateResponse::completed`] reports each end
//!   once, possibly before that.
//! - [`ApplicationMasterClient::finish`] does not stop the application's containers at once; the ResourceManager stops them when
//!   the application is over.
//!
//! # Errors
//! Every call fails with a [`YarnError`]. Its methods say what it means, whichever exception the server threw:
//!
//! | method | meaning | what to do |
//! |---|---|---|
//! | [`is_not_found`](YarnError::is_not_found) | no such application, attempt or container, or forgotten | nothing |
//! | [`is_access_denied`](YarnError::is_access_denied), [`is_invalid_token`](YarnError::is_invalid_token) | not with this identity | another user or a new token |
//! | [`is_unreachable`](YarnError::is_unreachable) | no response within the patience of the [`Options`](crate::rpc::Options) | try again later |
//! | [`is_outcome_unknown`](YarnError::is_outcome_unknown) | the request may have been carried out | check before repeating it |
//! | [`is_resync`](YarnError::is_resync) | the ResourceManager has restarted | register again, repeat the asks |
//! | [`is_shutdown`](YarnError::is_shutdown) | another attempt has taken over | exit at once |
//! | [`is_invalid_ask`](YarnError::is_invalid_ask) | larger than the cluster grants, or no such label | ask for less |
//! | [`is_not_yet_ready`](YarnError::is_not_yet_ready) | the node is starting | try again in a second |
//!
//! What is safe to repeat has already been repeated when an error is returned, and the other members of a
//! high-availability pair have been tried: there is no need for a loop around a call.

mod application_master;
mod calls;
pub mod container_logs;
mod error;
pub mod launch;
mod node_manager;
mod records;
mod resource;
mod resource_manager;
mod states;
mod submission;
pub mod web;

pub use application_master::{
    AM_RM_TOKEN, AllocateRequest, AllocateResponse, ApplicationMasterClient, ApplicationMasterCommand, Ask,
    Place, Registered,
};
pub use error::{ContainerFailure, YarnError};
pub(crate) use error::{resource_manager_hint, resource_manager_text};
pub use launch::{LaunchContext, LocalResource};
pub use node_manager::NodeManagerClient;
pub use records::{
    AllocatedContainer, ApplicationReport, AttemptReport, ContainerReport, ContainerStatus, NodeReport,
    QueueInfo, exit_status,
};
pub use resource::{ParseResourceError, Resource, ResourceUsage};
pub use resource_manager::{ApplicationFilter, KillOutcome, NewApplication, ResourceManager};
pub use states::{
    ApplicationState, AttemptState, ContainerState, FinalStatus, LogAggregation, NodeState, QueueState,
    UnknownName,
};
pub use submission::{
    ApplicationSubmission, LogAggregationContext, MAX_TAG_LENGTH, MAX_TAGS, SubmissionError,
};
