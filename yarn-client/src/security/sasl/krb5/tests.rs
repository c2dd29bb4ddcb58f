use proptest::prelude::*;

use super::*;

/// Proves itself in two steps. Wrapping puts a letter in front: `s` for signed, `e` for encrypted.
#[derive(Debug, Default)]
struct Fake {
    steps: usize,
}

fn status(text: &str) -> Status {
    Status { major: 9 << 16, minor: 0, text: text.to_owned() }
}

impl Conversation for Fake {
    fn step(&mut self, token: &[u8]) -> Result<(Bytes, bool), Status> {
        self.steps += 1;
        match (self.steps, token) {
            (1, b"") => Ok((Bytes::from_static(b"AP-REQ"), false)),
            (2, b"AP-REP") => Ok((Bytes::new(), true)),
            (2, b"more") => Ok((Bytes::new(), false)),
            _ => Err(status("defective token")),
        }
    }

    fn wrap(&mut self, message: &[u8], encrypt: bool) -> Result<Bytes, Status> {
        Ok([if encrypt { b"e" } else { b"s" }, message].concat().into())
    }

    fn unwrap(&mut self, sealed: &[u8]) -> Result<(Bytes, bool), Status> {
        match sealed {
            [b's', message @ ..] => Ok((Bytes::copy_from_slice(message), false)),
            [b'e', message @ ..] => Ok((Bytes::copy_from_slice(message), true)),
            _ => Err(status("defective token")),
        }
    }

    fn wrap_limit(&mut self, largest: u32, _: bool) -> Result<u32, Status> {
        Ok(largest.saturating_sub(10))
    }
}

fn krb5(protections: &[Protection]) -> Krb5 {
    let begin = |name: &str, host: &str| -> Result<Begun, KerberosError> {
        Ok((Box::new(Fake::default()), format!("{name}/{host}@A")))
    };
    Krb5::new("ada@A", protections, Box::new(begin))
}

/// Up to the server's offer.
fn proved(protections: &[Protection]) -> Krb5 {
    let mut krb5 = krb5(protections);
    assert_eq!(krb5.start("rm", "h", None).unwrap(), "AP-REQ");
    // Nothing is left to say, and that must be said.
    assert_eq!(krb5.evaluate(b"AP-REP").unwrap(), Some(Bytes::new()));
    assert!(!krb5.is_complete());
    krb5
}

#[test]
fn the_first_protection_that_the_server_offers_is_taken() {
    use Protection::{Authentication, Integrity, Privacy};
    for (own, offer, answer) in [
        (&[Authentication][..], b"s\x07\x01\x00\x00", &b"s\x01\x00\x00\x00"[..]),
        (&[Authentication], b"s\x01\x00\x00\x00", b"s\x01\x00\x00\x00"),
        (&[Integrity, Authentication], b"s\x07\x01\x00\x00", b"s\x02\x01\x00\x00"),
        (&[Privacy, Authentication], b"s\x03\x01\x00\x00", b"s\x01\x00\x00\x00"),
        (&[Privacy], b"s\x04\x01\x00\x00", b"s\x04\x01\x00\x00"),
    ] {
        let mut krb5 = proved(own);
        assert_eq!(krb5.evaluate(offer).unwrap().as_deref(), Some(answer), "{own:?}");
        assert!(krb5.is_complete());
        assert_eq!(krb5.evaluate(b"").unwrap(), None);
        assert_eq!(krb5.layer().is_some(), answer[1] != 1, "{own:?}");
    }
}

#[test]
fn what_the_server_does_not_offer_is_not_done_without() {
    let error = proved(&[Protection::Privacy]).evaluate(b"s\x03\x01\x00\x00").unwrap_err();
    let (offered, accepted) = ("auth, auth-int".to_owned(), "auth-conf".to_owned());
    assert_eq!(error, SaslError::NoCommonProtection { offered, accepted });
}

#[test]
fn protected_messages_are_as_long_as_the_server_allows_and_as_protected_as_agreed() {
    let mut krb5 = proved(&[Protection::Privacy]);
    krb5.evaluate(b"s\x07\x01\x00\x00").unwrap();
    let SecurityLayer { mut seal, mut open } = krb5.layer().unwrap();
    assert_eq!(seal.limit(), 65526);
    assert_eq!(seal.seal(b"call").unwrap(), "ecall");
    assert_eq!(open.open(b"eanswer").unwrap(), "answer");
    assert_eq!(open.open(b"sanswer").unwrap_err(), SaslError::Forged("it is not encrypted"));
    assert!(open.open(b"?").is_err());
}

#[test]
fn a_server_out_of_step_is_an_error() {
    let all = [Protection::Privacy, Protection::Authentication];
    // No room for a message, an offer of another length, one that is not protected.
    for offer in [&b"s\x04\x00\x00\x0a"[..], b"s\x07", b"s\x07\x01\x00\x00\x00", b"\x07\x01\x00\x00", b""] {
        let mut krb5 = proved(&all);
        assert!(krb5.evaluate(offer).is_err(), "{offer:?}");
        assert!(krb5.evaluate(b"s\x07\x01\x00\x00").is_err(), "nothing goes on after an error");
        assert!(!krb5.is_complete() && krb5.layer().is_none());
    }
    let mut over = proved(&all);
    over.evaluate(b"s\x07\x01\x00\x00").unwrap();
    assert!(over.evaluate(b"more").is_err());
    let mut early = krb5(&all);
    assert!(early.evaluate(b"AP-REP").is_err());
    let mut stuck = krb5(&all);
    stuck.start("rm", "h", None).unwrap();
    assert!(stuck.evaluate(b"more").is_err());
    assert!(stuck.start("rm", "h", None).is_err());
}

#[test]
fn why_a_server_is_refused_is_kept() {
    let begin = |_: &str, _: &str| -> Result<Begun, KerberosError> {
        Err(KerberosError::ServerUnset { key: "yarn.resourcemanager.principal" })
    };
    let mut krb5 = Krb5::new("ada@A", &[], Box::new(begin));
    let error = krb5.start("rm", "h", None).unwrap_err();
    assert!(error.to_string().contains("yarn.resourcemanager.principal"), "{error}");
}

proptest! {
    #[test]
    fn arbitrary_challenges_never_panic(
        messages in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..9),
            Just(b"AP-REP".to_vec()),
            Just(b"s\x07\x01\x00\x00".to_vec()),
        ], 0..6),
    ) {
        let mut krb5 = krb5(&[Protection::Integrity]);
        krb5.start("rm", "h", None).unwrap();
        for message in messages {
            let _ = krb5.evaluate(&message);
        }
        if let Some(mut layer) = krb5.layer() {
            prop_assert!(krb5.is_complete() && layer.seal.seal(b"x").is_ok());
        }
    }
}
