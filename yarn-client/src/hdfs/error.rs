//! What can go wrong with a file system, and what to do about it.

use std::io;
use std::path::PathBuf;

/// An operation on a file system that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HdfsError {
    /// There is no such file or directory.
    #[error("{path} does not exist")]
    NotFound {
        /// Full URI.
        path: String,
    },
    /// The path exists already.
    #[error("{path} exists already")]
    AlreadyExists {
        /// Full URI.
        path: String,
    },
    /// A directory was to be removed without its content.
    #[error("directory {path} is not empty")]
    NotEmpty {
        /// Full URI.
        path: String,
    },
    /// A file stands where a directory is needed, or the other way round.
    #[error("{path}: {reason}")]
    WrongType {
        /// Full URI.
        path: String,
        /// Which of both.
        reason: &'static str,
    },
    /// The user may not do this.
    #[error("{user} may not {operation} {path}: {message}")]
    PermissionDenied {
        /// Who asked.
        user: String,
        /// The operation, such as "create".
        operation: &'static str,
        /// Full URI.
        path: String,
        /// The NameNode's or the operating system's answer, first line.
        message: String,
        /// The whole answer.
        detail: String,
    },
    /// The NameNode is in safe mode and takes no changes.
    #[error("the NameNode {address} is in safe mode: cannot {operation} {path}")]
    SafeMode {
        /// The NameNode, or the name service.
        address: String,
        /// The operation.
        operation: &'static str,
        /// Full URI.
        path: String,
        /// The NameNode's whole answer: how many blocks are missing, when it is left.
        detail: String,
    },
    /// No NameNode answers.
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
        /// What the connection met.
        #[source]
        source: io::Error,
    },
    /// No NameNode of a pair is active.
    #[error("no NameNode of {address} is active")]
    Standby {
        /// Name service with its addresses.
        address: String,
        /// The NameNode's answer.
        detail: String,
    },
    /// A quota of names or of space is used up.
    #[error("quota exceeded: cannot {operation} {path}: {message}")]
    Quota {
        /// The operation.
        operation: &'static str,
        /// Full URI.
        path: String,
        /// First line of the NameNode's answer: which directory, which quota.
        message: String,
        /// The whole answer.
        detail: String,
    },
    /// The NameNode found no DataNode to write to, or those it found failed.
    #[error("no DataNode takes the data of {path}: {message}")]
    NoDataNode {
        /// Full URI.
        path: String,
        /// First line of the NameNode's answer, or of what the transfer met.
        message: String,
        /// All of it.
        detail: String,
    },
    /// The NameNode and we could not agree on who we are.
    #[error("the NameNode {address} refused to authenticate {user}: {message}")]
    Authentication {
        /// Address of the NameNode.
        address: String,
        /// Who we said we are.
        user: String,
        /// First line of what it said.
        message: String,
        /// All of it.
        detail: String,
    },
    /// A path or URI that names nothing here.
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
    /// The operating system refused an operation on a local file.
    #[error("cannot {operation} {}", .path.display())]
    Local {
        /// The operation.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// Anything else that the NameNode answered, or that the transfer of data met.
    #[error("cannot {operation} {path}: {message}")]
    Failed {
        /// The operation.
        operation: &'static str,
        /// Full URI.
        path: String,
        /// Class of the Java exception, when there was one.
        class: Option<String>,
        /// First line.
        message: String,
        /// The whole answer.
        detail: String,
    },
}

impl HdfsError {
    /// The whole Java trace, for `-v`, where the peer sent one.
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

    /// Whether the cluster is out of reach, as opposed to refusing.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Standby { .. })
    }

    /// The same about another name of the path, where `name` knows one.
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

    /// Whether this says that the path does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            // Something listens there, and hangs up: whether reading or writing notices first is chance.
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
                    "is the port in {named_by} the NameNode's RPC port, not that of its web pages? If so, \
                     hadoop.security.authentication and hadoop.rpc.protection must match the cluster's"
                )
            }
            Self::Unreachable { address, named_by, .. } => {
                format!("is the NameNode running, and is {address} right? It comes from {named_by}")
            }
            Self::SafeMode { .. } => {
                "wait until enough DataNodes have reported; `hdfs dfsadmin -safemode get` tells".to_owned()
            }
            Self::Standby { .. } => "`hdfs haadmin -getAllServiceState` tells which NameNode is active".to_owned(),
            Self::Quota { .. } => {
                "`hdfs dfs -count -q -h <directory>` shows quota and use; remove files or have it raised".to_owned()
            }
            Self::NoDataNode { .. } => {
                "`hdfs dfsadmin -report` shows which DataNodes live and what space they have; can this host reach them?"
                    .to_owned()
            }
            Self::Authentication { .. } => {
                "does this host's configuration match the cluster's security, and is there a valid ticket or token?"
                    .to_owned()
            }
            Self::PermissionDenied { .. } => {
                "use another directory (yarn.staging-directory), or have the permission granted".to_owned()
            }
            Self::Failed { class: Some(class), .. } if class.ends_with("RpcNoSuchProtocolException") => {
                "another service than a NameNode listens there: correct the address, fs.defaultFS in core-site.xml \
                 unless the path names another"
                    .to_owned()
            }
            Self::Configuration(_) => "set fs.defaultFS in core-site.xml to the cluster's file system".to_owned(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hangs_up_is_asked_about_the_port_and_who_is_silent_whether_it_runs() {
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
            assert!(hint.contains("is the NameNode running"), "{kind}");
            assert!(hint.ends_with("It comes from hdfs://nn:8020/x.jar"), "{hint}");
        }
    }
}
