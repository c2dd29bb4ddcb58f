//! The beginning of a connection, up to the point where calls can be sent.

use bytes::{Bytes, BytesMut};
use proto::hadoop::common::RpcSaslProto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{ConnectionError, READ_SIZE, Setup};
use crate::rpc::frame::{self, Status, call_id};
use crate::security::Auth;
use crate::security::sasl::{DigestMd5, Handshake, Outcome, SaslError, SecurityLayer, Step};

/// No SASL message is longer; the handshake must not let an unknown server fill our memory.
const MAX_HANDSHAKE_FRAME: usize = 1 << 20;

pub(super) struct Established<S> {
    pub(super) stream: S,
    /// Bytes received beyond the handshake.
    pub(super) input: BytesMut,
    /// What goes before the first call, in the same write.
    pub(super) first: BytesMut,
    pub(super) layer: Option<SecurityLayer>,
}

pub(super) async fn establish<S>(stream: S, setup: &Setup<'_>) -> Result<Established<S>, ConnectionError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (mut input, mut first) = (BytesMut::new(), BytesMut::new());
    match setup.auth {
        Auth::Simple(user) => {
            first.extend_from_slice(&frame::preamble(false));
            frame::put_context(&mut first, &setup.client_id, setup.protocol, Some(&user.name));
            Ok(Established { stream, input, first, layer: None })
        }
        Auth::Token(token) => {
            let mut stream = stream;
            let options = setup.options;
            let mechanism = DigestMd5::new(token, &options.protections, &*options.entropy);
            // No falling back to "simple": a server that wants no proof of us has given none itself.
            let handshake = Handshake::new(vec![Box::new(mechanism)], false);
            let outcome = shake_hands(&mut stream, &mut input, handshake).await?;
            tracing::trace!(method = ?outcome.method, "authenticated");
            // The token says who we are; any user beside it is refused.
            frame::put_context(&mut first, &setup.client_id, setup.protocol, None);
            Ok(Established { stream, input, first, layer: outcome.layer })
        }
    }
}

async fn shake_hands<S>(
    stream: &mut S,
    input: &mut BytesMut,
    mut handshake: Handshake,
) -> Result<Outcome, ConnectionError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let mut output = BytesMut::from(&frame::preamble(true)[..]);
    frame::put_sasl(&mut output, &handshake.first());
    loop {
        stream.write_all(&output).await.map_err(ConnectionError::Io)?;
        stream.flush().await.map_err(ConnectionError::Io)?;
        output.clear();
        let message = sasl_message(read_frame(stream, input).await?)?;
        match handshake.receive(message)? {
            Step::Send(message) => frame::put_sasl(&mut output, &message),
            Step::Finish(outcome) => return Ok(outcome),
            Step::SendAndFinish(message, outcome) => {
                frame::put_sasl(&mut output, &message);
                stream.write_all(&output).await.map_err(ConnectionError::Io)?;
                return Ok(outcome);
            }
        }
    }
}

async fn read_frame<S>(stream: &mut S, input: &mut BytesMut) -> Result<Bytes, ConnectionError>
where
    S: AsyncRead + Send + Unpin,
{
    loop {
        if let Some(frame) = frame::take_frame(input, MAX_HANDSHAKE_FRAME)? {
            return Ok(frame);
        }
        input.reserve(READ_SIZE);
        if stream.read_buf(input).await.map_err(ConnectionError::Io)? == 0 {
            return Err(match input.len() {
                0 => ConnectionError::Closed,
                length => ConnectionError::Cut(length),
            });
        }
    }
}

/// Reads a frame that can only hold a SASL message.
pub(super) fn sasl_message(frame: Bytes) -> Result<RpcSaslProto, ConnectionError> {
    let reply = frame::decode_reply(frame)?;
    match (reply.call_id, reply.status) {
        (call_id::SASL, Status::Success(payload)) => Ok(frame::decode_payload(payload)?),
        (call_id::SASL | call_id::REFUSED, Status::Error(remote) | Status::Fatal(remote)) => {
            Err(ConnectionError::Fatal(remote))
        }
        (other, _) => {
            Err(SaslError::protocol(format!("response to call {other} instead of a SASL message")).into())
        }
    }
}
