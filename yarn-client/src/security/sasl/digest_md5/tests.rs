use proptest::prelude::*;

use super::*;

/// Known answers made with the JDK's own client and server (JDK 17): qop, cipher, nonce, cnonce, response, rspauth.
const ANSWERS: [(&str, &str, &str, &str, &str, &str); 4] = [
    (
        "auth",
        "",
        "beN5ZiGhoUKYOr+wkburJgGAba5HJ4nKKufVnKJn",
        "zHQzcHcsh6VV/4gv1s4l5iV1z7web959eu9B5fHE",
        "eb46fdf7ee64d45cb1b85395d3b13992",
        "2638b78be8fc98b87ae2021eb49986d9",
    ),
    (
        "auth-int",
        "",
        "nKOb2txtvezq5KHQGH199+WBW8/CVPOBfuUx1raM",
        "ns0fghHAiba5Pj1V2oL7L82Agh19eUByGVFHLhP9",
        "66c7bef674a3b762b17610630de90b9b",
        "7618952eec84a1902792b40dda5b4113",
    ),
    (
        "auth-conf",
        "3des",
        "5eRzJpzGcbURmhxS0fdMuSmS4DfDztixLziuWWP5",
        "1DoQa94Z/P0t2n7tOO0IlbSdFfASRCyjDHwJb1I2",
        "c27ee90068999f8a095894e8813c6a9f",
        "af8446094041f6dce9d3a50cfb522e7f",
    ),
    (
        "auth-conf",
        "rc4",
        "vGsQHPEqoDtIaRp2skchNZkhBWL0guyfq8MuoOOa",
        "p25F8nAmcdA/2kOt0T14fbs1JvIEzdZd5K/aEXzf",
        "7afa88bb2f8068b4394ea97d6db36a08",
        "ae04e459686327492382a26f39b31eee",
    ),
];

/// Of the JDK too: `hello` and `world!!!` from client to server, `hello` from server to client.
const WRAPS: [(usize, [&str; 3]); 3] = [
    (
        1,
        [
            "68656c6c6fac42870fa5716adc7697000100000000",
            "776f726c64212121504b7e2d41d9e3034ee2000100000001",
            "68656c6c6fa1fdb778347f9799c35a000100000000",
        ],
    ),
    (
        2,
        [
            "49a36165ee48cc664fa7c87f45437ab1000100000000",
            "843a4f6b839a2b3d306b0a20303b140b38653c8d399c265c000100000001",
            "7553aef35bf2f5f31d250e3d17583c4c000100000000",
        ],
    ),
    (
        3,
        [
            "09e9c9bf1f08937d0938cb96726ef0000100000000",
            "7bd20bea3878c6ca58f48ff49a0891c5567a000100000001",
            "734f83c044bebc4b34ca83b55a74cb000100000000",
        ],
    ),
];

const ALL: [Protection; 3] = [Protection::Privacy, Protection::Integrity, Protection::Authentication];

fn token() -> Token {
    Token {
        identifier: STANDARD.decode("CgYIARACGAM=").unwrap().into(),
        password: Secret::new(STANDARD.decode("AAECAwQFBgcICQoLDA0ODxAREhM=").unwrap()),
        ..Token::default()
    }
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn challenge(answer: usize) -> String {
    let (qop, cipher, nonce, ..) = ANSWERS[answer];
    let cipher = if cipher.is_empty() { String::new() } else { format!("cipher=\"{cipher}\",") };
    format!("realm=\"default\",nonce=\"{nonce}\",qop=\"{qop}\",charset=utf-8,{cipher}algorithm=md5-sess")
}

/// A mechanism that has sent its response to known answer number `answer`.
fn responded(answer: usize) -> (DigestMd5, String) {
    let mut mechanism = DigestMd5::with_cnonce(&token(), &ALL, ANSWERS[answer].3.to_owned());
    let response = mechanism.start("", "default", Some(challenge(answer).as_bytes())).unwrap();
    (mechanism, String::from_utf8(response.to_vec()).unwrap())
}

#[test]
fn answers_as_the_jdk_does() {
    for (i, (qop, _, nonce, cnonce, expected, proof)) in ANSWERS.into_iter().enumerate() {
        let (mut mechanism, response) = responded(i);
        let start = format!(
            "charset=utf-8,username=\"CgYIARACGAM=\",realm=\"default\",nonce=\"{nonce}\",nc=00000001,\
             cnonce=\"{cnonce}\",digest-uri=\"/default\",maxbuf=65536,response={expected},qop={qop}"
        );
        assert!(response.starts_with(&start), "{response}\n{start}");
        assert!(!mechanism.is_complete());
        assert_eq!(mechanism.evaluate(format!("rspauth={proof}").as_bytes()), Ok(None));
        assert!(mechanism.is_complete());
        assert_eq!(mechanism.layer().is_some(), qop != "auth");
    }
}

#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    for proof in ["rspauth=00000000000000000000000000000000", "rspauth="] {
        let (mut mechanism, _) = responded(0);
        assert_eq!(mechanism.evaluate(proof.as_bytes()), Err(SaslError::NotTheServer));
        assert!(!mechanism.is_complete());
    }
    let (mut mechanism, _) = responded(0);
    assert!(matches!(mechanism.evaluate(b""), Err(SaslError::Challenge { .. })));
}

#[test]
fn wraps_as_the_jdk_does() {
    for (answer, [first, second, reply]) in WRAPS {
        let (mut mechanism, _) = responded(answer);
        mechanism.evaluate(format!("rspauth={}", ANSWERS[answer].5).as_bytes()).unwrap();
        let mut layer = mechanism.layer().unwrap();
        assert_eq!(layer.seal.seal(b"hello").unwrap(), from_hex(first));
        assert_eq!(layer.seal.seal(b"world!!!").unwrap(), from_hex(second));
        assert_eq!(layer.open.open(&from_hex(reply)).unwrap(), "hello");
        // The same message again is a replay.
        assert!(matches!(layer.open.open(&from_hex(reply)), Err(SaslError::Forged(_))));
    }
}

#[test]
fn buffer_limits_match_the_jdk() {
    let key = [7; 16];
    let limit =
        |protection, cipher| layer::new(protection, cipher, &key, 65536).unwrap().unwrap().seal.limit();
    assert_eq!(limit(Protection::Integrity, None), 65520);
    assert_eq!(limit(Protection::Privacy, Some(Cipher::TripleDes)), 65510);
    assert_eq!(limit(Protection::Privacy, Some(Cipher::Rc4)), 65510);
    assert!(layer::new(Protection::Integrity, None, &key, 16).is_err());
}

#[test]
fn the_best_common_protection_wins_and_none_is_an_error() {
    let offer = b"realm=\"r\",nonce=\"n\",qop=\"auth,auth-int\",algorithm=md5-sess";
    let mut mechanism = DigestMd5::with_cnonce(&token(), &ALL, "c".to_owned());
    let response = mechanism.start("", "default", Some(offer)).unwrap();
    assert!(String::from_utf8_lossy(&response).ends_with("qop=auth-int"));
    let mut mechanism = DigestMd5::with_cnonce(&token(), &[Protection::Privacy], "c".to_owned());
    let error = mechanism.start("", "default", Some(offer)).unwrap_err();
    assert!(matches!(error, SaslError::NoCommonProtection { .. }));
    assert!(error.hint().unwrap().contains("hadoop.rpc.protection"));
}

#[test]
fn challenges_are_read_leniently_where_the_rfc_is_lenient() {
    let parsed = Challenge::parse(
        b" realm=\"a \\\"b\\\" c\" , nonce=\"n,=\" ,, QOP=\"auth, auth-int\",algorithm=md5-sess,x=y",
    )
    .unwrap();
    assert_eq!(parsed.realm, "a \"b\" c");
    assert_eq!(parsed.nonce, "n,=");
    assert_eq!(parsed.qops, ["auth", "auth-int"]);
    assert_eq!(parsed.max_buffer, 65536);
    for bad in [
        &b"nonce=\"n\""[..],
        b"algorithm=md5-sess",
        b"nonce=\"n",
        b"nonce=\"n\",nonce=\"m\",algorithm=md5-sess",
        b"nonce=\"n\",algorithm=md5-sess,maxbuf=-1",
        b"\xff",
        &[b'a'; 4096],
    ] {
        assert!(matches!(Challenge::parse(bad), Err(SaslError::Challenge { .. })), "{bad:?}");
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let (mechanism, _) = responded(2);
    let shown = format!("{mechanism:?}");
    assert_eq!(shown, "DigestMd5 { state: \"responded\", .. }");
}

fn layers() -> impl Strategy<Value = (Protection, Option<Cipher>)> {
    prop::sample::select(vec![
        (Protection::Integrity, None),
        (Protection::Privacy, Some(Cipher::TripleDes)),
        (Protection::Privacy, Some(Cipher::Rc4)),
    ])
}

proptest! {
    #[test]
    fn sealed_messages_are_opened_by_the_other_side(
        (protection, cipher) in layers(),
        key in any::<[u8; 16]>(),
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..5),
    ) {
        let mut client = layer::new(protection, cipher, &key, 65536).unwrap().unwrap();
        let mut server = layer::server(protection, cipher, &key).unwrap();
        for message in messages {
            let sealed = client.seal.seal(&message).unwrap();
            prop_assert_eq!(&server.open.open(&sealed).unwrap()[..], &message[..]);
            let sealed = server.seal.seal(&message).unwrap();
            prop_assert_eq!(&client.open.open(&sealed).unwrap()[..], &message[..]);
        }
    }

    #[test]
    fn changed_bit_is_detected(
        (protection, cipher) in layers(),
        message in prop::collection::vec(any::<u8>(), 0..60),
        position in any::<prop::sample::Index>(),
        bit in 0_u32..8,
    ) {
        let key = [3; 16];
        let mut server = layer::server(protection, cipher, &key).unwrap();
        let mut sealed = layer::new(protection, cipher, &key, 65536).unwrap().unwrap().seal.seal(&message).unwrap().to_vec();
        let position = position.index(sealed.len());
        sealed[position] ^= 1 << bit;
        prop_assert!(matches!(server.open.open(&sealed), Err(SaslError::Forged(_))));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        (protection, cipher) in layers(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "[a-z\"\\\\=, ]{0,60}",
    ) {
        let mut layer = layer::new(protection, cipher, &[0; 16], 65536).unwrap().unwrap();
        let _ = layer.open.open(&bytes);
        let _ = Challenge::parse(&bytes);
        let _ = Challenge::parse(text.as_bytes());
        let _ = challenge::server_proof(text.as_bytes());
    }
}
