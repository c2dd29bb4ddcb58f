//! What fingers type that know `flink` and `yarn-session.sh`.
//!
//! Multi-letter options behind a single dash, which clap would read as clusters of one-letter options: `-jm 1g` becomes
//! `--job-manager-memory 1g` and so on, up to the first positional argument of `run`, and `--` goes before that one, so that
//! all of the program's own arguments arrive as they were typed. Which options take a value is asked of clap's own
//! definition, so the two cannot disagree. The verbs for jobs get the application that `-yid` names ([`jobs`]).

mod jobs;

use std::ffi::{OsStr, OsString};

use clap::Command;

/// What becomes of one of Flink's multi-letter options.
enum Meaning {
    /// The same as this option.
    Same(&'static str),
    /// Not possible (now); the text says why, or what to use.
    Refused(&'static str),
}

use Meaning::{Refused, Same};

const CLAIM: &str = "Flink's application entry point always restores without claiming the savepoint";
const PYTHON: &str = "Python programs are not supported yet";

/// Options of `flink run` and of `flink run -m yarn-cluster` (Flink up to 1.20), with a single dash.
const OPTIONS: &[(&str, Meaning)] = &[
    ("jm", Same("--job-manager-memory")),
    ("yjm", Same("--job-manager-memory")),
    ("tm", Same("--task-manager-memory")),
    ("ytm", Same("--task-manager-memory")),
    ("ys", Same("--slots")),
    ("nm", Same("--name")),
    ("ynm", Same("--name")),
    ("qu", Same("--queue")),
    ("yqu", Same("--queue")),
    ("at", Same("--application-type")),
    ("yat", Same("--application-type")),
    ("nl", Same("--node-label")),
    ("ynl", Same("--node-label")),
    ("yt", Same("--ship")),
    ("yz", Same("--zookeeper-namespace")),
    ("yd", Same("--detached")),
    ("yD", Same("-D")),
    ("id", Same("--session")),
    ("yid", Same("--session")),
    ("yq", Refused("use `yarn node -list` and `yarn queue -status` for now")),
    ("yj", Refused("name the distribution with --flink-home")),
    ("cm", Refused(CLAIM)),
    ("rm", Refused(CLAIM)),
    ("sae", Refused("the job does not depend on this client; `yarn-flink kill` ends it")),
    ("py", Refused(PYTHON)),
    ("pyfs", Refused(PYTHON)),
    ("pym", Refused(PYTHON)),
    ("pyreq", Refused(PYTHON)),
    ("pyarch", Refused(PYTHON)),
    ("pyexec", Refused(PYTHON)),
    ("pyclientexec", Refused(PYTHON)),
];

/// What differs in `yarn-session.sh`.
const SESSION: &[(&str, Meaning)] = &[
    ("s", Same("--slots")),
    ("t", Same("--ship")),
    ("z", Same("--zookeeper-namespace")),
    (
        "n",
        Refused("TaskManagers follow the jobs; --min, --max and --task-managers say how many there may be"),
    ),
    ("st", Refused("a session runs streaming and batch jobs")),
    ("j", Refused("name the distribution with --flink-home")),
    (
        "id",
        Refused(
            "a session needs nobody attached: `yarn-flink run --session ID` sends it a job, `status ID` shows it",
        ),
    ),
];

/// The same refusals by Flink's long names.
const LONG_REFUSED: &[(&str, &str)] = &[
    ("claimMode", CLAIM),
    ("restoreMode", CLAIM),
    ("shutdownOnAttachedExit", "the job does not depend on this client; `yarn-flink kill` ends it"),
    ("yarnjar", "name the distribution with --flink-home"),
    ("python", PYTHON),
    ("pyModule", PYTHON),
];

/// Rewrites the arguments of the commands that Flink's tools have, too; those of others pass unchanged.
///
/// `command` is clap's definition of the whole command line, `arguments` begins with the program's name.
///
/// # Errors
/// The message for an option of Flink that has no meaning here.
pub(crate) fn rewrite(command: &Command, arguments: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let mut rest = arguments.into_iter();
    let mut out: Vec<OsString> = rest.next().into_iter().collect();
    let Some(verb) = positional(command, command, &mut rest, &mut out) else { return Ok(out) };
    let subcommand = |name: &str| command.find_subcommand(name);
    match verb.to_str() {
        Some("run") => out.push(verb),
        // It returns once the application has been submitted.
        Some("run-application") => out.extend(["run".into(), "--detached".into()]),
        Some("info") => {
            return Err(
                "there is no `info`: Flink's own client shows a program's plan without a cluster".to_owned()
            );
        }
        Some("session") => {
            out.push(verb);
            let Some(session) = subcommand("session") else { return Ok(out) };
            let Some(action) = positional(session, command, &mut rest, &mut out) else { return Ok(out) };
            let start = session.find_subcommand("start").filter(|_| action == "start");
            out.push(action);
            let Some(start) = start else {
                out.extend(rest);
                return Ok(out);
            };
            while let Some(argument) = rest.next() {
                let option = translate(argument, &[SESSION, OPTIONS])?;
                push_option(option, (start, command), &mut rest, &mut out);
            }
            return Ok(out);
        }
        Some(name @ ("list" | "cancel" | "stop" | "savepoint")) => {
            let Some(of) = subcommand(name) else { return Ok(out) };
            let takes_value = |argument: &OsStr| value_follows(of, command, argument);
            out.extend(jobs::rewrite(name, rest, takes_value)?);
            return Ok(out);
        }
        _ => {
            out.push(verb);
            out.extend(rest);
            return Ok(out);
        }
    }
    let Some(run) = subcommand("run") else { return Ok(out) };
    while let Some(argument) = rest.next() {
        if argument == "--" {
            out.push(argument);
            out.extend(rest);
            return Ok(out);
        }
        if is_positional(&argument) {
            out.push("--".into());
            out.push(argument);
            out.extend(rest);
            return Ok(out);
        }
        let option = translate(argument, &[OPTIONS])?;
        push_option(option, (run, command), &mut rest, &mut out);
    }
    Ok(out)
}

/// The next positional argument; the options before it go to `out`.
fn positional(
    command: &Command,
    root: &Command,
    rest: &mut std::vec::IntoIter<OsString>,
    out: &mut Vec<OsString>,
) -> Option<OsString> {
    loop {
        let argument = rest.next()?;
        if is_positional(&argument) {
            return Some(argument);
        }
        push_option(argument, (command, root), rest, out);
    }
}

/// An option of a command goes to `out`, and its value with it.
fn push_option(
    option: OsString,
    (command, root): (&Command, &Command),
    rest: &mut std::vec::IntoIter<OsString>,
    out: &mut Vec<OsString>,
) {
    let value_follows = value_follows(command, root, &option);
    out.push(option);
    if value_follows {
        out.extend(rest.next());
    }
}

/// A lone dash is a value by convention; anything else with a dash is an option.
fn is_positional(argument: &OsStr) -> bool {
    let bytes = argument.as_encoded_bytes();
    bytes == b"-" || !bytes.starts_with(b"-")
}

fn translate(argument: OsString, tables: &[&[(&str, Meaning)]]) -> Result<OsString, String> {
    let Some(text) = argument.to_str() else { return Ok(argument) };
    if let Some(long) = text.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or(long);
        return match LONG_REFUSED.iter().find(|(refused, _)| *refused == name) {
            Some((_, reason)) => Err(format!("option '--{name}' cannot be used: {reason}")),
            None => Ok(argument),
        };
    }
    let Some(name) = text.strip_prefix('-') else { return Ok(argument) };
    // -yDkey=value, the joined form.
    if let Some(pair) = name.strip_prefix("yD").filter(|pair| !pair.is_empty()) {
        return Ok(format!("-D{pair}").into());
    }
    let (name, value) = match name.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (name, None),
    };
    match tables.iter().copied().flatten().find(|(option, _)| *option == name) {
        Some((_, Same(same))) => Ok(match value {
            Some(value) => format!("{same}={value}").into(),
            None => OsString::from(*same),
        }),
        Some((name, Refused(reason))) => Err(format!("option '-{name}' cannot be used: {reason}")),
        None => Ok(argument),
    }
}

/// Whether the next argument is this option's value.
fn value_follows(command: &Command, root: &Command, argument: &OsStr) -> bool {
    let Some(text) = argument.to_str() else { return false };
    let options = || command.get_arguments().chain(root.get_arguments()).filter(|arg| !arg.is_positional());
    if let Some(long) = text.strip_prefix("--") {
        return !long.contains('=')
            && options()
                .find(|arg| {
                    arg.get_long() == Some(long)
                        || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&long))
                })
                .is_some_and(|arg| arg.get_action().takes_values());
    }
    // A cluster: the first letter that takes a value takes the rest of the word, or else the next word.
    let Some(cluster) = text.strip_prefix('-') else { return false };
    let mut letters = cluster.chars();
    while let Some(letter) = letters.next() {
        let takes_value = options()
            .find(|arg| arg.get_short() == Some(letter))
            .is_some_and(|arg| arg.get_action().takes_values());
        if takes_value {
            return letters.as_str().is_empty();
        }
    }
    false
}

#[cfg(test)]
mod tests;
