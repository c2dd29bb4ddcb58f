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
    (listener, ApplicationMasterClient::of(client))
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
        let response = wire::AllocateResponseProto { response_id: Some(7), ..Default::default() };
        server.reply(id, &response.encode_length_delimited_to_vec()).await;
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
    // The open connection is still used with the old token.
    client.set_token(token(2));
    let ask = Ask {
        allocation_request_id: 0,
        priority: 3,
        count: 2,
        resource: Resource::new(1024, 1),
        node_label: None,
        places: Vec::new(),
    };
    let request = AllocateRequest { asks: vec![ask], ..AllocateRequest::default() };
    assert_eq!(client.allocate(&request).await.unwrap().response_id, 8);
    let (first, again) = server.await.unwrap();
    assert_eq!((first.response_id, again.response_id), (Some(0), Some(7)));
    // Set in the message although it is the default of Hadoop 2.
    assert_eq!(again.ask[0].allocation_request_id, Some(0));
    assert_eq!(first.blacklist_request, None);
}

/// A ResourceManager's side of the protocol, which counts as `ApplicationMasterService` does.
#[derive(Debug)]
struct Master {
    /// -1: the attempt is known but not registered.
    response_id: i32,
    /// Calls that were rejected for their number.
    out_of_step: u32,
}

impl Master {
    fn new() -> Self {
        Self { response_id: -1, out_of_step: 0 }
    }

    /// The response to a call, or the exception: class and message.
    fn answer(&mut self, method: &str, payload: &[u8]) -> Result<Vec<u8>, (&'static str, String)> {
        let bad_request = "InvalidApplicationMasterRequestException";
        match method {
            "registerApplicationMaster" if self.response_id >= 0 => {
                Err((bad_request, "Application Master is already registered : application_1_0002".to_owned()))
            }
            "registerApplicationMaster" => {
                self.response_id = 0;
                let response = wire::RegisterApplicationMasterResponseProto {
                    maximum_capability: Some(Resource::new(4096, 4).to_wire()),
                    ..Default::default()
                };
                Ok(response.encode_length_delimited_to_vec())
            }
            "allocate" if self.response_id < 0 => {
                Err(("ApplicationMasterNotRegisteredException", "AM is not registered".to_owned()))
            }
            "allocate" => {
                let request = wire::AllocateRequestProto::decode_length_delimited(payload).unwrap();
                let (expected, got) = (self.response_id, request.response_id());
                if got != expected && got + 1 != expected {
                    self.out_of_step += 1;
                    let message = format!(
                        "Invalid responseId in AllocateRequest from application attempt: appattempt_1_0002_000001, \
                         expect responseId to be {expected}, but get {got}\n\tat a.B.c(B.java:1)"
                    );
                    return Err((bad_request, message));
                }
                self.response_id = got + 1;
                let response =
                    wire::AllocateResponseProto { response_id: Some(self.response_id), ..Default::default() };
                Ok(response.encode_length_delimited_to_vec())
            }
            other => panic!("{other} was not expected"),
        }
    }

    /// Serves `answered` calls, then is replaced by a new process.
    async fn serve_then_restart(&mut self, listener: &TcpListener, answered: usize) {
        let mut server = accept(listener, 1).await;
        for _ in 0..answered {
            self.serve_one(&mut server).await;
        }
        self.response_id = -1;
    }

    /// Serves `answered` calls, and one more whose response is lost with the connection.
    async fn serve_then_hang_up(&mut self, listener: &TcpListener, answered: usize) {
        let mut server = accept(listener, 1).await;
        for _ in 0..answered {
            self.serve_one(&mut server).await;
        }
        let Received::Call { method, payload, .. } = server.receive().await else { panic!("a call") };
        self.answer(&method, &payload).unwrap();
    }

    /// Serves one connection until the client is gone.
    async fn serve(&mut self, listener: &TcpListener) {
        let mut server = accept(listener, 1).await;
        while self.serve_one(&mut server).await {}
    }

    async fn serve_one(&mut self, server: &mut Server) -> bool {
        let Received::Call { id, method, payload, .. } = server.receive().await else { return false };
        match self.answer(&method, &payload) {
            Ok(payload) => server.reply(id, &payload).await,
            Err((class, message)) => {
                let class = format!("org.apache.hadoop.yarn.exceptions.{class}");
                server.fail(id, RpcStatusProto::Error, &class, &message).await;
            }
        }
        true
    }
}

/// The ResourceManager restarts, and the response to the registration after that is lost.
#[tokio::test]
async fn heartbeats_are_accepted_after_the_lost_answer_to_another_registration() {
    let (listener, client) = master().await;
    let server = tokio::spawn(async move {
        let mut master = Master::new();
        // A registration and three heartbeats.
        master.serve_then_restart(&listener, 4).await;
        // Responds "not registered", and then carries out the registration without a response.
        master.serve_then_hang_up(&listener, 1).await;
        master.serve(&listener).await;
        master
    });
    let heartbeat = async || client.allocate(&AllocateRequest::default()).await.map(|it| it.response_id);
    client.register("host", Some(1), "").await.unwrap();
    for number in 1..=3 {
        assert_eq!(heartbeat().await.unwrap(), number);
    }
    assert!(heartbeat().await.unwrap_err().is_resync());
    let error = client.register("host", Some(1), "").await.unwrap_err();
    assert!(error.is_already_registered() && !error.is_registration_refused(), "{error}");
    for number in 1..=3 {
        assert_eq!(heartbeat().await.unwrap(), number);
    }
    drop(client);
    assert_eq!(server.await.unwrap().out_of_step, 0);
}

/// However that came about, it does not last.
#[tokio::test]
async fn a_heartbeat_with_a_wrong_number_is_the_last_one_with_it() {
    let (listener, client) = master().await;
    let server = tokio::spawn(async move {
        let mut master = Master { response_id: 5, out_of_step: 0 };
        master.serve(&listener).await;
        master
    });
    let error = client.allocate(&AllocateRequest::default()).await.unwrap_err();
    assert_eq!(error.expected_response_id(), Some(5), "{error}");
    assert!(!error.is_resync() && !error.is_shutdown());
    for number in 6..=7 {
        assert_eq!(client.allocate(&AllocateRequest::default()).await.unwrap().response_id, number);
    }
    drop(client);
    assert_eq!(server.await.unwrap().out_of_step, 1);
}

/// What each exception of `ApplicationMasterService` means to each caller.
#[tokio::test]
async fn resource_manager_exceptions_are_distinguished() {
    let bad_request = "org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException";
    let cases = [
        // class, message, over, refused
        (bad_request, "Application doesn't exist in cache appattempt_1_0002_000001", true, true),
        (bad_request, "Application Master is already registered : application_1_0002", false, false),
        (bad_request, "something else", false, true),
        (
            "org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException",
            "Application attempt appattempt_1_0002_000001 doesn't exist in ApplicationMasterService cache.",
            true,
            true,
        ),
        ("org.apache.hadoop.security.AccessControlException", "User x cannot", false, true),
        ("org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException", "", false, false),
        ("org.apache.hadoop.security.token.SecretManager$InvalidToken", "not found", false, false),
        ("org.apache.hadoop.yarn.exceptions.YarnException", "Failed to store", false, false),
        ("java.lang.NullPointerException", "", false, false),
        ("java.io.IOException", "doesn't exist in cache", false, false),
    ];
    let (listener, client) = master().await;
    let server = tokio::spawn(async move {
        let mut server = accept(&listener, 1).await;
        for (class, message, ..) in cases {
            for _ in 0..3 {
                let Received::Call { id, .. } = server.receive().await else { panic!("a call") };
                let message = format!("{message}\n\tat a.B.c(B.java:1)");
                server.fail(id, RpcStatusProto::Error, class, &message).await;
            }
        }
        server.receive().await
    });
    for (class, message, over, refused) in cases {
        let errors = [
            client.register("host", Some(1), "").await.unwrap_err(),
            client.allocate(&AllocateRequest::default()).await.unwrap_err(),
            client.finish(FinalStatus::Succeeded, "", "").await.unwrap_err(),
        ];
        for error in errors {
            let told = (error.is_shutdown(), error.is_registration_refused());
            assert_eq!(told, (over, refused), "{class}: {message}");
        }
    }
    drop(client);
    server.await.unwrap();
}

#[tokio::test]
async fn resync_and_shutdown_are_distinguished() {
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
    let response = AllocateResponse::from_wire(wire::AllocateResponseProto {
        allocated_containers: vec![granted],
        // A token without a node is useless.
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
        let _ = wire::AllocateResponseProto::decode(&bytes[..]).map(AllocateResponse::from_wire);
    }
}
