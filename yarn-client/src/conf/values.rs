//! Parsers of single values.

use std::time::Duration;

use super::TimeUnit;

/// `Configuration.getLong`: decimal or `0x` hexadecimal, with a sign.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            i64::from_str_radix(&format!("{sign}{hex}"), 16).ok()
        }
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// `Configuration.getTimeDuration`.
pub(super) fn duration(text: &str, bare_unit: TimeUnit) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    match (unit.trim(), bare_unit) {
        ("ns", _) => Some(Duration::from_nanos(number)),
        ("us", _) => Some(Duration::from_micros(number)),
        ("ms", _) | ("", TimeUnit::Millis) => Some(Duration::from_millis(number)),
        ("s", _) | ("", TimeUnit::Seconds) => seconds(1),
        ("m", _) | ("", TimeUnit::Minutes) => seconds(60),
        ("h", _) => seconds(3600),
        ("d", _) => seconds(86_400),
        _ => None,
    }
}

/// `StringUtils.TraditionalBinaryPrefix.string2long`, without negative numbers.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, shift) = match text.chars().last()?.to_ascii_lowercase() {
        'k' => (text.get(..text.len() - 1)?, 10),
        'm' => (text.get(..text.len() - 1)?, 20),
        'g' => (text.get(..text.len() - 1)?, 30),
        't' => (text.get(..text.len() - 1)?, 40),
        'p' => (text.get(..text.len() - 1)?, 50),
        'e' => (text.get(..text.len() - 1)?, 60),
        _ => (text, 0),
    };
    let number: u64 = number.trim().parse().ok()?;
    number.checked_mul(1 << shift)
}
