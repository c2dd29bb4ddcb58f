//! `${…}` in values, as in `org.apache.hadoop.conf.Configuration.substituteVars`.

use super::{Environment, keys};

/// Hadoop's `MAX_SUBST`.
const MAX_SUBSTITUTIONS: usize = 20;

/// More than [`MAX_SUBSTITUTIONS`] in one value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// Expands `raw`. An undefined variable remains unchanged, with everything that follows it; a value that refers to
/// itself remains unexpanded. Both are as in Hadoop.
pub(super) fn expand<'a>(
    raw: &'a str,
    environment: &'a Environment,
    lookup: &dyn Fn(&str) -> Option<&'a str>,
) -> Result<String, TooDeep> {
    let mut budget = MAX_SUBSTITUTIONS;
    let expanded = expand_within(raw, environment, lookup, &mut Vec::new(), &mut budget)?;
    Ok(expanded.unwrap_or_else(|| raw.to_owned()))
}

/// `None` if a variable refers to one that is being expanded.
fn expand_within<'a>(
    raw: &'a str,
    environment: &'a Environment,
    lookup: &dyn Fn(&str) -> Option<&'a str>,
    active: &mut Vec<String>,
    budget: &mut usize,
) -> Result<Option<String>, TooDeep> {
    let mut text = raw.to_owned();
    while let Some((start, end)) = innermost(&text) {
        let name = text.get(start + 2..end - 1).unwrap_or_default().to_owned();
        let value = match variable(&name, environment) {
            Some(value) => value,
            None => {
                let Some(found) = lookup(&name).or_else(|| default(&name)) else { break };
                if active.contains(&name) {
                    return Ok(None);
                }
                active.push(name);
                let value = expand_within(found, environment, lookup, active, budget)?;
                active.pop();
                let Some(value) = value else { return Ok(None) };
                value
            }
        };
        *budget = budget.checked_sub(1).ok_or(TooDeep)?;
        text.replace_range(start..end, &value);
    }
    Ok(Some(text))
}

/// The first `${name}` whose name contains none of `$`, `}` and space: byte range from `$` to after `}`.
fn innermost(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find("${") {
        let start = from + at;
        let name = text.get(start + 2..)?;
        match name.find(['$', '}', ' ']) {
            Some(end) if end > 0 && name.as_bytes().get(end) == Some(&b'}') => {
                return Some((start, start + 2 + end + 1));
            }
            _ => from = start + 2,
        }
    }
    None
}

/// `${env.X}`, `${env.X:-default}` (also if empty), `${env.X-default}` (if unset), and the Java system properties that
/// configurations use.
fn variable(name: &str, environment: &Environment) -> Option<String> {
    if let Some(name) = name.strip_prefix("env.").filter(|name| !name.is_empty()) {
        let Some(at) = name.find('-') else { return environment.get(name).map(str::to_owned) };
        let (name, default) = (name.get(..at)?, name.get(at + 1..)?);
        let value = match name.strip_suffix(':') {
            Some(name) => environment.non_empty(name).unwrap_or(default),
            None => environment.get(name).unwrap_or(default),
        };
        return Some(value.to_owned());
    }
    match name {
        "user.name" => environment.account(),
        "user.home" => environment.home(),
        "java.io.tmpdir" => Some("/tmp"),
        _ => None,
    }
    .map(str::to_owned)
}

fn default(name: &str) -> Option<&'static str> {
    keys::SUBSTITUTION_DEFAULTS.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}
