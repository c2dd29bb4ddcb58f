//! What can go wrong with a file system, and what to do about it.

use std::io;
use std::path::PathBuf;

/// A failed operation on a file system.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HdfsError {
    /// A NameNode does not issue, renew or cancel a delegation token.
    #[error("cannot {operation} a delegation token of {address}")]
    Token {
        /// `get`, `renew` or `cancel`.
        operation: &'static str,
        /// The NameNode, or the name service.
        address: String,
        /// Why.
        #[source]
        source: Box<crate::rpc::RpcError>,
    },
    /// A NameNode and we do not prove to each other who we are.
    #[error("there is no login at the NameNode {address}")]
    Login {
        /// The NameNode, or the name service.
        address: String,
        /// Why.
        #[source]
        source: Box<crate::rpc::RpcError>,
    },
    /// There is no such file or directory.
    #[error("{path} does not exist")]
    NotFound {
        /// Full URI.
        path: String,
    },
    /// The path exists already.
    #[error("{path} already exists")]
    AlreadyExists {
        /// Full URI.
        path: String,
    },
    /// A directory that was to be removed without its content is not empty.
    #[error("directory {path} is not empty")]
    NotEmpty {
        /// Full URI.
        path: String,
    },
    /// There is a file where a directory is needed, or the other way round.
    #[error("{path}: {reason}")]
    WrongType {
        /// Full URI.
        path: String,
        /// Which of the two.
        reason: &'static str,
    },
    /// The user has no permission to do this.
    #[error("{user} may not {operation} {path}: {message}")]
    PermissionDenied {
        /// The user.
        user: String,
        /// The operation, such as "create".
        operation: &'static str,
        /// Full URI.
        path: String,
        /// First line of the response of the NameNode or the operating system.
        message: String,
        /// The complete response.
        detail: String,
    },
    /// The NameNode is in safe mode and accepts no changes.
    #[error("the NameNode {address} is in safe mode: cannot {operation} {path}")]
    SafeMode {
        /// The NameNode, or the name service.
        address: String,
        /// The operation.
        operation: &'static str,
        /// Full URI.
        path: String,
        /// The NameNode's complete response: how many blocks are missing, and when safe mode will be left.
        detail: String,
    },
    /// No NameNode responds.
    #[error("no NameNode answers at {address} (to {operation} {path})")]
    Unreachable {
        /// Address, or name service with its addresses.
        address: String,
        /// Where that comes from: a key, or a URI as it was given.
        named_by: String,
        /// The operation.
        operation: &'static str,
        /// Full URI.
        path: String,
        /// The error of the connection.
        #[source]
        source: io::Error,
    },
    /// No NameNode of a pair is active.
    #[error("none of the NameNodes at {address} is active")]
    Standby {
        /// Name service with its addresses.
        address: String,
        /// The NameNode's response.
        detail: String,
    },
    /// A quota of names or of space is used up.
    #[error("quota exceeded: cannot {operation} {path}: {message}")]
    Quota {
        /// The operation.
        operation: &'static str,
        /// Full URI.
        path: String,
        /// First line of the NameNode's response: which directory, which quota.
        message: String,
        /// The complete response.
        detail: String,
    },
    /// The NameNode found no DataNode to write to, or those it found failed.
    #[error("no DataNode accepts the data of {path}: {message}")]
    NoDataNode {
        /// Full URI.
        path: String,
        /// First line of the NameNode's response, or of the error of the transfer.
        message: String,
        /// The complete text.
        detail: String,
    },
    /// Authentication between the NameNode and us failed.
    #[error("the NameNode {address} refused to authenticate {user}: {message}")]
    Authentication {
        /// Address of the NameNode.
        address: String,
        /// The user that we authenticated as.
        user: String,
        /// First line of its response.
        message: String,
        /// The complete response.
        detail: String,
    },
    /// A path or URI that is not valid here.
    #[error("{path:?} is not usable: {reason}")]
    Path {
        /// As given.
        path: String,
        /// Why not.
        reason: String,
    },
    /// `fs.defaultFS` or another setting cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// The operating system failed an operation on a local file.
    #[error("cannot {operation} {}", .path.display())]
    Local {
        /// The operation.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// Any other error of the NameNode, or of the transfer of data.
    #[error("cannot {operation} {path}: {message}")]
    Failed {
        /// The operation.
        operation: &'static str,
        /// Full URI.
        path: String,
        /// Class of the Java exception, if there was one.
        class: Option<String>,
        /// First line.
        message: String,
        /// The complete response.
        detail: String,
    },
}

impl HdfsError {
    /// The complete Java stack trace, for `-v`, if the peer sent one.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::PermissionDenied { detail, .. }
            | Self::SafeMode { detail, .. }
            | Self::Standby { detail, .. }
            | Self::Quota { detail, .. }
            | Self::NoDataNode { detail, .. }
            | Self::Authentication { detail, .. }
            | Self::Failed { detail, .. } => Some(detail),
            _ => None,
        }
    }

    /// Whether the cluster is unreachable, as opposed to rejecting the operation.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Standby { .. })
    }

    /// The same error with another name of the path, if `name` knows one.
    pub(super) fn with_path(mut self, name: impl FnOnce(&str) -> Option<String>) -> Self {
        let (Self::NotFound { path }
        | Self::AlreadyExists { path }
        | Self::NotEmpty { path }
        | Self::WrongType { path, .. }
        | Self::PermissionDenied { path, .. }
        | Self::SafeMode { path, .. }
        | Self::Unreachable { path, .. }
        | Self::Quota { path, .. }
        | Self::NoDataNode { path, .. }
        | Self::Path { path, .. }
        | Self::Failed { path, .. }) = &mut self
        else {
            return self;
        };
        if let Some(name) = name(path) {
            *path = name;
        }
        self
    }

    /// Whether the error says that the path does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            // A server there hangs up: whether reading or writing notices first is random.
            Self::Unreachable { named_by, source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::BrokenPipe
                        | io::ErrorKind::UnexpectedEof
                ) =>
            {
                format!(
                    "check that the port in {named_by} is the NameNode's RPC port, not that of its web \
                     pages, and that `hadoop.security.authentication` and `hadoop.rpc.protection` match \
                     the cluster's"
                )
            }
            Self::Token { source, .. } | Self::Login { source, .. } => return source.hint(),
            Self::Unreachable { address, named_by, .. } => {
                format!("check that the NameNode is running, and that {address} is right (from {named_by})")
            }
            Self::SafeMode { .. } => {
                "wait until enough DataNodes have reported; check with `hdfs dfsadmin -safemode get`"
                    .to_owned()
            }
            Self::Standby { .. } => {
                "check which NameNode is active with `hdfs haadmin -getAllServiceState`".to_owned()
            }
            Self::Quota { .. } => {
                "remove files or have the quota raised; `hdfs dfs -count -q -h <directory>` shows quota \
                 and usage"
                    .to_owned()
            }
            Self::NoDataNode { .. } => {
                "check that DataNodes are alive, have space left (`hdfs dfsadmin -report`), and can be \
                 reached from this host"
                    .to_owned()
            }
            Self::Authentication { .. } => {
                "check that this host's configuration matches the cluster's security, and that there is a \
                 valid ticket or token"
                    .to_owned()
            }
            Self::PermissionDenied { .. } => {
                "use another directory (`yarn.staging-directory`), or have the permission granted".to_owned()
            }
            Self::Failed { class: Some(class), .. } if class.ends_with("RpcNoSuchProtocolException") => {
                "the service there is not a NameNode: correct the address (`fs.defaultFS` in \
                 `core-site.xml`, unless the path names another)"
                    .to_owned()
            }
            Self::Configuration(_) => {
                "set `fs.defaultFS` in `core-site.xml` to the cluster's file system".to_owned()
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_distinguish_a_wrong_port_from_a_stopped_name_node() {
        let hint = |kind: io::ErrorKind| {
            let (address, path) = ("nn:8020".to_owned(), "hdfs://nn:8020/".to_owned());
            let named_by = "hdfs://nn:8020/x.jar".to_owned();
            let error =
                HdfsError::Unreachable { address, named_by, operation: "stat", path, source: kind.into() };
            error.hint().unwrap()
        };
        for kind in [
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::UnexpectedEof,
        ] {
            assert!(hint(kind).contains("web pages"), "{kind}");
        }
        for kind in [io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut] {
            let hint = hint(kind);
            assert!(hint.contains("check that the NameNode is running"), "{kind}");
            assert!(hint.ends_with("(from hdfs://nn:8020/x.jar)"), "{hint}");
        }
    }
}
