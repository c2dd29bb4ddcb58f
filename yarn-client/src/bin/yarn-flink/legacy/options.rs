//! Flink's options of `run` and `yarn-session.sh`, and how they are treated. `docs/options.md` lists them.

use std::ffi::OsString;

use super::known_long;

/// How one of Flink's options is treated.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning {
    /// The same as this option.
    Same(&'static str),
    /// The same as this configuration key.
    Setting(&'static str),
    /// Names the jar, which is the first positional argument here.
    Jar,
    /// Not possible, or not yet; the text says why, or what to use.
    Refused(&'static str),
}

use Meaning::{Jar, Refused, Same, Setting};

/// Short name, long name, meaning.
type Row = (&'static str, &'static str, Meaning);

/// An option as typed, in our form, with a value that was joined to it by `=`.
#[derive(Debug)]
pub(super) enum Typed {
    /// One of ours.
    Option(OsString),
    /// A configuration key.
    Setting(&'static str, Option<String>),
    /// The jar.
    Jar(Option<String>),
}

const CLAIM_MODE: Meaning = Setting("execution.state-recovery.claim-mode");
const PYTHON: Meaning = Refused("Python programs are not supported yet");
const DISTRIBUTION: Meaning = Refused("name the distribution with `--flink-home`");
const RESOURCES: Meaning = Refused("use `yarn node -list` and `yarn queue -status` for now");

/// Options of `flink run` and of `flink run -m yarn-cluster` that are not in clap's definition.
pub(super) const RUN: &[Row] = &[
    ("jm", "jobManagerMemory", Same("--job-manager-memory")),
    ("yjm", "yarnjobManagerMemory", Same("--job-manager-memory")),
    ("tm", "taskManagerMemory", Same("--task-manager-memory")),
    ("ytm", "yarntaskManagerMemory", Same("--task-manager-memory")),
    ("ys", "yarnslots", Same("--slots")),
    ("nm", "name", Same("--name")),
    ("ynm", "yarnname", Same("--name")),
    ("qu", "queue", Same("--queue")),
    ("yqu", "yarnqueue", Same("--queue")),
    ("at", "applicationType", Same("--application-type")),
    ("yat", "yarnapplicationType", Same("--application-type")),
    ("nl", "nodeLabel", Same("--node-label")),
    ("ynl", "yarnnodeLabel", Same("--node-label")),
    ("yt", "yarnship", Same("--ship")),
    ("z", "zookeeperNamespace", Same("--zookeeper-namespace")),
    ("yz", "yarnzookeeperNamespace", Same("--zookeeper-namespace")),
    ("yd", "yarndetached", Same("--detached")),
    ("yh", "yarnhelp", Same("--help")),
    ("yD", "", Same("-D")),
    ("id", "applicationId", Same("--session")),
    ("yid", "yarnapplicationId", Same("--session")),
    ("e", "executor", Same("--target")),
    ("j", "jarfile", Jar),
    ("a", "arguments", Refused("put the program's arguments after the jar")),
    ("cm", "claimMode", CLAIM_MODE),
    ("rm", "restoreMode", CLAIM_MODE),
    ("yq", "yarnquery", RESOURCES),
    ("yj", "yarnjar", DISTRIBUTION),
    (
        "sae",
        "shutdownOnAttachedExit",
        Refused("the job does not depend on this client; to end it use `yarn-flink kill`"),
    ),
    ("py", "python", PYTHON),
    ("pyfs", "pyFiles", PYTHON),
    ("pym", "pyModule", PYTHON),
    ("pyreq", "pyRequirements", PYTHON),
    ("pyarch", "pyArchives", PYTHON),
    ("pyexec", "pyExecutable", PYTHON),
    ("pyclientexec", "pyClientExecutable", PYTHON),
    ("pypath", "pyPythonPath", PYTHON),
];

const NO_ATTACHING: Meaning = Refused(
    "a session needs no attached client: send it a job with `yarn-flink run --session ID`, check it with \
     `yarn-flink status ID`",
);
const NO_JOB: Meaning =
    Refused("a session starts without a job; send it one with `yarn-flink run --session ID`");

/// Differences in `yarn-session.sh`.
pub(super) const SESSION: &[Row] = &[
    ("s", "slots", Same("--slots")),
    ("t", "ship", Same("--ship")),
    (
        "n",
        "container",
        Refused(
            "TaskManagers are started as jobs need them; bound their number with `--min` and `--max`, \
            or fix it with `--task-managers`",
        ),
    ),
    ("st", "streaming", Refused("a session runs both streaming and batch jobs")),
    ("j", "jar", DISTRIBUTION),
    ("", "query", RESOURCES),
    ("id", "applicationId", NO_ATTACHING),
    ("yid", "yarnapplicationId", NO_ATTACHING),
    ("e", "executor", NO_JOB),
    ("cm", "claimMode", NO_JOB),
    ("rm", "restoreMode", NO_JOB),
    ("", "jarfile", NO_JOB),
];

/// What an option means here. Flink's parser accepts long names after a single dash as well.
///
/// # Errors
/// The message for an option that has no meaning here.
pub(super) fn translate(
    argument: OsString,
    tables: &[&[Row]],
    of: (&clap::Command, &clap::Command),
) -> Result<Typed, String> {
    let Some(text) = argument.to_str() else { return Ok(Typed::Option(argument)) };
    // -yDkey=value, the joined form.
    if let Some(pair) = text.strip_prefix("-yD").filter(|pair| !pair.is_empty()) {
        return Ok(Typed::Option(format!("-D{pair}").into()));
    }
    let (typed, value) = match text.split_once('=') {
        Some((typed, value)) => (typed, Some(value.to_owned())),
        None => (text, None),
    };
    let name = typed.trim_start_matches('-');
    let is_long = typed.starts_with("--");
    let rows = || tables.iter().copied().flatten().filter(|_| !name.is_empty());
    let found = (!is_long)
        .then(|| rows().find(|(short, ..)| *short == name))
        .flatten()
        .or_else(|| rows().find(|(_, long, _)| *long == name));
    let ours = |option: &str| match &value {
        Some(value) => Typed::Option(format!("{option}={value}").into()),
        None => Typed::Option(option.into()),
    };
    match found {
        Some((_, _, Same(same))) => Ok(ours(same)),
        Some((_, _, Setting(key))) => Ok(Typed::Setting(key, value)),
        Some((_, _, Jar)) => Ok(Typed::Jar(value)),
        Some((_, _, Refused(reason))) => Err(format!("option `{typed}` cannot be used: {reason}")),
        None if !is_long && name.len() > 1 && known_long(of, name) => Ok(ours(&format!("--{name}"))),
        None => Ok(Typed::Option(argument)),
    }
}
