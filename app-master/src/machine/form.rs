//! How events and actions are written down, for types without a form of their own. Tokens are left out.

use std::fmt::Display;
use std::str::FromStr;

use proto::ids::{ContainerId, NodeId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use yarn_client::security::{Secret, Token};
use yarn_client::yarn::{AllocatedContainer, ContainerState, ContainerStatus, Resource};

/// A value as its text.
pub(super) mod text {
    use super::*;

    pub(in super::super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(in super::super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// An optional value.
pub(super) mod optional {
    use super::*;

    pub(in super::super) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// A list of values.
pub(super) mod texts {
    use super::*;

    pub(in super::super) fn serialize<T: Display, S: Serializer>(
        list: &[T],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(ToString::to_string))
    }

    pub(in super::super) fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let list = Vec::<String>::deserialize(from)?;
        list.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

/// A type that is written down as another.
pub(super) trait Written: Sized {
    type Form: Serialize + for<'de> Deserialize<'de>;
    fn form(&self) -> Self::Form;
    fn read(form: Self::Form) -> Result<Self, String>;
}

/// One such value.
pub(super) mod one {
    use super::*;

    pub(in super::super) fn serialize<T: Written, S: Serializer>(
        value: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.form().serialize(to)
    }

    pub(in super::super) fn deserialize<'de, T: Written, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        T::read(T::Form::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A list of such values.
pub(super) mod many {
    use super::*;

    pub(in super::super) fn serialize<T: Written, S: Serializer>(
        list: &[T],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(Written::form))
    }

    pub(in super::super) fn deserialize<'de, T: Written, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<T>, D::Error> {
        let forms = Vec::<T::Form>::deserialize(from)?;
        forms.into_iter().map(|form| T::read(form).map_err(D::Error::custom)).collect()
    }
}

impl<T: Written> Written for Box<T> {
    type Form = T::Form;

    fn form(&self) -> T::Form {
        self.as_ref().form()
    }

    fn read(form: T::Form) -> Result<Self, String> {
        T::read(form).map(Self::new)
    }
}

impl Written for AllocatedContainer {
    /// Container and node.
    type Form = (String, String);

    fn form(&self) -> Self::Form {
        (self.id.to_string(), self.node.to_string())
    }

    fn read((id, node): Self::Form) -> Result<Self, String> {
        let token = Token {
            identifier: Default::default(),
            password: Secret::new(Vec::new()),
            kind: String::new(),
            service: String::new(),
        };
        Ok(Self {
            id: id.parse::<ContainerId>().map_err(|error| error.to_string())?,
            node: node.parse::<NodeId>().map_err(|error| error.to_string())?,
            node_http_address: String::new(),
            resource: Resource::default(),
            priority: 0,
            allocation_request_id: 0,
            token,
        })
    }
}

impl Written for ContainerStatus {
    /// Container, exit status and diagnostics of a container that has ended.
    type Form = (String, i32, String);

    fn form(&self) -> Self::Form {
        (self.id.to_string(), self.exit_status, self.diagnostics.clone())
    }

    fn read((id, exit_status, diagnostics): Self::Form) -> Result<Self, String> {
        let id = id.parse::<ContainerId>().map_err(|error| error.to_string())?;
        Ok(Self { id, state: ContainerState::Complete, exit_status, diagnostics })
    }
}

impl Written for Resource {
    /// MiB and cores.
    type Form = (u64, u32);

    fn form(&self) -> Self::Form {
        (self.memory_mib, self.vcores)
    }

    fn read((memory_mib, vcores): Self::Form) -> Result<Self, String> {
        Ok(Self::new(memory_mib, vcores))
    }
}
