//! `flink list|cancel|stop|savepoint`, which name the application by an option.

use std::ffi::{OsStr, OsString};

const BY_NAME: &str =
    "an application is named by its id, or a session by its name: `yarn-flink list` shows both";

/// The command and its arguments, with the application in front: `cancel -yid application_1_0001 JOB` becomes
/// `cancel application_1_0001 JOB`, and `list -yid application_1_0001` is `jobs application_1_0001`.
///
/// # Errors
/// The message for an option that has no meaning here.
pub(super) fn rewrite(
    verb: &str,
    arguments: impl Iterator<Item = OsString>,
    takes_value: impl Fn(&OsStr) -> bool,
) -> Result<Vec<OsString>, String> {
    let mut arguments = arguments.peekable();
    let mut application: Option<OsString> = None;
    let mut kept: Vec<OsString> = Vec::new();
    // Of `list`: which jobs are shown; ours shows all.
    let mut which: Vec<OsString> = Vec::new();
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or_default().to_owned();
        let (name, joined) = match text.split_once('=') {
            Some((name, value)) if text.starts_with("--") => (name, Some(OsString::from(value))),
            _ => (text.as_str(), None),
        };
        let mut value = || joined.clone().or_else(|| arguments.next());
        match (verb, name) {
            (_, "-yid" | "-id" | "--yarnapplicationId" | "--applicationId") => application = value(),
            (_, "-t" | "--target") => drop(value()),
            (_, "-m" | "--jobmanager") => match value() {
                Some(target) if target == "yarn-cluster" => {}
                _ => return Err(format!("option '{name}' cannot be used: {BY_NAME}")),
            },
            (_, "-D") => {
                let given = value();
                match given.as_deref().and_then(by_key) {
                    Some(id) => application = Some(id),
                    None => kept.extend(std::iter::once(argument).chain(given)),
                }
            }
            (_, joined) if joined.starts_with("-Dyarn.application.id=") => {
                application = by_key(OsStr::new(&joined[2..]));
            }
            ("cancel", "-s" | "--withSavepoint") => {
                let text =
                    "option '-s' cannot be used: `yarn-flink stop ID JOB -p DIR` ends a job with a savepoint";
                return Err(text.to_owned());
            }
            ("list", "-r" | "--running" | "-s" | "--scheduled" | "-a") => which.push(argument),
            ("savepoint", "-d") => kept.push("--dispose".into()),
            ("stop" | "savepoint", "-type") => kept.push("--type".into()),
            _ => {
                let follows = takes_value(&argument);
                kept.push(argument);
                if follows {
                    kept.extend(arguments.next());
                }
            }
        }
    }
    let mut out = Vec::new();
    match (verb, application) {
        ("list", Some(application)) => out.extend(["jobs".into(), application]),
        ("list", None) => {
            if let Some(option) = which.iter().find(|option| *option != "-a") {
                let option = option.to_string_lossy();
                return Err(format!(
                    "option '{option}' cannot be used: `list` is of applications; `yarn-flink jobs ID` lists the jobs of one"
                ));
            }
            out.push(verb.into());
            out.extend(which);
        }
        (verb, application) => {
            out.push(verb.into());
            out.extend(application);
        }
    }
    out.extend(kept);
    Ok(out)
}

fn by_key(given: &OsStr) -> Option<OsString> {
    given.to_str()?.strip_prefix("yarn.application.id=").map(OsString::from)
}
