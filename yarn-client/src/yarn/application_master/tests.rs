use proptest::prelude::*;
use prost::Message;
use proto::hadoop::common::rpc_response_header_proto::RpcStatusProto;
use proto::ids::{ApplicationAttemptId, ApplicationId};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::conf::Endpoint;
use crate::rpc::testing::{FakeServer, Received};
use crate::security::Secret;

type Server = FakeServer<TcpStream>;

fn token(key: u8) -> Token {
    Token { identifier: vec![key].into(), password: Secret::new(vec![key; 20]), ..Token::default() }
}

async fn master() -> (TcpListener, ApplicationMasterClient) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint { id: None, host: "127.0.0.1".to_owned(), port };
    let client = Client::new(vec![endpoint], Auth::Token(token(1)), Options::default());
    (listener, ApplicationMasterClient { client })
}

async fn accept(listener: &TcpListener, key: u8) -> Server {
    Server::accept_token(listener.accept().await.unwrap().0, &token(key)).await
}

async fn allocate_request(server: &mut Server) -> (i32, wire::AllocateRequestProto) {
    let Received::Call { id, method, payload, .. } = server.receive().await else { panic!("a call") };
    assert_eq!(method, "allocate");
    (id, wire::AllocateRequestProto::decode_length_delimited(payload).unwrap())
}

#[tokio::test]
async fn a_heartbeat_whose_answer_is_lost_is_repeated_as_it_was_with_the_newest_token() {
    let (listener, client) = master().await;
    let server = tokio::spawn(async move {
        let mut server = accept(&listener, 1).await;
        let (id, first) = allocate_request(&mut server).await;
        server.reply(id, &wire::AllocateResponseProto::default().encode_length_delimited_to_vec()).await;
        let (_, lost) = allocate_request(&mut server).await;
        drop(server);
        let mut server = accept(&listener, 2).await;
        let (id, again) = allocate_request(&mut server).await;
        assert_eq!(lost, again);
        let response = wire::AllocateResponseProto { response_id: Some(8), ..Default::default() };
        server.reply(id, &response.encode_length_delimited_to_vec()).await;
        (first, again)
    });
    client.allocate(&AllocateRequest::default()).await.unwrap();
    // The open connection stays in use with the old token.
    client.set_token(token(2));
    let ask = Ask {
        allocation_request_id: 0,
        priority: 3,
        count: 2,
        resource: Resource::new(1024, 1),
        node_label: None,
        places: Vec::new(),
    };
    let request = AllocateRequest { response_id: 7, asks: vec![ask], ..AllocateRequest::default() };
    assert_eq!(client.allocate(&request).await.unwrap().response_id, 8);
    let (first, again) = server.await.unwrap();
    assert_eq!((first.response_id, again.response_id), (Some(0), Some(7)));
    // Present on the wire although it is the default of Hadoop 2.
    assert_eq!(again.ask[0].allocation_request_id, Some(0));
    assert_eq!(first.blacklist_request, None);
}

#[tokio::test]
async fn the_two_orders_of_the_resource_manager_are_told_apart() {
    let (listener, client) = master().await;
    tokio::spawn(async move {
        let mut server = accept(&listener, 1).await;
        for class in [
            "ApplicationMasterNotRegisteredException",
            "ApplicationAttemptNotFoundException",
            "InvalidResourceRequestException",
        ] {
            let (id, _) = allocate_request(&mut server).await;
            let class = format!("org.apache.hadoop.yarn.exceptions.{class}");
            server.fail(id, RpcStatusProto::Error, &class, "why").await;
        }
        server.receive().await
    });
    let mut told = Vec::new();
    for _ in 0..3 {
        let error = client.allocate(&AllocateRequest::default()).await.unwrap_err();
        told.push((error.is_resync(), error.is_shutdown(), error.is_invalid_ask()));
    }
    assert_eq!(told, [(true, false, false), (false, true, false), (false, false, true)]);
}

#[test]
fn places_are_asked_for_at_every_level_and_do_not_relax() {
    let levels = |places: &[Place]| {
        let ask = Ask {
            allocation_request_id: 1,
            priority: 1,
            count: 3,
            resource: Resource::new(1024, 1),
            node_label: None,
            places: places.to_vec(),
        };
        let level = |request: &wire::ResourceRequestProto| {
            assert_eq!(request.num_containers, Some(3));
            format!("{} {}", request.resource_name(), request.relax_locality())
        };
        ask.to_wire().iter().map(level).collect::<Vec<_>>()
    };
    assert_eq!(levels(&[]), ["* true"]);
    let host = |name: &str| Place::Host { name: name.to_owned(), rack: "/r1".to_owned() };
    assert_eq!(levels(&[host("a"), host("b")]), ["* false", "/r1 false", "a true", "b true"]);
    assert_eq!(levels(&[host("a"), Place::Rack("/r1".to_owned())]), ["* false", "/r1 true", "a true"]);
    assert_eq!(levels(&[Place::Rack("/r1".to_owned()), host("a")]), ["* false", "/r1 true", "a true"]);
}

#[test]
fn an_answer_keeps_what_it_grants() {
    let application = ApplicationId { cluster_timestamp: 1, id: 2 };
    let id = ContainerId { attempt: ApplicationAttemptId { application, attempt: 1 }, id: 3 };
    let granted =
        wire::ContainerProto { id: Some(id.into()), allocation_request_id: Some(5), ..Default::default() };
    let preempted = wire::PreemptionContainerProto { id: Some(id.into()) };
    let response = AllocateResponse::from(wire::AllocateResponseProto {
        allocated_containers: vec![granted],
        // A token without a node is of no use to anybody.
        nm_tokens: vec![wire::NmTokenProto::default()],
        preempt: Some(wire::PreemptionMessageProto {
            strict_contract: Some(wire::StrictPreemptionContractProto { container: vec![preempted] }),
            contract: None,
        }),
        a_m_command: Some(wire::AmCommandProto::AmShutdown.into()),
        ..Default::default()
    });
    assert_eq!((response.allocated[0].id, response.allocated[0].allocation_request_id), (id, 5));
    assert_eq!((response.preempted, response.nm_tokens), (vec![id], vec![]));
    assert_eq!(response.command, Some(ApplicationMasterCommand::Shutdown));
}

proptest! {
    #[test]
    fn arbitrary_answers_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = wire::AllocateResponseProto::decode(&bytes[..]).map(AllocateResponse::from);
    }
}
