//! Over real sockets: who gets an answer, whoever else is there.

use proto::launch::LaunchSpec;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use yarn_client::conf::Configuration;

use super::*;
use crate::listener::crowd::{self, Crowd};

const APPLICATION: &str = "application_1_0001";

/// Where it listens for the proxy, which is this host.
async fn start(entries: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut conf = Configuration::from_flat([]);
    for (key, value) in [("yarn.resourcemanager.webapp.address", "127.0.0.1:8088")].iter().chain(entries) {
        conf.set(*key, *value);
    }
    let spec = LaunchSpec {
        user: "alice".to_owned(),
        view_acls: "bob".to_owned(),
        modify_acls: " root".to_owned(),
        ..LaunchSpec::default()
    };
    let access = Access::new(&conf, APPLICATION);
    tokio::spawn(access.clone().keep_resolving());
    let (_, place) = tokio::sync::watch::channel(None);
    let web = Web {
        access,
        rights: Rights::new(&conf, &spec, APPLICATION),
        groups: Groups::new(&conf),
        flink: Forward::new(place),
        events: Events::new(1, Vec::new()),
        questions: mpsc::channel(1).0,
        application: APPLICATION.into(),
        user: spec.user.into(),
    };
    tokio::spawn(serve(listener, web));
    // Once the proxy's address is known.
    while !get(&address, "/").await.is_ok_and(|answer| !answer.starts_with("HTTP/1.1 302")) {
        tokio::task::yield_now().await;
    }
    address
}

/// The whole answer.
async fn get(address: &str, path: &str) -> std::io::Result<String> {
    ask(address, &format!("GET {path}"), "").await
}

/// As YARN's proxy asks in the name of `user`.
async fn ask(address: &str, line: &str, user: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("{line} HTTP/1.1\r\nhost: x\r\ncookie: proxy-user={user}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn silent_connections_lock_no_browser_out() {
    let address = start(&[]).await;
    let crowd = Crowd::gather(&address, 1000).await;
    let answer = crowd::in_time(get(&address, "/am/")).await.expect("an answer");
    assert!(answer.contains("<title>Flink on YARN</title>"), "{answer}");
    assert!(crowd.held() <= LIMITS.silent_per_peer, "{} places", crowd.held());
    let again = async || get(&address, "/am/events").await.is_ok();
    crowd::through_the_storm(&address, LIMITS.silent_per_peer + 100, again).await;
}

#[tokio::test]
async fn burst_from_the_proxy_loses_no_request() {
    let address = start(&[]).await;
    let requests = (0..250).map(|_| get(&address, "/am/events"));
    for answer in futures::future::join_all(requests).await {
        let answer = answer.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn request_byte_by_byte_is_cut_off() {
    let address = start(&[]).await;
    let head = "GET /am/ HTTP/1.1\r\nx: ".bytes().chain(std::iter::repeat(b'x'));
    let lasted = crowd::drip(&address, head).await;
    assert!(lasted <= LIMITS.silence + crowd::PAUSE, "{lasted:?}");
}

#[tokio::test]
async fn head_of_a_request_takes_no_more_than_its_buffer() {
    let address = start(&[]).await;
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let (mut reader, mut writer) = stream.split();
    let head = ["GET /am/ HTTP/1.1\r\nx: ", &"x".repeat(2 * BUFFER)].concat();
    let mut answer = [0; 12];
    let (_, read) = tokio::join!(writer.write_all(head.as_bytes()), reader.read_exact(&mut answer));
    read.expect("an answer");
    assert_eq!(answer, *b"HTTP/1.1 431");
}

#[tokio::test]
async fn readers_cannot_change_what_they_see() {
    let address = start(&[("yarn.acl.enable", "true"), ("yarn.admin.acl", "yarn")]).await;
    // The user, and what becomes of a look at the page, of a cancellation, and of one by a browser.
    let table = [
        // 503: Flink would have been asked.
        ("alice", "200", "503", "503"),
        ("yarn", "200", "503", "503"),
        ("bob", "200", "403", "403"),
        ("root", "403", "503", "503"),
        ("mallory", "403", "403", "403"),
        ("", "403", "403", "403"),
    ];
    for (user, page, cancellation, by_a_browser) in table {
        for (line, status) in
            [("GET /am/", page), ("PUT /jobs/ab", cancellation), ("GET /jobs/ab/yarn-cancel", by_a_browser)]
        {
            let answer = ask(&address, line, user).await.expect("an answer");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{user}: {line}: {answer}");
            let hint = ["hint: ask `alice`", "hint: log in"].iter().any(|hint| answer.contains(hint));
            assert_eq!(hint, status == "403", "{user}: {line}: {answer}");
        }
    }
}
