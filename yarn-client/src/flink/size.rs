//! Memory sizes in Flink's text form (`org.apache.flink.configuration.MemorySize`).

use std::fmt;

/// A number of bytes, at most `i64::MAX` as in Java.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemorySize(u64);

/// A text that is not a memory size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a memory size: {reason}")]
pub struct SizeError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl MemorySize {
    /// Zero bytes.
    pub const ZERO: Self = Self(0);
    /// Java's `Long.MAX_VALUE` bytes: Flink's "no limit".
    pub const MAX: Self = Self(i64::MAX as u64);

    /// A size in bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size in MiB.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The size in MiB, rounded down.
    pub const fn mib(self) -> u64 {
        self.0 >> 20
    }

    /// Parses `1g`, `1600m`, `128 kb`, `123b`; a bare number is bytes.
    ///
    /// # Errors
    /// No number, an unknown unit, or more than `i64::MAX` bytes.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        Self::parse_with(text, 1)
    }

    /// As [`Self::parse`], but a bare number is MiB: the meaning of `-jm` and `-tm` on the command line.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_or_mib(text: &str) -> Result<Self, SizeError> {
        Self::parse_with(text, 1 << 20)
    }

    fn parse_with(text: &str, bare: u64) -> Result<Self, SizeError> {
        let error = |reason| SizeError { text: text.to_owned(), reason };
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        if number.is_empty() {
            return Err(error("it does not start with a number"));
        }
        if unit.starts_with(['.', ',']) {
            return Err(error("it is not a whole number"));
        }
        let multiplier = match unit.trim().to_ascii_lowercase().as_str() {
            "" => bare,
            "b" | "bytes" => 1,
            "k" | "kb" | "kibibytes" => 1 << 10,
            "m" | "mb" | "mebibytes" => 1 << 20,
            "g" | "gb" | "gibibytes" => 1 << 30,
            "t" | "tb" | "tebibytes" => 1 << 40,
            _ => return Err(error("unknown unit (expected one of: b, k, kb, m, mb, g, gb, t, tb)")),
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(multiplier))
            .filter(|bytes| *bytes <= Self::MAX.0)
            .map(Self)
            .ok_or_else(|| error("it is too large"))
    }

    /// The sum, `None` beyond `i64::MAX`.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| *sum <= Self::MAX.0).map(Self)
    }

    /// The difference, `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The exact decimal product with the shortest decimal form of `factor`, truncated to whole bytes: Java's
    /// `BigDecimal.valueOf(bytes).multiply(BigDecimal.valueOf(factor)).longValue()`. `None` for a negative or infinite
    /// factor and beyond `i64::MAX`.
    pub fn multiply(self, factor: f64) -> Option<Self> {
        if !factor.is_finite() || factor < 0.0 {
            return None;
        }
        // At most 17 digits, so that the product with 63 bits fits into 128.
        let text = format!("{factor:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let product = digits.checked_mul(u128::from(self.0))?;
        let scale = i64::try_from(fraction.len()).ok()? - exponent.parse::<i64>().ok()?;
        let power = u32::try_from(scale.unsigned_abs()).ok()?;
        let bytes = if product == 0 {
            0
        } else if scale >= 0 {
            // A divisor that does not fit is larger than any product.
            10u128.checked_pow(power).map_or(0, |divisor| product / divisor)
        } else {
            product.checked_mul(10u128.checked_pow(power)?)?
        };
        u64::try_from(bytes).ok().filter(|b| *b <= Self::MAX.0).map(Self)
    }

    /// The size for messages, as Flink shows it: `1.500gb (1610612736 bytes)`.
    pub fn human(self) -> String {
        let units = [("tb", 1u64 << 40), ("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)];
        match units.iter().find(|(_, size)| self.0 > *size) {
            // Three decimals of a size need no more precision than f64 has.
            Some((unit, size)) => format!("{:.3}{unit} ({} bytes)", self.0 as f64 / *size as f64, self.0),
            None => format!("{} bytes", self.0),
        }
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}b", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses_flinks_forms() {
        let of = |text| MemorySize::parse(text).unwrap().bytes();
        assert_eq!(of("123"), 123);
        assert_eq!(of(" 123b "), 123);
        assert_eq!(of("128 kb"), 128 << 10);
        assert_eq!(of("1600m"), 1600 << 20);
        assert_eq!(of("1728MB"), 1728 << 20);
        assert_eq!(of("1 gibibytes"), 1 << 30);
        assert_eq!(of("2t"), 2 << 40);
        assert_eq!(of("9223372036854775807"), i64::MAX as u64);
        assert_eq!(MemorySize::parse_or_mib("1024").unwrap(), MemorySize::from_mib(1024));
        assert_eq!(MemorySize::parse_or_mib("1g").unwrap(), MemorySize::from_mib(1024));
        for bad in ["", " ", "m", "-1m", "1.5g", "1 x", "9223372036854775808", "99999999999t"] {
            assert!(MemorySize::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn multiplies_as_exact_decimals() {
        let gib = MemorySize::from_mib(1024);
        assert_eq!(gib.multiply(f64::from(0.1f32)).unwrap().bytes(), 107_374_184);
        assert_eq!(gib.multiply(0.1).unwrap().bytes(), 107_374_182);
        assert_eq!(gib.multiply(0.0).unwrap(), MemorySize::ZERO);
        assert_eq!(gib.multiply(1e-300).unwrap(), MemorySize::ZERO);
        assert_eq!(gib.multiply(2.0).unwrap().bytes(), 2 << 30);
        assert_eq!(MemorySize::from_bytes(3).multiply(1e3).unwrap().bytes(), 3000);
        assert_eq!(MemorySize::MAX.multiply(1.0).unwrap(), MemorySize::MAX);
        assert_eq!(MemorySize::MAX.multiply(1.1), None);
        assert_eq!(gib.multiply(1e300), None);
        assert_eq!(gib.multiply(-0.5), None);
        assert_eq!(gib.multiply(f64::NAN), None);
    }

    #[test]
    fn shows_sizes_as_flink_does() {
        assert_eq!(MemorySize::from_bytes(512).human(), "512 bytes");
        assert_eq!(MemorySize::from_mib(256).human(), "256.000mb (268435456 bytes)");
        assert_eq!(MemorySize::from_mib(1536).human(), "1.500gb (1610612736 bytes)");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*", bytes in 0..=i64::MAX as u64, factor in any::<f64>()) {
            let _ = MemorySize::parse(&text);
            let _ = MemorySize::parse_or_mib(&text);
            let _ = MemorySize::from_bytes(bytes).multiply(factor);
        }

        #[test]
        fn formatted_size_round_trips(bytes in 0..=i64::MAX as u64) {
            let size = MemorySize::from_bytes(bytes);
            prop_assert_eq!(MemorySize::parse(&size.to_string()).unwrap(), size);
        }

        #[test]
        fn a_fraction_is_never_more_than_the_whole(bytes in 0..=i64::MAX as u64, factor in 0.0..=1.0f64) {
            let size = MemorySize::from_bytes(bytes);
            prop_assert!(size.multiply(factor).unwrap() <= size);
        }
    }
}
