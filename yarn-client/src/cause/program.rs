//! Mistakes of programs that Flink describes without saying what would be right (`ApplicationDispatcherBootstrap`,
//! `StreamContextEnvironment`, `UserSystemExitException`).

/// What to do about a program that executes several jobs where it may execute one.
pub const ONE_JOB: &str =
    "run it with --multi-job, or build everything into one job (several sinks, or a StatementSet)";

const MISTAKES: [(&str, &str); 3] = [
    ("contains no execute() calls", "end main() with execute() of the StreamExecutionEnvironment"),
    ("Cannot have more than one execute()", ONE_JOB),
    (
        "UserSystemExitException",
        "the program called System.exit: let main() return instead, or throw an exception when it has failed",
    ),
];

/// What to do about it.
pub(super) fn hint(words: &str) -> Option<&'static str> {
    MISTAKES.iter().find(|(mistake, _)| words.contains(mistake)).map(|(_, hint)| *hint)
}

/// Whether these words for a JobManager's end are those for a mistake in the program, which it would make again.
#[must_use]
pub fn is_mistake(words: &str) -> bool {
    hint(words).is_some()
}
