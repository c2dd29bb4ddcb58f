//! Why a call failed.

use std::fmt;
use std::sync::Arc;

use proto::hadoop::common::rpc_response_header_proto::RpcErrorCodeProto;

use crate::conf::Endpoint;

/// A failed call.
#[derive(Debug)]
pub struct RpcError {}

/// What an [`RpcError`] is about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RpcErrorKind {}

/// What the server says went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Java class of the exception, with `$` before a nested class.
    pub class: String,
    /// The message alone.
    pub message: String,
    /// Message and stack trace as sent.
    pub detail: String,
    /// The server's own classification.
    pub code: Option<RpcErrorCodeProto>,
}

impl RpcError {
    /// The server of the last try.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        todo!()
    }

    /// The method called.
    pub fn method(&self) -> &'static str {
        todo!()
    }

    /// What happened.
    pub fn kind(&self) -> &RpcErrorKind {
        todo!()
    }

    /// What the server said, if it answered.
    pub fn remote(&self) -> Option<&Remote> {
        todo!()
    }

    /// Java class of the server's exception.
    pub fn remote_class(&self) -> Option<&str> {
        todo!()
    }

    /// Everything known, a Java stack trace included.
    pub fn detail(&self) -> Option<&str> {
        todo!()
    }

    /// The server could not be reached at all.
    pub fn is_unreachable(&self) -> bool {
        todo!()
    }

    /// The caller has no right to do this.
    pub fn is_access_denied(&self) -> bool {
        todo!()
    }

    /// The token was refused.
    pub fn is_invalid_token(&self) -> bool {
        todo!()
    }

    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        todo!()
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _: Option<Arc<()>> = None;
        todo!()
    }
}

impl std::error::Error for RpcError {}

/// The message before the Java stack trace that follows it.
pub fn first_lines(text: &str) -> &str {
    text.split("\n\tat ").next().unwrap_or(text).trim_end()
}
