//! Timeouts and retry limits.

use std::sync::Arc;
use std::time::Duration;

use super::Backoff;
use crate::conf::{ConfError, Configuration, TimeUnit};
use crate::security::sasl::Protection;
use crate::security::{Entropy, SystemEntropy};

/// How long one call may keep trying, however many tries that takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Limit for a call in all, waiting for its answer included.
    pub overall: Duration,
    /// Limit while the only server cannot be connected to. Refusal is quick and clear, so a person need not wait
    /// long for the bad news; a daemon must outlive a restart of its server. With several servers, one of them is
    /// expected to take over, and the overall limit alone counts.
    pub refused: Duration,
}

/// Settings of a [`Client`](super::Client).
#[derive(Debug, Clone)]
pub struct Options {
    /// Limit for one TCP connect and for one authentication (`ipc.client.connect.timeout`).
    pub connect_timeout: Duration,
    /// A ping is sent when the server has been silent for so long while calls wait (`ipc.ping.interval`).
    /// `None` switches pings off (`ipc.client.ping=false`).
    pub ping_interval: Option<Duration>,
    /// Limit for one answer (`ipc.client.rpc-timeout.ms`); `None` waits as long as the connection lives.
    pub call_timeout: Option<Duration>,
    /// An unused connection is closed after this long (`ipc.client.connection.maxidletime`).
    pub max_idle: Duration,
    /// A longer answer is an error, in bytes (`ipc.maximum.response.length`).
    pub max_response_length: usize,
    /// Protections of the stream acceptable to us, best first (`hadoop.rpc.protection`).
    pub protections: Vec<Protection>,
    /// How long to keep trying.
    pub patience: Patience,
    /// Delays between tries.
    pub backoff: Backoff,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
}

impl Patience {
    /// For a person who waits: a minute in all, five seconds where nothing listens.
    pub const INTERACTIVE: Self = Self { overall: Duration::from_secs(60), refused: Duration::from_secs(5) };
    /// For a daemon: Hadoop's own fifteen minutes (`yarn.resourcemanager.connect.max-wait.ms`).
    pub const DAEMON: Self =
        Self { overall: Duration::from_secs(15 * 60), refused: Duration::from_secs(15 * 60) };
}

impl Default for Options {
    /// Hadoop's own defaults, with the patience of a person.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            ping_interval: Some(Duration::from_secs(60)),
            call_timeout: Some(Duration::from_secs(120)),
            max_idle: Duration::from_secs(10),
            max_response_length: 128 << 20,
            protections: vec![Protection::Authentication],
            patience: Patience::INTERACTIVE,
            backoff: Backoff::default(),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

impl Options {
    /// What Hadoop's configuration says of its own client.
    ///
    /// # Errors
    /// [`ConfError`] where a value does not parse; the message names key and value.
    pub fn from_configuration(conf: &Configuration) -> Result<Self, ConfError> {
        let defaults = Self::default();
        let millis = |key, default| conf.duration(key, default, TimeUnit::Millis);
        let ping_interval = millis("ipc.ping.interval", Duration::from_secs(60))?;
        let call_timeout = millis("ipc.client.rpc-timeout.ms", Duration::from_secs(120))?;
        let max_response = conf.integer("ipc.maximum.response.length", 128 << 20)?;
        let protections: Vec<Protection> = conf
            .list("hadoop.rpc.protection")
            .iter()
            .filter_map(|name| Protection::from_hadoop(name))
            .collect();
        Ok(Self {
            connect_timeout: millis("ipc.client.connect.timeout", defaults.connect_timeout)?,
            ping_interval: (conf.boolean("ipc.client.ping", true) && !ping_interval.is_zero())
                .then_some(ping_interval),
            call_timeout: (!call_timeout.is_zero()).then_some(call_timeout),
            max_idle: millis("ipc.client.connection.maxidletime", defaults.max_idle)?,
            // 0 or less switches the check off in Java; a limit remains here, since a length is only a claim.
            max_response_length: usize::try_from(max_response)
                .ok()
                .filter(|n| *n > 0)
                .unwrap_or(i32::MAX as usize),
            protections: if protections.is_empty() { defaults.protections } else { protections },
            patience: defaults.patience,
            backoff: defaults.backoff,
            entropy: defaults.entropy,
        })
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }
}
