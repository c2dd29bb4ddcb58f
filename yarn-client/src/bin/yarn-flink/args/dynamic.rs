//! `-D KEY=VALUE`, which every command that uses a cluster accepts, as in Flink.

use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _};

use super::Cli;

const ID: &str = "dynamic";
/// Commands that do not use a cluster.
const LOCAL: [&str; 2] = ["simulate", "completions"];

/// The whole command line.
pub(crate) fn command() -> Command {
    Cli::command().mut_subcommands(with_option)
}

fn with_option(command: Command) -> Command {
    if command.has_subcommands() {
        return command.mut_subcommands(with_option);
    }
    // Those that have their own say more about it.
    let has = command.get_arguments().any(|argument| argument.get_short() == Some('D'));
    if has || LOCAL.contains(&command.get_name()) {
        return command;
    }
    command.arg(Arg::new(ID).short('D').value_name("KEY=VALUE").action(ArgAction::Append).help(
        "Set a Flink configuration key for this command, such as `yarn.staging-directory`; \
         `flink.hadoop.KEY` sets a Hadoop key (repeatable)",
    ))
}

/// What was given, in order.
pub(crate) fn given(matches: &ArgMatches) -> Vec<String> {
    if let Some((_, matches)) = matches.subcommand() {
        return given(matches);
    }
    let given = matches.try_get_many::<String>(ID).ok().flatten();
    given.into_iter().flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_uses_a_cluster_accepts_dynamic_settings() {
        command().debug_assert();
        for line in [
            "run -D a=1 -D b=2 job.jar",
            "list -D a=1 -D b=2",
            "kill -D a=1 ID -Db=2",
            "session start -D a=1 -D b=2",
            "session list -D a=1 -D b=2",
            "jobs -D a=1 ID -D b=2",
            "logs -D a=1 ID -D b=2",
        ] {
            let matches = command().try_get_matches_from(format!("yarn-flink {line}").split(' ')).unwrap();
            assert_eq!(given(&matches), ["a=1", "b=2"], "{line}");
        }
        for line in ["simulate -D a=1", "completions -D a=1 bash"] {
            command().try_get_matches_from(format!("yarn-flink {line}").split(' ')).unwrap_err();
        }
    }
}
