use prost::Message;
use proto::hadoop::common::rpc_response_header_proto::RpcStatusProto;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::conf::Endpoint;
use crate::rpc::testing::{FakeServer, Received};

const ID: ApplicationId = ApplicationId { cluster_timestamp: 1_700_000_000_000, id: 7 };

/// A ResourceManager that sends these responses in this order, each to the method it names.
async fn scripted(script: Vec<(&'static str, Vec<u8>)>) -> ResourceManager {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut server = FakeServer::<TcpStream>::accept(listener.accept().await.unwrap().0).await;
        for (expected, answer) in script {
            let Received::Call { id, method, .. } = server.receive().await else { panic!("{expected}") };
            assert_eq!(method, expected);
            server.reply(id, &answer).await;
        }
        if let Received::Call { id, .. } = server.receive().await {
            let class = "org.apache.hadoop.yarn.exceptions.ApplicationNotFoundException";
            server
                .fail(id, RpcStatusProto::Error, class, "Application with id 'x' doesn't exist in RM.")
                .await;
            server.receive().await;
        }
    });
    let endpoint = Endpoint { id: None, host: "127.0.0.1".to_owned(), port };
    let auth = Auth::Simple(User::new("alice"));
    ResourceManager {
        client: Client::new(vec![endpoint], auth, Options::default()),
        web: web::Client::default(),
    }
}

fn report(state: wire::YarnApplicationStateProto) -> (&'static str, Vec<u8>) {
    let report = wire::ApplicationReportProto {
        application_id: Some(ID.into()),
        yarn_application_state: Some(state.into()),
        ..Default::default()
    };
    let response = wire::GetApplicationReportResponseProto { application_report: Some(report) };
    ("getApplicationReport", response.encode_length_delimited_to_vec())
}

fn kill(done: bool) -> (&'static str, Vec<u8>) {
    let response = wire::KillApplicationResponseProto { is_kill_completed: Some(done) };
    ("forceKillApplication", response.encode_length_delimited_to_vec())
}

#[tokio::test]
async fn a_kill_is_repeated_until_it_is_done() {
    use wire::YarnApplicationStateProto::{Killed, Running};
    let manager = scripted(vec![report(Running), kill(false), kill(false), kill(true), report(Killed)]).await;
    assert_eq!(manager.kill(ID).await.unwrap(), KillOutcome::Killed);
}

#[tokio::test]
async fn finished_application_is_not_killed() {
    let manager = scripted(vec![report(wire::YarnApplicationStateProto::Finished)]).await;
    let outcome = manager.kill(ID).await.unwrap();
    assert_eq!(outcome, KillOutcome::AlreadyFinished(ApplicationState::Finished));
}

#[tokio::test]
async fn kill_that_takes_too_long_is_reported() {
    let manager = scripted(vec![report(wire::YarnApplicationStateProto::Running), kill(false)]).await;
    let error = manager.kill_within(ID, Some("enough"), Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, YarnError::KillPending { id: ID, .. }), "{error:?}");
}

#[tokio::test]
async fn an_unknown_application_is_not_found() {
    let error = scripted(Vec::new()).await.report(ID).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_unreachable());
    assert!(error.to_string().ends_with("doesn't exist in RM."), "{error}");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn an_unknown_queue_is_none_and_an_empty_answer_an_error() {
    let manager = scripted(vec![("getQueueInfo", vec![0]), ("getNewApplication", vec![0])]).await;
    assert_eq!(manager.queue("nowhere").await.unwrap(), None);
    let error = manager.new_application().await.unwrap_err();
    assert!(matches!(error, YarnError::Incomplete { method: "getNewApplication", .. }), "{error:?}");
}

#[tokio::test]
async fn delegation_token_is_requested_for_its_renewer() {
    let token =
        proto::hadoop::common::GetDelegationTokenResponseProto { token: Some(Token::default().to_wire()) };
    let manager = scripted(vec![("getDelegationToken", token.encode_length_delimited_to_vec())]).await;
    let token = manager.delegation_token("rm").await.unwrap();
    assert_eq!(token.service, manager.client.endpoints()[0].to_string());
}
