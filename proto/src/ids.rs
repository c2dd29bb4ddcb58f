//! YARN's identifiers in their usual text form, as `ConverterUtils` and the `toString` methods of
//! `org.apache.hadoop.yarn.api.records` write them.

use std::fmt;
use std::str::FromStr;

use crate::hadoop::yarn::{ApplicationAttemptIdProto, ApplicationIdProto, ContainerIdProto, NodeIdProto};

/// Bits of [`ContainerId::id`] below the ResourceManager's epoch (`ContainerId.CONTAINER_ID_BITMASK`).
const EPOCH_SHIFT: u32 = 40;
const SEQUENCE_MASK: i64 = (1 << EPOCH_SHIFT) - 1;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}", self.text, self.expected)
    }
}

impl std::error::Error for ParseIdError {}

/// Parses decimal digits only: `parse` alone would also take a sign.
fn number<T: FromStr>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `application_<cluster timestamp>_<number, at least four digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApplicationId {
    /// Start time of the ResourceManager that issued the id, in ms since the epoch.
    pub cluster_timestamp: i64,
    /// Counter within that ResourceManager's life.
    pub id: i32,
}

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "application_{}_{:04}", self.cluster_timestamp, self.id)
    }
}

impl FromStr for ApplicationId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parse = || {
            let (timestamp, id) = text.strip_prefix("application_")?.split_once('_')?;
            Some(Self { cluster_timestamp: number(timestamp)?, id: number(id)? })
        };
        parse().ok_or_else(|| ParseIdError {
            text: text.to_owned(),
            expected: "an application id (application_<timestamp>_<number>)",
        })
    }
}

impl From<ApplicationId> for ApplicationIdProto {
    fn from(id: ApplicationId) -> Self {
        Self { id: Some(id.id), cluster_timestamp: Some(id.cluster_timestamp) }
    }
}

impl From<&ApplicationIdProto> for ApplicationId {
    fn from(id: &ApplicationIdProto) -> Self {
        Self { cluster_timestamp: id.cluster_timestamp(), id: id.id() }
    }
}

/// `appattempt_<cluster timestamp>_<number>_<attempt, six digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApplicationAttemptId {
    /// The application.
    pub application: ApplicationId,
    /// Attempts count from 1; the ResourceManager reports -1 before the first.
    pub attempt: i32,
}

impl fmt::Display for ApplicationAttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ApplicationId { cluster_timestamp, id } = self.application;
        write!(f, "appattempt_{cluster_timestamp}_{id:04}_{:06}", self.attempt)
    }
}

impl FromStr for ApplicationAttemptId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parse = || {
            let mut parts = text.strip_prefix("appattempt_")?.split('_');
            let application =
                ApplicationId { cluster_timestamp: number(parts.next()?)?, id: number(parts.next()?)? };
            let attempt = number(parts.next()?)?;
            parts.next().is_none().then_some(Self { application, attempt })
        };
        parse().ok_or_else(|| ParseIdError { text: text.to_owned(), expected: "an application attempt id" })
    }
}

impl From<ApplicationAttemptId> for ApplicationAttemptIdProto {
    fn from(id: ApplicationAttemptId) -> Self {
        Self { application_id: Some(id.application.into()), attempt_id: Some(id.attempt) }
    }
}

impl From<&ApplicationAttemptIdProto> for ApplicationAttemptId {
    fn from(id: &ApplicationAttemptIdProto) -> Self {
        let application = id
            .application_id
            .as_ref()
            .map_or(ApplicationId { cluster_timestamp: 0, id: 0 }, ApplicationId::from);
        Self { application, attempt: id.attempt_id() }
    }
}

/// `container_[e<epoch>_]<cluster timestamp>_<number>_<attempt, two digits>_<sequence, six digits>`.
///
/// The epoch counts restarts of the ResourceManager and is printed only if it is not zero (YARN-2562). After a restart
/// the sequence starts again at 1, so a sequence of 1 does not mean "the application master".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId {
    /// The attempt that owns the container.
    pub attempt: ApplicationAttemptId,
    /// `epoch << 40 | sequence`, the number on the wire.
    pub id: i64,
}

impl ContainerId {
    /// Restarts of the ResourceManager before this container was allocated.
    pub fn epoch(&self) -> i64 {
        self.id >> EPOCH_SHIFT
    }

    /// The counter within the epoch.
    pub fn sequence(&self) -> i64 {
        self.id & SEQUENCE_MASK
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("container_")?;
        if self.epoch() > 0 {
            write!(f, "e{:02}_", self.epoch())?;
        }
        let ApplicationId { cluster_timestamp, id } = self.attempt.application;
        write!(f, "{cluster_timestamp}_{id:04}_{:02}_{:06}", self.attempt.attempt, self.sequence())
    }
}

impl FromStr for ContainerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parse = || {
            let mut parts = text.strip_prefix("container_")?.split('_').peekable();
            let epoch: i64 = match parts.next_if(|part| part.starts_with('e')) {
                Some(part) => number(&part[1..])?,
                None => 0,
            };
            let application =
                ApplicationId { cluster_timestamp: number(parts.next()?)?, id: number(parts.next()?)? };
            let attempt = number(parts.next()?)?;
            let sequence: i64 = number(parts.next()?)?;
            if parts.next().is_some() || sequence > SEQUENCE_MASK || epoch > i64::MAX >> EPOCH_SHIFT {
                return None;
            }
            let attempt = ApplicationAttemptId { application, attempt };
            Some(Self { attempt, id: epoch << EPOCH_SHIFT | sequence })
        };
        parse().ok_or_else(|| ParseIdError { text: text.to_owned(), expected: "a container id" })
    }
}

impl From<ContainerId> for ContainerIdProto {
    fn from(id: ContainerId) -> Self {
        // Field 1, the application id, is a legacy of Hadoop 2.0; Java leaves it empty too.
        Self { app_id: None, app_attempt_id: Some(id.attempt.into()), id: Some(id.id) }
    }
}

impl From<&ContainerIdProto> for ContainerId {
    fn from(id: &ContainerIdProto) -> Self {
        let attempt = ApplicationAttemptId::from(&id.app_attempt_id.unwrap_or_default());
        Self { attempt, id: id.id() }
    }
}

/// `host:port` of a NodeManager's RPC server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// Host name as the NodeManager registered it.
    pub host: String,
    /// RPC port.
    pub port: u16,
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for NodeId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parse = || {
            let (host, port) = text.rsplit_once(':')?;
            (!host.is_empty()).then_some(())?;
            Some(Self { host: host.to_owned(), port: number(port)? })
        };
        parse().ok_or_else(|| ParseIdError { text: text.to_owned(), expected: "a node id (host:port)" })
    }
}

impl From<&NodeId> for NodeIdProto {
    fn from(id: &NodeId) -> Self {
        Self { host: Some(id.host.clone()), port: Some(i32::from(id.port)) }
    }
}

impl From<&NodeIdProto> for NodeId {
    /// A port outside 0..=65535 reads as 0, which no NodeManager has.
    fn from(id: &NodeIdProto) -> Self {
        Self { host: id.host().to_owned(), port: u16::try_from(id.port()).unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: ApplicationId = ApplicationId { cluster_timestamp: 1_700_000_000_000, id: 7 };
    const ATTEMPT: ApplicationAttemptId = ApplicationAttemptId { application: APP, attempt: 1 };

    /// Texts printed by Hadoop 3.4.1's own classes.
    #[test]
    fn writes_hadoops_text_forms() {
        assert_eq!(APP.to_string(), "application_1700000000000_0007");
        assert_eq!(ATTEMPT.to_string(), "appattempt_1700000000000_0007_000001");
        assert_eq!(
            ContainerId { attempt: ATTEMPT, id: 3 << 40 | 12 }.to_string(),
            "container_e03_1700000000000_0007_01_000012"
        );
        let big = ApplicationAttemptId { application: ApplicationId { id: 12345, ..APP }, attempt: 1 };
        assert_eq!(
            ContainerId { attempt: big, id: 12 }.to_string(),
            "container_1700000000000_12345_01_000012"
        );
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for text in
            ["", "application_", "application_1_x", "application_-1_1", "app_1_1", "application_1_1_1"]
        {
            assert!(text.parse::<ApplicationId>().is_err(), "{text}");
        }
        for text in
            ["container_1_1_1", "container_e_1_1_1_1", "container_1_1_1_1_1", "container_e9999999999_1_1_1_1"]
        {
            assert!(text.parse::<ContainerId>().is_err(), "{text}");
        }
        for text in ["host", ":1", "host:", "host:65536"] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_container_id_reads_back(timestamp in 0i64.., id in 0i32.., attempt in 0i32..,
                                         epoch in 0i64..1 << 20, sequence in 0i64..1 << 40) {
            let application = ApplicationId { cluster_timestamp: timestamp, id };
            let attempt = ApplicationAttemptId { application, attempt };
            let container = ContainerId { attempt, id: epoch << 40 | sequence };
            prop_assert_eq!(application.to_string().parse(), Ok(application));
            prop_assert_eq!(attempt.to_string().parse(), Ok(attempt));
            prop_assert_eq!(container.to_string().parse(), Ok(container));
            prop_assert_eq!(ContainerId::from(&ContainerIdProto::from(container)), container);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            let _ = text.parse::<ApplicationId>();
            let _ = text.parse::<ApplicationAttemptId>();
            let _ = text.parse::<ContainerId>();
            let _ = text.parse::<NodeId>();
        }
    }
}
