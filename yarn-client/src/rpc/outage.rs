//! Reports the outage of a service that is waited for: once when it is noticed, and once when it is over.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::RpcError;

/// After that long a person wonders.
const NOTICED: Duration = Duration::from_secs(3);

/// What is reported of an outage.
#[derive(Debug)]
pub enum Told<'a> {
    /// No server of the service has answered for some seconds.
    Away {
        /// What the last try came to.
        error: &'a RpcError,
        /// How long it is waited for in all.
        limit: Duration,
    },
    /// It answers again.
    Back,
}

/// Hears of outages.
pub type OnOutage = Arc<dyn Fn(Told<'_>) + Send + Sync>;

#[derive(Default)]
pub(super) struct Outage {
    told: Mutex<(Option<OnOutage>, bool)>,
}

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outage").finish_non_exhaustive()
    }
}

impl Outage {
    pub(super) fn tell(&self, on_outage: OnOutage) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(on_outage);
    }

    /// A call has got no answer for so long.
    pub(super) fn lasts(&self, so_long: Duration, limit: Duration, error: impl FnOnce() -> RpcError) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(on_outage), false) = (&told.0, told.1)
            && so_long >= NOTICED
        {
            on_outage(Told::Away { error: &error(), limit });
            told.1 = true;
        }
    }

    /// A call was answered.
    pub(super) fn over(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut told.1)
            && let Some(on_outage) = &told.0
        {
            on_outage(Told::Back);
        }
    }
}
