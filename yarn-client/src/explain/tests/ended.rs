//! Applications that were rejected or have ended.

use super::*;

#[test]
fn refusals() {
    for (text, code) in [
        (texts::QUEUE_STOPPED, CauseCode::QueueStopped),
        (texts::QUEUE_UNKNOWN, CauseCode::QueueNotFound),
        (texts::QUEUE_APPLICATIONS, CauseCode::QueueApplicationLimit),
        ("Something new", CauseCode::ApplicationRejected),
        ("", CauseCode::ApplicationRejected),
    ] {
        let mut evidence = Evidence::of(report(ApplicationState::Failed, text));
        evidence.report.attempt = None;
        let cause = cause(&evidence);
        assert_eq!(cause.code, code, "{text}");
        assert!(cause.hint.is_some() && !cause.text.contains("Exception"), "{cause:?}");
    }
}

#[test]
fn who_killed_it() {
    let killed = |text: &str| cause(&Evidence::of(report(ApplicationState::Killed, text)));
    let found = killed(texts::KILLED_BY_CLI);
    assert_eq!(
        (found.code, found.text.as_str()),
        (CauseCode::ApplicationKilled, "the application was killed by user root at 127.0.0.1")
    );
    assert_eq!(killed(texts::KILLED_BY_REST).text, "the application was killed by user alice");
    let found = killed(texts::LIFETIME);
    assert_eq!(found.code, CauseCode::LifetimeExceeded);
    assert_eq!(killed("").code, CauseCode::ApplicationKilled);
}

#[test]
fn attempts_that_failed() {
    for (text, code) in [
        (texts::KILLED_9, CauseCode::KilledBySignal),
        (texts::KILLED_15, CauseCode::KilledBySignal),
        (texts::JAVA_MISSING, CauseCode::JavaMissing),
        (texts::MEMORY, CauseCode::MemoryLimit),
        (texts::NO_CLASS, CauseCode::ClassMissing),
        (texts::MISSING_FILE, CauseCode::ResourceMissing),
        (texts::CHANGED_FILE, CauseCode::ResourceChanged),
        (texts::NOT_PUBLIC, CauseCode::ResourceNotPublic),
        (texts::NO_SPACE, CauseCode::LocalDirectories),
        (texts::VIRTUAL_MEMORY, CauseCode::VirtualMemoryLimit),
        (texts::BAD_ARCHIVE, CauseCode::LocalizationFailed),
        (texts::NO_NAME_NODE, CauseCode::FileSystemUnreachable),
        (texts::NODE_LOST, CauseCode::NodeLost),
        (texts::AM_TIMED_OUT, CauseCode::AmTimedOut),
        (texts::AM_NOT_BACK, CauseCode::AmTimedOut),
        ("Application x failed 1 times due to Attempt failed by user.", CauseCode::AttemptFailedByUser),
        // Nothing specific is known, so nothing specific is concluded.
        (texts::EXIT_0, CauseCode::ApplicationMasterFailed),
        (texts::EXIT_1, CauseCode::ApplicationMasterFailed),
        (texts::EXIT_3, CauseCode::ApplicationMasterFailed),
        (texts::EXIT_7, CauseCode::ApplicationMasterFailed),
        ("", CauseCode::ApplicationMasterFailed),
    ] {
        let found = if text.is_empty() {
            cause(&Evidence::of(report(ApplicationState::Failed, text)))
        } else {
            failed(text)
        };
        assert_eq!(found.code, code, "{text}");
    }
    assert_eq!(failed(texts::EXIT_3).text, "something is wrong");
    assert_eq!(
        failed(texts::EXIT_7).text,
        "the application master exited with code 7; its last words: java.lang.X"
    );
    // The class of an exception at the end of the application master's own output counts as much as in its report.
    let text = texts::EXIT_3.replace("error: something is wrong", "error: java.net.BindException: x");
    assert_eq!(failed(&text).code, CauseCode::PortInUse);
    assert!(failed(texts::AM_NOT_BACK).text.starts_with("the ResourceManager restarted"));
}

#[test]
fn memory_of_the_application_master() {
    let found = failed(texts::MEMORY);
    assert_eq!(
        found.text,
        "the application master used 484.6 MB of memory, more than its container's limit of 128 MB, and was killed by its node"
    );
    assert!(found.hint.unwrap().contains("`jobmanager.memory.process.size` (`-jm`)"));
    assert!(!found.evidence.iter().any(|line| line.contains("PPID")), "{:?}", found.evidence);
    let mut other = Evidence::of(report(ApplicationState::Failed, texts::MEMORY));
    other.report.application_type = "SPARK".to_owned();
    assert!(!cause(&other).hint.unwrap().contains("jobmanager"));
}

#[test]
fn the_application_masters_own_code_wins() {
    const JOB: &str = "Job 0123456789abcdef0123456789abcdef FAILED: ";
    let finished = |text: String| cause(&Evidence::of(report(ApplicationState::Finished, &text)));
    let found =
        finished(format!("{JOB}java.lang.OutOfMemoryError: Java heap space\nhint: h\ncause: memory_limit"));
    assert_eq!((found.code, found.hint.as_deref()), (CauseCode::MemoryLimit, Some("h")));
    let found = finished(format!("{JOB}java.lang.OutOfMemoryError: Java heap space"));
    assert_eq!(found.code, CauseCode::OutOfMemory);
    assert!(found.hint.unwrap().contains("taskmanager.memory"));
    // Another application's line means nothing.
    let found = finished("it broke\ncause: memory_limit".to_owned());
    assert_eq!(found.code, CauseCode::ApplicationFailed);
}

#[test]
fn an_end_tells_how_to_go_on_from_the_newest_checkpoint() {
    const JOB: &str = "Job 0123456789abcdef0123456789abcdef";
    let of = |state, text: &str, noted: Option<&str>| {
        let evidence = Evidence { checkpoint: noted.map(str::to_owned), ..Evidence::of(report(state, text)) };
        let outcome = Outcome::of_evidence(&evidence).unwrap();
        (outcome.checkpoint, outcome.cause.unwrap())
    };
    let line = "checkpoint: hdfs://n/c/chk-7";
    let reported = format!("{JOB} FAILED: x.Boom: b\nhint: submit again with -s hdfs://n/c/chk-7\n{line}");
    let (checkpoint, found) = of(ApplicationState::Finished, &reported, None);
    assert_eq!(checkpoint.as_deref(), Some("hdfs://n/c/chk-7"));
    assert_eq!(found.hint.as_deref(), Some("submit again with -s hdfs://n/c/chk-7"));
    assert!(!found.evidence.iter().any(|it| it == line), "{found:?}");
    // A hint for the cause itself comes first.
    let reported = format!("{JOB} FAILED: java.lang.OutOfMemoryError: Java heap space\n{line}");
    let hint = of(ApplicationState::Finished, &reported, None).1.hint.unwrap();
    assert!(hint.starts_with("raise `taskmanager.") && hint.ends_with("`-s hdfs://n/c/chk-7`"), "{hint}");
    // It reported nothing itself: the journal is used.
    for (state, text) in [(ApplicationState::Failed, texts::MEMORY), (ApplicationState::Killed, "")] {
        let (checkpoint, found) = of(state, text, Some("hdfs://n/c/chk-8"));
        assert_eq!(checkpoint.as_deref(), Some("hdfs://n/c/chk-8"));
        assert!(found.hint.unwrap().ends_with("submit again with `-s hdfs://n/c/chk-8`"));
        assert_eq!(of(state, text, None).0, None);
    }
}

#[test]
fn success_needs_no_cause() {
    let mut done = report(ApplicationState::Finished, "");
    done.final_status = FinalStatus::Succeeded;
    let explanation = decide(&Evidence::of(done), NOW);
    assert_eq!((explanation.cause, explanation.text.as_str()), (None, "it finished successfully"));
}
