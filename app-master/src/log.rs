//! The application master's own log: standard error, which YARN keeps for as long as the application lives, and which
//! is never rolled. It is complete at first, and rate-limited in the long run.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How much may be written at once, and how much in an hour, in lines of [`LINE`] bytes. Months of 31 days hold 744
/// hours: at most 2,000 + 744 × 60 = 46,640 lines in the first one, which are 46,640 × 200 = 9.3 MB, and 8.9 MB in each
/// later one.
const BURST: u32 = 2_000;
const HOURLY: u32 = 60;
/// A longer line counts as several.
const LINE: usize = 200;

/// How many lines may still be written. Errors are always written.
#[derive(Debug)]
pub struct Bucket {
    lines: f64,
    filled: Duration,
    left_out: u64,
}

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is written, after a note about those that were left out.
    Written {
        /// How many were left out.
        left_out: u64,
    },
    /// It is left out.
    LeftOut,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { lines: f64::from(BURST), filled: Duration::ZERO, left_out: 0 }
    }
}

impl Bucket {
    /// Decides about a line of this many bytes.
    pub fn line(&mut self, bytes: usize, is_error: bool, now: Duration) -> Fate {
        let hours = now.saturating_sub(self.filled).as_secs_f64() / 3600.0;
        self.filled = self.filled.max(now);
        self.lines = hours.mul_add(f64::from(HOURLY), self.lines).min(f64::from(BURST));
        let cost = f64::from(u32::try_from(bytes.div_ceil(LINE)).unwrap_or(u32::MAX));
        if self.lines < cost && !is_error {
            self.left_out += 1;
            return Fate::LeftOut;
        }
        self.lines = (self.lines - cost).max(0.0);
        Fate::Written { left_out: std::mem::take(&mut self.left_out) }
    }
}

/// Standard error, within the limits of the bucket.
#[derive(Debug)]
pub struct Bounded {
    begun: Instant,
    bucket: Mutex<Bucket>,
}

impl Default for Bounded {
    fn default() -> Self {
        Self { begun: Instant::now(), bucket: Mutex::default() }
    }
}

/// Writes one line.
#[derive(Debug)]
pub struct Line<'a> {
    log: &'a Bounded,
    is_error: bool,
}

impl<'a> MakeWriter<'a> for Bounded {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { log: self, is_error: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        Line { log: self, is_error: *meta.level() == Level::ERROR }
    }
}

impl Write for Line<'_> {
    /// The subscriber hands over a whole line at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let now = self.log.begun.elapsed();
        let fate = {
            let mut bucket = self.log.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.line(line.len(), self.is_error, now)
        };
        let mut out = io::stderr().lock();
        match fate {
            Fate::LeftOut => {}
            Fate::Written { left_out: 0 } => out.write_all(line)?,
            Fate::Written { left_out } => {
                writeln!(out, "({left_out} lines left out)")?;
                out.write_all(line)?;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Writes this many short lines at once. Returns how many were written.
    fn write(bucket: &mut Bucket, lines: u32, now: Duration) -> u32 {
        let written = |bucket: &mut Bucket| matches!(bucket.line(80, false, now), Fate::Written { .. });
        (0..lines).filter(|_| written(bucket)).map(|_| 1).sum()
    }

    #[test]
    fn first_lines_are_complete_and_floods_are_cut() {
        let mut bucket = Bucket::default();
        assert_eq!(write(&mut bucket, BURST + 500, HOUR), BURST);
        assert_eq!(bucket.line(80, false, HOUR), Fate::LeftOut);
        // Half an hour later thirty fit in, and the first of them says how many are missing.
        let later = HOUR + HOUR / 2;
        assert_eq!(bucket.line(80, false, later), Fate::Written { left_out: 501 });
        assert_eq!(bucket.line(80, false, later), Fate::Written { left_out: 0 });
        assert_eq!(write(&mut bucket, 100, later), HOURLY / 2 - 2);
        // A quiet week fills it again, but not beyond its capacity.
        assert_eq!(write(&mut bucket, 5000, HOUR * 24 * 7), BURST);
    }

    #[test]
    fn errors_are_never_dropped() {
        let mut bucket = Bucket::default();
        write(&mut bucket, BURST + 1, HOUR);
        for left_out in [1, 0, 0] {
            assert_eq!(bucket.line(80, true, HOUR), Fate::Written { left_out });
        }
        assert_eq!(bucket.line(80, false, HOUR), Fate::LeftOut);
    }

    #[test]
    fn long_lines_count_as_several() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.line(LINE * (BURST as usize - 1) + 1, false, HOUR), Fate::Written { left_out: 0 });
        assert_eq!(bucket.line(1, false, HOUR), Fate::LeftOut);
    }

    #[test]
    fn a_month_of_flood_stays_below_ten_megabytes() {
        let mut bucket = Bucket::default();
        let mut bytes = 0;
        // A line of any length up to 2,000 bytes, every second.
        for second in 0..31 * 24 * 3600 {
            let length = 1 + (second * 7919) % 2000;
            let fate = bucket.line(length, false, Duration::from_secs(second as u64));
            if matches!(fate, Fate::Written { .. }) {
                bytes += length;
            }
        }
        assert!((4_000_000..10_000_000).contains(&bytes), "{bytes}");
    }
}
