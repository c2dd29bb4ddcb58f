//! Hadoop's own command line programs, as peers and as witnesses.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Result;

use super::Cluster;

/// `yarn application …`.
pub const APPLICATION_CLI: &str = "org.apache.hadoop.yarn.client.cli.ApplicationCLI";
/// `hdfs dfs …`.
pub const FS_SHELL: &str = "org.apache.hadoop.fs.FsShell";
/// `yarn rmadmin …`.
pub const RM_ADMIN_CLI: &str = "org.apache.hadoop.yarn.client.cli.RMAdminCLI";
/// `yarn logs …`.
pub const LOGS_CLI: &str = "org.apache.hadoop.yarn.client.cli.LogsCLI";
/// `flink …`.
pub const FLINK_CLI: &str = "org.apache.flink.client.cli.CliFrontend";

/// What a program wrote, and how it ended.
#[derive(Clone, Debug)]
pub struct ToolOutput {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Wall time.
    pub took: Duration,
}

impl ToolOutput {
    /// The same output if the program ended with 0.
    ///
    /// # Errors
    /// It ended otherwise; both outputs are in the error.
    pub fn success(self) -> Result<Self> {
        anyhow::ensure!(
            self.status.success(),
            "ended with {}\nstdout: {}\nstderr: {}",
            self.status,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }
}

/// Runs a command to its end without blocking the runtime; it is killed when the future is dropped.
///
/// # Errors
/// It cannot be started. A failing exit is no error here.
pub async fn output(command: Command) -> Result<ToolOutput> {
    todo!()
}

impl Cluster {
    /// A `java` command that runs a Hadoop class with the cluster's client configuration, jars and user.
    pub fn hadoop_command(&self, main_class: &str) -> Command {
        todo!()
    }

    /// Runs a Hadoop class to its end, for instance `java_tool(FS_SHELL, &["-ls", "/"])`.
    ///
    /// # Errors
    /// Java cannot be started. A failing exit is no error: see [`ToolOutput::success`].
    pub async fn java_tool(&self, main_class: &str, arguments: &[&str]) -> Result<ToolOutput> {
        todo!()
    }
}
