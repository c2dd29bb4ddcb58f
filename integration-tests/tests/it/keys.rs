//! The table of configuration keys against the option classes of Flink's own jars.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::output;
use integration_tests::flink::Flink;
use integration_tests::versions::{FLINK_1_20, FLINK_2_1, FlinkVersion};
use integration_tests::{prerequisites, shared};
use yarn_client::flink::keys::{Origin, Row, known, row, table};
use yarn_client::flink::options;

/// The options of one version.
struct Options {
    /// All keys, including older names.
    keys: BTreeSet<String>,
    /// Older names of keys, each with the current one.
    older: Vec<(String, String)>,
}

/// Whether a constant is a key of a cluster's configuration, rather than a setting of one operator or a name after a
/// prefix.
fn is_of_clusters(class: &str, field: &str) -> bool {
    !class.ends_with(".StreamConfig")
        && !class.ends_with(".AsyncSinkConnectorOptions")
        && !field.starts_with("REPORTER_")
        && field != "DELEGATION_TOKEN_PROVIDER_ENABLED"
}

async fn options_of(version: FlinkVersion) -> Result<Options> {
    let flink = Flink::download(version)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/ListOptions.java");
    let jar = flink.home().join(format!("lib/flink-dist-{}.jar", flink.version()));
    let mut command = Command::new(prerequisites::java_tool("java"));
    command.args(["-XX:TieredStopAtLevel=1", "-cp"]).arg(flink.home().join("lib/*"));
    let listed = output({
        command.arg(source).arg(jar);
        command
    })
    .await?
    .success()?;
    let mut options = Options { keys: BTreeSet::new(), older: Vec::new() };
    for line in listed.stdout.lines() {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["option", class, field, key] if is_of_clusters(class, field) => {
                options.keys.insert(key.to_owned());
            }
            ["older" | "fallback", class, field, key, newer] if is_of_clusters(class, field) => {
                options.keys.insert(key.to_owned());
                if line.starts_with("older") {
                    options.older.push((key.to_owned(), newer.to_owned()));
                }
            }
            ["option" | "older" | "fallback", ..] => {}
            ["unread", class] => ensure!(!class.contains("Option"), "{class} cannot be loaded"),
            _ => anyhow::bail!("what is {line:?}?"),
        }
    }
    ensure!(options.keys.len() > 800, "only {} keys in {}", options.keys.len(), flink.version());
    Ok(options)
}

/// `external-resource.<resource_name>.amount` with a name in it.
fn example(key: &str) -> String {
    let mut text = key.to_owned();
    while let Some((start, rest)) = text.split_once('<')
        && let Some((_, end)) = rest.split_once('>')
    {
        text = format!("{start}x{end}");
    }
    text
}

#[tokio::test]
async fn every_flink_option_is_in_the_table_of_keys() -> Result<()> {
    let _turn = shared::turn().await;
    let (old, new) = tokio::try_join!(options_of(FLINK_1_20), options_of(FLINK_2_1))?;
    let all: BTreeSet<&String> = old.keys.union(&new.keys).collect();

    let without: Vec<_> = all.iter().filter(|key| row(&example(key)).is_none()).collect();
    assert!(without.is_empty(), "what becomes of these? {without:#?}");

    // The names by which misspelt keys are recognised.
    let listed: BTreeMap<_, _> = known().map(|known| (known.key, (known.in_1_20, known.in_2_1))).collect();
    let found: BTreeMap<_, _> = all
        .iter()
        .filter(|key| !key.contains('<'))
        .map(|key| (key.as_str(), (old.keys.contains(*key), new.keys.contains(*key))))
        .collect();
    let differ: Vec<_> = found
        .iter()
        .filter(|(key, versions)| listed.get(*key) != Some(versions))
        .chain(listed.iter().filter(|(key, _)| !found.contains_key(*key)))
        .collect();
    assert!(differ.is_empty(), "known.txt is not right about (key, (in 1.20, in 2.1)): {differ:#?}");

    // A row for an unknown key would be misleading.
    let rows = table().flat_map(|row| row.names().map(move |name| (name, row.origin)));
    let wrong: Vec<_> = rows
        .filter(|(name, origin)| {
            let exists = all.iter().any(|key| of(name, &example(key)));
            // Keys of other origins may also belong to libraries and plugins.
            match origin {
                Origin::Flink => !exists,
                Origin::Ours | Origin::OldFlink => exists,
                Origin::Open => false,
            }
        })
        .collect();
    assert!(wrong.is_empty(), "not what the versions have: {wrong:#?}");
    older_names_are_read_too(old.older.iter().chain(&new.older))
}

fn of(name: &str, key: &str) -> bool {
    match name.split_once('*') {
        Some((before, after)) => key.starts_with(before) && key.ends_with(after),
        None => key == name || name.ends_with('.') && key.starts_with(name),
    }
}

/// An option that is read here is read by all the names by which Flink reads it.
fn older_names_are_read_too<'a>(older: impl Iterator<Item = &'a (String, String)>) -> Result<()> {
    for (older, newer) in older {
        // The value in stock configurations is that of a cluster on one host.
        if newer == options::REST_BIND_PORT.key {
            continue;
        }
        if let Some(option) = options::ALL.iter().find(|option| option.key == newer) {
            assert!(option.deprecated.contains(&older.as_str()), "{older} is an older name of {newer}");
        }
        // What is handed to Flink is treated the same under any name.
        let (by_older, by_newer) = (row(older), row(newer));
        let treatment = |row: Option<&Row>| row.map(|row| row.treatment).context("no line");
        let (by_older, by_newer) = (treatment(by_older)?, treatment(by_newer)?);
        assert_eq!(
            std::mem::discriminant(&by_older),
            std::mem::discriminant(&by_newer),
            "{older} is an older name of {newer}"
        );
    }
    Ok(())
}
