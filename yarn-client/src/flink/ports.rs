//! Flink's port ranges (`NetUtils.getPortRangeFromString`).

/// Ports to try, in order: `0`, `50100`, `50100-50200`, `50100,50200-50300`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange {
    parts: Vec<(u16, u16)>,
}

/// A text that is not a port range.
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
    /// Not numbers, above 65535, or a descending range.
    pub fn parse(text: &str) -> Result<Self, PortRangeError> {
        let error = |reason| PortRangeError { text: text.to_owned(), reason };
        let port = |text: &str| {
            let number: u32 = text.trim().parse().map_err(|_| error("a port is a whole number"))?;
            u16::try_from(number).map_err(|_| error("a port is at most 65535"))
        };
        let mut parts = Vec::new();
        for part in text.trim().split(',') {
            let (from, to) = match part.split_once('-') {
                Some((from, to)) => (port(from)?, port(to)?),
                None => port(part).map(|p| (p, p))?,
            };
            if from > to {
                return Err(error("a range must not end before it starts"));
            }
            if from == 0 && to != 0 {
                return Err(error("a range starts at 1 or higher"));
            }
            parts.push((from, to));
        }
        Ok(Self { parts })
    }

    /// The ports to try; 0 stands for "any free one".
    pub fn candidates(&self) -> impl Iterator<Item = u16> + '_ {
        self.parts.iter().flat_map(|&(from, to)| from..=to)
    }
}

impl std::str::FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        Self::parse(text)
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (from, to)) in self.parts.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if from == to { write!(f, "{comma}{from}")? } else { write!(f, "{comma}{from}-{to}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses_numbers_ranges_and_lists() {
        let of = |text| PortRange::parse(text).unwrap().candidates().collect::<Vec<_>>();
        assert_eq!(of("0"), [0]);
        assert_eq!(of("50100-50103"), [50100, 50101, 50102, 50103]);
        assert_eq!(of(" 50100, 50200-50201 ,50300"), [50100, 50200, 50201, 50300]);
        assert_eq!(of("65535"), [65535]);
        assert_eq!(PortRange::any().candidates().collect::<Vec<_>>(), [0]);
        assert_eq!(PortRange::parse("1, 3-5").unwrap().to_string(), "1,3-5");
    }

    #[test]
    fn invalid_port_ranges_are_explained() {
        let reason = |text| PortRange::parse(text).unwrap_err().reason;
        assert_eq!(reason("65536"), "a port is at most 65535");
        assert_eq!(reason("50100-70000"), "a port is at most 65535");
        assert_eq!(reason("50200-50100"), "a range must not end before it starts");
        assert_eq!(reason("0-5"), "a range starts at 1 or higher");
        for bad in ["", "x", "-5", "1,,2", "1-", "1-2-3"] {
            assert_eq!(reason(bad), "a port is a whole number", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-0-9, x]{0,24}") {
            if let Ok(range) = PortRange::parse(&text) {
                prop_assert!(range.candidates().next().is_some());
                prop_assert_eq!(PortRange::parse(&range.to_string()).unwrap(), range);
            }
        }
    }
}
