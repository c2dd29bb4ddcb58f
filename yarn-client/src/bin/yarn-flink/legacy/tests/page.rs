//! `docs/options.md`: each of its examples, parsed by our parser.

use clap::{CommandFactory, Parser, error::ErrorKind};

use super::super::rewrite;
use crate::args::Cli;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/options.md"));

/// How the parser treats a line.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Accepted(String),
    Help,
    Refused(String),
}

fn outcome(line: &str) -> Outcome {
    let arguments = std::iter::once("yarn-flink").chain(line.split_whitespace()).map(Into::into).collect();
    let arguments = match rewrite(&Cli::command(), arguments) {
        Ok(arguments) => arguments,
        Err(message) => return Outcome::Refused(message),
    };
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Outcome::Accepted(format!("{cli:?}")),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Outcome::Help,
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

/// A row of one of the tables: names, example, and its meaning here.
struct Row {
    names: Vec<&'static str>,
    example: &'static str,
    here: &'static str,
}

fn rows() -> Vec<Row> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    PAGE.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| match cells(line)[..] {
            [names, example, here, _] => Row { names: codes(names), example: codes(example)[0], here },
            _ => panic!("not four columns: {line}"),
        })
        .collect()
}

/// The texts between backticks, or between pairs of them.
fn codes(text: &'static str) -> Vec<&'static str> {
    if let Some(quoted) = text.split("``").nth(1) {
        return vec![quoted.trim()];
    }
    text.split('`').skip(1).step_by(2).collect()
}

/// Every spelling of the option that Flink's parser accepts: for long names also with one dash.
fn spellings(row: &Row) -> Vec<String> {
    let typed = *row
        .names
        .iter()
        .find(|name| word(row.example, name).is_some())
        .unwrap_or_else(|| panic!("`{}` is not an example of {}", row.example, row.names.join(", ")));
    let one_dash = |name: &'static str| name.strip_prefix('-').filter(|rest| rest.starts_with('-'));
    let names = row.names.iter().flat_map(|name| [Some(*name), one_dash(name)]);
    names
        .flatten()
        .map(|name| {
            let at = word(row.example, typed).unwrap_or_default();
            let (before, after) = row.example.split_at(at);
            format!("{before}{name}{}", &after[typed.len()..])
        })
        .collect()
}

/// The position of this word in a line.
fn word(line: &str, name: &str) -> Option<usize> {
    line.split(' ')
        .scan(0, |at, word| Some((std::mem::replace(at, *at + word.len() + 1), word)))
        .find(|(_, word)| *word == name)
        .map(|(at, _)| at)
}

#[test]
fn examples_of_the_options_page_are_correct() {
    let rows = rows();
    assert!(rows.len() > 90, "{}", rows.len());
    for row in &rows {
        for typed in spellings(row) {
            let verbs: &[&str] =
                if typed.contains("VERB") { &["list", "cancel", "stop", "savepoint"] } else { &[""] };
            for verb in verbs {
                let typed = typed.replace("VERB", verb);
                let here = outcome(&typed);
                if row.here == "help" {
                    assert_eq!(here, Outcome::Help, "{typed}");
                } else if let Some(text) = row.here.strip_prefix("refused: ") {
                    let Outcome::Refused(message) = here else { panic!("{typed}: {here:?}") };
                    assert!(message.contains(codes_of(text)), "{typed}: {message}");
                } else {
                    // `list` for an application is `jobs`.
                    let ours =
                        codes_of(row.here).replace("VERB", if *verb == "list" { "jobs" } else { verb });
                    assert!(matches!(here, Outcome::Accepted(_)), "{typed}: {here:?}");
                    assert_eq!(here, outcome(&ours), "{typed}");
                }
            }
        }
    }
}

fn codes_of(text: &'static str) -> &'static str {
    codes(text)[0]
}
