//! Connections that say nothing, or too little, for tests of those who listen.

use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Nobody waits for longer, whoever else comes.
const IN_TIME: Duration = Duration::from_secs(1);
/// Between two bytes of [`drip`].
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

/// Silent connections, all from this host.
pub(crate) struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// `count` of them, one after the other.
    pub(crate) async fn gather(address: &str, count: usize) -> Self {
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            streams.push(TcpStream::connect(address).await.expect("a connection; see `ulimit -n`"));
        }
        Self(streams)
    }

    /// Connections that are opened again as soon as they are closed.
    fn storm(address: &str, count: usize) -> Storm {
        let came = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let (address, came) = (address.to_owned(), Arc::clone(&came));
            tasks.spawn(async move {
                loop {
                    let Ok(stream) = TcpStream::connect(&address).await else { continue };
                    came.fetch_add(1, Ordering::Relaxed);
                    let _ = stream.readable().await;
                }
            });
        }
        Storm { came, _tasks: tasks }
    }

    /// How many of them have a place.
    pub(crate) fn held(&self) -> usize {
        let silent = |stream: &&TcpStream| matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.0.iter().filter(silent).count()
    }
}

/// A storm of silent connections, until it is dropped.
struct Storm {
    came: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Storm {
    /// How many have come so far.
    fn came(&self) -> usize {
        self.came.load(Ordering::Relaxed)
    }
}

/// What comes of `done`, which must not take long.
pub(crate) async fn in_time<T>(done: impl Future<Output = T>) -> T {
    tokio::time::timeout(IN_TIME, done).await.expect("done within a second")
}

/// Does it 20 times in a storm of `count` connections at a time, which must not take long on average: whoever is sent away may come again.
pub(crate) async fn through_the_storm<F>(address: &str, count: usize, attempt: impl Fn() -> F + Send + Sync)
where
    F: Future<Output = bool> + Send,
{
    const TIMES: u32 = 20;
    let storm = Crowd::storm(address, count);
    let mut done = 0;
    let all = async {
        while done < TIMES {
            done += u32::from(attempt().await);
        }
    };
    let timely = tokio::time::timeout(IN_TIME * TIMES, all).await;
    assert!(timely.is_ok(), "only {done} of {TIMES}");
    assert!(storm.came() > count, "only {} came", storm.came());
}

/// How long a connection lasts that sends byte after byte, with pauses. In virtual time.
pub(crate) async fn drip(address: &str, bytes: impl Iterator<Item = u8>) -> Duration {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let begun = Instant::now();
    for byte in bytes {
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        let closed = tokio::time::timeout(PAUSE, stream.readable()).await;
        if closed.is_ok() {
            break;
        }
    }
    begun.elapsed()
}
