use proptest::prelude::*;
use prost::Message;

use super::*;

/// Proves itself in one round: answers `a` to the first challenge and wants to hear `b`.
#[derive(Debug, Default)]
struct OneRound {
    complete: bool,
}

impl Mechanism for OneRound {
    fn method(&self) -> &'static str {
        "TOKEN"
    }
    fn name(&self) -> &'static str {
        "DIGEST-MD5"
    }
    fn start(&mut self, service: &str, host: &str, _: Option<&[u8]>) -> Result<Bytes, SaslError> {
        assert_eq!((service, host), ("", "default"));
        Ok(Bytes::from_static(b"a"))
    }
    fn evaluate(&mut self, challenge: &[u8]) -> Result<Option<Bytes>, SaslError> {
        self.complete = challenge == b"b";
        Ok((!self.complete).then(|| Bytes::from_static(b"more")))
    }
    fn is_complete(&self) -> bool {
        self.complete
    }
    fn layer(&mut self) -> Option<SecurityLayer> {
        None
    }
}

fn handshake(simple: bool) -> Handshake {
    Handshake::new(vec![Box::new(OneRound::default())], simple)
}

fn offer(method: &str, mechanism: &str) -> SaslAuth {
    SaslAuth {
        method: method.to_owned(),
        mechanism: mechanism.to_owned(),
        protocol: Some(String::new()),
        server_id: Some("default".to_owned()),
        challenge: Some(Bytes::from_static(b"c")),
    }
}

fn offers(auths: Vec<SaslAuth>) -> RpcSaslProto {
    RpcSaslProto { auths, ..message(SaslState::Negotiate, None) }
}

fn success(token: Option<&'static [u8]>) -> RpcSaslProto {
    message(SaslState::Success, token.map(Bytes::from_static))
}

#[test]
fn the_chosen_offer_is_echoed_with_its_empty_protocol_and_without_its_challenge() {
    let mut handshake = handshake(false);
    let received =
        offers(vec![offer("KERBEROS", "GSSAPI"), offer("TOKEN", "DIGEST-MD5"), offer("SIMPLE", "")]);
    let Step::Send(sent) = handshake.receive(received).unwrap() else { panic!("an answer is due") };
    assert_eq!(sent.state, i32::from(SaslState::Initiate));
    assert_eq!(sent.auths, [SaslAuth { challenge: None, ..offer("TOKEN", "DIGEST-MD5") }]);
    let bytes = sent.encode_to_vec();
    assert!(bytes.windows(2).any(|pair| pair == [0x1a, 0x00]), "protocol is there and empty: {bytes:02x?}");
    let Step::Finish(outcome) = handshake.receive(success(Some(b"b"))).unwrap() else { panic!("it is over") };
    assert_eq!(outcome.method, Method::Proved("TOKEN"));
}

#[test]
fn simple_is_chosen_where_it_is_offered_and_expects_no_answer() {
    let mut handshake = handshake(true);
    let received = offers(vec![offer("KERBEROS", "GSSAPI"), offer("SIMPLE", "")]);
    let Step::SendAndFinish(sent, outcome) = handshake.receive(received).unwrap() else {
        panic!("it is over")
    };
    assert_eq!((sent.token, outcome.method), (None, Method::Simple));
    assert_eq!(sent.auths.len(), 1);
}

#[test]
fn a_server_without_security_says_success_at_once() {
    let step = handshake(true).receive(success(None)).unwrap();
    assert!(matches!(step, Step::Finish(Outcome { method: Method::Simple, layer: None })));
    assert!(matches!(handshake(false).receive(success(None)), Err(SaslError::NoCommonMethod { .. })));
}

#[test]
fn nothing_in_common_names_both_sides() {
    let error = handshake(false).receive(offers(vec![offer("KERBEROS", "GSSAPI")])).unwrap_err();
    assert_eq!(error.to_string(), "the server accepts KERBEROS, but only TOKEN can be offered");
    // Both names count.
    assert!(handshake(false).receive(offers(vec![offer("TOKEN", "SCRAM")])).is_err());
    assert!(handshake(false).receive(offers(vec![])).is_err());
}

#[test]
fn rounds_go_on_until_success() {
    let mut handshake = handshake(false);
    handshake.receive(offers(vec![offer("TOKEN", "DIGEST-MD5")])).unwrap();
    let challenge = message(SaslState::Challenge, Some(Bytes::from_static(b"x")));
    let Step::Send(sent) = handshake.receive(challenge).unwrap() else { panic!("an answer is due") };
    assert_eq!((sent.state, sent.token.as_deref()), (i32::from(SaslState::Response), Some(&b"more"[..])));
    assert!(matches!(handshake.receive(success(Some(b"b"))), Ok(Step::Finish(_))));
}

#[test]
fn a_server_out_of_step_is_an_error() {
    let started = || {
        let mut handshake = handshake(false);
        handshake.receive(offers(vec![offer("TOKEN", "DIGEST-MD5")])).unwrap();
        handshake
    };
    // Success without proof, success with an open question, a challenge without content, a second offer.
    assert!(started().receive(success(None)).is_err());
    assert!(started().receive(success(Some(b"x"))).is_err());
    assert!(started().receive(message(SaslState::Challenge, None)).is_err());
    assert!(started().receive(offers(vec![])).is_err());
    // A challenge before any offer; an unknown state; anything after the end.
    assert!(handshake(true).receive(message(SaslState::Challenge, Some(Bytes::new()))).is_err());
    assert!(handshake(true).receive(RpcSaslProto { state: 99, ..success(None) }).is_err());
    let mut over = handshake(true);
    over.receive(success(None)).unwrap();
    assert!(over.receive(success(None)).is_err());
}

proptest! {
    #[test]
    fn arbitrary_conversations_never_panic(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..5)) {
        let mut handshake = Handshake::new(vec![], true);
        for bytes in messages {
            if let Ok(message) = RpcSaslProto::decode(&bytes[..]) {
                let _ = handshake.receive(message);
            }
        }
    }
}
