//! Why an operation on YARN failed.

use proto::hadoop::yarn::SerializedExceptionProto;
use proto::ids::ContainerId;

use crate::conf::{ConfError, Endpoint};
use crate::rpc::RpcError;

use super::SubmissionError;

const PACKAGE: &str = "org.apache.hadoop.yarn.exceptions.";

/// A failed operation on YARN.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum YarnError {
    /// The configuration does not say where YARN is, or how to talk to it.
    #[error(transparent)]
    Configuration(#[from] ConfError),
    /// The submission breaks one of YARN's rules; nothing was sent.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// The call failed.
    #[error(transparent)]
    Rpc(#[from] Box<RpcError>),
    /// The response lacks something that every ResourceManager sends.
    #[error("the response to {method} has no {field}")]
    Incomplete {
        /// The method called.
        method: &'static str,
        /// What is missing.
        field: &'static str,
    },
    /// A NodeManager refused to start or stop a container, or does not know it.
    #[error(transparent)]
    Container(#[from] ContainerFailure),
    /// The ResourceManager was asked to kill the application and has not done so in the given time.
    #[error("{id} has not been killed after {} s", waited.as_secs())]
    KillPending {
        /// The application.
        id: proto::ids::ApplicationId,
        /// How long we waited.
        waited: std::time::Duration,
    },
}

/// A NodeManager's error for one container of a batch (`SerializedException`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{container}: {message}")]
#[non_exhaustive]
pub struct ContainerFailure {
    /// The container.
    pub container: ContainerId,
    /// Java class of the exception.
    pub class: String,
    /// First lines of the message.
    pub message: String,
    /// Message, trace and causes as sent.
    pub detail: String,
}

impl ContainerFailure {
    pub(super) fn new(container: ContainerId, exception: &SerializedExceptionProto) -> Self {
        let mut detail = String::new();
        let mut next = Some(exception);
        // Eight causes are enough; a damaged or hostile message may contain more.
        for _ in 0..8 {
            let Some(exception) = next else { break };
            if !detail.is_empty() {
                detail.push_str("\nCaused by: ");
            }
            detail.push_str(exception.class_name());
            detail.push_str(": ");
            detail.push_str(exception.message());
            detail.push('\n');
            detail.push_str(exception.trace());
            next = exception.cause.as_deref();
        }
        Self {
            container,
            class: exception.class_name().to_owned(),
            message: crate::rpc::first_lines(exception.message()).to_owned(),
            detail,
        }
    }

    /// Whether the NodeManager does not know the container, or no longer does.
    pub fn is_unknown_container(&self) -> bool {
        self.detail.contains("is not handled by this NodeManager")
            || self.detail.contains("was recently stopped on node manager")
    }

    /// Whether the NodeManager has been asked to start this container before.
    pub fn is_relaunch(&self) -> bool {
        self.detail.contains("Attempt to relaunch the same container")
    }
}

impl From<RpcError> for YarnError {
    fn from(error: RpcError) -> Self {
        Self::Rpc(Box::new(error))
    }
}

impl YarnError {
    /// Java class of the server's exception, if it threw one.
    pub fn remote_class(&self) -> Option<&str> {
        match self {
            Self::Rpc(error) => error.remote_class(),
            Self::Container(failure) => Some(&failure.class),
            _ => None,
        }
    }

    fn is(&self, class: &str) -> bool {
        self.remote_class().and_then(|name| name.strip_prefix(PACKAGE)) == Some(class)
    }

    /// Whether the application, attempt or container is unknown to the ResourceManager: it never existed, or has been
    /// forgotten (`yarn.resourcemanager.max-completed-applications`).
    pub fn is_not_found(&self) -> bool {
        self.is("ApplicationNotFoundException")
            || self.is("ApplicationAttemptNotFoundException")
            || self.is("ContainerNotFoundException")
    }

    /// Whether the ResourceManager does not consider this application master registered, most likely because it has
    /// restarted: register again and repeat every ask.
    pub fn is_resync(&self) -> bool {
        self.is("ApplicationMasterNotRegisteredException")
    }

    /// Whether the attempt is over for the ResourceManager: stop at once, without unregistering. `allocate` has an
    /// exception of its own for this; `registerApplicationMaster` and `finishApplicationMaster` only a message
    /// (`ApplicationMasterService.throwApplicationDoesNotExistInCacheException`).
    pub fn is_shutdown(&self) -> bool {
        self.is("ApplicationAttemptNotFoundException") || self.is_bad_request("doesn't exist in cache")
    }

    /// Whether a registration has reached the ResourceManager before; after a lost response this means success.
    pub fn is_already_registered(&self) -> bool {
        self.is_bad_request("already registered")
    }

    /// Whether a registration is refused, and will be the next time as well. Everything else may be temporary: a
    /// standby, a ResourceManager that has just taken over and does not know the token yet, an internal error.
    pub fn is_registration_refused(&self) -> bool {
        let bad_request = self.is("InvalidApplicationMasterRequestException");
        !self.is_already_registered() && (self.is_shutdown() || self.is_access_denied() || bad_request)
    }

    /// The number that the ResourceManager expects in a heartbeat, if it has rejected one for its number
    /// (`AMRMClientUtils.assembleInvalidResponseIdExceptionMessage`).
    pub fn expected_response_id(&self) -> Option<i32> {
        const BEFORE: &str = "expect responseId to be ";
        let detail = self.detail().filter(|_| self.is("InvalidApplicationMasterRequestException"))?;
        let (_, rest) = detail.split_once(BEFORE)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }

    fn is_bad_request(&self, words: &str) -> bool {
        self.is("InvalidApplicationMasterRequestException")
            && self.detail().is_some_and(|text| text.contains(words))
    }

    /// Whether the ask is larger than the cluster's maximum, or names a resource or label that does not exist.
    pub fn is_invalid_ask(&self) -> bool {
        self.is("InvalidResourceRequestException") || self.is_invalid_label()
    }

    /// Whether the ask names a node label that the cluster does not have, or that the queue may not use.
    pub fn is_invalid_label(&self) -> bool {
        self.is("InvalidLabelResourceRequestException")
    }

    /// Whether the NodeManager is still starting; try again after a while.
    pub fn is_not_yet_ready(&self) -> bool {
        self.is("NMNotYetReadyException")
    }

    /// Whether the caller has no permission to do this.
    pub fn is_access_denied(&self) -> bool {
        match self {
            Self::Rpc(error) => error.is_access_denied(),
            Self::Container(failure) => failure.class == "org.apache.hadoop.security.AccessControlException",
            _ => false,
        }
    }

    /// Whether the token is expired, cancelled or signed with a key that the server has forgotten.
    pub fn is_invalid_token(&self) -> bool {
        match self {
            Self::Rpc(error) => error.is_invalid_token(),
            Self::Container(failure) => failure.class.ends_with("SecretManager$InvalidToken"),
            _ => false,
        }
    }

    /// Whether the server could not be reached, as opposed to a failed operation.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Rpc(error) if error.is_unreachable())
    }

    /// Whether a request may have been carried out although there was no response.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Rpc(error) if error.is_outcome_unknown())
    }

    /// All details, including a Java stack trace, for users who want to see them.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Rpc(error) => error.detail(),
            Self::Container(failure) => Some(&failure.detail),
            _ => None,
        }
    }

    /// What to do about it, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Configuration(error) => error.hint(),
            Self::Submission(_) | Self::Incomplete { .. } => None,
            Self::KillPending { .. } => {
                Some("the ResourceManager keeps trying: ask for its report until it has ended".to_owned())
            }
            Self::Rpc(_) | Self::Container(_) if self.is_not_found() => {
                Some("it may have ended long ago: the ResourceManager remembers only a limited number of \
                    applications".to_owned())
            }
            Self::Rpc(_) | Self::Container(_) if self.is("InvalidLabelResourceRequestException") => Some(
                "leave out the node label, or use one that the cluster has and the queue may use".to_owned(),
            ),
            Self::Rpc(_) | Self::Container(_) if self.is_invalid_ask() => Some(
                "lower the size, or raise `yarn.scheduler.maximum-allocation-mb` and `-vcores` on the cluster"
                    .to_owned(),
            ),
            Self::Rpc(error) => error.hint(),
            Self::Container(_) => None,
        }
    }
}

/// The ResourceManager is named if it does not respond, whatever the request was; its own messages are clear without that.
pub(crate) fn resource_manager_text(error: &YarnError) -> String {
    match unreachable_at(error) {
        Some(endpoint) => format!("no ResourceManager answers at {endpoint}"),
        None => error.to_string(),
    }
}

pub(crate) fn resource_manager_hint(error: &YarnError) -> Option<String> {
    match unreachable_at(error) {
        Some(endpoint) => Some(format!(
            "check that the ResourceManager is running and that {endpoint} is right; it comes from \
             `yarn.resourcemanager.address` (or `.hostname`) in `yarn-site.xml`"
        )),
        None if error.remote_class() == Some("org.apache.hadoop.ipc.RpcNoSuchProtocolException") => Some(
            "the service there is not a ResourceManager: correct `yarn.resourcemanager.address` in `yarn-site.xml`"
                .to_owned(),
        ),
        None => error.hint(),
    }
}

fn unreachable_at(error: &YarnError) -> Option<&Endpoint> {
    match error {
        YarnError::Rpc(rpc) if rpc.is_unreachable() => rpc.endpoint(),
        _ => None,
    }
}
