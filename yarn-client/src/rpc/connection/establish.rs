//! The beginning of a connection, up to the point where calls can be sent.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proto::hadoop::common::RpcSaslProto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{ConnectionError, READ_SIZE, Setup};
use crate::rpc::frame::{self, Status, call_id};
use crate::security::kerberos::bounded;
use crate::security::sasl::{
    DigestMd5, Handshake, Krb5, Mechanism, Method, Outcome, SaslError, SecurityLayer, Step, TOKEN,
};
use crate::security::{Auth, Kerberos};

/// No SASL message is longer; the handshake must not let an unknown server fill our memory.
const MAX_HANDSHAKE_FRAME: usize = 1 << 20;

/// Of the limit for a login, for the KDC: so that it is blamed, and not the server that waits for us.
const KDC_SHARE: f64 = 0.75;

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
    let (mut stream, mut input, mut first) = (stream, BytesMut::new(), BytesMut::new());
    let options = setup.options;
    let digest = |token| -> Box<dyn Mechanism> {
        Box::new(DigestMd5::new(token, &options.protections, &*options.entropy))
    };
    if let Auth::Simple(_) = setup.auth {
        first.extend_from_slice(&frame::preamble(false));
    }
    let mut put_context =
        |user, real| frame::put_context(&mut first, &setup.client_id, setup.protocol, user, real);
    let layer = match setup.auth {
        Auth::Simple(user) => {
            put_context(Some(&*user.name), user.real());
            None
        }
        Auth::Token(token) => {
            // No falling back to "simple": a server that wants no proof of us has given none itself.
            let handshake = Handshake::new(vec![digest(token)], false);
            let outcome = shake_hands(&mut stream, &mut input, handshake, Pace::Quick).await?;
            // The token says who we are; any user beside it is refused.
            put_context(None, None);
            outcome.layer
        }
        Auth::Kerberos(kerberos) => {
            let mut mechanisms: Vec<_> = kerberos.token.iter().map(digest).collect();
            mechanisms.push(ticket(kerberos, setup));
            let handshake = Handshake::new(mechanisms, kerberos.fallback);
            let limit = options.connect_timeout.mul_f64(KDC_SHARE);
            let outcome = shake_hands(&mut stream, &mut input, handshake, Pace::Blocking(limit)).await?;
            let principal = kerberos.login.principal();
            let proxy = kerberos.proxy_user.as_deref();
            // Whom the ticket names the server knows; whoever differs from it is acted for (`ProtoUtil.makeIpcConnectionContext`).
            match outcome.method {
                Method::Simple => put_context(proxy.or(Some(principal)), proxy.and(Some(principal))),
                Method::Proved(TOKEN) => put_context(None, None),
                Method::Proved(_) => put_context(proxy.or(Some(principal)), None),
            }
            outcome.layer
        }
    };
    Ok(Established { stream, input, first, layer })
}

/// The mechanism that shows a ticket.
fn ticket(kerberos: &Kerberos, setup: &Setup<'_>) -> Box<dyn Mechanism> {
    let (principal, peer) = (kerberos.login.principal().to_owned(), setup.peer);
    let kerberos = kerberos.clone();
    let begin = move |name: &str, host: &str| {
        let (context, server) = kerberos.converse(name, host, peer)?;
        Ok((Box::new(context) as _, server))
    };
    Box::new(Krb5::new(&principal, &setup.options.protections, Box::new(begin)))
}

/// How long a step of a handshake takes us.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// No time at all.
    Quick,
    /// A KDC may be asked, for so long: not on a thread of the runtime.
    Blocking(Duration),
}

/// Our next step.
async fn step(
    mut handshake: Handshake,
    message: RpcSaslProto,
    pace: Pace,
) -> Result<(Handshake, Step), ConnectionError> {
    let Pace::Blocking(limit) = pace else {
        let step = handshake.receive(message)?;
        return Ok((handshake, step));
    };
    let work = move || {
        let step = handshake.receive(message)?;
        Ok::<_, SaslError>((handshake, step))
    };
    Ok(bounded(limit, work).await?)
}

async fn shake_hands<S>(
    stream: &mut S,
    input: &mut BytesMut,
    mut handshake: Handshake,
    pace: Pace,
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
        let next;
        (handshake, next) = step(handshake, message, pace).await?;
        match next {
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
