#![expect(clippy::disallowed_methods, reason = "a test reads whatever one read brings")]

use base64::Engine;
use prost::Message;
use proto::hadoop::common::rpc_response_header_proto::RpcStatusProto;
use proto::hadoop::yarn::{
    AllocateRequestProto, FinalApplicationStatusProto, FinishApplicationMasterRequestProto,
    GetApplicationReportRequestProto, GetNewApplicationRequestProto,
};
use proto::ids::ApplicationId;
use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::rpc::golden::{SIMPLE, Segments, Side, TOKEN_AUTH, TOKEN_INTEGRITY, TOKEN_PRIVACY};
use crate::rpc::testing::{Echo, FakeServer, Received, echo, from_hex};
use crate::security::sasl::Protection;
use crate::security::{Entropy, Secret, Token, User};

type Server = FakeServer<DuplexStream>;

fn options() -> Options {
    Options { max_response_length: 1000, ..Options::default() }
}

/// A connection of alice and its server; the server has not read anything yet.
async fn connect(options: &Options) -> (Connection, DuplexStream) {
    let (near, far) = duplex(1 << 16);
    let auth = Auth::Simple(User::new("alice"));
    let setup = Setup { protocol: Echo::PROTOCOL, auth: &auth, client_id: [7; 16], peer: None, options };
    (Connection::establish(near, setup).await.unwrap(), far)
}

fn lost(error: CallError) -> (Arc<ConnectionError>, bool) {
    match error {
        CallError::Lost { cause, written } => (cause, written),
        other => panic!("the connection was to be lost, not {other:?}"),
    }
}

#[tokio::test]
async fn replies_find_their_callers_in_any_order() {
    let (connection, far) = connect(&options()).await;
    let server = tokio::spawn(async move {
        let mut server = Server::accept(far).await;
        assert_eq!((&*server.user, &*server.protocol), ("alice", Echo::PROTOCOL));
        let mut calls = Vec::new();
        for _ in 0..3 {
            calls.push(server.call().await);
        }
        for (id, payload) in calls.iter().rev() {
            server.reply(*id, payload).await;
        }
        server
    });
    let (one, two, three) = (echo("one"), echo("two"), echo("three"));
    let answers =
        tokio::join!(connection.call(&one, 0), connection.call(&two, 0), connection.call(&three, 0));
    assert_eq!((answers.0.unwrap(), answers.1.unwrap(), answers.2.unwrap()), (one, two, three));
    drop(connection);
    assert!(matches!(server.await.unwrap().receive().await, Received::End), "the last owner closes it");
}

#[tokio::test]
async fn nothing_is_written_before_the_first_call_and_then_all_at_once() {
    let (connection, mut far) = connect(&options()).await;
    let mut bytes = vec![0; 1000];
    let early = tokio::time::timeout(Duration::from_millis(20), far.read(&mut bytes)).await;
    assert!(early.is_err(), "the connection spoke before it had something to say");
    let call = tokio::spawn(async move { connection.call(&echo("x"), 0).await });
    let length = far.read(&mut bytes).await.unwrap();
    let mut expected = BytesMut::from(&frame::preamble(false)[..]);
    frame::put_context(&mut expected, &[7; 16], Echo::PROTOCOL, Some("alice"), None);
    frame::put_call(&mut expected, &[7; 16], 0, 0, &echo("x"));
    assert_eq!(bytes[..length], expected);
    drop(far);
    assert!(call.await.unwrap().is_err());
}

#[tokio::test]
async fn an_error_concerns_its_call_only() {
    let (connection, far) = connect(&options()).await;
    tokio::spawn(async move {
        let mut server = Server::accept(far).await;
        let (id, _) = server.call().await;
        server
            .fail(id, RpcStatusProto::Error, "java.lang.IllegalStateException", "no\n\tat a.b(C.java:1)")
            .await;
        server.echo_all().await;
    });
    match connection.call(&echo("one"), 0).await.unwrap_err() {
        CallError::Remote(remote) => {
            assert_eq!((&*remote.class, &*remote.message), ("java.lang.IllegalStateException", "no"));
            assert!(remote.detail.contains("C.java"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(connection.call(&echo("two"), 0).await.unwrap(), echo("two"));
}

#[tokio::test]
async fn a_fatal_error_gives_every_waiter_the_same_cause() {
    let (connection, far) = connect(&options()).await;
    tokio::spawn(async move {
        let mut server = Server::accept(far).await;
        server.call().await;
        server.call().await;
        server
            .fail(-3, RpcStatusProto::Fatal, "org.apache.hadoop.security.AccessControlException", "not you")
            .await;
        server.echo_all().await;
    });
    let (one, two) = (echo("one"), echo("two"));
    let (one, two) = tokio::join!(connection.call(&one, 0), connection.call(&two, 0));
    let ((one, written), (two, _)) = (lost(one.unwrap_err()), lost(two.unwrap_err()));
    assert!(Arc::ptr_eq(&one, &two) && written);
    assert!(matches!(&*one, ConnectionError::Fatal(remote) if remote.message == "not you"));
    // Later callers learn it too, and that their call was not sent.
    let (later, written) = lost(connection.call(&echo("three"), 0).await.unwrap_err());
    assert!(Arc::ptr_eq(&one, &later) && !written);
    assert!(!connection.is_open());
}

#[tokio::test]
async fn a_reply_that_is_too_long_ends_the_connection() {
    let (connection, far) = connect(&options()).await;
    tokio::spawn(async move {
        let mut server = Server::accept(far).await;
        server.call().await;
        server.send(&1001_u32.to_be_bytes()).await;
        server.receive().await
    });
    let (cause, _) = lost(connection.call(&echo("one"), 0).await.unwrap_err());
    let expected = FrameError::TooLong { length: 1001, limit: 1000 };
    assert!(matches!(&*cause, ConnectionError::Frame(error) if *error == expected), "{cause:?}");
}

#[tokio::test]
async fn a_reply_to_a_call_never_made_ends_the_connection_but_one_given_up_does_not() {
    let (connection, far) = connect(&options()).await;
    let server = tokio::spawn(async move {
        let mut server = Server::accept(far).await;
        let (given_up, payload) = server.call().await;
        let (id, second) = server.call().await;
        server.reply(given_up, &payload).await;
        server.reply(id, &second).await;
        let (_, payload) = server.call().await;
        server.reply(99, &payload).await;
        server.receive().await
    });
    let impatient = tokio::time::timeout(Duration::from_millis(20), connection.call(&echo("one"), 0)).await;
    assert!(impatient.is_err());
    assert_eq!(connection.call(&echo("two"), 0).await.unwrap(), echo("two"));
    let (cause, _) = lost(connection.call(&echo("three"), 0).await.unwrap_err());
    assert!(matches!(*cause, ConnectionError::UnknownCall(99)));
    assert!(matches!(server.await.unwrap(), Received::End));
}

#[tokio::test]
async fn end_within_a_response_is_distinguished_from_one_between_responses() {
    for (bytes, cut) in [(&b""[..], false), (&[0, 0, 0, 9, 1][..], true)] {
        let (connection, far) = connect(&options()).await;
        tokio::spawn(async move {
            let mut server = Server::accept(far).await;
            server.call().await;
            server.send(bytes).await;
        });
        let (cause, written) = lost(connection.call(&echo("one"), 0).await.unwrap_err());
        assert!(written);
        assert_eq!(matches!(*cause, ConnectionError::Cut(5)), cut, "{cause:?}");
        assert_eq!(matches!(*cause, ConnectionError::Closed), !cut, "{cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_pinged_while_a_call_waits() {
    let (connection, far) = connect(&options()).await;
    let started = Instant::now();
    let server = tokio::spawn(async move {
        let mut server = Server::accept(far).await;
        let (id, payload) = server.call().await;
        for minute in 1..=2 {
            assert!(matches!(server.receive().await, Received::Ping));
            assert_eq!(started.elapsed().as_secs(), minute * 60);
        }
        server.reply(id, &payload).await;
        server.receive().await
    });
    assert_eq!(connection.call(&echo("slow"), 0).await.unwrap(), echo("slow"));
    // After the answer nothing waits: no more pings, but the end of the idle connection.
    assert!(matches!(server.await.unwrap(), Received::End));
    assert_eq!(started.elapsed().as_secs(), 130);
    let (cause, written) = lost(connection.call(&echo("late"), 0).await.unwrap_err());
    assert!(matches!(*cause, ConnectionError::Idle) && !written);
}

#[tokio::test]
async fn a_web_server_and_a_hostile_one_are_recognised() {
    let (connection, mut far) = connect(&options()).await;
    tokio::spawn(async move {
        far.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await.unwrap();
        let mut sink = Vec::new();
        far.read_to_end(&mut sink).await
    });
    let (cause, _) = lost(connection.call(&echo("one"), 0).await.unwrap_err());
    assert!(matches!(&*cause, ConnectionError::Frame(FrameError::Http)));
}

/// Gives recorded bytes back.
#[derive(Debug)]
struct Recorded(Vec<u8>);

impl Entropy for Recorded {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

/// Plays the server of a recorded conversation and checks every byte of the client's.
async fn replay(mut stream: DuplexStream, segments: Segments) {
    for (n, (side, hex)) in segments.iter().enumerate() {
        let expected = from_hex(hex);
        match side {
            Side::Server => stream.write_all(&expected).await.unwrap(),
            Side::Client => {
                let mut bytes = vec![0; expected.len()];
                stream.read_exact(&mut bytes).await.unwrap();
                assert_eq!(bytes, expected, "segment {n}");
            }
        }
    }
}

#[tokio::test]
async fn a_simple_conversation_is_byte_for_byte_that_of_hadoop() {
    let (near, far) = duplex(1 << 16);
    let server = tokio::spawn(replay(far, SIMPLE));
    let (auth, options) = (Auth::Simple(User::new("alice")), Options::default());
    let client_id = from_hex("3f6e75dab0ea49ea80e72117ada8d9d4").try_into().unwrap();
    let protocol = GetNewApplicationRequestProto::PROTOCOL;
    let connection = Connection::establish(
        near,
        Setup { protocol, auth: &auth, client_id, peer: None, options: &options },
    )
    .await
    .unwrap();
    let answer = connection.call(&GetNewApplicationRequestProto {}, 0).await.unwrap();
    assert_eq!(answer.application_id.unwrap().id(), 7);
    let id = ApplicationId { cluster_timestamp: 1, id: 1 };
    let request = GetApplicationReportRequestProto { application_id: Some(id.into()) };
    let (cause, _) = lost(connection.call(&request, 0).await.unwrap_err());
    // The recording ends here.
    assert!(matches!(*cause, ConnectionError::Closed), "{cause:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn token_conversations_are_byte_for_byte_those_of_hadoop() {
    for (segments, protection, client_id, first_call) in [
        (TOKEN_AUTH, Protection::Authentication, "62490b86fb4243bfb63f85b4b1ee6399", 2),
        (TOKEN_PRIVACY, Protection::Privacy, "8bddec4e61b44fca9be4ad91279c65e1", 4),
        (TOKEN_INTEGRITY, Protection::Integrity, "569b9ae963a04dc8ba84254fa009e85a", 6),
    ] {
        let response = String::from_utf8_lossy(&from_hex(segments[2].1)).into_owned();
        let cnonce = response.split("cnonce=\"").nth(1).unwrap().split('"').next().unwrap();
        let random = base64::engine::general_purpose::STANDARD.decode(cnonce).unwrap();
        let options = Options {
            entropy: Arc::new(Recorded(random)),
            protections: vec![protection],
            ..Options::default()
        };
        let token = Token {
            identifier: from_hex("0a0d0a0908071080d095ffbc3110011005").into(),
            password: Secret::new(from_hex("183209087606b448a42bed75c5c540d0d2e06fed")),
            ..Token::default()
        };
        let (auth, client_id) = (Auth::Token(token), from_hex(client_id).try_into().unwrap());
        let (near, far) = duplex(1 << 16);
        let server = tokio::spawn(replay(far, segments));
        let protocol = AllocateRequestProto::PROTOCOL;
        let setup = Setup { protocol, auth: &auth, client_id, peer: None, options: &options };
        let connection = Connection::establish(near, setup).await.unwrap();
        connection.begin_call_ids_at(first_call);
        let finish = FinishApplicationMasterRequestProto {
            diagnostics: Some("ok".to_owned()),
            tracking_url: Some(String::new()),
            final_application_status: Some(FinalApplicationStatusProto::AppSucceeded.into()),
        };
        assert!(connection.call(&finish, 0).await.unwrap().is_unregistered(), "{protection:?}");
        let allocate = AllocateRequestProto {
            response_id: Some(0),
            progress: Some(0.5),
            ..AllocateRequestProto::default()
        };
        let (cause, _) = lost(connection.call(&allocate, 0).await.unwrap_err());
        assert!(matches!(*cause, ConnectionError::Closed), "{cause:?}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_login_tells_the_servers_reason() {
    let (near, mut far) = duplex(1 << 16);
    tokio::spawn(async move {
        let refusal = ("org.apache.hadoop.security.token.SecretManager$InvalidToken", "token is expired");
        let bytes = crate::rpc::testing::reply(-33, RpcStatusProto::Fatal, Some(refusal), &[]);
        far.write_all(&bytes).await.unwrap();
        let mut sink = Vec::new();
        far.read_to_end(&mut sink).await
    });
    let (auth, options) = (Auth::Token(Token::default()), options());
    let setup =
        Setup { protocol: Echo::PROTOCOL, auth: &auth, client_id: [0; 16], peer: None, options: &options };
    let error = Connection::establish(near, setup).await.unwrap_err();
    assert!(
        matches!(&error, ConnectionError::Fatal(remote) if remote.message == "token is expired"),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_message_is_the_calls_error_only() {
    let (connection, far) = connect(&options()).await;
    tokio::spawn(async move {
        let mut server = Server::accept(far).await;
        let (id, _) = server.call().await;
        let mut payload = echo("x").encode_length_delimited_to_vec();
        payload.push(0);
        server.reply(id, &payload).await;
        server.echo_all().await;
    });
    let error = connection.call(&echo("one"), 0).await.unwrap_err();
    assert!(matches!(error, CallError::Answer(FrameError::Trailing { unread: 1, .. })), "{error:?}");
    assert_eq!(connection.call(&echo("two"), 0).await.unwrap(), echo("two"));
}
