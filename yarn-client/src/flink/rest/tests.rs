#![expect(clippy::disallowed_methods, reason = "a test reads whatever one read brings")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::Response;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that responds to every request with one status and body, and a client for it.
async fn server(status: u16, body: &'static str) -> (Client, Seen) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let log = Arc::clone(&log);
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                log.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
                let response =
                    Response::builder().status(status).body(Full::new(Bytes::from_static(body.as_bytes())));
                async move { Ok::<_, Infallible>(response.unwrap()) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (client(port), seen)
}

fn client(port: u16) -> Client {
    let options = Options {
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        max_body: 64 << 10,
    };
    Client::new("127.0.0.1", port, options)
}

/// A server that sends these bytes and closes the connection, or keeps it open.
async fn raw(bytes: &'static [u8], hold: bool) -> Client {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(bytes).await;
        if hold {
            std::future::pending::<()>().await;
        }
    });
    client(port)
}

#[tokio::test]
async fn reads_the_overview() {
    let body = r#"{"taskmanagers":1,"slots-total":2,"slots-available":0,"jobs-running":1,"jobs-finished":0,
        "jobs-cancelled":0,"jobs-failed":3,"flink-version":"1.20.5","flink-commit":"abc"}"#;
    let (client, seen) = server(200, body).await;
    let overview = client.overview().await.unwrap();
    assert_eq!((overview.taskmanagers, overview.slots_total, overview.jobs_failed), (1, 2, 3));
    assert_eq!(overview.flink_version, "1.20.5");
    assert_eq!(*seen.lock().unwrap(), ["GET /overview"]);
}

#[tokio::test]
async fn reads_jobs() {
    let body = r#"{"jobs":[{"jid":"00000000000000000000000000000001","name":"run","start-time":1763836000000,
        "end-time":-1,"duration":10,"state":"RUNNING","last-modification":1763836000100,"tasks":{"running":1,
        "canceling":0,"canceled":0,"total":6,"created":0,"scheduled":5,"deploying":0,"reconciling":0,"finished":0,
        "initializing":0,"failed":0}}]}"#;
    let (client, _) = server(200, body).await;
    let jobs = client.jobs_overview().await.unwrap();
    assert_eq!((jobs[0].state, jobs[0].end_ms, jobs[0].scheduler.as_deref()), (JobStatus::Running, -1, None));
    assert_eq!((jobs[0].tasks.total, jobs[0].tasks.scheduled, jobs[0].tasks.running), (6, 5, 1));

    let body = r#"{"jid":"1","name":"run","isStoppable":false,"state":"RUNNING","job-type":"BATCH","start-time":1,
        "vertices":[{"id":"cb","slotSharingGroupId":"g1","name":"Source","maxParallelism":128,"parallelism":-1,
        "status":"CREATED","start-time":-1,"tasks":{"SCHEDULED":3,"CANCELING":1,"RUNNING":0},"metrics":{}}],
        "plan":{"jid":"1"}}"#;
    let (client, seen) = server(200, body).await;
    let job = client.job("00000000000000000000000000000001").await.unwrap();
    assert_eq!(job.job_type.as_deref(), Some("BATCH"));
    let vertex = &job.vertices[0];
    assert_eq!((vertex.parallelism, vertex.slot_sharing_group.as_deref()), (-1, Some("g1")));
    assert_eq!((vertex.tasks.scheduled, vertex.tasks.canceling, vertex.tasks.total), (3, 1, 4));
    assert_eq!(*seen.lock().unwrap(), ["GET /jobs/00000000000000000000000000000001"]);

    let (client, _) = server(200, r#"{"status":"CANCELLING"}"#).await;
    assert_eq!(client.job_status("1").await.unwrap(), JobStatus::Cancelling);
}

#[tokio::test]
async fn reads_results() {
    let (client, _) = server(200, r#"{"status":{"id":"IN_PROGRESS"},"job-execution-result":null}"#).await;
    assert_eq!(client.execution_result("1").await.unwrap(), ExecutionResult::InProgress);

    let body = r#"{"status":{"id":"COMPLETED"},"job-execution-result":{"id":"1","application-status":"FAILED",
        "accumulator-results":{},"net-runtime":5,"failure-cause":{"class":"a.B",
        "stack-trace":"a.B: outer\n\tat x\nCaused by: java.lang.RuntimeException: boom\n","serialized-throwable":"rO0="}}}"#;
    let (client, _) = server(200, body).await;
    let ExecutionResult::Completed { status, failure } = client.execution_result("1").await.unwrap() else {
        panic!("completed");
    };
    assert_eq!(
        (status.as_str(), failure.unwrap().root.as_str()),
        ("FAILED", "java.lang.RuntimeException: boom")
    );

    let body = r#"{"status":{"id":"COMPLETED"},"job-execution-result":{"id":"1","application-status":"SUCCEEDED",
        "accumulator-results":{},"net-runtime":5}}"#;
    let (client, _) = server(200, body).await;
    let expected = ExecutionResult::Completed { status: "SUCCEEDED".to_owned(), failure: None };
    assert_eq!(client.execution_result("1").await.unwrap(), expected);
}

/// The responses of Flink 1.20.5 for a job that has configured nothing, and for each kind of retention.
#[tokio::test]
async fn checkpoint_retention_is_read_from_the_job() {
    for (externalization, kept) in [
        (r#"{"enabled":false,"delete_on_cancellation":true}"#, Some(false)),
        (r#"{"enabled":true,"delete_on_cancellation":true}"#, Some(false)),
        (r#"{"enabled":true,"delete_on_cancellation":false}"#, Some(true)),
        (r#"{"enabled":true}"#, None),
        ("null", None),
    ] {
        let body = format!(r#"{{"mode":"exactly_once","interval":500,"externalization":{externalization}}}"#);
        let (client, _) = server(200, Box::leak(body.into_boxed_str())).await;
        assert_eq!(client.checkpoint_config("1").await.unwrap().is_kept(), kept, "{externalization}");
    }
}

#[tokio::test]
async fn checkpoints_that_are_off_have_the_longest_interval() {
    for (interval, periodic) in [("500", true), ("9223372036854775807", false), ("0", false)] {
        let body =
            format!(r#"{{"mode":"exactly_once","interval":{interval},"timeout":600000,"min_pause":0}}"#);
        let (client, seen) = server(200, Box::leak(body.into_boxed_str())).await;
        assert_eq!(client.checkpoint_config("1").await.unwrap().is_periodic(), periodic, "{interval}");
        assert_eq!(*seen.lock().unwrap(), ["GET /jobs/1/checkpoints/config"]);
    }
}

#[tokio::test]
async fn reads_exceptions_checkpoints_and_task_managers() {
    let body = r#"{"root-exception":"x","exceptionHistory":{"entries":[{"exceptionName":"a.E","stacktrace":"a.E: m\n",
        "timestamp":7,"failureLabels":{},"taskName":"Map (1/2)","endpoint":"h:1","taskManagerId":"container_1",
        "concurrentExceptions":[]},{"exceptionName":"a.F","stacktrace":"","timestamp":6,"taskName":null}],
        "truncated":false}}"#;
    let (client, _) = server(200, body).await;
    let exceptions = client.exceptions("1").await.unwrap();
    assert_eq!(exceptions.entries.len(), 2);
    assert_eq!(exceptions.entries[0].task_manager.as_deref(), Some("container_1"));
    assert_eq!(
        (exceptions.entries[0].failure.root.as_str(), exceptions.entries[1].failure.root.as_str()),
        ("a.E: m", "a.F")
    );

    let body = r#"{"counts":{"restored":1,"total":5,"in_progress":0,"completed":4,"failed":1},"summary":{},
        "latest":{"completed":{"className":"completed","id":4,"status":"COMPLETED","is_savepoint":false,
        "external_path":"file:/cp/chk-4"},"savepoint":null,"failed":null,"restored":{"id":3,"restore_timestamp":1,
        "is_savepoint":true,"external_path":"<checkpoint-not-externally-addressable>"}},"history":[
        {"className":"in_progress","id":6,"status":"IN_PROGRESS","is_savepoint":false,"num_subtasks":4,"num_acknowledged_subtasks":0},
        {"className":"in_progress","id":5,"status":"IN_PROGRESS","is_savepoint":true,"num_subtasks":4,"num_acknowledged_subtasks":3},
        {"className":"completed","id":2,"status":"COMPLETED","is_savepoint":true,"num_subtasks":4,"num_acknowledged_subtasks":4}]}"#;
    let (client, _) = server(200, body).await;
    let checkpoints = client.checkpoints("1").await.unwrap();
    let latest = checkpoints.latest_completed.unwrap();
    assert_eq!((latest.id, latest.external_path.as_deref()), (4, Some("file:/cp/chk-4")));
    assert_eq!(checkpoints.savepoint_written, Some(Written { subtasks: 3, of: 4 }));
    let restored = checkpoints.latest_restored.unwrap();
    assert!(
        restored.is_savepoint && restored.external_path.is_none() && checkpoints.latest_savepoint.is_none()
    );

    let body = r#"{"taskmanagers":[{"id":"container_1","path":"pekko.tcp://x","dataPort":1,"jmxPort":-1,
        "timeSinceLastHeartbeat":1763836000000,"slotsNumber":2,"freeSlots":1,"hardware":{"cpuCores":2}}]}"#;
    let (client, _) = server(200, body).await;
    let task_managers = client.task_managers().await.unwrap();
    assert_eq!((task_managers[0].slots, task_managers[0].free_slots), (2, 1));
}

#[tokio::test]
async fn reads_applications_and_configuration() {
    let body = r#"{"applications":[{"id":"a1","name":"app","start-time":1,"end-time":-1,"duration":1,"status":"FAILED",
        "jobs":{"FINISHED":1}}]}"#;
    let (client, _) = server(200, body).await;
    let applications = client.applications_overview().await.unwrap();
    assert_eq!((applications[0].status.as_str(), applications[0].jobs.get("FINISHED")), ("FAILED", Some(&1)));
    let (client, seen) = server(200, r#"{"exceptionHistory":{"entries":[]}}"#).await;
    assert!(client.application_exceptions("a/../1").await.unwrap().entries.is_empty());
    assert_eq!(*seen.lock().unwrap(), ["GET /applications/a%2F..%2F1/exceptions"]);
    let (client, _) = server(200, r#"[{"key":"rest.port","value":"0"}]"#).await;
    assert_eq!(client.job_manager_config().await.unwrap()[0].key, "rest.port");
    let (client, _) = server(200, "2026 INFO\n").await;
    assert_eq!(client.job_manager_log().await.unwrap(), "2026 INFO\n");
}

#[tokio::test]
async fn sends_commands() {
    let (client, seen) = server(202, "{}").await;
    client.cancel("1").await.unwrap();
    client.delete_cluster().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["PATCH /jobs/1?mode=cancel", "DELETE /cluster"]);
}

#[tokio::test]
async fn distinguishes_kinds_of_refusals() {
    let (client, _) = server(503, r#"{"errors":["Service temporarily unavailable"]}"#).await;
    let error = client.overview().await.unwrap_err();
    assert!(matches!(error, RestError::NotReady { .. }) && error.is_transient());

    let (client, _) = server(
        404,
        r#"{"errors":["org.apache.flink.runtime.rest.NotFoundException: Job 1 not found\n\tat x"]}"#,
    )
    .await;
    let error = client.job_status("1").await.unwrap_err();
    assert!(error.is_not_found() && !error.is_transient());
    assert!(error.to_string().ends_with("NotFoundException: Job 1 not found"), "{error}");

    let (client, _) = server(500, r#"{"errors":["a\n\tat b\nCaused by: c"]}"#).await;
    match client.overview().await.unwrap_err() {
        RestError::Status { status: 500, message, detail, .. } => {
            assert_eq!((message.as_str(), detail.as_str()), ("c", "a\n\tat b\nCaused by: c"));
        }
        other => panic!("{other}"),
    }

    let (client, _) = server(200, "not json").await;
    assert!(matches!(client.overview().await.unwrap_err(), RestError::Body { .. }));
    let (client, _) = server(200, r#"{"status":"NEW_STATE"}"#).await;
    assert!(matches!(client.job_status("1").await.unwrap_err(), RestError::Body { .. }));
}

#[tokio::test]
async fn bounds_bodies_and_time() {
    let large: &'static str = Box::leak("x".repeat(65 << 10).into_boxed_str());
    let (client, _) = server(200, large).await;
    assert!(matches!(client.overview().await.unwrap_err(), RestError::TooLarge { limit: 65_536, .. }));

    let mut client = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", true).await;
    client.options.timeout = Duration::from_millis(200);
    let error = client.overview().await.unwrap_err();
    assert!(matches!(error, RestError::TimedOut { .. }) && error.is_transient(), "{error}");
}

#[tokio::test]
async fn survives_broken_peers() {
    for bytes in [&b""[..], b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"] {
        let error = raw(bytes, false).await.overview().await.unwrap_err();
        assert!(matches!(error, RestError::Transport { .. }) && error.is_transient(), "{error:?}");
    }
    let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
    let error = client(port).overview().await.unwrap_err();
    assert!(error.is_refused() && error.is_transient(), "{error:?}");
}

/// A server that sends one response and keeps what it received: head and body.
async fn keeps(body: &'static str) -> (Client, Seen) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let log = Arc::clone(&log);
            async move {
                let (head, sent) = request.into_parts();
                let kind = head.headers.get(CONTENT_TYPE).unwrap().to_str().unwrap();
                log.lock().unwrap().push(format!("{} {} {kind}", head.method, head.uri));
                let sent = sent.collect().await.unwrap().to_bytes();
                log.lock().unwrap().push(String::from_utf8(sent.to_vec()).unwrap());
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(body.as_bytes()))))
            }
        });
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await
            .unwrap();
    });
    (client(port), seen)
}

#[tokio::test]
async fn jar_is_uploaded_as_one_part_of_a_form() {
    for (name, sent_as) in
        [("job.jar", "job.jar"), ("a\"b\\c\r\n.jar", "a_b_c__.jar"), ("program.zip", "program.zip.jar")]
    {
        let (client, seen) =
            keeps(r#"{"filename":"/tmp/flink-web-1/upload/12_job.jar","status":"success"}"#).await;
        let parts = ["PK", "", "rest\r\n--not the end"].map(|part| Ok(Bytes::from_static(part.as_bytes())));
        let id = client.upload_jar(name, futures::stream::iter(parts)).await.unwrap();
        assert_eq!(id, "12_job.jar");
        let seen = seen.lock().unwrap().clone();
        let boundary = seen[0].strip_prefix("POST /jars/upload multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"{sent_as}\"\r\n\
             Content-Type: application/java-archive\r\n\r\nPKrest\r\n--not the end\r\n--{boundary}--\r\n"
        );
        assert_eq!(seen[1], expected);
    }
}

#[tokio::test]
async fn a_jar_that_cannot_be_read_to_its_end_is_not_uploaded() {
    let (client, _) = keeps("{}").await;
    let parts = [Ok(Bytes::from_static(b"PK")), Err(std::io::Error::other("the disk is gone"))];
    let error = client.upload_jar("job.jar", futures::stream::iter(parts)).await.unwrap_err();
    assert!(matches!(error, RestError::Transport { .. }), "{error:?}");
}

#[tokio::test]
async fn a_program_is_run_as_asked() {
    let (client, seen) = keeps(r#"{"jobid":"0a"}"#).await;
    let run = RunJar {
        job_id: "0a".to_owned(),
        entry_class: Some("a.B".to_owned()),
        program_args_list: vec!["--x".to_owned(), "a b".to_owned()],
        parallelism: Some(2),
        savepoint_path: Some("hdfs:///s".to_owned()),
        allow_non_restored_state: Some(true),
        flink_configuration: [("pipeline.name".to_owned(), "n".to_owned())].into(),
    };
    assert_eq!(client.run_jar("12_job.jar", &run).await.unwrap().job_id, "0a");
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen[0], "POST /jars/12_job.jar/run application/json");
    let sent: serde_json::Value = serde_json::from_str(&seen[1]).unwrap();
    let expected = serde_json::json!({
        "jobId": "0a", "entryClass": "a.B", "programArgsList": ["--x", "a b"], "parallelism": 2,
        "savepointPath": "hdfs:///s", "allowNonRestoredState": true, "flinkConfiguration": {"pipeline.name": "n"}
    });
    assert_eq!(sent, expected);
    let least = serde_json::to_value(RunJar { job_id: "0b".to_owned(), ..RunJar::default() }).unwrap();
    assert_eq!(least, serde_json::json!({"jobId": "0b", "programArgsList": []}));
}

#[tokio::test]
async fn operation_is_in_progress_done_or_failed() {
    let (client, seen) = server(200, r#"{"status":{"id":"IN_PROGRESS"},"operation":null}"#).await;
    assert_eq!(client.savepoint("1", "2").await.unwrap(), Operation::InProgress);
    assert_eq!(*seen.lock().unwrap(), ["GET /jobs/1/savepoints/2"]);
    let (client, _) =
        server(200, r#"{"status":{"id":"COMPLETED"},"operation":{"location":"hdfs:/s/savepoint-1"}}"#).await;
    let location = Some("hdfs:/s/savepoint-1".to_owned());
    assert_eq!(client.savepoint("1", "2").await.unwrap(), Operation::Completed { location });
    let (client, _) = server(200, r#"{"status":{"id":"COMPLETED"},"operation":{}}"#).await;
    assert_eq!(client.disposal("2").await.unwrap(), Operation::Completed { location: None });
    let body = r#"{"status":{"id":"COMPLETED"},"operation":{"failure-cause":{"class":"a.B",
        "stack-trace":"a.B: outer\nCaused by: java.io.IOException: no space\n"}}}"#;
    let (client, _) = server(200, body).await;
    let Operation::Failed(failure) = client.disposal("2").await.unwrap() else { panic!("failed") };
    assert_eq!(failure.root, "java.io.IOException: no space");
}

#[tokio::test]
async fn reads_a_thread_dump() {
    let body = concat!(
        r#"{"threadInfos":[{"threadName":"x","stringifiedThreadInfo":"\"x\" Id=1 WAITING\n\tat app//"#,
        r#"org.apache.flink.client.program.PackagedProgram.callMainMethod(PackagedProgram.java:356)\n\n"}]}"#
    );
    let (client, seen) = server(200, body).await;
    assert!(client.thread_dump().await.unwrap().may_run_main());
    assert_eq!(*seen.lock().unwrap(), ["GET /jobmanager/thread-dump"]);
}
