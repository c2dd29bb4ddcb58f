//! What a server of Hadoop RPC sends.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use proto::hadoop::yarn::{
    AllocateRequestProto, AllocateResponseProto, FinishApplicationMasterRequestProto,
    GetApplicationReportRequestProto, GetApplicationReportResponseProto, GetApplicationsResponseProto,
    GetNewApplicationRequestProto,
};
use tokio::io::{AsyncWriteExt as _, duplex};
use yarn_client::rpc::frame::{self, Status};
use yarn_client::rpc::{Call, Connection, Options, Setup};
use yarn_client::security::sasl::Protection;
use yarn_client::security::{Auth, Entropy, Secret, Token, User};

use super::conversation;
use recorded::{AUTHENTICATION, INTEGRITY, PRIVACY};

/// Longest answer, bytes.
const LIMIT: usize = 1 << 20;

/// Frames, headers and payloads of several calls.
pub fn rpc_frames(data: &[u8]) {
    let mut input = BytesMut::from(data);
    while let Ok(Some(frame)) = frame::take_frame(&mut input, LIMIT) {
        let Ok(reply) = frame::decode_reply(frame) else { continue };
        match reply.status {
            Status::Success(payload) => decode(&payload),
            Status::Error(remote) | Status::Fatal(remote) => {
                drop((remote.kind(), remote.to_string()));
            }
        }
    }
}

fn decode(payload: &Bytes) {
    drop(frame::decode_payload::<AllocateResponseProto>(payload.clone()));
    drop(frame::decode_payload::<GetApplicationReportResponseProto>(payload.clone()));
    drop(frame::decode_payload::<GetApplicationsResponseProto>(payload.clone()));
}

/// All that a server says to a client with two calls.
pub fn rpc_connection(data: &[u8]) {
    let auth = Auth::Simple(User::new("alice"));
    let (new, report) =
        (GetNewApplicationRequestProto::default(), GetApplicationReportRequestProto::default());
    call_both(data, &auth, &options(Protection::Authentication, Vec::new()), &new, &report);
}

/// The same with a login: the first byte chooses one of three recorded ones, whose nonce is repeated.
pub fn sasl_connection(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let (protection, random) = match first % 3 {
        0 => (Protection::Authentication, AUTHENTICATION),
        1 => (Protection::Privacy, PRIVACY),
        _ => (Protection::Integrity, INTEGRITY),
    };
    let auth = Auth::Token(token());
    let (finish, allocate) =
        (FinishApplicationMasterRequestProto::default(), AllocateRequestProto::default());
    call_both(data, &auth, &options(protection, random.to_vec()), &finish, &allocate);
}

fn call_both<A: Call, B: Call>(data: &[u8], auth: &Auth, options: &Options, one: &A, other: &B) {
    conversation(async {
        let (near, mut far) = duplex(1 << 20);
        if far.write_all(data).await.is_err() || far.shutdown().await.is_err() {
            return;
        }
        let setup = Setup { protocol: A::PROTOCOL, auth, client_id: [7; 16], peer: None, options };
        if let Ok(connection) = Connection::establish(near, setup).await {
            drop(tokio::join!(connection.call(one, 0), connection.call(other, 0)));
        }
    });
}

/// The token of the recorded logins.
pub(super) fn token() -> Token {
    Token {
        identifier: Bytes::from_static(
            b"\x0a\x0d\x0a\x09\x08\x07\x10\x80\xd0\x95\xff\xbc\x31\x10\x01\x10\x05",
        ),
        password: Secret::new(Bytes::from_static(
            b"\x18\x32\x09\x08\x76\x06\xb4\x48\xa4\x2b\xed\x75\xc5\xc5\x40\xd0\xd2\xe0\x6f\xed",
        )),
        ..Token::default()
    }
}

fn options(protection: Protection, random: Vec<u8>) -> Options {
    Options {
        max_response_length: LIMIT,
        protections: vec![protection],
        entropy: Arc::new(Recorded(random)),
        ..Options::default()
    }
}

#[derive(Debug)]
struct Recorded(Vec<u8>);

impl Entropy for Recorded {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().zip(&self.0).for_each(|(to, from)| *to = *from);
    }
}

/// The random bytes of the recorded logins.
#[rustfmt::skip]
mod recorded {
    pub(super) const AUTHENTICATION: &[u8] = b"\x3c\xf4\x51\x8a\x86\xe4\x43\xf9\x21\xef\xa5\x55\xc6\x9f\x69\x6f\xe3\xc1\x0f\x37\xfc\xed\xc8\x99\x40\x07\xb7\x28\x80\x56";
    pub(super) const PRIVACY: &[u8] = b"\x63\xe5\x81\xa5\x08\x84\xc1\xdb\x0f\x77\xc8\xbf\xe4\x26\xfb\xeb\x7f\x74\xdf\xec\x1b\x02\x76\xdc\x36\x41\xef\xd9\xf1\xb8";
    pub(super) const INTEGRITY: &[u8] = b"\xc4\x7b\x1b\xa4\x47\x44\x08\x34\x21\x33\xe2\x27\xa0\x25\x13\xb1\x4f\x70\x97\xa0\x81\xdb\x2e\x05\x0b\x8c\x8e\x1c\x11\x33";
}
