//! One thing repeated until the input is large: what takes the square of its length shows in its time, what is nested in the stack.

use fuzz::driver;
use fuzz::memory::Counting;
use fuzz::targets::TARGETS;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LENGTH: usize = 128 << 10;

/// Target, beginning, what is repeated (`~` is a number that counts up), end.
const SHAPES: &[(&str, &str, &str, &str)] = &[
    ("hadoop_xml", "<configuration><property ", "a~='' ", "/></configuration>"),
    ("hadoop_xml", "<configuration>", "<property name='a~' value='1'/>", "</configuration>"),
    ("hadoop_xml", "<configuration>", "<a>", ""),
    ("hadoop_xml", "<configuration>", "<a xmlns:n~='u'>", ""),
    ("hadoop_xml", "<configuration ", "xmlns:n~='u' ", "/>"),
    ("hadoop_xml", "", "a~=${a}${a}\n", ""),
    ("hadoop_xml", "a=", "${", ""),
    ("flink_conf", "", "a~: 1\n", ""),
    ("flink_conf", "a: ", "[", ""),
    ("flink_conf", "", "- ", "x"),
    ("flink_conf", "", "{a: ", ""),
    ("flink_conf", "", "k~: &a~ x\n", ""),
    ("flink_conf", "a: |\n", " x\n\n", ""),
    ("flink_json", "", "[", ""),
    (
        "flink_json",
        r#"{"jid":"1","state":"RUNNING","vertices":["#,
        r#"{"id":"~","parallelism":1},"#,
        r#"{"id":"x","parallelism":1}]}"#,
    ),
    (
        "flink_json",
        r#"{"jid":"1","state":"RUNNING","plan":{"nodes":["#,
        r#"{"id":"~","inputs":[{"id":"1~","exchange":"blocking"}]},"#,
        r#"{"id":"x"}]}}"#,
    ),
    ("java_trace", "", "Caused by: a~\n", ""),
    ("java_trace", "", "Fatal error occurred in the cluster entrypoint\n", ""),
    ("diagnostics", "exited with  exitCode: 1\nLast 4096 bytes of x :\n", "line ~\n", ""),
    ("diagnostics", "Details :", "a~=<memory:1>;", ""),
    ("diagnostics", "", "ending: {\"job\":\"x\"}\n", ""),
    ("diagnostics", "exited with  exitCode: -1000\nFSDownload ", "Resource  changed on src filesystem", ""),
    ("events", "", "{\"id\":\"1.2\",\"time_ms\":5,\"event\":\"r\"}\n", ""),
    ("http_answer", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\na\r\n", ""),
    ("http_answer", "HTTP/1.1 200 OK\r\n", "a~: b\r\n", "\r\n"),
    ("http_answer", "", "HTTP/1.1 100 Continue\r\n\r\n", ""),
    ("rpc_connection", "", "\u{0}\u{0}\u{0}\u{4}\u{3}\u{8}\u{0}\u{10}", ""),
    ("credentials", "HDTS\u{0}\u{0}", "\u{0}", ""),
    (
        "yarn_web",
        r#"{"scheduler":{"schedulerInfo":{"type":"capacityScheduler","queues":{"queue":["#,
        r#"{"queueName":"q~"},"#,
        r#"{"queueName":"z"}]}}}}"#,
    ),
    ("yarn_web", "Container: ", "\nLogContents", ""),
    ("digest_challenge", "\u{0}", "a=,", ""),
    ("truststore", "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ""),
    ("web_page", "\u{1}GET /am/ HTTP/1.1\r\n", "a~: b\r\n", "\r\n"),
    ("web_page", "\u{1}GET /", "a", " HTTP/1.1\r\n\r\n"),
    ("web_page", "\u{1}POST / HTTP/1.1\r\nConnection: ", "h~,", "\r\n\r\n"),
];

#[test]
fn large_inputs_take_no_more_than_their_length() {
    for (name, begin, unit, end) in SHAPES {
        let target = TARGETS.iter().find(|target| target.name == *name).expect(name);
        let mut input = String::from(*begin);
        for number in 0.. {
            if input.len() >= LENGTH {
                break;
            }
            input.push_str(&unit.replace('~', &format!("{number}")));
        }
        input.push_str(end);
        let fault = driver::once(*target, input.as_bytes()).err();
        assert!(fault.is_none(), "{name}, {unit:?}: {fault:?}");
    }
}
