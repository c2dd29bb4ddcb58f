//! Amounts of memory, cores and other resources.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use proto::hadoop::yarn as wire;

/// An amount of resources.
///
/// ```
/// use yarn_client::yarn::Resource;
///
/// // As YARN's diagnostics write it.
/// let largest: Resource = "<memory:8192, vCores:4>".parse()?;
/// assert_eq!(largest, Resource::new(8192, 4));
/// assert!(Resource::new(1024, 1).fits_in(&largest));
/// assert!(!Resource::new(1024, 5).fits_in(&largest));
///
/// let with_gpu = Resource { others: [("yarn.io/gpu".to_owned(), 1)].into(), ..Resource::new(1024, 1) };
/// assert_eq!(with_gpu.to_string(), "<memory:1024, vCores:1, yarn.io/gpu: 1>");
/// // Anything that the other does not have does not fit.
/// assert!(!with_gpu.fits_in(&largest));
/// # Ok::<(), yarn_client::yarn::ParseResourceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Resource {
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Virtual cores.
    pub vcores: u32,
    /// Other resource types by name, such as `yarn.io/gpu`, in the cluster's units.
    pub others: BTreeMap<String, u64>,
}

impl Resource {
    /// Memory (MiB) and cores, and no other resources.
    pub fn new(memory_mib: u64, vcores: u32) -> Self {
        Self { memory_mib, vcores, others: BTreeMap::new() }
    }

    /// Whether a container of this size fits into `other` in every dimension.
    pub fn fits_in(&self, other: &Self) -> bool {
        self.memory_mib <= other.memory_mib
            && self.vcores <= other.vcores
            && self
                .others
                .iter()
                .all(|(name, amount)| *amount <= other.others.get(name).copied().unwrap_or(0))
    }
}

impl fmt::Display for Resource {
    /// Formatted as by `org.apache.hadoop.yarn.api.records.Resource`: `<memory:1024, vCores:1>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<memory:{}, vCores:{}", self.memory_mib, self.vcores)?;
        for (name, amount) in &self.others {
            write!(f, ", {name}: {amount}")?;
        }
        f.write_str(">")
    }
}

/// A text that is not a [`Resource`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of resources such as <memory:1024, vCores:1>")]
pub struct ParseResourceError(String);

impl FromStr for Resource {
    type Err = ParseResourceError;

    /// Parses what [`Display`](fmt::Display) and YARN's diagnostics write. The latter include the units of other
    /// resource types (`Resource.toString`), which are skipped.
    fn from_str(text: &str) -> Result<Self, ParseResourceError> {
        let parse = || {
            let inner = text.strip_prefix('<')?.strip_suffix('>')?;
            let mut amounts = inner
                .split(", ")
                .map(|entry| {
                    let (name, amount) = entry.rsplit_once(':')?;
                    let number = match name {
                        "memory" | "vCores" => amount,
                        _ => amount.trim_start().trim_end_matches(char::is_alphabetic),
                    };
                    Some((name.to_owned(), number.parse::<u64>().ok()?))
                })
                .collect::<Option<BTreeMap<_, _>>>()?;
            let memory_mib = amounts.remove("memory")?;
            let vcores = u32::try_from(amounts.remove("vCores")?).ok()?;
            Some(Self { memory_mib, vcores, others: amounts })
        };
        parse().ok_or_else(|| ParseResourceError(text.to_owned()))
    }
}

/// Negative amounts, which YARN uses for "not known", become zero.
fn amount(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl Resource {
    pub(super) fn from_wire(resource: &wire::ResourceProto) -> Self {
        // Memory and cores are also in the map, for Java's own use; fields 1 and 2 are authoritative.
        let others =
            resource.resource_value_map.iter().filter(|entry| !matches!(&*entry.key, "memory-mb" | "vcores"));
        Self {
            memory_mib: amount(resource.memory()),
            vcores: u32::try_from(resource.virtual_cores()).unwrap_or(0),
            others: others.map(|entry| (entry.key.clone(), amount(entry.value()))).collect(),
        }
    }

    pub(super) fn from_field(field: Option<&wire::ResourceProto>) -> Self {
        field.map(Self::from_wire).unwrap_or_default()
    }

    pub(super) fn to_wire(&self) -> wire::ResourceProto {
        let entry = |(name, amount): (&String, &u64)| wire::ResourceInformationProto {
            key: name.clone(),
            value: Some(i64::try_from(*amount).unwrap_or(i64::MAX)),
            ..Default::default()
        };
        wire::ResourceProto {
            memory: Some(i64::try_from(self.memory_mib).unwrap_or(i64::MAX)),
            virtual_cores: Some(i32::try_from(self.vcores).unwrap_or(i32::MAX)),
            resource_value_map: self.others.iter().map(entry).collect(),
        }
    }
}

/// The resources that an application uses and has used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceUsage {
    /// Containers in use; -1 if the caller may not see it.
    pub containers: i32,
    /// Containers reserved on nodes that have no room yet.
    pub reserved_containers: i32,
    /// In use now.
    pub used: Resource,
    /// Reserved now.
    pub reserved: Resource,
    /// Used and reserved.
    pub needed: Resource,
    /// MiB-seconds so far.
    pub memory_mib_seconds: i64,
    /// Core-seconds so far.
    pub vcore_seconds: i64,
    /// Lost to preemption: MiB-seconds.
    pub preempted_memory_mib_seconds: i64,
    /// Lost to preemption: core-seconds.
    pub preempted_vcore_seconds: i64,
}

impl ResourceUsage {
    pub(super) fn from_wire(usage: &wire::ApplicationResourceUsageReportProto) -> Self {
        Self {
            containers: usage.num_used_containers(),
            reserved_containers: usage.num_reserved_containers(),
            used: Resource::from_field(usage.used_resources.as_ref()),
            reserved: Resource::from_field(usage.reserved_resources.as_ref()),
            needed: Resource::from_field(usage.needed_resources.as_ref()),
            memory_mib_seconds: usage.memory_seconds(),
            vcore_seconds: usage.vcore_seconds(),
            preempted_memory_mib_seconds: usage.preempted_memory_seconds(),
            preempted_vcore_seconds: usage.preempted_vcore_seconds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_keep_other_types_and_read_memory_from_its_own_field() {
        let entry = |key: &str, value| wire::ResourceInformationProto {
            key: key.to_owned(),
            value: Some(value),
            ..Default::default()
        };
        let message = wire::ResourceProto {
            memory: Some(2048),
            virtual_cores: Some(2),
            resource_value_map: vec![entry("memory-mb", 1), entry("vcores", 1), entry("yarn.io/gpu", 4)],
        };
        let resource = Resource::from_wire(&message);
        assert_eq!(resource.to_string(), "<memory:2048, vCores:2, yarn.io/gpu: 4>");
        assert_eq!(Resource::from_wire(&resource.to_wire()), resource);
        assert_eq!(resource.to_string().parse(), Ok(resource.clone()));
        let with_unit =
            "<memory:2048, vCores:2, memory-pool: 5Gi, yarn.io/gpu: 4>".parse::<Resource>().unwrap();
        assert_eq!(with_unit.others, [("memory-pool".to_owned(), 5), ("yarn.io/gpu".to_owned(), 4)].into());
        for text in [
            "",
            "<>",
            "memory:1, vCores:1",
            "<memory:1>",
            "<memory:-1, vCores:1>",
            "<memory:1G, vCores:1>",
            "<memory:1, vCores:1, gpu>",
        ] {
            let error = text.parse::<Resource>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is not an amount")), "{error}");
        }
        assert!(Resource::new(2048, 2).fits_in(&resource));
        assert!(!resource.fits_in(&Resource::new(4096, 4)), "no gpu there");
    }
}
