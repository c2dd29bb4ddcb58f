//! The codec: bytes to messages and back, without a socket.
//!
//! A connection begins with a preamble of seven bytes. Then both sides send frames: a length (four bytes, big-endian),
//! a header and a payload, the latter two as length-delimited protobuf messages.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use proto::hadoop::common::rpc_request_header_proto::OperationProto;
use proto::hadoop::common::rpc_response_header_proto::RpcStatusProto;
use proto::hadoop::common::{
    IpcConnectionContextProto, RequestHeaderProto, RpcKindProto, RpcRequestHeaderProto,
    RpcResponseHeaderProto, RpcSaslProto, UserInformationProto,
};

use super::{Call, Remote};

/// The protocol version of the preamble and of every reply.
const VERSION: u8 = 9;
const AUTH_NONE: u8 = 0;
/// -33, by coincidence the call id of SASL messages too.
const AUTH_SASL: u8 = 0xdf;
/// Version of every protocol we call; Hadoop compares it and has never raised it for protobuf protocols.
const PROTOCOL_VERSION: u64 = 1;
const LENGTH: usize = 4;

/// Call ids that are no calls (`RpcConstants`, `AuthProtocol`).
pub mod call_id {
    /// The connection context.
    pub const CONTEXT: i32 = -3;
    /// A ping.
    pub const PING: i32 = -4;
    /// SASL messages.
    pub const SASL: i32 = -33;
    /// Replies to a preamble or login that the server refuses.
    pub const REFUSED: i32 = -1;
}

/// Not a retry, as opposed to the first try, which counts 0 (`RpcConstants.INVALID_RETRY_COUNT`).
const NO_RETRY_COUNT: i32 = -1;

/// The 16 bytes by which a server knows a client; one for each client, across its connections.
pub type ClientId = [u8; 16];

/// Bytes that are not Hadoop RPC, or not the version we speak.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The server claims a frame longer than we take (`ipc.maximum.response.length`).
    #[error(
        "the response of {length} bytes is larger than the limit of {limit} bytes \
         (`ipc.maximum.response.length`)"
    )]
    TooLong {
        /// Claimed length, bytes.
        length: u32,
        /// Our limit, bytes.
        limit: usize,
    },
    /// The server speaks HTTP.
    #[error("the server answers in HTTP: this is the port of a web page, not of Hadoop RPC")]
    Http,
    /// The server is older than RPC version 9 (Hadoop 2.1).
    #[error("the server speaks an RPC version older than 9: it is older than Hadoop 2.1")]
    OldServer,
    /// The header does not parse.
    #[error("cannot parse the header of a response")]
    Header(#[source] prost::DecodeError),
    /// The payload does not parse.
    #[error("cannot parse a response of {length} bytes")]
    Payload {
        /// Length of the payload, bytes.
        length: usize,
        /// What is wrong.
        #[source]
        source: prost::DecodeError,
    },
    /// The payload is longer than its message.
    #[error("a response of {length} bytes has {unread} trailing bytes")]
    Trailing {
        /// Length of the payload, bytes.
        length: usize,
        /// Bytes after the message.
        unread: usize,
    },
    /// A status that is neither success nor error.
    #[error("a response has the unknown status {0}")]
    Status(i32),
}

/// The first bytes of a connection; `sasl` says whether a handshake follows.
pub fn preamble(sasl: bool) -> [u8; 7] {
    let [h, r, p, c] = *b"hrpc";
    [h, r, p, c, VERSION, 0, if sasl { AUTH_SASL } else { AUTH_NONE }]
}

fn header(call_id: i32, client_id: &[u8], retry_count: i32) -> RpcRequestHeaderProto {
    RpcRequestHeaderProto {
        // Both optional by the .proto, but a server hangs up on a header without them.
        rpc_kind: Some(RpcKindProto::RpcProtocolBuffer.into()),
        rpc_op: Some(OperationProto::RpcFinalPacket.into()),
        call_id,
        client_id: Bytes::copy_from_slice(client_id),
        retry_count: Some(retry_count),
        ..RpcRequestHeaderProto::default()
    }
}

fn delimited(message: &impl Message) -> usize {
    let length = message.encoded_len();
    prost::length_delimiter_len(length) + length
}

fn put_delimited(out: &mut BytesMut, message: &impl Message) {
    out.reserve(delimited(message));
    prost::encoding::encode_varint(message.encoded_len() as u64, out);
    message.encode_raw(out);
}

/// A frame's length does not fit its four bytes only for requests beyond 4 GiB, which no server takes.
fn put_length(out: &mut BytesMut, length: usize) {
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

/// Appends the connection context: which protocol is spoken and, unless a token implies it, for whom (`user`); and by whom, where
/// that is another and nothing has proved it (`real`).
pub fn put_context(
    out: &mut BytesMut,
    client_id: &ClientId,
    protocol: &str,
    user: Option<&str>,
    real: Option<&str>,
) {
    let header = header(call_id::CONTEXT, client_id, NO_RETRY_COUNT);
    // Without a user the message is there and empty.
    let user =
        UserInformationProto { effective_user: user.map(str::to_owned), real_user: real.map(str::to_owned) };
    let context = IpcConnectionContextProto { user_info: Some(user), protocol: Some(protocol.to_owned()) };
    put_length(out, delimited(&header) + delimited(&context));
    put_delimited(out, &header);
    put_delimited(out, &context);
}

/// Appends a call. `retry` is 0 for the first try.
pub fn put_call<C: Call>(out: &mut BytesMut, client_id: &ClientId, call_id: i32, retry: i32, request: &C) {
    let header = header(call_id, client_id, retry);
    let method = RequestHeaderProto {
        method_name: C::METHOD.to_owned(),
        declaring_class_protocol_name: C::PROTOCOL.to_owned(),
        client_protocol_version: PROTOCOL_VERSION,
    };
    put_length(out, delimited(&header) + delimited(&method) + delimited(request));
    put_delimited(out, &header);
    put_delimited(out, &method);
    put_delimited(out, request);
}

/// Appends a ping, which is never answered.
pub fn put_ping(out: &mut BytesMut, client_id: &ClientId) {
    let header = header(call_id::PING, client_id, NO_RETRY_COUNT);
    put_length(out, delimited(&header));
    put_delimited(out, &header);
}

/// Appends a SASL message.
pub(super) fn put_sasl(out: &mut BytesMut, message: &RpcSaslProto) {
    let header = header(call_id::SASL, &[], NO_RETRY_COUNT);
    put_length(out, delimited(&header) + delimited(message));
    put_delimited(out, &header);
    put_delimited(out, message);
}

/// Takes the next frame, without its length, off the front of `input`; `None` while it is not all there.
///
/// # Errors
/// [`FrameError`] as soon as the first four bytes cannot begin a reply of at most `limit` bytes. Nothing is allocated
/// for a length that is only claimed.
pub fn take_frame(input: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(first) = input.first_chunk::<LENGTH>() else { return Ok(None) };
    match first {
        b"HTTP" => return Err(FrameError::Http),
        // Before version 9 a reply began with the call id, -1 for a fatal error.
        [0xff, 0xff, 0xff, 0xff] => return Err(FrameError::OldServer),
        _ => {}
    }
    let length = u32::from_be_bytes(*first);
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    if input.len() - LENGTH < size {
        return Ok(None);
    }
    input.advance(LENGTH);
    Ok(Some(input.split_to(size).freeze()))
}

/// A reply to a call, to the context or to a SASL message.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What it replies to.
    pub call_id: i32,
    /// How it went.
    pub status: Status,
}

/// How a call went.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Well; this is the answer for [`decode_payload`].
    Success(Bytes),
    /// The call failed.
    Error(Remote),
    /// The connection is of no more use.
    Fatal(Remote),
}

/// Reads a frame from a server.
///
/// # Errors
/// [`FrameError::Header`], [`FrameError::Status`].
pub fn decode_reply(mut frame: Bytes) -> Result<Reply, FrameError> {
    let header = RpcResponseHeaderProto::decode_length_delimited(&mut frame).map_err(FrameError::Header)?;
    // Unsigned on the wire, unlike the request's.
    let call_id = header.call_id.cast_signed();
    let status = match RpcStatusProto::try_from(header.status) {
        Ok(RpcStatusProto::Success) => Status::Success(frame),
        Ok(RpcStatusProto::Error) => Status::Error(Remote::from_header(header)),
        Ok(RpcStatusProto::Fatal) => Status::Fatal(Remote::from_header(header)),
        Err(_) => return Err(FrameError::Status(header.status)),
    };
    Ok(Reply { call_id, status })
}

/// Reads a payload that holds exactly one message.
///
/// # Errors
/// [`FrameError::Payload`], [`FrameError::Trailing`].
pub fn decode_payload<M: Message + Default>(mut payload: Bytes) -> Result<M, FrameError> {
    let length = payload.len();
    let message =
        M::decode_length_delimited(&mut payload).map_err(|source| FrameError::Payload { length, source })?;
    if payload.has_remaining() {
        return Err(FrameError::Trailing { length, unread: payload.remaining() });
    }
    Ok(message)
}

#[cfg(test)]
mod tests;
