//! Flink's port ranges (`NetUtils.getPortRangeFromString`).

/// Ports to try, in order: `0`, `50100`, `50100-50200`, `50100,50200-50300`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange {
    parts: Vec<(u16, u16)>,
}

/// Text that is not a port range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a port range: {reason}")]
pub struct PortRangeError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl PortRange {
    /// Any free port.
    pub fn any() -> Self {
        Self { parts: vec![(0, 0)] }
    }

    /// Parses the text.
    ///
    /// # Errors
    /// Not numbers, above 65535, or a range that goes down.
    pub fn parse(text: &str) -> Result<Self, PortRangeError> {
        let _ = text;
        todo!()
    }

    /// The ports to try, 0 standing for "any free one".
    pub fn candidates(&self) -> impl Iterator<Item = u16> + '_ {
        self.parts.iter().flat_map(|&(from, to)| from..=to)
    }
}
