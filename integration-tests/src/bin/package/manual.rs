//! Completions for shells and pages of the manual, from the definition of the command line.
//!
//! They are made here and not by the client, which would carry the writer of manual pages to every gateway.

#[expect(dead_code, unused_imports, reason = "the command line is only described here, not read")]
#[path = "../../../../yarn-client/src/bin/yarn-flink/args/mod.rs"]
mod args;

use anyhow::Result;
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use super::archive::Entry;

const PROGRAM: &str = "yarn-flink";
/// Where each shell looks, below `completions/`.
const SHELLS: [(Shell, &str); 3] =
    [(Shell::Bash, "yarn-flink"), (Shell::Zsh, "_yarn-flink"), (Shell::Fish, "yarn-flink.fish")];

/// All of them.
pub(crate) fn entries() -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (shell, name) in SHELLS {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut args::command(), PROGRAM, &mut script);
        entries.push(Entry::file(format!("completions/{shell}/{name}"), script));
    }
    let mut command = args::command().disable_help_subcommand(true);
    command.build();
    pages(&command, &mut entries)?;
    Ok(entries)
}

/// A page for a command and each one below it, named like git's: `yarn-flink-session-start.1`.
fn pages(command: &Command, entries: &mut Vec<Entry>) -> Result<()> {
    let page = Man::new(command.clone()).manual(PROGRAM);
    let mut text = Vec::new();
    page.render(&mut text)?;
    entries.push(Entry::file(format!("man/man1/{}", page.get_filename()), text));
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .try_for_each(|command| pages(command, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_page() {
        let entries = entries().unwrap();
        let text = |path: &str| -> String {
            let found = entries.iter().find(|entry| entry.path == path);
            String::from_utf8_lossy(&found.unwrap_or_else(|| panic!("no {path}")).content).into_owned()
        };
        assert!(text("man/man1/yarn-flink.1").contains("Runs Apache Flink jobs on Hadoop YARN"));
        assert!(text("man/man1/yarn-flink-run.1").contains("parallelism"));
        assert!(text("man/man1/yarn-flink-session-start.1").contains("yarn\\-flink session start"));
        assert!(text("completions/bash/yarn-flink").contains("complete -F _yarn"));
        assert!(text("completions/zsh/_yarn-flink").starts_with("#compdef yarn-flink"));
        assert!(text("completions/fish/yarn-flink.fish").contains("complete -c yarn-flink"));
    }
}
