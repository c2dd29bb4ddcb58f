//! `docs/options.md` against the options that Flink's own command lines define.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use integration_tests::binaries::workspace;
use integration_tests::cluster::download::Hadoop;
use integration_tests::cluster::java::output;
use integration_tests::flink::Flink;
use integration_tests::shared;
use integration_tests::versions::{FLINK_1_20, FLINK_2_1, FlinkVersion, HADOOP_3_4};

/// Commands and the names of their options, without dashes; the commands themselves are listed under `action`.
type Names = BTreeSet<(String, String)>;

/// Commands that are refused whatever their options are.
const REFUSED: [&str; 2] = ["info", "checkpoint"];

/// What Flink's classes define, including what their help hides.
async fn of_flink(version: FlinkVersion) -> Result<Names> {
    let (flink, hadoop) = tokio::task::spawn_blocking(move || {
        anyhow::Ok((Flink::download(version)?, Hadoop::download(HADOOP_3_4)?))
    })
    .await??;
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/CommandLines.java");
    let own = tempfile::tempdir()?;
    let mut command = flink.command(&program.display().to_string(), &[hadoop.jars.join("*")]);
    // Flink searches the folder of temporary files for the session that was started last.
    let options =
        format!("-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir={}", own.path().display());
    command.arg(flink.conf_dir()).env("JDK_JAVA_OPTIONS", options);
    let listed = output(command).await?.success()?.stdout;
    let mut names = Names::new();
    for line in listed.lines() {
        let [command, short, long, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("not a row: {line}")
        };
        let both = [short, long].into_iter().filter(|name| *name != "-" && !REFUSED.contains(&command));
        names.extend(both.map(|name| (command.to_owned(), name.to_owned())));
    }
    ensure!(names.contains(&("run".to_owned(), "fromSavepoint".to_owned())), "{listed}");
    Ok(names)
}

/// The options on the page, each with the content of its last column.
fn of_page(page: &str) -> Result<BTreeMap<(String, String), String>> {
    let codes = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut commands: Vec<String> = Vec::new();
    let mut found = BTreeMap::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            commands = match title {
                "Actions" => vec!["action".to_owned()],
                _ => codes(title).iter().map(|name| name.trim_start_matches("flink ").to_owned()).collect(),
            };
            // The same options, as Flink has one list for both.
            commands.retain(|command| command != "run-application");
        } else if line.starts_with("| `") {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let (Some(names), Some(only)) = (cells.first(), cells.get(3)) else {
                bail!("not four columns: {line}")
            };
            for (command, name) in
                commands.iter().flat_map(|it| codes(names).into_iter().map(move |n| (it, n)))
            {
                let key = (command.clone(), name.trim_start_matches('-').to_owned());
                found.insert(key, (*only).to_owned());
            }
        }
    }
    Ok(found)
}

#[tokio::test]
async fn options_page_has_every_option_of_flinks_command_lines() -> Result<()> {
    let _turn = shared::turn().await;
    let page = of_page(&fs::read_to_string(workspace().join("docs/options.md"))?)?;
    let (old, new) = (of_flink(FLINK_1_20).await?, of_flink(FLINK_2_1).await?);
    let theirs: BTreeMap<(String, String), String> = old
        .union(&new)
        .map(|name| {
            let only = match (old.contains(name), new.contains(name)) {
                (true, true) => "",
                (true, false) => "1.20",
                _ => "2.x",
            };
            (name.clone(), only.to_owned())
        })
        .collect();
    assert!(theirs.len() > 200, "{}", theirs.len());
    let missing: Vec<_> = theirs.keys().filter(|name| !page.contains_key(name)).collect();
    assert!(missing.is_empty(), "docs/options.md has no row for {missing:?}");
    let invented: Vec<_> = page.keys().filter(|name| !theirs.contains_key(name)).collect();
    assert!(invented.is_empty(), "docs/options.md has rows for {invented:?}, which Flink does not have");
    assert_eq!(page, theirs);
    Ok(())
}
