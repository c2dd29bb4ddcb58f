//! One socket: calls go out as they come, replies come back in any order.
//!
//! Two tasks serve a connection. The writer joins whatever waits into one write, so that preamble, context and first
//! call leave together. The reader hands each reply to its caller, pings a silent server and closes idle connections.
//! They share a table that is either active, with the calls in flight, or poisoned: then every waiter, and every
//! later caller, gets the same first cause.

mod establish;
mod table;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use super::frame::{self, ClientId, FrameError};
use super::{Call, Options, Remote};
use crate::security::Auth;
use crate::security::sasl::{SaslError, Unwrapper, Wrapper};
use establish::Established;
use table::{Due, Table};

/// Room for the envelope of a protected reply, bytes.
const WRAP_OVERHEAD: usize = 4096;
const READ_SIZE: usize = 16 << 10;
/// For how long, after a write has failed, the reader may still find the reason.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What a connection is opened for.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The one protocol it is for, [`Call::PROTOCOL`].
    pub protocol: &'static str,
    /// Who is calling.
    pub auth: &'a Auth,
    /// Who is calling, to the server's statistics.
    pub client_id: ClientId,
    /// The server's address, whose name `_HOST` stands for in principals.
    pub peer: Option<IpAddr>,
    /// Timers, limits, protections.
    pub options: &'a Options,
}

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The system reports an error.
    #[error("the connection failed")]
    Io(#[source] std::io::Error),
    /// The server closed it between two frames.
    #[error("the server closed the connection")]
    Closed,
    /// The server closed it in the middle of a reply.
    #[error("the server closed the connection after {0} bytes of a response")]
    Cut(usize),
    /// We closed it because it was idle.
    #[error("the idle connection was closed")]
    Idle,
    /// We closed it, as its client is gone.
    #[error("the client is closed")]
    Dropped,
    /// The server sends what is not Hadoop RPC.
    #[error("{0}")]
    Frame(#[source] FrameError),
    /// A reply to a call that was never made.
    #[error("response to call {0}, which was never made")]
    UnknownCall(i32),
    /// The server ends the conversation and says why.
    #[error("{0}")]
    Fatal(Remote),
    /// The handshake failed, or a protected message was not intact.
    #[error("{0}")]
    Sasl(#[source] SaslError),
}

impl ConnectionError {
    /// The underlying error.
    pub(super) fn source_error(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(source) => Some(source),
            Self::Frame(source) => std::error::Error::source(source),
            _ => None,
        }
    }
}

impl From<FrameError> for ConnectionError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<SaslError> for ConnectionError {
    fn from(error: SaslError) -> Self {
        Self::Sasl(error)
    }
}

/// Why one call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server says so; the connection is fine.
    #[error("{0}")]
    Remote(Remote),
    /// The connection ended first.
    #[error("{cause}")]
    Lost {
        /// Why; the same for all calls in flight.
        cause: Arc<ConnectionError>,
        /// Whether the request may have reached the server.
        written: bool,
    },
    /// The answer cannot be understood.
    #[error("{0}")]
    Answer(#[source] FrameError),
}

/// An open, authenticated connection. Clones share it; it closes with the last of them.
#[derive(Debug, Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    table: Arc<Table>,
    outgoing: UnboundedSender<Outgoing>,
    client_id: ClientId,
    protocol: &'static str,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.table.poison(ConnectionError::Dropped);
    }
}

/// Work for the writer.
#[derive(Debug)]
enum Outgoing {
    Call { id: i32, frame: Bytes },
    Ping(Bytes),
}

impl Connection {
    /// Authenticates over `stream` and starts the connection's tasks; needs a tokio runtime. Without SASL nothing is
    /// sent until the first call.
    ///
    /// # Errors
    /// [`ConnectionError`]: what the server answers to our login, or what it sends instead of an answer.
    pub async fn establish<S>(stream: S, setup: Setup<'_>) -> Result<Self, ConnectionError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Established { stream, input, first, layer } = establish::establish(stream, &setup).await?;
        let (wrapper, unwrapper) = match layer {
            Some(layer) => (Some(Wrapper::new(layer.seal)), Some(Unwrapper::new(layer.open))),
            None => (None, None),
        };
        let (source, sink) = tokio::io::split(stream);
        let table = Arc::new(Table::new(Instant::now()));
        let (outgoing, queue) = unbounded_channel();
        let reader = Reader {
            source,
            input,
            plain: BytesMut::new(),
            unwrapper,
            table: Arc::clone(&table),
            // Weak, so that the writer ends when the connection's last owner is gone.
            outgoing: outgoing.downgrade(),
            ping: ping_frame(&setup.client_id),
            limit: setup.options.max_response_length,
            ping_interval: setup.options.ping_interval,
            max_idle: setup.options.max_idle,
        };
        let writer = Writer { sink, queue, first, wrapper, table: Arc::clone(&table) };
        tokio::spawn(reader.run());
        tokio::spawn(writer.run());
        let inner = Inner { table, outgoing, client_id: setup.client_id, protocol: setup.protocol };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Sends a call and waits for its answer, however long that takes. Dropping the future forgets the call; the
    /// answer is thrown away when it comes.
    ///
    /// `retry` is 0 for the first try of a call and goes to the server's log.
    ///
    /// # Errors
    /// [`CallError`].
    ///
    /// # Panics
    /// In debug builds, if `C` belongs to another protocol than the connection.
    pub async fn call<C: Call>(&self, request: &C, retry: i32) -> Result<C::Response, CallError> {
        debug_assert_eq!(C::PROTOCOL, self.inner.protocol, "one connection, one protocol");
        let mut waiting = self.inner.table.enter(Instant::now())?;
        let mut frame = BytesMut::new();
        frame::put_call(&mut frame, &self.inner.client_id, waiting.id(), retry, request);
        // Fails only if the writer is gone, and then the table is poisoned, which is reported to the waiter.
        let _ = self.inner.outgoing.send(Outgoing::Call { id: waiting.id(), frame: frame.freeze() });
        let answer = waiting.answer().await?;
        frame::decode_payload(answer).map_err(CallError::Answer)
    }

    /// Whether calls can still be made.
    pub fn is_open(&self) -> bool {
        self.inner.table.is_active()
    }

    #[cfg(test)]
    fn begin_call_ids_at(&self, id: i32) {
        self.inner.table.begin_call_ids_at(id);
    }
}

fn ping_frame(client_id: &ClientId) -> Bytes {
    let mut frame = BytesMut::new();
    frame::put_ping(&mut frame, client_id);
    frame.freeze()
}

struct Writer<S> {
    sink: WriteHalf<S>,
    queue: UnboundedReceiver<Outgoing>,
    /// What must go before the first call: the context, and the preamble unless a handshake has sent it.
    first: BytesMut,
    wrapper: Option<Wrapper>,
    table: Arc<Table>,
}

impl<S: AsyncRead + AsyncWrite + Send> Writer<S> {
    async fn run(mut self) {
        let table = Arc::clone(&self.table);
        tokio::select! {
            () = table.poisoned() => {}
            result = self.write_all() => if let Err(error) = result {
                // What the server said before it hung up tells more than that it did.
                let _ = tokio::time::timeout(LAST_WORDS, table.poisoned()).await;
                table.poison(error);
            }
        }
        let _ = self.sink.shutdown().await;
    }

    async fn write_all(&mut self) -> Result<(), ConnectionError> {
        while let Some(item) = self.queue.recv().await {
            let mut plain = std::mem::take(&mut self.first);
            self.append(item, &mut plain);
            while let Ok(item) = self.queue.try_recv() {
                self.append(item, &mut plain);
            }
            match &mut self.wrapper {
                None => self.write(&plain).await?,
                Some(wrapper) => {
                    let mut wrapped = BytesMut::new();
                    for message in wrapper.wrap(&plain)? {
                        frame::put_sasl(&mut wrapped, &message);
                    }
                    self.write(&wrapped).await?;
                }
            }
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.sink.write_all(bytes).await.map_err(ConnectionError::Io)?;
        self.sink.flush().await.map_err(ConnectionError::Io)
    }

    fn append(&self, item: Outgoing, plain: &mut BytesMut) {
        match item {
            Outgoing::Ping(frame) => plain.extend_from_slice(&frame),
            // A call that was given up before it was written need not be written.
            Outgoing::Call { id, frame } if self.table.about_to_write(id) => plain.extend_from_slice(&frame),
            Outgoing::Call { .. } => {}
        }
    }
}

struct Reader<S> {
    source: ReadHalf<S>,
    /// Bytes as they came.
    input: BytesMut,
    /// Bytes out of WRAP messages.
    plain: BytesMut,
    unwrapper: Option<Unwrapper>,
    table: Arc<Table>,
    outgoing: WeakUnboundedSender<Outgoing>,
    ping: Bytes,
    limit: usize,
    ping_interval: Option<Duration>,
    max_idle: Duration,
}

impl<S: AsyncRead + AsyncWrite + Send> Reader<S> {
    async fn run(mut self) {
        let table = Arc::clone(&self.table);
        tokio::select! {
            () = table.poisoned() => {}
            cause = self.read_all() => table.poison(cause),
        }
    }

    async fn read_all(&mut self) -> ConnectionError {
        let mut heard = Instant::now();
        loop {
            if let Err(cause) = self.deliver() {
                return cause;
            }
            let table = Arc::clone(&self.table);
            let due = table.due(heard, self.ping_interval, self.max_idle);
            self.input.reserve(READ_SIZE);
            tokio::select! {
                read = self.source.read_buf(&mut self.input) => match read {
                    Ok(0) => return match self.input.len() + self.plain.len() {
                        0 => ConnectionError::Closed,
                        length => ConnectionError::Cut(length),
                    },
                    Ok(_) => heard = Instant::now(),
                    Err(error) => return ConnectionError::Io(error),
                },
                () = until(due.at()) => match due {
                    Due::Ping(_) => {
                        // The next ping is due after another silent interval.
                        heard = Instant::now();
                        if let Some(outgoing) = self.outgoing.upgrade() {
                            let _ = outgoing.send(Outgoing::Ping(self.ping.clone()));
                        }
                    }
                    Due::Close(_) if table.poison_if_idle() => return ConnectionError::Idle,
                    Due::Close(_) | Due::Nothing => {}
                },
                () = table.changed() => {}
            }
        }
    }

    /// Hands out every whole reply.
    fn deliver(&mut self) -> Result<(), ConnectionError> {
        let Some(unwrapper) = &mut self.unwrapper else {
            while let Some(frame) = frame::take_frame(&mut self.input, self.limit)? {
                self.table.deliver(frame::decode_reply(frame)?, Instant::now())?;
            }
            return Ok(());
        };
        while let Some(frame) = frame::take_frame(&mut self.input, self.limit.saturating_add(WRAP_OVERHEAD))?
        {
            let message = establish::sasl_message(frame)?;
            unwrapper.unwrap(message, &mut self.plain)?;
            while let Some(frame) = frame::take_frame(&mut self.plain, self.limit)? {
                self.table.deliver(frame::decode_reply(frame)?, Instant::now())?;
            }
        }
        Ok(())
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
