use proptest::prelude::*;
use proto::hadoop::yarn::{
    GetApplicationReportRequestProto, GetNewApplicationRequestProto, GetNewApplicationResponseProto,
};
use proto::ids::ApplicationId;

use super::*;
use crate::rpc::golden::{SIMPLE, TOKEN_AUTH};
use crate::rpc::testing::{echo, from_hex, reply};

const CLIENT_ID: &str = "3f6e75dab0ea49ea80e72117ada8d9d4";

fn client_id() -> ClientId {
    from_hex(CLIENT_ID).try_into().unwrap()
}

#[test]
fn a_simple_connection_begins_as_hadoops_does() {
    let mut out = BytesMut::from(&preamble(false)[..]);
    let protocol = <GetNewApplicationRequestProto as Call>::PROTOCOL;
    put_context(&mut out, &client_id(), protocol, Some("alice"), None);
    put_call(&mut out, &client_id(), 0, 0, &GetNewApplicationRequestProto {});
    assert_eq!(out, from_hex(SIMPLE[0].1));

    let mut out = BytesMut::new();
    let id = ApplicationId { cluster_timestamp: 1, id: 1 };
    put_call(
        &mut out,
        &client_id(),
        1,
        0,
        &GetApplicationReportRequestProto { application_id: Some(id.into()) },
    );
    assert_eq!(out, from_hex(SIMPLE[2].1));
}

#[test]
fn a_token_connection_begins_as_hadoops_does() {
    let mut out = BytesMut::from(&preamble(true)[..]);
    let negotiate = crate::security::sasl::Handshake::new(Vec::new(), false).first();
    put_sasl(&mut out, &negotiate);
    assert_eq!(out, from_hex(TOKEN_AUTH[0].1));
}

#[test]
fn reads_hadoops_answer() {
    let mut input = BytesMut::from(&from_hex(SIMPLE[1].1)[..]);
    let frame = take_frame(&mut input, 1000).unwrap().unwrap();
    assert!(input.is_empty());
    let reply = decode_reply(frame).unwrap();
    assert_eq!(reply.call_id, 0);
    let Status::Success(payload) = reply.status else { panic!("it went well") };
    let answer: GetNewApplicationResponseProto = decode_payload(payload).unwrap();
    let id = ApplicationId::from(&answer.application_id.unwrap());
    assert_eq!(id.to_string(), "application_1700000000000_0007");
}

#[test]
fn call_ids_of_replies_are_unsigned_on_the_wire() {
    let mut input = BytesMut::from(&from_hex(TOKEN_AUTH[1].1)[..]);
    let frame = take_frame(&mut input, 1000).unwrap().unwrap();
    assert_eq!(decode_reply(frame).unwrap().call_id, call_id::SASL);
}

#[test]
fn a_ping_is_a_header_alone() {
    let mut out = BytesMut::new();
    put_ping(&mut out, &client_id());
    assert_eq!(out, from_hex(&format!("0000001b1a0802100018072210{CLIENT_ID}2801")));
}

#[test]
fn a_frame_is_taken_only_when_it_is_whole() {
    let whole = reply(5, RpcStatusProto::Success, None, b"abc");
    for length in 0..whole.len() {
        let mut input = BytesMut::from(&whole[..length]);
        assert_eq!(take_frame(&mut input, 100), Ok(None));
        assert_eq!(input.len(), length, "nothing is lost");
    }
}

#[test]
fn what_is_not_hadoop_rpc_is_named() {
    let take = |bytes: &[u8]| take_frame(&mut BytesMut::from(bytes), 100);
    assert_eq!(take(b"HTTP/1.1 404 Not Found\r\n"), Err(FrameError::Http));
    assert_eq!(take(&[0xff; 12]), Err(FrameError::OldServer));
    assert_eq!(take(&[0, 0, 0, 101]), Err(FrameError::TooLong { length: 101, limit: 100 }));
    assert_eq!(
        take(&[0xff, 0xff, 0xff, 0xfe]),
        Err(FrameError::TooLong { length: u32::MAX - 1, limit: 100 })
    );
}

#[test]
fn trailing_bytes_are_an_error_with_sizes() {
    let mut payload = Message::encode_length_delimited_to_vec(&echo("hi"));
    let length = payload.len() + 2;
    payload.extend([0, 0]);
    let error = decode_payload::<crate::rpc::testing::Echo>(payload.into()).unwrap_err();
    assert_eq!(error, FrameError::Trailing { length, unread: 2 });
    let error = decode_payload::<crate::rpc::testing::Echo>(Bytes::from_static(&[9, 1])).unwrap_err();
    assert!(matches!(error, FrameError::Payload { length: 2, .. }));
}

#[test]
fn a_status_from_the_future_is_an_error() {
    let header = RpcResponseHeaderProto { call_id: 0, status: 7, ..Default::default() };
    let frame = Message::encode_length_delimited_to_vec(&header);
    assert_eq!(decode_reply(frame.into()), Err(FrameError::Status(7)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_never_allocate_what_is_only_claimed(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut input = BytesMut::from(&bytes[..]);
        let before = input.capacity();
        while let Ok(Some(frame)) = take_frame(&mut input, 1 << 20) {
            if let Ok(Reply { status: Status::Success(payload), .. }) = decode_reply(frame) {
                let _ = decode_payload::<GetNewApplicationResponseProto>(payload.clone());
                let _ = decode_payload::<RpcSaslProto>(payload);
            }
        }
        prop_assert!(input.capacity() <= before);
        let _ = decode_reply(bytes.into());
    }

    #[test]
    fn frames_are_read_however_they_are_split(texts in prop::collection::vec(".{0,40}", 1..6), cut in 1_usize..50) {
        let mut stream = Vec::new();
        for (id, text) in (0..).zip(&texts) {
            let payload = Message::encode_length_delimited_to_vec(&echo(text));
            stream.extend(reply(id, RpcStatusProto::Success, None, &payload));
        }
        let (mut input, mut got) = (BytesMut::new(), Vec::new());
        for piece in stream.chunks(cut) {
            input.extend_from_slice(piece);
            while let Some(frame) = take_frame(&mut input, 1000).unwrap() {
                let Status::Success(payload) = decode_reply(frame).unwrap().status else { panic!("success") };
                got.push(decode_payload::<crate::rpc::testing::Echo>(payload).unwrap().text);
            }
        }
        prop_assert_eq!(got, texts);
    }
}
