//! Over real sockets and real TLS: who gets in, and what they hear.

use proto::control::{Launched, StatusRequest, WatchRequest, event, watch_reply};
use proto::ids::ApplicationId;
use yarn_client::control::{Control, Identity};

use super::certificates::Certificates;
use super::*;
use crate::listener::crowd::{self, Crowd};

fn application(id: i32) -> ApplicationId {
    ApplicationId { cluster_timestamp: 1_700_000_000_000, id }
}

/// Returns the address it listens on, and the file for its clients.
async fn start(events: &Events) -> (String, bytes::Bytes) {
    let (listener, address) = listen("127.0.0.1").await.expect("a free port");
    let certificates = Certificates::issue(application(1)).expect("certificates");
    let (asker, mut questions) = mpsc::channel(1);
    let (_, place) = tokio::sync::watch::channel(None);
    tokio::spawn(serve(listener, certificates.server, events.clone(), asker, Forward::new(place)));
    tokio::spawn(async move {
        while let Some(Question::Status(answer)) = questions.recv().await {
            let status = StatusReply { attempt: 7, ..StatusReply::default() };
            answer.send(status).expect("whoever asked waits");
        }
    });
    (address.to_string(), certificates.client)
}

async fn client(address: &str, pem: &[u8]) -> Result<Control, Box<dyn std::error::Error>> {
    let mut control = Identity::parse(application(1), pem)?.control(address).await?;
    // With TLS 1.3 a client only learns with the first answer that it was refused.
    control.status(StatusRequest {}).await?;
    Ok(control)
}

#[tokio::test]
async fn client_with_the_certificate_is_served() {
    let events = Events::new(1, Vec::new());
    let (address, pem) = start(&events).await;
    let mut control = client(&address, &pem).await.expect("let in");
    let status = control.status(StatusRequest {}).await.expect("an answer").into_inner();
    assert_eq!(status.attempt, 7);

    events.push(event::What::Launched(Launched { container: "c1".to_owned() }), 42);
    let request = WatchRequest { after: None, follow: true };
    let mut watched = control.watch(request).await.expect("a stream").into_inner();
    let mut next = async || watched.message().await.expect("no error").and_then(|reply| reply.reply);
    let Some(watch_reply::Reply::Event(first)) = next().await else { panic!("an event") };
    assert_eq!(first.time_ms, 42);
    events.push(event::What::Launched(Launched { container: "c2".to_owned() }), 43);
    let Some(watch_reply::Reply::Event(second)) = next().await else { panic!("an event") };
    assert_eq!(second.id.map(|id| id.number), Some(2));
    events.end();
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn client_without_the_certificate_is_rejected() {
    let events = Events::new(1, Vec::new());
    let (address, pem) = start(&events).await;
    let (_, of_another_application) = start(&events).await;
    client(&address, &of_another_application).await.expect_err("not its authority");

    // The right authority with a certificate of another one: it is the application master that refuses.
    let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).expect("PEM is ASCII");
    let end = "-----END CERTIFICATE-----\n";
    let authority = text(&pem).split_inclusive(end).next().expect("a certificate").replace("\r", "");
    let others = text(&of_another_application).replace("\r", "");
    let others = others.split_once(end).expect("certificates").1;
    client(&address, (authority + others).as_bytes()).await.expect_err("not signed by the authority");

    // The right certificate, for another application's name.
    let identity = Identity::parse(application(2), &pem).expect("an identity");
    identity.control(&address).await.expect_err("another name");
    Identity::parse(application(1), b"no certificate").expect_err("damaged");

    // Without TLS, or without a certificate.
    let mut plain = TcpStream::connect(&address).await.expect("a connection");
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut plain, request).await.expect("sent");
    let mut answer = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    client(&address, &pem).await.expect("still let in");
}

#[tokio::test]
async fn silent_connections_lock_no_client_out() {
    let events = Events::new(1, Vec::new());
    let (address, pem) = start(&events).await;
    let mut before = client(&address, &pem).await.expect("let in");
    let crowd = Crowd::gather(&address, 1000).await;
    // From the crowd's own address, as it may be behind the same gateway.
    crowd::in_time(client(&address, &pem)).await.expect("let in");
    assert!(crowd.held() <= LIMITS.silent_per_peer, "{} places", crowd.held());
    let again = async || client(&address, &pem).await.is_ok();
    crowd::through_the_storm(&address, LIMITS.silent_per_peer + 100, again).await;
    before.status(StatusRequest {}).await.expect("still served");
}

#[tokio::test(start_paused = true)]
async fn handshake_byte_by_byte_is_cut_off() {
    let events = Events::new(1, Vec::new());
    let (address, _) = start(&events).await;
    // The head of a record that never becomes whole.
    let drip = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01].into_iter().chain(std::iter::repeat(0));
    let lasted = crowd::drip(&address, drip).await;
    assert!(lasted <= LIMITS.silence + crowd::PAUSE, "{lasted:?}");
}
