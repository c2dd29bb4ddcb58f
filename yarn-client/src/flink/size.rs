//! Memory sizes in Flink's text form (`org.apache.flink.configuration.MemorySize`).

use std::fmt;

/// A number of bytes, at most `i64::MAX` as in Java.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemorySize(u64);

/// Text that is not a memory size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a memory size: {reason}")]
pub struct SizeError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl MemorySize {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Java's `Long.MAX_VALUE` bytes: Flink's "no limit".
    pub const MAX: Self = Self(i64::MAX as u64);

    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many MiB.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// In MiB, rounded down.
    pub const fn mib(self) -> u64 {
        self.0 >> 20
    }

    /// Parses `1g`, `1600m`, `128 kb`, `123b`; a bare number is bytes.
    ///
    /// # Errors
    /// No number, an unknown unit, or more than `i64::MAX` bytes.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let _ = text;
        todo!()
    }

    /// As [`Self::parse`], but a bare number is MiB: the meaning of `-jm` and `-tm` on the command line.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_or_mib(text: &str) -> Result<Self, SizeError> {
        let _ = text;
        todo!()
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}b", self.0)
    }
}
