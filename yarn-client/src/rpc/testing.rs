//! The server's half of the codec, for tests: it reads what a client sends, and sends scripted responses.

use bytes::{Bytes, BytesMut};
use prost::Message;
use proto::hadoop::common::rpc_response_header_proto::RpcStatusProto;
use proto::hadoop::common::rpc_sasl_proto::{SaslAuth, SaslState};
use proto::hadoop::common::{
    IpcConnectionContextProto, RequestHeaderProto, RpcRequestHeaderProto, RpcResponseHeaderProto,
    RpcSaslProto, UserInformationProto,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Call, Safety};
use crate::security::Token;
use crate::security::sasl::{DigestMd5, Mechanism, Protection};

/// A call of our own: the server may answer it with any other text.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Echo {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

impl Call for Echo {
    type Response = Self;
    const PROTOCOL: &'static str = "test.EchoProtocol";
    const METHOD: &'static str = "echo";
    const SAFETY: Safety = Safety::Idempotent;
}

/// The same call, but not known to be idempotent.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Once {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

impl Call for Once {
    type Response = Self;
    const PROTOCOL: &'static str = "test.EchoProtocol";
    const METHOD: &'static str = "once";
    const SAFETY: Safety = Safety::Unsafe;
}

pub(crate) fn echo(text: &str) -> Echo {
    Echo { text: text.to_owned() }
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// What a client sent.
#[derive(Debug)]
pub(crate) enum Received {
    Call { id: i32, retry: i32, method: String, payload: Bytes },
    Ping,
    End,
}

/// One accepted connection without SASL.
#[derive(Debug)]
pub(crate) struct FakeServer<S> {
    stream: S,
    pub(crate) user: String,
    pub(crate) protocol: String,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> FakeServer<S> {
    /// Reads preamble and context.
    pub(crate) async fn accept(mut stream: S) -> Self {
        let mut preamble = [0; 7];
        stream.read_exact(&mut preamble).await.unwrap();
        assert_eq!(&preamble, b"hrpc\x09\x00\x00");
        let mut server = Self { stream, user: String::new(), protocol: String::new() };
        let context = server.context().await;
        server.user = context.user_info.unwrap_or_default().effective_user().to_owned();
        server
    }

    /// Plays the server's side of a login with `token`, then reads the context. The client's response must be the
    /// one a client with that token gives.
    pub(crate) async fn accept_token(mut stream: S, token: &Token) -> Self {
        const CHALLENGE: &[u8] =
            b"realm=\"default\",nonce=\"abc\",qop=\"auth\",charset=utf-8,algorithm=md5-sess";
        let mut preamble = [0; 7];
        stream.read_exact(&mut preamble).await.unwrap();
        assert_eq!(&preamble, b"hrpc\x09\x00\xdf");
        let mut server = Self { stream, user: String::new(), protocol: String::new() };
        assert_eq!(server.sasl().await.state, i32::from(SaslState::Negotiate));
        let offer = SaslAuth {
            method: "TOKEN".to_owned(),
            mechanism: "DIGEST-MD5".to_owned(),
            protocol: Some(String::new()),
            server_id: Some("default".to_owned()),
            challenge: Some(Bytes::from_static(CHALLENGE)),
        };
        let state = SaslState::Negotiate.into();
        server.send_sasl(RpcSaslProto { state, auths: vec![offer.clone()], ..Default::default() }).await;
        let initiate = server.sasl().await;
        assert_eq!(initiate.auths, [SaslAuth { challenge: None, ..offer }]);
        let response = String::from_utf8(initiate.token.unwrap().to_vec()).unwrap();
        let cnonce = response.split("cnonce=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut twin = DigestMd5::with_cnonce(token, &[Protection::Authentication], cnonce.to_owned());
        assert_eq!(
            twin.start("", "default", Some(CHALLENGE)).unwrap(),
            response,
            "another token was expected"
        );
        let proof = format!("rspauth={}", twin.expected_proof().unwrap());
        let state = SaslState::Success.into();
        server.send_sasl(RpcSaslProto { state, token: Some(proof.into()), ..Default::default() }).await;
        let context = server.context().await;
        assert_eq!(context.user_info, Some(UserInformationProto::default()), "the token says who it is");
        server
    }

    async fn sasl(&mut self) -> RpcSaslProto {
        let mut frame = self.frame().await.expect("a SASL message");
        let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame).unwrap();
        assert_eq!(header.call_id, -33);
        RpcSaslProto::decode_length_delimited(&mut frame).unwrap()
    }

    async fn send_sasl(&mut self, message: RpcSaslProto) {
        self.reply(-33, &message.encode_length_delimited_to_vec()).await;
    }

    async fn context(&mut self) -> IpcConnectionContextProto {
        let mut frame = self.frame().await.expect("a context");
        let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame).unwrap();
        assert_eq!(header.call_id, -3);
        let context = IpcConnectionContextProto::decode_length_delimited(&mut frame).unwrap();
        self.protocol = context.protocol().to_owned();
        context
    }

    async fn frame(&mut self) -> Option<Bytes> {
        let length = self.stream.read_u32().await.ok()?;
        let mut frame = vec![0; length as usize];
        self.stream.read_exact(&mut frame).await.unwrap();
        Some(frame.into())
    }

    pub(crate) async fn receive(&mut self) -> Received {
        let Some(mut frame) = self.frame().await else { return Received::End };
        let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame).unwrap();
        if header.call_id == -4 {
            assert!(frame.is_empty());
            return Received::Ping;
        }
        let method = RequestHeaderProto::decode_length_delimited(&mut frame).unwrap();
        assert_eq!(method.declaring_class_protocol_name, self.protocol);
        assert_eq!(method.client_protocol_version, 1);
        let (id, retry) = (header.call_id, header.retry_count());
        Received::Call { id, retry, method: method.method_name, payload: frame }
    }

    /// The next call, which must come: its id and payload.
    pub(crate) async fn call(&mut self) -> (i32, Bytes) {
        match self.receive().await {
            Received::Call { id, payload, .. } => (id, payload),
            other => panic!("a call was expected, not {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Answers with a message that is delimited already.
    pub(crate) async fn reply(&mut self, id: i32, payload: &[u8]) {
        self.send(&reply(id, RpcStatusProto::Success, None, payload)).await;
    }

    pub(crate) async fn fail(&mut self, id: i32, status: RpcStatusProto, class: &str, message: &str) {
        self.send(&reply(id, status, Some((class, message)), &[])).await;
    }

    /// Answers every call with its own payload until the client is gone.
    pub(crate) async fn echo_all(mut self) {
        while let Received::Call { id, payload, .. } = self.receive().await {
            self.reply(id, &payload).await;
        }
    }
}

pub(crate) fn reply(
    id: i32,
    status: RpcStatusProto,
    error: Option<(&str, &str)>,
    payload: &[u8],
) -> BytesMut {
    let header = RpcResponseHeaderProto {
        call_id: id.cast_unsigned(),
        status: status.into(),
        exception_class_name: error.map(|(class, _)| class.to_owned()),
        error_msg: error.map(|(_, message)| message.to_owned()),
        ..RpcResponseHeaderProto::default()
    };
    let header = header.encode_length_delimited_to_vec();
    let mut out = BytesMut::new();
    out.extend_from_slice(&u32::try_from(header.len() + payload.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
    out
}
