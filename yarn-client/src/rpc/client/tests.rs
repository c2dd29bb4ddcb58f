use proto::hadoop::common::rpc_response_header_proto::RpcStatusProto;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::rpc::testing::{FakeServer, Once, Received, echo};
use crate::rpc::{Backoff, Patience};
use crate::security::User;

type Server = FakeServer<TcpStream>;

async fn listener() -> (TcpListener, Endpoint) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, Endpoint { id: None, host: "127.0.0.1".to_owned(), port })
}

/// An address at which nothing listens.
async fn nobody() -> Endpoint {
    listener().await.1
}

async fn accept(listener: &TcpListener) -> Server {
    Server::accept(listener.accept().await.unwrap().0).await
}

fn client(endpoints: Vec<Endpoint>) -> Client {
    let options = Options {
        patience: Patience { overall: Duration::from_secs(20), refused: Duration::from_millis(300) },
        backoff: Backoff { base: Duration::from_millis(20), cap: Duration::from_millis(50) },
        ..Options::default()
    };
    Client::new(endpoints, Auth::Simple(User::new("alice")), options)
}

const STANDBY: &str = "org.apache.hadoop.ipc.StandbyException";

#[tokio::test]
async fn a_refused_server_is_left_for_the_next_and_that_one_kept() {
    let (listener, good) = listener().await;
    let client = client(vec![nobody().await, good]);
    tokio::spawn(async move { accept(&listener).await.echo_all().await });
    let started = Instant::now();
    assert_eq!(client.call(&echo("one")).await.unwrap(), echo("one"));
    assert!(started.elapsed() < Duration::from_secs(1), "the first failover costs nothing");
    assert_eq!(client.call(&echo("two")).await.unwrap(), echo("two"));
    assert_eq!(client.active.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_standby_is_left_for_the_active_one_whatever_the_call() {
    let ((standby, first), (active, second)) = (listener().await, listener().await);
    let client = client(vec![first, second]);
    tokio::spawn(async move {
        let mut server = accept(&standby).await;
        let (id, _) = server.call().await;
        server.fail(id, RpcStatusProto::Error, STANDBY, "not active").await;
        server.receive().await
    });
    tokio::spawn(async move { accept(&active).await.echo_all().await });
    let once = Once { text: "one".to_owned() };
    assert_eq!(client.call(&once).await.unwrap(), once);
}

#[tokio::test]
async fn single_server_that_refuses_is_given_up_soon() {
    let endpoint = nobody().await;
    let client = client(vec![endpoint.clone()]);
    let started = Instant::now();
    let error = client.call(&echo("one")).await.unwrap_err();
    assert!(matches!(error.kind(), RpcErrorKind::Refused(_)) && error.is_unreachable(), "{error:?}");
    assert!(error.tries() > 2 && started.elapsed() < Duration::from_secs(5));
    assert!(error.to_string().starts_with(&format!("echo at {endpoint}: connection refused (")), "{error}");
    assert!(error.hint().unwrap().contains(&endpoint.to_string()));
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn unknown_host_is_distinguished() {
    let endpoint = Endpoint { id: None, host: "no-such-host.invalid".to_owned(), port: 1 };
    let error = client(vec![endpoint]).call(&echo("one")).await.unwrap_err();
    assert!(matches!(error.kind(), RpcErrorKind::UnknownHost(_)), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_between_calls_is_opened_again_for_any_call() {
    let (listener, endpoint) = listener().await;
    let client = client(vec![endpoint]);
    let server = tokio::spawn(async move {
        for _ in 0..2 {
            let mut server = accept(&listener).await;
            let (id, payload) = server.call().await;
            server.reply(id, &payload).await;
        }
    });
    for text in ["one", "two"] {
        let once = Once { text: text.to_owned() };
        assert_eq!(client.call(&once).await.unwrap(), once);
        // The close arrives before the next call.
        sleep(Duration::from_millis(50)).await;
    }
    server.await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_only_where_that_is_safe() {
    let (listener, endpoint) = listener().await;
    let client = client(vec![endpoint]);
    let server = tokio::spawn(async move {
        let mut server = accept(&listener).await;
        server.call().await;
        drop(server);
        let mut server = accept(&listener).await;
        let Received::Call { id, retry, payload, .. } = server.receive().await else { panic!("a call") };
        assert_eq!(retry, 1, "the server may log that it is a repetition");
        server.reply(id, &payload).await;
        // Now the call that must not be repeated.
        server.call().await;
        drop(server);
        listener
    });
    assert_eq!(client.call(&echo("one")).await.unwrap(), echo("one"));
    let error = client.call(&Once { text: "two".to_owned() }).await.unwrap_err();
    assert!(error.is_outcome_unknown() && error.tries() == 1, "{error:?}");
    let listener = server.await.unwrap();
    let more = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(more.is_err(), "it was not sent again");
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it() {
    let (listener, endpoint) = listener().await;
    let client = client(vec![endpoint]);
    tokio::spawn(async move {
        let mut server = accept(&listener).await;
        let (id, _) = server.call().await;
        server.fail(id, RpcStatusProto::Error, "org.apache.hadoop.ipc.RetriableException", "starting").await;
        server.echo_all().await;
    });
    assert_eq!(client.call(&echo("one")).await.unwrap(), echo("one"));
}

#[tokio::test]
async fn a_refused_context_is_the_servers_own_reason_and_final() {
    let (listener, endpoint) = listener().await;
    let client = client(vec![endpoint]);
    tokio::spawn(async move {
        let mut server = accept(&listener).await;
        let class = "org.apache.hadoop.security.AccessControlException";
        server.fail(-3, RpcStatusProto::Fatal, class, "SIMPLE authentication is not enabled.").await;
        server.receive().await
    });
    let error = client.call(&echo("one")).await.unwrap_err();
    assert!(error.is_access_denied() && error.tries() == 1, "{error:?}");
    assert!(error.hint().unwrap().contains("`hadoop.security.authentication`"), "{error:?}");
}

#[tokio::test]
async fn many_first_calls_make_one_connection() {
    let (listener, endpoint) = listener().await;
    let client = client(vec![endpoint]);
    let server = tokio::spawn(async move {
        accept(&listener).await.echo_all().await;
        timeout(Duration::from_millis(20), listener.accept()).await.is_err()
    });
    let calls = (0..20).map(|n| {
        let client = &client;
        async move { client.call(&echo(&n.to_string())).await.unwrap().text }
    });
    let answers = futures::future::join_all(calls).await;
    assert_eq!(answers, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    drop(client);
    assert!(server.await.unwrap(), "a second connection was opened");
}

#[tokio::test]
async fn the_overall_limit_holds_against_a_server_that_never_answers() {
    let (listener, endpoint) = listener().await;
    let mut client = client(vec![endpoint]);
    client.options.patience.overall = Duration::from_millis(100);
    tokio::spawn(async move {
        let mut server = accept(&listener).await;
        server.call().await;
        server.receive().await
    });
    let error = client.call(&echo("one")).await.unwrap_err();
    assert!(matches!(error.kind(), RpcErrorKind::Timeout(_)), "{error:?}");
}
