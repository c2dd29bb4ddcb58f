use proto::hadoop::yarn::{ContainerExceptionMapProto, ContainerStatusProto, SerializedExceptionProto};
use proto::ids::{ApplicationAttemptId, ApplicationId};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::rpc::testing::{FakeServer, Received};
use crate::security::Secret;

type Server = FakeServer<TcpStream>;

fn container() -> ContainerId {
    let application = ApplicationId { cluster_timestamp: 1_700_000_000_000, id: 7 };
    ContainerId { attempt: ApplicationAttemptId { application, attempt: 1 }, id: 2 }
}

fn nm_token(key: u8) -> Token {
    Token { identifier: vec![key].into(), password: Secret::new(vec![key; 20]), ..Token::default() }
}

fn container_token() -> Token {
    let identifier =
        wire::ContainerTokenIdentifierProto { container_id: Some(container().into()), ..Default::default() };
    Token { identifier: identifier.encode_to_vec().into(), ..Token::default() }
}

async fn node() -> (TcpListener, NodeId) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, NodeId { host: "127.0.0.1".to_owned(), port })
}

async fn accept(listener: &TcpListener, key: u8) -> Server {
    Server::accept_token(listener.accept().await.unwrap().0, &nm_token(key)).await
}

/// Receives the next call, which must be of this method, and returns its id.
async fn expect(server: &mut Server, expected: &str) -> i32 {
    match server.receive().await {
        Received::Call { id, method, .. } if method == expected => id,
        other => panic!("{expected} was expected, not {other:?}"),
    }
}

fn exception(message: &str) -> Vec<ContainerExceptionMapProto> {
    let exception = SerializedExceptionProto {
        message: Some(message.to_owned()),
        class_name: Some("org.apache.hadoop.yarn.exceptions.YarnException".to_owned()),
        trace: Some("a.B.c(B.java:1)".to_owned()),
        cause: None,
    };
    vec![ContainerExceptionMapProto { container_id: Some(container().into()), exception: Some(exception) }]
}

fn started() -> Vec<u8> {
    let response = wire::StartContainersResponseProto {
        succeeded_requests: vec![container().into()],
        ..Default::default()
    };
    response.encode_length_delimited_to_vec()
}

fn refused(message: &str) -> Vec<u8> {
    wire::StartContainersResponseProto { failed_requests: exception(message), ..Default::default() }
        .encode_length_delimited_to_vec()
}

fn statuses(known: bool) -> Vec<u8> {
    let status = ContainerStatusProto { container_id: Some(container().into()), ..Default::default() };
    let response = if known {
        wire::GetContainerStatusesResponseProto { status: vec![status], ..Default::default() }
    } else {
        let failed_requests = exception("Container container_x is not handled by this NodeManager");
        wire::GetContainerStatusesResponseProto { failed_requests, ..Default::default() }
    };
    response.encode_length_delimited_to_vec()
}

async fn start(client: &NodeManagerClient, node: &NodeId, key: u8) -> Result<(), YarnError> {
    client.start(node, &nm_token(key), &container_token(), &LaunchContext::default()).await
}

#[tokio::test]
async fn one_connection_serves_a_node_until_its_token_changes() {
    let (listener, node) = node().await;
    let client = NodeManagerClient::with_options(Options::default());
    let server = tokio::spawn(async move {
        for (key, calls) in [(1, 2), (2, 1)] {
            let mut server = accept(&listener, key).await;
            for _ in 0..calls {
                let id = expect(&mut server, "startContainers").await;
                server.reply(id, &started()).await;
            }
            if key == 1 {
                assert!(matches!(server.receive().await, Received::End), "the old connection is closed");
            }
        }
    });
    for key in [1, 1, 2] {
        start(&client, &node, key).await.unwrap();
    }
    server.await.unwrap();
}

#[tokio::test]
async fn after_a_lost_answer_the_node_is_asked_before_anything_is_repeated() {
    for known in [true, false] {
        let (listener, node) = node().await;
        let client = NodeManagerClient::with_options(Options::default());
        let server = tokio::spawn(async move {
            let mut server = accept(&listener, 1).await;
            expect(&mut server, "startContainers").await;
            drop(server);
            let mut server = accept(&listener, 1).await;
            let id = expect(&mut server, "getContainerStatuses").await;
            server.reply(id, &statuses(known)).await;
            if !known {
                let id = expect(&mut server, "startContainers").await;
                server.reply(id, &refused("Attempt to relaunch the same container with id x")).await;
            }
            server.receive().await
        });
        start(&client, &node, 1).await.unwrap();
        drop(client);
        assert!(matches!(server.await.unwrap(), Received::End));
    }
}

#[tokio::test]
async fn a_refusal_names_the_container_and_keeps_the_trace() {
    let (listener, node) = node().await;
    let client = NodeManagerClient::with_options(Options::default());
    tokio::spawn(async move {
        let mut server = accept(&listener, 1).await;
        let id = expect(&mut server, "startContainers").await;
        server.reply(id, &refused("Null resource URL for local resource x")).await;
        server.receive().await
    });
    let error = start(&client, &node, 1).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{}: Null resource URL for local resource x", container()));
    assert!(error.detail().unwrap().contains("B.java"));
}

#[tokio::test]
async fn a_container_the_node_does_not_know_has_no_status_and_counts_as_stopped() {
    let (listener, node) = node().await;
    let client = NodeManagerClient::with_options(Options::default());
    tokio::spawn(async move {
        let mut server = accept(&listener, 1).await;
        let id = expect(&mut server, "getContainerStatuses").await;
        server.reply(id, &statuses(false)).await;
        let id = expect(&mut server, "stopContainers").await;
        let failed_requests = exception("Container x is not handled by this NodeManager");
        let response = wire::StopContainersResponseProto { failed_requests, ..Default::default() };
        server.reply(id, &response.encode_length_delimited_to_vec()).await;
        server.receive().await
    });
    assert_eq!(client.status(&node, &nm_token(1), container()).await.unwrap(), None);
    client.stop(&node, &nm_token(1), container()).await.unwrap();
}

#[tokio::test]
async fn a_token_that_grants_no_container_is_an_error() {
    let client = NodeManagerClient::with_options(Options::default());
    let node = NodeId { host: "nowhere.invalid".to_owned(), port: 1 };
    let result = client.start(&node, &nm_token(1), &Token::default(), &LaunchContext::default()).await;
    assert!(matches!(result, Err(YarnError::Incomplete { .. })), "{result:?}");
}
