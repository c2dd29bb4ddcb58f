//! Decides when delegation tokens are replaced and renewed, for as long as an application runs. It knows no server and no clock.
//!
//! A token has two ends. Its renewer must renew it before each renew interval is over, and after its life nobody can. The tokens
//! of a submission are renewed by the ResourceManager. At three quarters of their life they are replaced by tokens that the
//! application master renews itself, so that whoever was given one, such as a NodeManager that will collect logs with it, can
//! use it for the rest of its life. These are replaced in turn, and so on.

use std::time::Duration;

use yarn_client::security::TokenLife;

/// Between two steps there is at least this much time, whatever a server says about the life of its tokens, ms.
const LEAST_PAUSE: u64 = 1_000;
/// The pause after a first failure is a hundredth of the life of a token, but within these limits, ms.
const FIRST_PAUSE: [u64; 2] = [250, 60_000];

/// How often in a life incomplete generations are replaced.
const ATTEMPTS_IN_A_LIFE: u64 = 20;

/// How tokens are kept alive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The part of a life after which it is time for the next step: `security.delegation.tokens.renewal.time-ratio`.
    pub ratio: f64,
    /// The longest pause after failures: `security.delegation.tokens.renewal.retry.backoff`.
    pub longest_pause: Duration,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Obtain new tokens.
    Obtain,
    /// Renew the tokens of this generation.
    Renew(u32),
}

/// Tokens that were obtained together, and that we have to renew.
#[derive(Debug)]
struct Generation {
    number: u32,
    end_ms: u64,
    renew_at_ms: u64,
    /// By how much the clock of their server is ahead of ours, ms.
    ahead_ms: i64,
}

/// The generations of tokens of one application. All times are ms since the epoch by our own clock.
#[derive(Debug)]
pub struct Renewal {
    settings: Settings,
    generations: Vec<Generation>,
    /// The number of the newest generation.
    newest: u32,
    /// When the newest tokens end.
    end_ms: u64,
    length_ms: u64,
    obtain_at_ms: u64,
    failures: u32,
    not_before_ms: u64,
}

impl Renewal {
    /// `submitted`: the life of the tokens that came with the submission, by the clock of their server; without any, some are
    /// obtained at once.
    #[must_use]
    pub fn new(settings: Settings, submitted: Option<TokenLife>, now_ms: u64) -> Self {
        let life = submitted.unwrap_or(TokenLife { issued_ms: 0, end_ms: 0 });
        // Nothing was issued in the future: the clock of its server is ahead of ours.
        let issued_ms = life.issued_ms.min(now_ms);
        Self {
            settings,
            generations: Vec::new(),
            newest: 0,
            end_ms: issued_ms.saturating_add(life.length_ms()),
            length_ms: life.length_ms(),
            obtain_at_ms: issued_ms.saturating_add(part(life.length_ms(), settings.ratio)),
            failures: 0,
            not_before_ms: 0,
        }
    }

    /// When the newest tokens end for good; 0 if there are none.
    #[must_use]
    pub fn end_ms(&self) -> u64 {
        self.end_ms
    }

    /// Tokens are obtained next, whatever their age.
    pub fn obtain_now(&mut self) {
        self.obtain_at_ms = 0;
    }

    /// The next step, and when it is due.
    #[must_use]
    pub fn next(&self) -> (u64, Step) {
        let renewals = self.generations.iter().map(|it| (it.renew_at_ms, Step::Renew(it.number)));
        let first = renewals.min_by_key(|(at, _)| *at).filter(|(at, _)| *at < self.obtain_at_ms);
        let (at, step) = first.unwrap_or((self.obtain_at_ms, Step::Obtain));
        (at.max(self.not_before_ms), step)
    }

    /// New tokens are there, and have been renewed once: they are valid until `until_ms`, which like their life is by the clock of
    /// their server. Returns the number of their generation.
    pub fn obtained(&mut self, now_ms: u64, life: TokenLife, until_ms: u64) -> u32 {
        let length = life.length_ms();
        self.newest += 1;
        self.length_ms = length;
        self.end_ms = now_ms.saturating_add(length);
        self.worked(now_ms, Step::Obtain, length);
        self.obtain_at_ms = self.later(now_ms, length);
        self.generations.push(Generation {
            number: self.newest,
            end_ms: self.end_ms,
            renew_at_ms: 0,
            ahead_ms: life.issued_ms.cast_signed().saturating_sub(now_ms.cast_signed()),
        });
        self.renew_later(self.newest, now_ms, until_ms);
        self.newest
    }

    /// The newest generation lacks tokens of some servers. They are tried for again at the pace of lives and not of failures, as
    /// each attempt makes one more generation of all the others, too, which has to be renewed for days.
    pub fn incomplete(&mut self, now_ms: u64) {
        let longest = u64::try_from(self.settings.longest_pause.as_millis()).unwrap_or(u64::MAX);
        let soon = now_ms.saturating_add((self.length_ms / ATTEMPTS_IN_A_LIFE).max(longest));
        self.obtain_at_ms = self.obtain_at_ms.min(soon);
    }

    /// The tokens of a generation have been renewed, and are valid until `until_ms` by the clock of their server.
    pub fn renewed(&mut self, number: u32, now_ms: u64, until_ms: u64) {
        let valid = self.renew_later(number, now_ms, until_ms);
        self.worked(now_ms, Step::Renew(number), valid);
    }

    /// Returns how long the tokens are valid from now on, ms.
    fn renew_later(&mut self, number: u32, now_ms: u64, until_ms: u64) -> u64 {
        let Some(at) = self.generations.iter().position(|it| it.number == number) else { return u64::MAX };
        let ahead = self.generations[at].ahead_ms;
        let valid = until_ms.saturating_sub(now_ms.saturating_add_signed(ahead));
        self.generations[at].renew_at_ms = self.later(now_ms, valid);
        // What is renewed until the end of its life needs nothing more.
        let lasts = now_ms.saturating_add(valid).saturating_add(LEAST_PAUSE);
        self.generations.retain(|it| it.end_ms > now_ms && (it.number != number || lasts < it.end_ms));
        valid
    }

    /// A step has failed. Returns the pause before the next attempt.
    ///
    /// Attempts go on for as long as the application runs, but after a while only at the longest pause: a KDC that is repaired after
    /// all tokens have ended still saves a job that did not need them in the meantime.
    pub fn failed(&mut self, now_ms: u64, step: Step) -> Duration {
        if let Step::Renew(number) = step {
            // An older generation that its server does not renew any more, such as after a restart, is not worth a second attempt.
            self.generations
                .retain(|it| it.number != number || (number == self.newest && it.end_ms > now_ms));
        }
        let [least, most] = FIRST_PAUSE;
        let longest = u64::try_from(self.settings.longest_pause.as_millis()).unwrap_or(u64::MAX).max(least);
        let first = (self.length_ms / 100).clamp(least, most);
        let pause = first.saturating_mul(1 << self.failures.min(20)).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.not_before_ms = now_ms.saturating_add(pause);
        Duration::from_millis(pause)
    }

    /// A server that gives tokens without a life would be asked for ever: that is no success.
    fn worked(&mut self, now_ms: u64, step: Step, valid_ms: u64) {
        match valid_ms {
            0..LEAST_PAUSE => drop(self.failed(now_ms, step)),
            _ => (self.failures, self.not_before_ms) = (0, 0),
        }
    }

    fn later(&self, now_ms: u64, length_ms: u64) -> u64 {
        now_ms.saturating_add(part(length_ms, self.settings.ratio).max(LEAST_PAUSE))
    }
}

/// The product, for a ratio between 0 and 1.
fn part(length_ms: u64, ratio: f64) -> u64 {
    // In thousandths, so that nothing is lost of times that do not fit into a floating-point number.
    let thousandths = (ratio.clamp(0.0, 1.0) * 1000.0).round() as u64;
    (length_ms / 1000).saturating_mul(thousandths) + length_ms % 1000 * thousandths / 1000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400_000;
    const SETTINGS: Settings = Settings { ratio: 0.75, longest_pause: Duration::from_secs(3600) };

    fn life(issued_ms: u64, length_ms: u64) -> TokenLife {
        TokenLife { issued_ms, end_ms: issued_ms + length_ms }
    }

    /// Hadoop's defaults: a day, seven days.
    #[test]
    fn tokens_live_on_for_months() {
        let mut renewal = Renewal::new(SETTINGS, Some(life(0, 7 * DAY)), 0);
        assert_eq!(renewal.next(), (7 * DAY * 3 / 4, Step::Obtain));
        let (mut now, mut obtained, mut renewed) = (0, 0, 0);
        let mut ends = std::collections::BTreeMap::new();
        while now < 365 * DAY {
            let (at, step) = renewal.next();
            assert!(at >= now && at < renewal.end_ms(), "nobody is ever without tokens");
            now = at;
            match step {
                Step::Obtain => {
                    obtained += 1;
                    let number = renewal.obtained(now, life(now, 7 * DAY), now + DAY);
                    ends.insert(number, (now + DAY, now + 7 * DAY));
                }
                Step::Renew(number) => {
                    renewed += 1;
                    let (until, end) = ends.get_mut(&number).unwrap();
                    assert!(now < *until && *until < *end, "in time, and for a reason");
                    *until = (now + DAY).min(*end);
                    renewal.renewed(number, now, *until);
                }
            }
        }
        assert_eq!(obtained, 365 * 4 / 21);
        assert!((500..=650).contains(&renewed), "{renewed}");
        // All but the newest were renewed until their end.
        for (number, (until, end)) in ends {
            assert!(until == end || end > now, "{number}");
        }
    }

    #[test]
    fn pauses_after_failures_grow_up_to_the_longest() {
        let mut renewal = Renewal::new(SETTINGS, Some(life(0, 7 * DAY)), 0);
        let now = renewal.next().0;
        let pauses: Vec<u64> = (0..9).map(|_| renewal.failed(now, Step::Obtain).as_secs()).collect();
        assert_eq!(pauses, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!(renewal.next(), (now + 3_600_000, Step::Obtain));
        renewal.obtained(now + 3_600_000, life(0, 7 * DAY), DAY);
        assert_eq!(renewal.failed(now, Step::Renew(1)).as_secs(), 60);
    }

    #[test]
    fn old_generation_that_is_refused_is_given_up() {
        let mut renewal = Renewal::new(SETTINGS, None, 0);
        assert_eq!(renewal.next(), (0, Step::Obtain));
        renewal.obtained(0, life(0, 7 * DAY), DAY);
        renewal.obtained(DAY / 2, life(DAY / 2, 7 * DAY), DAY * 3 / 2);
        assert_eq!(renewal.next(), (DAY * 3 / 4, Step::Renew(1)));
        renewal.failed(DAY * 3 / 4, Step::Renew(1));
        assert_eq!(renewal.next().1, Step::Renew(2));
        renewal.failed(DAY * 5 / 4, Step::Renew(2));
        assert_eq!(renewal.next().1, Step::Renew(2), "the newest is tried again");
    }

    #[test]
    fn server_that_is_away_for_good_does_not_multiply_the_tokens_of_the_others() {
        let mut renewal = Renewal::new(SETTINGS, None, 0);
        let (mut now, mut obtained) = (0, 0);
        while now < 14 * DAY {
            let (at, step) = renewal.next();
            now = now.max(at);
            match step {
                Step::Obtain => {
                    obtained += 1;
                    renewal.obtained(now, life(now, 7 * DAY), now + DAY);
                    renewal.incomplete(now);
                    renewal.failed(now, step);
                }
                Step::Renew(number) => renewal.renewed(number, now, now + DAY),
            }
            assert!(renewal.generations.len() <= 20, "{}", renewal.generations.len());
        }
        assert_eq!(obtained, 14 * 20 / 7 + 1);
    }

    #[test]
    fn clock_of_the_server_does_not_matter() {
        let submitted = Renewal::new(SETTINGS, Some(life(9 * DAY, 7 * DAY)), DAY);
        assert_eq!((submitted.next(), submitted.end_ms()), ((DAY * 25 / 4, Step::Obtain), 8 * DAY));
        for ahead in [0, 3 * DAY] {
            let mut renewal = Renewal::new(SETTINGS, None, 0);
            let at = 10 * DAY;
            renewal.obtained(at, life(at + ahead, 7 * DAY), at + ahead + DAY);
            assert_eq!(renewal.next(), (at + DAY * 3 / 4, Step::Renew(1)));
            renewal.renewed(1, at + DAY, at + ahead + 2 * DAY);
            assert_eq!(renewal.next(), (at + DAY * 7 / 4, Step::Renew(1)));
        }
    }

    proptest! {
        /// Whatever servers say, they are not asked the same again and again.
        #[test]
        fn no_server_makes_us_ask_without_a_pause(
            lives in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<bool>()), 1..40),
            ratio in any::<f64>(),
        ) {
            let mut renewal = Renewal::new(Settings { ratio, ..SETTINGS }, None, 0);
            let (mut now, mut last) = (1, std::collections::BTreeMap::new());
            for (issued, end, until, fails) in lives {
                let (at, step) = renewal.next();
                now = now.max(at);
                let before = last.insert(format!("{step:?}"), now);
                prop_assert!(before.is_none_or(|before| now == u64::MAX || now - before >= 250), "{step:?} {renewal:?}");
                match (fails, step) {
                    (true, step) => prop_assert!(renewal.failed(now, step).as_millis() >= 250),
                    (false, Step::Obtain) => {
                        renewal.obtained(now, TokenLife { issued_ms: issued, end_ms: end }, until);
                    }
                    (false, Step::Renew(number)) => renewal.renewed(number, now, until),
                }
                prop_assert!(renewal.generations.len() <= 40);
            }
        }
    }
}
