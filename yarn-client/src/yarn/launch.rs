//! How a container is started: command, environment, files and credentials.
//!
//! A NodeManager writes a shell script, `launch_container.sh`, in which the environment stands as
//! `export NAME="value"` and the command as `exec /bin/bash -c "command"`. So a value is read by one shell and the
//! command by two, each inside double quotes. Before writing, the NodeManager replaces `<LOG_DIR>`, `<CPS>` and
//! `{{NAME}}` (`ContainerLaunch.expandEnvironment`). [`quote`] protects an argument from all of that.

use std::collections::BTreeMap;
use std::fmt;

use proto::hadoop::yarn::ContainerLaunchContextProto;
use proto::launch::LocalResource;

use crate::security::Credentials;

use super::SubmissionError;

/// How a container is started (`ContainerLaunchContext`).
#[derive(Clone, PartialEq, Default)]
pub struct LaunchContext {
    /// The command as the second shell shall see it, put together from [`quote`]d arguments and shell syntax such as
    /// `1><LOG_DIR>/stdout`.
    pub command: String,
    /// Environment. `$NAME`, `{{NAME}}`, `<LOG_DIR>` and `<CPS>` in a value are expanded on the node.
    pub env: BTreeMap<String, String>,
    /// Files and archives placed in the working directory.
    pub local_resources: Vec<LocalResource>,
    /// Tokens for the container, written to the file `HADOOP_TOKEN_FILE_LOCATION` names.
    pub credentials: Option<Credentials>,
    /// Who may look at the application: users, a space, groups; `*` for everybody. Empty: owner and administrators.
    pub view_acls: String,
    /// Who may change or kill the application.
    pub modify_acls: String,
}

impl fmt::Debug for LaunchContext {
    /// Names only: values of the environment are the usual hiding place of passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchContext")
            .field("command", &self.command)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("local_resources", &self.local_resources.iter().map(|r| &r.link).collect::<Vec<_>>())
            .field("credentials", &self.credentials)
            .field("view_acls", &self.view_acls)
            .field("modify_acls", &self.modify_acls)
            .finish()
    }
}

impl LaunchContext {
    /// The message on the wire.
    ///
    /// # Errors
    /// [`SubmissionError::BadUrl`] for a local resource whose address is no URI.
    pub fn to_proto(&self) -> Result<ContainerLaunchContextProto, SubmissionError> {
        todo!()
    }
}

/// Quotes one argument of [`LaunchContext::command`] so that the process receives exactly `argument`.
pub fn quote(argument: &str) -> String {
    let _ = argument;
    todo!()
}

/// Quotes one argument, leaving `$NAME`, `{{NAME}}`, `<LOG_DIR>` and `<CPS>` alive.
pub fn quote_expanding(argument: &str) -> String {
    let _ = argument;
    todo!()
}

/// Quotes a value of [`LaunchContext::env`] so that the process receives exactly `value`.
pub fn quote_env(value: &str) -> String {
    let _ = value;
    todo!()
}
