//! Flink's multi-letter options behind a single dash, which clap would read as clusters of one-letter options.
//!
//! Rewrites `-jm 1g` to `--job-manager-memory 1g` and so on, up to the first positional argument of `run`, and
//! puts `--` before that one, so that all of the program's own arguments arrive as they were typed. Which options
//! take a value is asked of clap's own definition, so the two cannot disagree.

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

/// The same refusals by Flink's long names.
const LONG_REFUSED: &[(&str, &str)] = &[
    ("claimMode", CLAIM),
    ("restoreMode", CLAIM),
    ("shutdownOnAttachedExit", "the job does not depend on this client; `yarn-flink kill` ends it"),
    ("yarnjar", "name the distribution with --flink-home"),
    ("python", PYTHON),
    ("pyModule", PYTHON),
];

/// Rewrites the arguments of `run`; those of other commands pass unchanged.
///
/// `command` is clap's definition of the whole command line, `arguments` begins with the program's name.
///
/// # Errors
/// The message for an option of Flink that has no meaning here.
pub(crate) fn rewrite(command: &Command, arguments: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let mut rest = arguments.into_iter();
    let mut out: Vec<OsString> = rest.next().into_iter().collect();

    // The options before the name of the command are the global ones.
    let is_run = loop {
        let Some(argument) = rest.next() else { return Ok(out) };
        let value_follows = value_follows(command, command, &argument);
        let positional = is_positional(&argument);
        let is_run = argument == "run";
        out.push(argument);
        if positional {
            break is_run;
        }
        if value_follows {
            out.extend(rest.next());
        }
    };
    let Some(run) = command.find_subcommand("run").filter(|_| is_run) else {
        out.extend(rest);
        return Ok(out);
    };

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
        let argument = translate(argument)?;
        let value_follows = value_follows(run, command, &argument);
        out.push(argument);
        if value_follows {
            out.extend(rest.next());
        }
    }
    Ok(out)
}

/// A lone dash is a value by convention; anything else with a dash is an option.
fn is_positional(argument: &OsStr) -> bool {
    let bytes = argument.as_encoded_bytes();
    bytes == b"-" || !bytes.starts_with(b"-")
}

fn translate(argument: OsString) -> Result<OsString, String> {
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
    match OPTIONS.iter().find(|(option, _)| *option == name) {
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
