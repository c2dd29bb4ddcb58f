use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use yarn_client::flink::rest::Plain;

use super::*;

/// A Flink that gives each of `answers` once, and the last of them forever.
async fn flink(answers: Vec<String>) -> Flink {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        for answer in answers.iter().chain(std::iter::repeat(answers.last().expect("an answer"))) {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let _ = stream.read_buf(&mut Vec::with_capacity(4096)).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
            let _ = stream.write_all((head + answer).as_bytes()).await;
        }
    });
    let way = Plain { host: "127.0.0.1".to_owned(), port };
    Flink::over(Arc::new(way), false, None)
}

fn in_progress() -> String {
    r#"{"status":{"id":"IN_PROGRESS"}}"#.to_owned()
}

#[tokio::test]
async fn missing_result_is_requested_again() {
    let failed = r#"{"status":{"id":"COMPLETED"},"job-execution-result":{"id":"j","application-status":"FAILED",
        "failure-cause":{"class":"java.io.IOException","stack-trace":"java.io.IOException: no such savepoint"}}}"#;
    let flink = flink(vec![in_progress(), in_progress(), failed.to_owned()]).await;
    let cause = flink.failure("j", RESULT_PATIENCE).await;
    assert_eq!(cause.as_deref(), Some("java.io.IOException: no such savepoint"));
}

#[tokio::test]
async fn missing_result_does_not_block_the_end() {
    let flink = flink(vec![in_progress()]).await;
    assert_eq!(flink.failure("j", RESULT_PAUSE * 3).await, None);
}

/// A Flink that answers by the path, and the paths it was asked for.
async fn flink_by_path(
    job: Option<&str>,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (Flink, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let paths = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::with_capacity(4096);
            let _ = stream.read_buf(&mut request).await;
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let answer = answer(&path);
            paths.lock().expect("no panic").push(path);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
            let _ = stream.write_all((head + &answer).as_bytes()).await;
        }
    });
    let way = Plain { host: "127.0.0.1".to_owned(), port };
    (Flink::over(Arc::new(way), false, job.map(str::to_owned)), asked)
}

fn id(nth: usize) -> String {
    format!("{nth:032x}")
}

/// As Flink 1.20 lists a job.
fn listed(nth: usize, state: &str, running: u32) -> String {
    let id = id(nth);
    format!(
        r#"{{"jid":"{id}","name":"insert-into_default_catalog.default_database.sink_{nth}","start-time":1763836000000,"end-time":-1,
        "duration":10,"state":"{state}","last-modification":1763836000100,"tasks":{{"running":{running},"canceling":0,
        "canceled":0,"total":6,"created":0,"scheduled":0,"deploying":0,"reconciling":0,"finished":0,"initializing":0,
        "failed":0}}}}"#
    )
}

/// As Flink 1.20 lists a TaskManager.
fn listed_task_manager(nth: usize) -> String {
    let resource = r#"{"cpuCores":1.0,"taskHeapMemory":383,"taskOffHeapMemory":0,"managedMemory":512,"networkMemory":128,"extendedResources":{}}"#;
    format!(
        r#"{{"id":"container_1763836000000_0001_01_{nth:06}","path":"pekko.tcp://flink@node{nth:05}.example.org:35123/user/rpc/taskmanager_0",
        "dataPort":35124,"jmxPort":-1,"timeSinceLastHeartbeat":1763836000000,"slotsNumber":2,"freeSlots":1,"totalResource":{resource},
        "freeResource":{resource},"hardware":{{"cpuCores":16,"physicalMemory":67108864000,"freeMemory":536870912,
        "managedMemory":536870920}},"memoryConfiguration":{{"frameworkHeap":134217728,"taskHeap":402653174,
        "frameworkOffHeap":134217728,"taskOffHeap":0,"networkMemory":134217730,"managedMemory":536870920,
        "jvmMetaspace":268435456,"jvmOverhead":201326592,"totalFlinkMemory":1342177280,"totalProcessMemory":1811939328}},
        "blocked":false}}"#
    )
}

const DETAILS: &str = r#"{"jid":"a","state":"RUNNING","job-type":"STREAMING","vertices":[{"id":"v","parallelism":6,"tasks":{}}]}"#;

fn many(jobs: usize, task_managers: usize) -> impl Fn(&str) -> String + Send + Sync + 'static {
    let all: Vec<_> = (0..jobs).map(|nth| listed(nth, "RUNNING", if nth == 7 { 3 } else { 6 })).collect();
    let jobs = format!(r#"{{"jobs":[{}]}}"#, all.join(","));
    let all: Vec<_> = (0..task_managers).map(listed_task_manager).collect();
    let task_managers = format!(r#"{{"taskmanagers":[{}]}}"#, all.join(","));
    move |path| match path {
        "/jobs/overview" => jobs.clone(),
        "/taskmanagers" => task_managers.clone(),
        "/datasets" => r#"{"dataSets":[]}"#.to_owned(),
        _ => DETAILS.to_owned(),
    }
}

fn look(details: Vec<String>, at_most: usize) -> Look {
    Look { details, at_most, checkpoints: None, results: vec![ResultsQuestion::Kept] }
}

fn seen(answer: Answer) -> FlinkView {
    match answer {
        Answer::View(view) => view,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn look_at_a_thousand_jobs_takes_five_requests() {
    let (flink, asked) = flink_by_path(None, many(1000, 10)).await;
    let details = [usize::MAX, 3, 999, 7].map(id).to_vec();
    let view = seen(flink.look(look(details, 2)).await);
    let read: Vec<_> =
        view.jobs.iter().filter(|job| job.slots_needed == Some(6)).map(|job| &job.id).collect();
    // One that is not listed is passed over.
    assert_eq!(read, [&id(3), &id(999)]);
    assert_eq!((view.jobs.len(), view.results), (1000, vec![ResultsAnswer::Kept(0)]));
    let paths = asked.lock().expect("no panic").clone();
    let expected = [
        "/jobs/overview",
        &format!("/jobs/{}", id(3)),
        &format!("/jobs/{}", id(999)),
        "/datasets",
        "/taskmanagers",
    ];
    assert_eq!(paths, expected);
}

#[tokio::test]
async fn twenty_thousand_task_managers_are_seen() {
    let (flink, _) = flink_by_path(None, many(1, 20_000)).await;
    let view = seen(flink.look(look(Vec::new(), 0)).await);
    let all = view.task_managers.expect("a list");
    assert_eq!((all.len(), all[19_999].slots, all[19_999].free_slots), (20_000, 2, 1));
    assert_eq!(all[19_999].id, "container_1763836000000_0001_01_019999");
}

#[tokio::test]
async fn unreadable_list_hides_no_end() {
    let ours = id(1);
    for (unreadable, jobs) in [("/taskmanagers", 2), ("/jobs/overview", 1)] {
        let answer = move |path: &str| match path {
            path if path == unreadable => r#"{"errors":["out of order"]}"#.to_owned(),
            "/jobs/overview" => {
                format!(r#"{{"jobs":[{},{}]}}"#, listed(0, "RUNNING", 6), listed(1, "FINISHED", 0))
            }
            "/taskmanagers" => format!(r#"{{"taskmanagers":[{}]}}"#, listed_task_manager(1)),
            "/datasets" => r#"{"dataSets":[]}"#.to_owned(),
            _ => r#"{"status":"FINISHED"}"#.to_owned(),
        };
        let (flink, _) = flink_by_path(Some(&ours), answer).await;
        let view = seen(flink.look(look(Vec::new(), 1)).await);
        assert_eq!(view.jobs.len(), jobs, "{unreadable}");
        assert_eq!(view.jobs.last().map(|job| (&job.id, job.status)), Some((&ours, JobStatus::Finished)));
        assert_eq!(view.task_managers.is_none(), unreadable == "/taskmanagers");
    }
    // Without a job that alone matters, nothing is known.
    let (flink, _) = flink_by_path(None, |_| "{}".to_owned()).await;
    let answer = flink.look(look(Vec::new(), 1)).await;
    assert!(matches!(answer, Answer::Unreachable { silence: Silence::Error, .. }), "{answer}");
}

/// CPU time of this thread.
fn spent() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a file");
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number"))
}

/// `cargo test -p app-master driver::flink -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "figures for people to look at")]
fn cost_of_a_look() {
    const LOOKS: u32 = 50;
    for (jobs, task_managers) in [(1, 10), (1000, 10), (1000, 1000), (1, 10_000)] {
        let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let server = server.expect("a runtime");
        let (flink, _) = server.block_on(flink_by_path(None, many(jobs, task_managers)));
        let here = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let begun = spent();
        for _ in 0..LOOKS {
            seen(here.block_on(flink.look(look(vec![id(7)], 1))));
        }
        let each = (spent() - begun) / LOOKS;
        println!("{jobs:6} jobs, {task_managers:6} TaskManagers: {each:?} of CPU time for a look");
    }
}
