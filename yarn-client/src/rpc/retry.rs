//! Delays between tries.

use std::time::Duration;

use crate::security::Entropy;

/// Exponential, capped delays with jitter, so that many clients of one restarted server do not come back in step.
/// Doubling and the factor of a half to one and a half are those of Hadoop's `RetryPolicies`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// First delay.
    pub base: Duration,
    /// No delay is longer, jitter aside.
    pub cap: Duration,
}

impl Default for Backoff {
    /// 100 ms doubling up to 2 s. Hadoop waits 15 to 45 s between two failovers, because the same figure serves
    /// thousands of NodeManagers; a person at a prompt should not pay for that.
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(2) }
    }
}

impl Backoff {
    /// The delay after `earlier` delays.
    pub fn delay(&self, earlier: u32, entropy: &dyn Entropy) -> Duration {
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(earlier));
        doubled.min(self.cap).mul_f64(0.5 + entropy.unit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number it gives is the same fraction.
    #[derive(Debug)]
    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn backoff_doubles_up_to_the_cap_with_jitter() {
        let backoff = Backoff::default();
        let least: Vec<_> = (0..7).map(|n| backoff.delay(n, &Constant(0)).as_millis()).collect();
        assert_eq!(least, [50, 100, 200, 400, 800, 1000, 1000]);
        let most = backoff.delay(u32::MAX, &Constant(0xff));
        assert!(most > Duration::from_millis(2999) && most <= Duration::from_secs(3), "{most:?}");
    }
}
