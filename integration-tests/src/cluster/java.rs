//! Hadoop's own command line programs, as peers and as witnesses.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Cluster;
use super::kerberos::{self, BOB};
use super::reaper::MARKER;

/// `yarn application …`.
pub const APPLICATION_CLI: &str = "org.apache.hadoop.yarn.client.cli.ApplicationCLI";
/// `hdfs fetchdt …`.
pub const DELEGATION_TOKEN_FETCHER: &str = "org.apache.hadoop.hdfs.tools.DelegationTokenFetcher";
/// `hdfs dfs …`.
pub const FS_SHELL: &str = "org.apache.hadoop.fs.FsShell";
/// `yarn rmadmin …`.
pub const RM_ADMIN_CLI: &str = "org.apache.hadoop.yarn.client.cli.RMAdminCLI";
/// `yarn logs …`.
pub const LOGS_CLI: &str = "org.apache.hadoop.yarn.client.cli.LogsCLI";
/// `zkCli.sh …`.
pub const ZOOKEEPER_CLI: &str = "org.apache.zookeeper.ZooKeeperMain";
/// `flink …`; run it with [`crate::flink::Flink::command`].
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

/// Runs a command to its end without blocking the runtime; it is killed if the future is dropped.
///
/// # Errors
/// It cannot be started. A failing exit is not an error here.
pub async fn output(command: Command) -> Result<ToolOutput> {
    let program = command.get_program().to_string_lossy().into_owned();
    let begun = Instant::now();
    let output = tokio::process::Command::from(command)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot run {program}"))?;
    Ok(ToolOutput {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: begun.elapsed(),
    })
}

impl Cluster {
    /// Environment for a client program: where the configuration is, and who the user is; on a secure cluster a keytab.
    pub fn client_environment(&self) -> Vec<(String, String)> {
        self.environment_of(&self.layout.user)
    }

    /// Somebody else, who may nothing that others may not.
    pub fn other(&self) -> &'static str {
        if self.layout.kerberos.is_some() { BOB } else { "mallory" }
    }

    /// [`Self::client_environment`] of [`Self::other`].
    pub fn others_environment(&self) -> Vec<(String, String)> {
        self.environment_of(self.other())
    }

    fn environment_of(&self, user: &str) -> Vec<(String, String)> {
        let mut environment = vec![
            ("HADOOP_CONF_DIR".to_owned(), self.client_conf_dir().display().to_string()),
            ("HADOOP_USER_NAME".to_owned(), user.to_owned()),
        ];
        if self.layout.kerberos.is_some() {
            environment.extend([
                ("KRB5_CONFIG".to_owned(), self.krb5_conf().display().to_string()),
                ("KRB5PRINCIPAL".to_owned(), kerberos::principal(user)),
                ("KRB5KEYTAB".to_owned(), self.keytab(user).display().to_string()),
            ]);
        }
        environment
    }

    /// [`Self::client_environment`] for Flink's own client, which learns of the KDC on no command line of ours, and takes a ticket
    /// or its own options, but not the variables of a keytab.
    ///
    /// # Errors
    /// As [`Self::kinit`].
    pub async fn flink_environment(&self) -> Result<Vec<(String, String)>> {
        let mut environment = self.client_environment();
        if self.layout.kerberos.is_some() {
            environment.retain(|(name, _)| !matches!(&**name, "KRB5PRINCIPAL" | "KRB5KEYTAB"));
            let cache = self.kinit(&self.layout.user, &[]).await?.display().to_string();
            environment.extend([
                ("KRB5CCNAME".to_owned(), cache),
                ("JAVA_TOOL_OPTIONS".to_owned(), kerberos::java_option(&self.layout)),
            ]);
        }
        Ok(environment)
    }

    /// A `java` command that runs a Hadoop class with the cluster's client configuration, jars and user. Its
    /// environment contains only what an installation's script would set.
    pub fn hadoop_command(&self, main_class: &str) -> Command {
        let conf = self.client_conf_dir();
        let mut command = Command::new(self.layout.java_home.join("bin/java"));
        command
            .args(["-Xmx512m", "--add-opens=java.base/java.lang=ALL-UNNAMED"])
            .args(self.layout.kerberos.as_ref().map(|_| kerberos::java_option(&self.layout)))
            .arg("-classpath")
            .arg(format!("{}:{}/*", conf.display(), self.layout.jars.display()))
            .arg(main_class)
            .envs(self.client_environment())
            .env_remove("HADOOP_OPTS")
            .env(MARKER, format!("{}/", self.directory().display()));
        command
    }

    /// Runs a Hadoop class to its end, for instance `java_tool(FS_SHELL, &["-ls", "/"])`.
    ///
    /// # Errors
    /// Java cannot be started. A failing exit is not an error: see [`ToolOutput::success`].
    pub async fn java_tool(&self, main_class: &str, arguments: &[&str]) -> Result<ToolOutput> {
        let mut command = self.hadoop_command(main_class);
        command.args(arguments);
        output(command).await
    }
}
