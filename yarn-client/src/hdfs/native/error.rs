//! The meaning of the crate's errors, and of the NameNode's exceptions in them.

use std::io;

use hdfs_native::HdfsError as Native;

use super::Target;
use crate::hdfs::HdfsError;
use crate::rpc::RpcError;

impl Target {
    pub(super) fn error(&self, operation: &'static str, path: String, error: Native) -> HdfsError {
        match error {
            Native::RPCError(class, detail) | Native::FatalRPCError(class, detail) => {
                self.remote(operation, path, class, detail)
            }
            // An error between us and a DataNode, after the crate has tried others.
            Native::IOError(source) if operation == "write" => {
                no_data_node(path, format!("the connection to a DataNode failed: {source}"))
            }
            Native::DataTransferError(detail) if operation == "write" => no_data_node(path, detail),
            Native::IOError(source) if operation == "read" => {
                failed(operation, path, None, format!("the connection to a DataNode failed: {source}"))
            }
            Native::IOError(source) => {
                let (address, named_by) = (self.address.clone(), self.named_by.clone());
                HdfsError::Unreachable { address, named_by, operation, path, source }
            }
            Native::FileNotFound(_) => HdfsError::NotFound { path },
            Native::AlreadyExists(_) => HdfsError::AlreadyExists { path },
            Native::IsADirectoryError(_) => HdfsError::WrongType { path, reason: "is a directory" },
            Native::InvalidPath(reason) => HdfsError::Path { path, reason },
            // The crate looks for a ticket when it finds no token that is valid for another minute.
            Native::GSSAPIError(..) if self.first.is_none() => {
                self.authentication("no delegation token for it is valid any longer".to_owned())
            }
            error @ (Native::SASLError(_) | Native::GSSAPIError(..) | Native::NoSASLMechanism) => {
                self.authentication(error.to_string())
            }
            error => failed(operation, path, None, error.to_string()),
        }
    }

    /// A first connection that failed.
    pub(super) fn no_contact(&self, operation: &'static str, path: String, error: RpcError) -> HdfsError {
        if let Some(remote) = error.remote() {
            return self.remote(operation, path, remote.class.clone(), remote.detail.clone());
        }
        let (address, named_by) = (self.address.clone(), self.named_by.clone());
        if error.is_unreachable() {
            let source = io::Error::other(error);
            return HdfsError::Unreachable { address, named_by, operation, path, source };
        }
        HdfsError::Login { address, source: Box::new(error) }
    }

    pub(super) fn authentication(&self, detail: String) -> HdfsError {
        HdfsError::Authentication {
            address: self.address.clone(),
            user: self.user.clone(),
            message: first_line(&detail),
            detail,
        }
    }

    fn safe_mode(&self, operation: &'static str, path: String, detail: String) -> HdfsError {
        HdfsError::SafeMode { address: self.address.clone(), operation, path, detail }
    }

    /// Maps a Java exception by its class and, if the class is not specific, by its text.
    fn remote(&self, operation: &'static str, path: String, class: String, detail: String) -> HdfsError {
        let message = first_line(&detail);
        let simple = class.rsplit(['.', '$']).next().unwrap_or_default();
        match simple {
            "FileNotFoundException" => HdfsError::NotFound { path },
            "FileAlreadyExistsException" | "AlreadyBeingCreatedException" => {
                HdfsError::AlreadyExists { path }
            }
            "PathIsNotEmptyDirectoryException" => HdfsError::NotEmpty { path },
            "ParentNotDirectoryException" => {
                HdfsError::WrongType { path, reason: "a file exists where a directory is needed" }
            }
            "PathIsDirectoryException" => HdfsError::WrongType { path, reason: "is a directory" },
            "PathIsNotDirectoryException" => HdfsError::WrongType { path, reason: "is not a directory" },
            "InvalidPathException" => HdfsError::Path { path, reason: message },
            "AccessControlException" if detail.contains("authentication is not enabled") => {
                self.authentication(detail)
            }
            "AccessControlException" => HdfsError::PermissionDenied {
                user: self.user.clone(),
                operation,
                path,
                message: message.trim_start_matches("Permission denied: ").to_owned(),
                detail,
            },
            "SaslException" | "InvalidToken" | "AuthorizationException" | "GSSException" => {
                self.authentication(detail)
            }
            "SafeModeException" => self.safe_mode(operation, path, detail),
            // A NameNode of a high-availability pair wraps it.
            "RetriableException" if detail.contains("safe mode") => self.safe_mode(operation, path, detail),
            "StandbyException" => HdfsError::Standby { address: self.address.clone(), detail },
            "DSQuotaExceededException"
            | "NSQuotaExceededException"
            | "QuotaByStorageTypeExceededException"
            | "QuotaExceededException" => HdfsError::Quota { operation, path, message, detail },
            _ if detail.contains("could only be written to")
                || detail.contains("could only be replicated to") =>
            {
                no_data_node(path, detail)
            }
            _ => HdfsError::Failed { operation, path, class: Some(class), message, detail },
        }
    }
}

pub(super) fn failed(
    operation: &'static str,
    path: String,
    class: Option<String>,
    detail: String,
) -> HdfsError {
    HdfsError::Failed { operation, path, class, message: first_line(&detail), detail }
}

fn no_data_node(path: String, detail: String) -> HdfsError {
    HdfsError::NoDataNode { path, message: first_line(&detail), detail }
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::target;
    use super::*;

    fn remote(class: &str, message: &str) -> HdfsError {
        let error = Native::RPCError(class.to_owned(), format!("{message}\n\tat org.apache.Trace"));
        target().error("create", "hdfs://nn:8020/x".to_owned(), error)
    }

    #[test]
    fn java_exceptions_are_mapped_to_errors() {
        let denied =
            remote("org.apache.hadoop.security.AccessControlException", "Permission denied: user=ada");
        assert_eq!(denied.to_string(), "ada may not create hdfs://nn:8020/x: user=ada");
        assert!(denied.detail().unwrap().contains("org.apache.Trace"));
        for (class, message, expected) in [
            ("java.io.FileNotFoundException", "no", "does not exist"),
            ("org.apache.hadoop.hdfs.server.namenode.SafeModeException", "m", "is in safe mode"),
            ("org.apache.hadoop.ipc.RetriableException", "Name node is in safe mode.", "is in safe mode"),
            ("org.apache.hadoop.ipc.RetriableException", "busy", "cannot create hdfs://nn:8020/x: busy"),
            ("org.apache.hadoop.hdfs.protocol.DSQuotaExceededException", "the quota", "quota exceeded"),
            ("org.apache.hadoop.ipc.StandbyException", "s", "none of the NameNodes at nn:8020 is active"),
            ("java.io.IOException", "File /x could only be written to 0 of the 1", "no DataNode accepts"),
            ("org.apache.hadoop.security.token.SecretManager$InvalidToken", "token expired", "token expired"),
            (
                "org.apache.hadoop.security.AccessControlException",
                "SIMPLE authentication is not enabled.",
                "refused to authenticate ada",
            ),
        ] {
            let error = remote(class, message);
            assert!(error.to_string().contains(expected), "{class}: {error}");
            assert!(!error.to_string().contains("Trace"), "{error}");
        }
    }

    #[test]
    fn failed_writes_to_data_nodes_have_a_hint() {
        let lost = Native::DataTransferError("All nodes failed for write".to_owned());
        let error = target().error("write", "hdfs://nn:8020/x".to_owned(), lost);
        assert_eq!(
            error.to_string(),
            "no DataNode accepts the data of hdfs://nn:8020/x: All nodes failed for write"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("dfsadmin -report")), "{error}");
    }
}
