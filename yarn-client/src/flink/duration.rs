//! Durations in Flink's text form (`org.apache.flink.util.TimeUtils`).

use std::time::Duration;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {reason}")]
pub struct DurationError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Parses `200 ms`, `3s`, `5 min`, `1 h`, `30 d`; a bare number is milliseconds.
///
/// # Errors
/// No number, an unknown unit, or a number that does not fit.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let error = |reason| DurationError { text: text.to_owned(), reason };
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    if number.is_empty() {
        return Err(error("it does not start with a number"));
    }
    let too_large = || error("it is too large");
    let number = number.parse::<i64>().map_err(|_| too_large())?.unsigned_abs();
    // Java's durations end with a signed number of seconds.
    let seconds = |per: u64| {
        let seconds = number.checked_mul(per).filter(|seconds| i64::try_from(*seconds).is_ok());
        seconds.map(Duration::from_secs).ok_or_else(too_large)
    };
    // `m` is supported since 1.18 (FLINK-32585).
    match unit.trim().to_lowercase().as_str() {
        "d" | "day" | "days" => seconds(86_400),
        "h" | "hour" | "hours" => seconds(3_600),
        "min" | "m" | "minute" | "minutes" => seconds(60),
        "s" | "sec" | "secs" | "second" | "seconds" => seconds(1),
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => Ok(Duration::from_millis(number)),
        "µs" | "micro" | "micros" | "microsecond" | "microseconds" => Ok(Duration::from_micros(number)),
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => Ok(Duration::from_nanos(number)),
        _ => Err(error("unknown unit (expected one of: d, h, min, s, ms, µs, ns)")),
    }
}

/// The shortest text that Flink reads back as the same duration, in whole ms (`200 ms`, `30 d`).
pub fn format(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    match units.iter().find(|(size, _)| ms > 0 && ms.is_multiple_of(*size)) {
        Some((size, unit)) => format!("{} {unit}", ms / size),
        None => format!("{ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses_flinks_forms() {
        let ms = |text| parse(text).unwrap().as_millis();
        assert_eq!(ms("500"), 500);
        assert_eq!(ms("200 ms"), 200);
        assert_eq!(ms(" 3s "), 3_000);
        assert_eq!(ms("5 MIN"), 300_000);
        assert_eq!(ms("1 hour"), 3_600_000);
        assert_eq!(ms("30 d"), 2_592_000_000);
        assert_eq!(parse("7 µs").unwrap(), Duration::from_micros(7));
        for bad in ["", "s", "-1 s", "1.5 s", "1 week", "9999999999999999999", "999999999999999999 d"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn formats_the_shortest_unit() {
        assert_eq!(format(Duration::from_millis(200)), "200 ms");
        assert_eq!(format(Duration::ZERO), "0 ms");
        assert_eq!(format(Duration::from_secs(30 * 86_400)), "30 d");
        assert_eq!(format(Duration::from_secs(90)), "90 s");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn formatted_duration_round_trips(ms in 0..=i64::MAX as u64) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse(&format(duration)).unwrap(), duration);
        }
    }
}
