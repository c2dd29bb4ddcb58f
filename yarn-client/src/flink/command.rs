//! Command lines of the JobManager and the TaskManagers: Flink's standalone entry points, unmodified.

use super::dist::LogFramework;
use super::{FlinkConfig, JobManagerMemory, TaskManagerMemory, Version};

/// Entry point of a cluster with one application.
pub const APPLICATION_ENTRY_POINT: &str =
    "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint";
/// Entry point of a session cluster.
pub const SESSION_ENTRY_POINT: &str =
    "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
/// Entry point of a TaskManager.
pub const TASK_MANAGER: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
/// `yarn.container-start-command-template`'s default.
pub const DEFAULT_TEMPLATE: &str = "%java% %jvmmem% %jvmopts% %logging% %class% %args% %redirects%";

/// A command line in its parts, nothing quoted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// Path of `java`.
    pub java: String,
    /// Heap, direct memory, metaspace.
    pub jvm_memory: Vec<String>,
    /// All other JVM options, class path included.
    pub jvm_options: Vec<String>,
    /// Log settings.
    pub logging: Vec<String>,
    /// The class to run.
    pub class: String,
    /// Its arguments.
    pub args: Vec<String>,
}

impl CommandLine {
    /// All parts in order.
    pub fn argv(&self) -> Vec<String> {
        todo!()
    }

    /// The command for a shell, by a template (`None` = [`DEFAULT_TEMPLATE`]). `java` is put in as it is (it may be
    /// `$JAVA_HOME/bin/java`), every other argument through `quote`; `redirects` as it is.
    pub fn render(&self, template: Option<&str>, quote: &dyn Fn(&str) -> String, redirects: &str) -> String {
        let _ = (template, quote, redirects);
        todo!()
    }

    /// The argv that results when a POSIX shell would run the template: for a JobManager that is started without a
    /// shell. Text of the template around the placeholders is split at blanks; quotes are understood.
    pub fn argv_by_template(&self, template: Option<&str>) -> Vec<String> {
        let _ = template;
        todo!()
    }
}

/// Log set-up of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Framework of the shipped configuration.
    pub framework: LogFramework,
    /// Path of the log configuration as the process sees it (`conf/log4j.properties`).
    pub configuration: String,
    /// The log file (`<LOG_DIR>/jobmanager.log`, or a path).
    pub file: String,
}

/// The program an application cluster runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// 32 hexadecimal digits.
    pub job_id: String,
    /// Unset: Flink scans manifests in `usrlib`.
    pub main_class: Option<String>,
    /// Program arguments.
    pub args: Vec<String>,
    /// Restore from here.
    pub savepoint: Option<String>,
    /// `-n`; without a savepoint it has no meaning.
    pub allow_non_restored_state: bool,
}

/// JVM memory and user options of the JobManager in order: what the launch specification carries.
pub fn job_manager_jvm_args(
    config: &FlinkConfig,
    memory: &JobManagerMemory,
    version: &Version,
) -> Vec<String> {
    let _ = (config, memory, version);
    todo!()
}

/// JVM memory and user options of a TaskManager in order.
pub fn task_manager_jvm_args(
    config: &FlinkConfig,
    memory: &TaskManagerMemory,
    version: &Version,
) -> Vec<String> {
    let _ = (config, memory, version);
    todo!()
}

/// The JobManager's command line. `program` is `None` for a session. `jvm_args` from [`job_manager_jvm_args`],
/// `properties` are `key=value` pairs (memory, ports, addresses). The class path comes by `CLASSPATH` or `class_path`.
pub fn job_manager(
    java: &str,
    jvm_args: &[String],
    class_path: Option<&[String]>,
    logging: &Logging,
    config_dir: &str,
    properties: &[String],
    program: Option<&Program>,
) -> CommandLine {
    let _ = (java, jvm_args, class_path, logging, config_dir, properties, program);
    todo!()
}

/// A TaskManager's command line; arguments as for [`job_manager`].
pub fn task_manager(
    java: &str,
    jvm_args: &[String],
    class_path: Option<&[String]>,
    logging: &Logging,
    config_dir: &str,
    properties: &[String],
) -> CommandLine {
    let _ = (java, jvm_args, class_path, logging, config_dir, properties);
    todo!()
}
