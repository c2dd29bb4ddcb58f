//! Command lines of the JobManager and the TaskManagers: Flink's standalone entry points, unmodified.

#[cfg(test)]
mod tests;

use proto::launch::Workload;

use super::dist::LogFramework;
use super::options::{self, Opt};
use super::{FlinkConfig, JobManagerMemory, Lookup, TaskManagerMemory, Version};

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

/// The parts of a command line, unquoted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// Path of `java`.
    pub java: String,
    /// Heap, direct memory, metaspace.
    pub jvm_memory: Vec<String>,
    /// All other JVM options.
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
        let mut argv = vec![self.java.clone()];
        argv.extend(self.jvm_memory.iter().chain(&self.jvm_options).chain(&self.logging).cloned());
        argv.push(self.class.clone());
        argv.extend(self.args.iter().cloned());
        argv
    }

    /// Renders the command for a shell from a template (`None` = [`DEFAULT_TEMPLATE`]). `java` and the class are
    /// inserted unchanged (`java` may be `$JAVA_HOME/bin/java`), every other argument through `quote`; `redirects`
    /// unchanged. Nothing in the template except its placeholders is changed.
    pub fn render(&self, template: Option<&str>, quote: &dyn Fn(&str) -> String, redirects: &str) -> String {
        let join = |words: &[String]| words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        replace_placeholders(template.unwrap_or(DEFAULT_TEMPLATE), |name| {
            Some(match name {
                "java" => self.java.clone(),
                "class" => self.class.clone(),
                "redirects" => redirects.to_owned(),
                _ => join(self.part(name)?),
            })
        })
    }

    /// The argv that a POSIX shell would produce from the template: for a JobManager that is started without a shell.
    /// The template is split at spaces, respecting quotes; a placeholder that is a word of its own becomes its
    /// arguments; redirects are left out. Variables and operators of the shell are not supported: see [`needs_shell`].
    pub fn argv_by_template(&self, template: Option<&str>) -> Vec<String> {
        let Some(template) = template else { return self.argv() };
        let mut argv = Vec::new();
        for word in shell_words(template) {
            let name = word.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
            match name {
                Some("redirects") => {}
                Some(name) if self.part(name).is_some() => {
                    argv.extend_from_slice(self.part(name).unwrap_or_default())
                }
                _ => argv.push(replace_placeholders(&word, |name| match name {
                    "java" => Some(self.java.clone()),
                    "class" => Some(self.class.clone()),
                    "redirects" => Some(String::new()),
                    _ => self.part(name).map(|words| words.join(" ")),
                })),
            }
        }
        argv
    }

    /// Replaces what YARN would have replaced in a command of its own: `$VAR`, `${VAR}`, `{{VAR}}` by the environment
    /// and `<LOG_DIR>` by `log_dir`, in all JVM options and the log settings. Program arguments remain unchanged.
    pub fn expand(&mut self, env: Lookup<'_>, log_dir: &str) {
        for word in self.jvm_options.iter_mut().chain(&mut self.logging) {
            *word = expand(word, env, log_dir);
        }
        self.java = expand(&self.java, env, log_dir);
    }

    fn part(&self, name: &str) -> Option<&[String]> {
        match name {
            "jvmmem" => Some(&self.jvm_memory),
            "jvmopts" => Some(&self.jvm_options),
            "logging" => Some(&self.logging),
            "args" => Some(&self.args),
            _ => None,
        }
    }
}

/// Whether a template contains anything that only a shell understands, besides plain words and what [`expand`] replaces.
pub fn needs_shell(template: &str) -> bool {
    let plain = expand(template, &|_| None, "");
    plain.contains(['$', '`', ';', '&', '|', '<', '>', '(', '*', '?', '~', '\n'])
}

/// Replaces `%name%` if `value` knows the name; replaced text is not expanded again.
fn replace_placeholders(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        match after.split_once('%').and_then(|(name, tail)| Some((value(name)?, tail))) {
            Some((text, tail)) => {
                out.push_str(&text);
                rest = tail;
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out + rest
}

/// Replaces what YARN and its shell would have replaced in a command: `$VAR`, `${VAR}`, `{{VAR}}` by the environment
/// and `<LOG_DIR>` by `log_dir`.
pub fn expand(word: &str, env: Lookup<'_>, log_dir: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some(at) = rest.find(['$', '{', '<']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let braces = |open: &str, close: &str| from.strip_prefix(open)?.split_once(close);
        let bare = || {
            let name = from.strip_prefix('$')?;
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            (end > 0 && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| name.split_at(end))
        };
        if let Some(tail) = from.strip_prefix("<LOG_DIR>") {
            out.push_str(log_dir);
            rest = tail;
        } else if let Some((name, tail)) = braces("{{", "}}").or_else(|| braces("${", "}")).or_else(bare) {
            // A shell inserts nothing for a variable that is not set.
            out.push_str(&env(name).unwrap_or_default());
            rest = tail;
        } else {
            let first = from.chars().next().map_or(0, char::len_utf8);
            let (one, tail) = from.split_at(first);
            out.push_str(one);
            rest = tail;
        }
    }
    out + rest
}

/// Splits a line into words like a POSIX shell: spaces, `'…'`, `"…"`, `\`. An unclosed quote ends with the line.
pub fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(chars.by_ref().take_while(|c| *c != '\''));
            }
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' if matches!(chars.peek(), Some('"' | '\\' | '$' | '`')) => {
                            word.extend(chars.next())
                        }
                        _ => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
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

/// Where the containers have the file of `security.kerberos.krb5-conf.path`.
pub const KRB5_CONF: &str = "conf/krb5.conf";
/// What tells a JVM: it does not read `KRB5_CONFIG`.
const KRB5_OPTION: &str = "-Djava.security.krb5.conf=";

/// Packages that Java 17 must open to Flink and its serializers: the list of Flink's own `config.yaml`.
const EXPORTS: [&str; 8] = [
    "java.base/sun.net.util",
    "java.rmi/sun.rmi.registry",
    "jdk.compiler/com.sun.tools.javac.api",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.compiler/com.sun.tools.javac.parser",
    "jdk.compiler/com.sun.tools.javac.tree",
    "jdk.compiler/com.sun.tools.javac.util",
    "java.security.jgss/sun.security.krb5",
];
const OPENS: [&str; 12] = [
    "java.base/java.lang",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.lang.reflect",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
];

/// JVM memory and user options of the JobManager in order: what the launch specification contains.
///
/// The JobManager is compiled by C1 only and may use a class-data archive: it starts in half the time, and its work is
/// only coordination. A user's own choice of compiler or `-Xshare` takes precedence.
pub fn job_manager_jvm_args(
    config: &FlinkConfig,
    memory: &JobManagerMemory,
    version: &Version,
) -> Vec<String> {
    let user = user_options(config, version, &options::JAVA_DEFAULT_OPTS_JM, &options::JAVA_OPTS_JM);
    let mut args = memory.jvm_args();
    let compiler =
        ["-XX:TieredStopAtLevel", "-XX:+TieredCompilation", "-XX:-TieredCompilation", "-Xint", "-Xcomp"];
    if !user.iter().any(|option| compiler.iter().any(|prefix| option.starts_with(prefix))) {
        args.push("-XX:TieredStopAtLevel=1".to_owned());
    }
    if !user.iter().any(|option| option.starts_with("-Xshare:")) {
        args.push("-Xshare:auto".to_owned());
    }
    with_user_options(args, user)
}

/// JVM memory and user options of a TaskManager in order.
pub fn task_manager_jvm_args(
    config: &FlinkConfig,
    memory: &TaskManagerMemory,
    version: &Version,
) -> Vec<String> {
    let user = user_options(config, version, &options::JAVA_DEFAULT_OPTS_TM, &options::JAVA_OPTS_TM);
    with_user_options(memory.jvm_args(), user)
}

/// `env.java.*`, in the order in which flink-yarn puts them, and where `krb5.conf` is.
fn user_options(config: &FlinkConfig, version: &Version, default_own: &Opt, own: &Opt) -> Vec<String> {
    let defaults = version.features().default_java_opts;
    let mut user: Vec<_> = [
        (defaults, &options::JAVA_DEFAULT_OPTS_ALL),
        (true, &options::JAVA_OPTS_ALL),
        (defaults, default_own),
        (true, own),
    ]
    .into_iter()
    .filter(|(known, _)| *known)
    .flat_map(|(_, option)| shell_words(config.value(option).unwrap_or_default()))
    .collect();
    let krb5 = config.explicit(&options::KERBEROS_KRB5_CONF).filter(|path| !path.is_empty());
    if krb5.is_some() && !user.iter().any(|option| option.starts_with(KRB5_OPTION)) {
        user.push(format!("{KRB5_OPTION}{KRB5_CONF}"));
    }
    user
}

fn with_user_options(mut args: Vec<String>, user: Vec<String>) -> Vec<String> {
    let exports = EXPORTS.iter().map(|package| format!("--add-exports={package}=ALL-UNNAMED"));
    let opens = OPENS.iter().map(|package| format!("--add-opens={package}=ALL-UNNAMED"));
    args.extend(exports.chain(opens).filter(|option| !user.contains(option)));
    args.extend(user);
    // Makes Java 8 and 11 ignore options that they do not know, including the lines above.
    args.push("-XX:+IgnoreUnrecognizedVMOptions".to_owned());
    args
}

/// The JobManager's command line. `jvm_args` comes from [`job_manager_jvm_args`], `properties` are `key=value` pairs
/// (memory, ports, addresses). The class path is set through `CLASSPATH`.
pub fn job_manager(
    java: &str,
    jvm_args: &[String],
    logging: &Logging,
    config_dir: &str,
    properties: &[String],
    workload: &Workload,
) -> CommandLine {
    let mut line = command(java, jvm_args, logging, config_dir);
    if let Workload::Session(_) = workload {
        line.class = SESSION_ENTRY_POINT.to_owned();
        push_properties(&mut line.args, properties);
        return line;
    }
    let program = workload.program().cloned().unwrap_or_default();
    line.class = APPLICATION_ENTRY_POINT.to_owned();
    let mut option = |name: &str, value: &str| line.args.extend([name.to_owned(), value.to_owned()]);
    if let Some(id) = workload.job_id() {
        option("--job-id", id);
    }
    if let Some(class) = &program.main_class {
        option("--job-classname", class);
    }
    if let Some(path) = &program.savepoint_path {
        option("--fromSavepoint", path);
        if program.allow_non_restored_state {
            line.args.push("--allowNonRestoredState".to_owned());
        }
    }
    push_properties(&mut line.args, properties);
    if !program.args.is_empty() {
        // Otherwise an argument that looks like an option of the entry point would be treated as one.
        line.args.push("--".to_owned());
        line.args.extend(program.args);
    }
    line
}

/// A TaskManager's command line; arguments as for [`job_manager`].
pub fn task_manager(
    java: &str,
    jvm_args: &[String],
    logging: &Logging,
    config_dir: &str,
    properties: &[String],
) -> CommandLine {
    let mut line = command(java, jvm_args, logging, config_dir);
    line.class = TASK_MANAGER.to_owned();
    push_properties(&mut line.args, properties);
    line
}

fn push_properties(args: &mut Vec<String>, properties: &[String]) {
    args.extend(properties.iter().flat_map(|property| ["-D".to_owned(), property.clone()]));
}

fn command(java: &str, jvm_args: &[String], logging: &Logging, config_dir: &str) -> CommandLine {
    // The memory model's options come first; the template can place them separately.
    let is_memory = |option: &&String| {
        ["-Xmx", "-Xms", "-XX:MaxDirectMemorySize=", "-XX:MaxMetaspaceSize="]
            .iter()
            .any(|m| option.starts_with(m))
    };
    let memory = jvm_args.iter().take_while(is_memory).count();
    let (jvm_memory, jvm_options) = jvm_args.split_at(memory);
    let file = &logging.configuration;
    let configuration = match logging.framework {
        LogFramework::Log4j => {
            vec![
                format!("-Dlog4j.configuration=file:{file}"),
                format!("-Dlog4j.configurationFile=file:{file}"),
            ]
        }
        LogFramework::Logback => vec![format!("-Dlogback.configurationFile=file:{file}")],
    };
    let mut log = vec![format!("-Dlog.file={}", logging.file)];
    log.extend(configuration);
    CommandLine {
        java: java.to_owned(),
        jvm_memory: jvm_memory.to_vec(),
        jvm_options: jvm_options.to_vec(),
        logging: log,
        class: String::new(),
        args: vec!["--configDir".to_owned(), config_dir.to_owned()],
    }
}
