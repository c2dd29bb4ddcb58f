//! The protected stream: every byte after SUCCESS travels inside of WRAP messages.
//!
//! What is wrapped is a stream. One message may hold several RPC frames or a part of one, on both sides.

use bytes::{BufMut, BytesMut};
use proto::hadoop::common::RpcSaslProto;
use proto::hadoop::common::rpc_sasl_proto::SaslState;

use super::{Open, SaslError, Seal};

/// Turns outgoing bytes into WRAP messages.
#[derive(Debug)]
pub(crate) struct Wrapper {
    seal: Box<dyn Seal>,
}

/// Turns incoming WRAP messages into bytes.
#[derive(Debug)]
pub(crate) struct Unwrapper {
    open: Box<dyn Open>,
}

impl Wrapper {
    /// Wraps with `seal`.
    pub(crate) fn new(seal: Box<dyn Seal>) -> Self {
        Self { seal }
    }

    /// As many messages as the peer's buffer requires; they must be sent in this order.
    ///
    /// # Errors
    /// [`SaslError`] where the layer is of no more use.
    pub(crate) fn wrap(&mut self, plain: &[u8]) -> Result<Vec<RpcSaslProto>, SaslError> {
        let limit = self.seal.limit().max(1);
        let wrapped = |chunk: &[u8]| {
            let token = Some(self.seal.seal(chunk)?);
            Ok(RpcSaslProto { state: SaslState::Wrap.into(), token, ..RpcSaslProto::default() })
        };
        plain.chunks(limit).map(wrapped).collect()
    }
}

impl Unwrapper {
    /// Unwraps with `open`.
    pub(crate) fn new(open: Box<dyn Open>) -> Self {
        Self { open }
    }

    /// Appends the content of one message to `plain`.
    ///
    /// # Errors
    /// [`SaslError`] for anything but an intact WRAP message.
    pub(crate) fn unwrap(&mut self, message: RpcSaslProto, plain: &mut BytesMut) -> Result<(), SaslError> {
        if message.state != i32::from(SaslState::Wrap) {
            return Err(SaslError::protocol(format!("state {} inside of a protected stream", message.state)));
        }
        let token = message.token.ok_or_else(|| SaslError::protocol("a WRAP message without content"))?;
        plain.put(self.open.open(&token)?);
        Ok(())
    }
}
