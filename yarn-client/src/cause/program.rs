//! Mistakes in programs that Flink describes without saying what would be right (`ApplicationDispatcherBootstrap`,
//! `StreamContextEnvironment`, `UserSystemExitException`).

/// What to do about a program that executes several jobs where only one is allowed.
pub const ONE_JOB: &str =
    "run it with `--multi-job`, or build everything into one job (several sinks, or a StatementSet)";

const MISTAKES: [(&str, &str); 3] = [
    ("contains no execute() calls", "end `main()` with `StreamExecutionEnvironment.execute()`"),
    ("Cannot have more than one execute()", ONE_JOB),
    (
        "UserSystemExitException",
        "the program called `System.exit`: let `main()` return instead, or throw an exception when it has failed",
    ),
];

/// What to do about it.
pub(super) fn hint(words: &str) -> Option<&'static str> {
    MISTAKES.iter().find(|(mistake, _)| words.contains(mistake)).map(|(_, hint)| *hint)
}

/// Whether this message about a JobManager's end describes a mistake in the program, which would occur again.
#[must_use]
pub fn is_mistake(words: &str) -> bool {
    hint(words).is_some()
}
