use proptest::prelude::*;

use super::*;

/// Written by Hadoop 3.4.1: one token and one secret `k` of 200 zero bytes, in both formats.
const WRITABLE: &str = "4844545300010003010203020405105941524e5f414d5f524d5f544f4b454e0001016b8fc8";
const PROTOBUF: &str =
    "4844545301f4010a210a00121d0a03010203120204051a105941524e5f414d5f524d5f544f4b454e220012ce010a016b1ac801";

fn golden(hex: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    bytes.extend([0; 200]);
    bytes
}

fn sample() -> Credentials {
    let token = Token {
        identifier: Bytes::from_static(&[1, 2, 3]),
        password: Secret::new(vec![4, 5]),
        kind: "YARN_AM_RM_TOKEN".to_owned(),
        service: String::new(),
    };
    Credentials {
        tokens: vec![(String::new(), token)],
        secrets: vec![("k".to_owned(), Secret::new(vec![0; 200]))],
    }
}

#[test]
fn reads_both_formats_of_hadoop() {
    assert_eq!(Credentials::parse(&golden(WRITABLE)).unwrap(), sample());
    assert_eq!(Credentials::parse(&golden(PROTOBUF)).unwrap(), sample());
}

#[test]
fn writes_the_bytes_hadoop_writes() {
    assert_eq!(sample().to_bytes(), golden(WRITABLE));
}

#[test]
fn variable_numbers_are_those_of_writable_utils() {
    for (hex, value) in [
        ("00", 0),
        ("7f", 127),
        ("8f80", 128),
        ("8fff", 255),
        ("8e0100", 256),
        ("8d010000", 65536),
        ("8c80000000", 2_147_483_648),
        ("8a010000000000", 1_099_511_627_776),
        ("ff", -1),
        ("90", -112),
        ("8770", -113),
    ] {
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        let mut reader = Reader { rest: &bytes, total: bytes.len() };
        assert_eq!(reader.variable_long().unwrap(), value, "{hex}");
        assert!(reader.rest.is_empty());
        if let Ok(length) = usize::try_from(value) {
            let mut out = BytesMut::new();
            put_length(&mut out, length);
            assert_eq!(out, bytes, "{value}");
        }
    }
}

#[test]
fn invalid_credentials_streams_are_explained() {
    assert!(matches!(Credentials::parse(b""), Err(CredentialsError::Magic)));
    assert!(matches!(Credentials::parse(b"HDTS\x07"), Err(CredentialsError::Format(7))));
    // A count of 2^31 tokens in a stream of ten bytes.
    let error = Credentials::parse(b"HDTS\x00\x8c\x80\x00\x00\x00").unwrap_err();
    assert!(matches!(error, CredentialsError::Damaged { offset: 10, .. }), "{error}");
    let cut = golden(WRITABLE);
    for length in 5..cut.len() {
        assert!(
            matches!(Credentials::parse(&cut[..length]), Err(CredentialsError::Damaged { .. })),
            "{length}"
        );
    }
}

#[test]
fn a_missing_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("container_tokens");
    assert!(Credentials::read(&path).unwrap_err().to_string().contains("container_tokens"));
    std::fs::write(&path, b"nonsense").unwrap();
    let error = Credentials::read(&path).unwrap_err();
    assert!(
        matches!(&error, CredentialsError::File { source, .. } if matches!(**source, CredentialsError::Magic))
    );
    std::fs::write(&path, sample().to_bytes()).unwrap();
    assert_eq!(Credentials::read(&path).unwrap(), sample());
}

#[test]
fn secrets_do_not_show() {
    let password = b"correct horse battery staple";
    let mut credentials = sample();
    credentials.tokens[0].1.password = Secret::new(password.to_vec());
    credentials.secrets[0].1 = Secret::new(password.to_vec());
    let token = &credentials.tokens[0].1;
    for shown in [
        format!("{credentials:?}"),
        format!("{credentials:#?}"),
        format!("{token:?}"),
        format!("{:?}", token.password),
        format!("{:?}", crate::security::Auth::Token(token.clone())),
    ] {
        assert!(!shown.contains("horse"), "{shown}");
        // Nor as a list of numbers, the way derived Debug shows bytes.
        assert!(!shown.contains("111, 114"), "{shown}");
    }
}

#[test]
fn application_masters_own_token_is_not_passed_on() {
    let mut credentials = sample();
    let other = Token { kind: "HDFS_DELEGATION_TOKEN".to_owned(), ..credentials.tokens[0].1.clone() };
    credentials.insert("hdfs", other);
    let handed_on = credentials.without("YARN_AM_RM_TOKEN");
    assert!(handed_on.find("YARN_AM_RM_TOKEN").is_none());
    assert!(handed_on.find("HDFS_DELEGATION_TOKEN").is_some());
    assert_eq!(handed_on.secrets, credentials.secrets);
}

prop_compose! {
    fn arbitrary_token()(
        identifier in prop::collection::vec(any::<u8>(), 0..300),
        password in prop::collection::vec(any::<u8>(), 0..40),
        kind in ".{0,200}",
        service in ".{0,20}",
    ) -> Token {
        Token { identifier: identifier.into(), password: Secret::new(password), kind, service }
    }
}

proptest! {
    #[test]
    fn credentials_streams_round_trip(
        tokens in prop::collection::vec((".{0,10}", arbitrary_token()), 0..4),
        secrets in prop::collection::vec((".{0,10}", prop::collection::vec(any::<u8>(), 0..300)), 0..4),
    ) {
        let secrets = secrets.into_iter().map(|(alias, bytes)| (alias, Secret::new(bytes))).collect();
        let credentials = Credentials { tokens, secrets };
        prop_assert_eq!(Credentials::parse(&credentials.to_bytes()).unwrap(), credentials);
    }

    #[test]
    fn arbitrary_bytes_never_panic(format in 0_u8..2, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut stream = b"HDTS".to_vec();
        stream.push(format);
        stream.extend(&bytes);
        let _ = Credentials::parse(&stream);
        let _ = Credentials::parse(&bytes);
    }
}
