//! `flink list|cancel|stop|savepoint`, which identify the application by an option.

use std::ffi::{OsStr, OsString};

const BY_NAME: &str =
    "name the application by its id, or a session by its name; `yarn-flink list` shows both";
const NOT_DETACHED: &str = "only `run` and `session start` can be detached";

/// Long names of Flink's options, which its parser also accepts after a single dash.
const LONG: &[&str] = &[
    "all",
    "detached",
    "dispose",
    "drain",
    "executor",
    "help",
    "jarfile",
    "jobmanager",
    "running",
    "savepointPath",
    "scheduled",
    "target",
    "type",
    "verbose",
    "withSavepoint",
    "yarnapplicationId",
    "yarnhelp",
    "yarnzookeeperNamespace",
    "zookeeperNamespace",
];

/// Flink's options that describe a cluster yet to be started.
const OF_CLUSTERS: &[(&str, &str)] = &[
    ("yat", "yarnapplicationType"),
    ("yd", "yarndetached"),
    ("yj", "yarnjar"),
    ("yjm", "yarnjobManagerMemory"),
    ("ynl", "yarnnodeLabel"),
    ("ynm", "yarnname"),
    ("yq", "yarnquery"),
    ("yqu", "yarnqueue"),
    ("ys", "yarnslots"),
    ("yt", "yarnship"),
    ("ytm", "yarntaskManagerMemory"),
];

/// The command and its arguments, preceded by the application: `cancel -yid application_1_0001 JOB` becomes `cancel
/// application_1_0001 JOB`, and `list -yid application_1_0001` becomes `jobs application_1_0001`.
///
/// # Errors
/// The message for an option that has no meaning here.
pub(super) fn rewrite(
    verb: &str,
    arguments: impl Iterator<Item = OsString>,
    takes_value: impl Fn(&OsStr) -> bool,
) -> Result<Vec<OsString>, String> {
    let mut arguments = arguments.peekable();
    let mut typed = Typed::default();
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or_default().to_owned();
        // The joined form.
        if let Some(pair) =
            text.strip_prefix("-yD").or_else(|| text.strip_prefix("-D")).filter(|pair| !pair.is_empty())
        {
            typed.setting(OsStr::new(pair))?;
            continue;
        }
        let (name, joined) = match text.split_once('=') {
            Some((name, value)) if text.starts_with('-') => (name, Some(OsString::from(value))),
            _ => (text.as_str(), None),
        };
        let long = name.strip_prefix('-').filter(|name| LONG.contains(name)).map(|name| format!("--{name}"));
        let name = long.as_deref().unwrap_or(name);
        let refused = |reason: &str| Err(format!("option `{name}` cannot be used: {reason}"));
        let mut value = || joined.clone().or_else(|| arguments.next());
        match (verb, name) {
            (_, "-yid" | "-id" | "--yarnapplicationId" | "--applicationId") => typed.application = value(),
            // Its id is enough to find the application.
            (_, "-z" | "-yz" | "--zookeeperNamespace" | "--yarnzookeeperNamespace") => drop(value()),
            (_, "-t" | "--target" | "-e" | "--executor") => target(name, value())?,
            (_, "-m" | "--jobmanager") if value().is_none_or(|target| target != "yarn-cluster") => {
                return refused(BY_NAME);
            }
            (_, "-m" | "--jobmanager") => {}
            (_, "-D" | "-yD") => typed.setting(&value().unwrap_or_default())?,
            (_, "-yh" | "--yarnhelp") => typed.kept.push("--help".into()),
            ("cancel", "-s" | "--withSavepoint" | "-type" | "--type") => {
                return refused("stop a job with a savepoint by `yarn-flink stop ID JOB -p DIR`");
            }
            ("list" | "cancel", "-d") | (_, "--detached") => return refused(NOT_DETACHED),
            ("list", "-r" | "--running" | "-s" | "--scheduled" | "-a" | "--all") => {
                typed.which.push(name.into())
            }
            ("savepoint", "-j" | "--jarfile") => {
                return refused("a savepoint is disposed of with the application's own classes");
            }
            ("savepoint", "-d" | "--dispose") => typed.option("--dispose", value()),
            ("stop" | "savepoint", "-type" | "--type") => typed.option("--type", value()),
            ("stop" | "savepoint", "-p" | "--savepointPath") => typed.option("-p", value()),
            (_, name) if is_of_clusters(name) => {
                return refused("it configures a new cluster, and this one is already running");
            }
            (_, name) if long.is_some() => typed.kept.push(name.into()),
            _ => {
                let is_positional = !text.starts_with('-') || text == "-";
                let follows = takes_value(&argument);
                if is_positional { &mut typed.positional } else { &mut typed.kept }.push(argument);
                if follows {
                    typed.kept.extend(arguments.next());
                }
            }
        }
    }
    typed.arguments(verb)
}

/// What was typed after the command.
#[derive(Debug, Default)]
struct Typed {
    application: Option<OsString>,
    /// For `list`: which jobs are shown.
    which: Vec<OsString>,
    positional: Vec<OsString>,
    kept: Vec<OsString>,
}

impl Typed {
    fn option(&mut self, name: &str, value: Option<OsString>) {
        self.kept.push(name.into());
        self.kept.extend(value);
    }

    /// Handles the settings that identify the application.
    fn setting(&mut self, pair: &OsStr) -> Result<(), String> {
        match pair.to_str().and_then(|pair| pair.split_once('=')) {
            Some(("yarn.application.id", id)) => {
                self.application = Some(id.into());
                Ok(())
            }
            Some(("execution.target", name)) => target("-D execution.target", Some(name.into())),
            _ => {
                self.kept.extend(["-D".into(), pair.to_owned()]);
                Ok(())
            }
        }
    }

    fn arguments(mut self, verb: &str) -> Result<Vec<OsString>, String> {
        if verb == "list" {
            return self.list();
        }
        let named = self.application.is_some();
        let mut out = vec![OsString::from(verb)];
        out.extend(self.application);
        // An additional word belongs to `savepoint JOB DIR`.
        let jobs_place = if named { 1 } else { 2 };
        let directory = (verb == "savepoint" && self.positional.len() > jobs_place)
            .then(|| self.positional.remove(jobs_place));
        if let ([job], false) = (self.positional.as_slice(), named)
            && is_job(job)
        {
            let job = job.to_string_lossy();
            return Err(format!(
                "`{job}` is a job id, and its application is missing: `yarn-flink {verb} ID {job}`; \
                 `yarn-flink list` shows applications"
            ));
        }
        out.extend(self.positional);
        out.extend(self.kept);
        if let Some(directory) = directory {
            out.extend(["-p".into(), directory]);
        }
        Ok(out)
    }

    fn list(self) -> Result<Vec<OsString>, String> {
        let all = self.which.iter().any(|option| option == "-a" || option == "--all");
        let mut out: Vec<OsString> = match (self.application, self.which.first()) {
            // Running and scheduled jobs are all that have not ended.
            (Some(application), _) => vec!["jobs".into(), application],
            (None, Some(option)) if !all => {
                let option = option.to_string_lossy();
                return Err(format!(
                    "option `{option}` cannot be used: `list` lists applications; list the jobs of one \
                     with `yarn-flink jobs ID`"
                ));
            }
            (None, _) => vec!["list".into()],
        };
        out.extend(all.then(|| "--all".into()));
        out.extend(self.positional);
        out.extend(self.kept);
        Ok(out)
    }
}

/// Whether `-t` names something that runs on YARN.
fn target(option: &str, value: Option<OsString>) -> Result<(), String> {
    match value.as_deref().and_then(OsStr::to_str) {
        Some("yarn-session" | "yarn-application" | "yarn-per-job") => Ok(()),
        _ => Err(format!("option `{option}` cannot be used: everything here runs on YARN; {BY_NAME}")),
    }
}

fn is_of_clusters(option: &str) -> bool {
    let name = option.trim_start_matches('-');
    option.starts_with('-') && OF_CLUSTERS.iter().any(|(short, long)| [*short, *long].contains(&name))
}

fn is_job(word: &OsStr) -> bool {
    word.len() == 32 && word.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit)
}
