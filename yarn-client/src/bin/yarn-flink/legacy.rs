//! Options in the style of `flink` and `yarn-session.sh`.
//!
//! Multi-letter options after a single dash, which clap would parse as clusters of one-letter options: `-jm 1g` becomes
//! `--job-manager-memory 1g` and so on, up to the first positional argument of `run`, and `--` is inserted before that one,
//! so that all of the program's own arguments arrive as they were typed. Which options take a value is looked up in clap's
//! own definition, so the two cannot disagree. The commands for jobs get the application that `-yid` names ([`jobs`]).
//! `docs/options.md` lists every Flink option with an example, and a test runs these examples through this code.

mod jobs;
mod options;

use std::ffi::{OsStr, OsString};

use clap::Command;

use options::{Typed, translate};

/// Flink's actions that have no equivalent here.
const NO_INFO: &str =
    "there is no `info`: use Flink's own client, which shows a program's plan without a cluster";
const NO_CHECKPOINT: &str = "there is no `checkpoint`: a job takes checkpoints by itself \
    (`execution.checkpointing.interval`); take a savepoint with `yarn-flink savepoint ID JOB`";

/// Rewrites the arguments of the commands that Flink's tools have, too; those of other commands pass unchanged.
///
/// `command` is clap's definition of the whole command line, `arguments` starts with the program's name.
///
/// # Errors
/// The message for a Flink option that has no meaning here.
pub(crate) fn rewrite(command: &Command, arguments: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let mut rest = arguments.into_iter();
    let mut out: Vec<OsString> = rest.next().into_iter().collect();
    let Some(verb) = positional(command, command, &mut rest, &mut out) else { return Ok(out) };
    let subcommand = |name: &str| command.find_subcommand(name);
    match verb.to_str() {
        Some("run") => out.push(verb),
        // It returns once the application has been submitted.
        Some("run-application") => out.extend(["run".into(), "--detached".into()]),
        Some("info") => return Err(NO_INFO.to_owned()),
        Some("checkpoint") => return Err(NO_CHECKPOINT.to_owned()),
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
                // A jar given by an option is rejected.
                option(argument, true, (start, command), &mut rest, &mut out)?;
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
    let mut jar = None;
    while let Some(argument) = rest.next() {
        let ends_options = argument == "--";
        if ends_options || is_positional(&argument) {
            out.push("--".into());
            out.extend(jar.take());
            out.extend((!ends_options).then_some(argument));
            out.extend(rest);
            return Ok(out);
        }
        jar = option(argument, false, (run, command), &mut rest, &mut out)?.or(jar);
    }
    if let Some(jar) = jar {
        out.extend(["--".into(), jar]);
    }
    Ok(out)
}

/// Appends an option of `run` or `session start` to `out` in our form; returns the jar that an option names.
fn option(
    argument: OsString,
    session: bool,
    of: (&Command, &Command),
    rest: &mut std::vec::IntoIter<OsString>,
    out: &mut Vec<OsString>,
) -> Result<Option<OsString>, String> {
    let tables: &[_] = if session { &[options::SESSION, options::RUN] } else { &[options::RUN] };
    match translate(argument, tables, of)? {
        Typed::Option(option) => {
            let from = out.len();
            push_option(option, of, rest, out);
            if !session {
                name_session(out, from);
            }
            Ok(None)
        }
        Typed::Setting(key, value) => {
            let value = value.map(OsString::from).or_else(|| rest.next()).unwrap_or_default();
            let mut pair = OsString::from(format!("{key}="));
            pair.push(value);
            out.extend(["-D".into(), pair]);
            Ok(None)
        }
        Typed::Jar(value) => Ok(value.map(OsString::from).or_else(|| rest.next())),
    }
}

/// `-D yarn.application.id=ID`, with which Flink's own `run -t yarn-session` finds a session, if it was pushed last.
fn name_session(out: &mut Vec<OsString>, from: usize) {
    let pushed: String = out.iter().skip(from).filter_map(|argument| argument.to_str()).collect();
    if let Some(id) = pushed.strip_prefix("-Dyarn.application.id=") {
        let session = format!("--session={id}");
        out.truncate(from);
        out.push(session.into());
    }
}

/// Returns the next positional argument; appends the options before it to `out`.
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

/// Appends an option of a command and its value to `out`.
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

/// Whether a command, or all of them, have this option.
fn known_long((command, root): (&Command, &Command), name: &str) -> bool {
    // clap adds these when it parses.
    name == "help"
        || name == "version"
        || command.get_arguments().chain(root.get_arguments()).any(|arg| has_long(arg, name))
}

fn has_long(arg: &clap::Arg, name: &str) -> bool {
    arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
}

/// Whether the next argument is this option's value.
fn value_follows(command: &Command, root: &Command, argument: &OsStr) -> bool {
    let Some(text) = argument.to_str() else { return false };
    let options = || command.get_arguments().chain(root.get_arguments()).filter(|arg| !arg.is_positional());
    if let Some(long) = text.strip_prefix("--") {
        return !long.contains('=')
            && options().find(|arg| has_long(arg, long)).is_some_and(|arg| arg.get_action().takes_values());
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
