//! How large the containers are, and how many of them are needed.

use std::collections::BTreeMap;

use super::{MAX_PARALLELISM, number};
use crate::counted;
use crate::flink::memory::MemoryError;
use crate::flink::{FlinkConfig, JobManagerMemory, TaskManagerLimits, TaskManagerMemory, Warning};
use crate::submit::error::PreflightError;
use crate::submit::keys;
use crate::submit::spec::SessionSize;
use crate::yarn::Resource;

/// Process sizes of the stock configuration, for a distribution without one (PyPI's has no `conf/`).
const STOCK_SIZES: [(&str, &str); 2] =
    [(keys::JOB_MANAGER_PROCESS_SIZE, "1600m"), (keys::TASK_MANAGER_PROCESS_SIZE, "1728m")];

/// What the configuration says about sizes and numbers.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    pub(super) job_manager: JobManagerMemory,
    pub(super) task_manager_memory: TaskManagerMemory,
    pub(super) limits: TaskManagerLimits,
    /// The limits of a session.
    pub(super) session: Option<proto::launch::Session>,
    pub(super) parallelism: u32,
    /// YARN's resource name for each of `external-resources` that has one.
    pub(super) external_resources: BTreeMap<String, u64>,
    master_vcores: u32,
}

impl Sizes {
    /// If `config` has no sizes at all, those of the stock configuration are set in it.
    ///
    /// # Errors
    /// Sizes that do not add up, limits that cannot be satisfied, numbers out of range.
    pub(super) fn derive(
        config: &mut FlinkConfig,
        session: Option<&SessionSize>,
    ) -> Result<Self, PreflightError> {
        let job_manager = derive(config, "JobManager", STOCK_SIZES[0], JobManagerMemory::derive)?;
        let task_manager_memory = derive(config, "TaskManagers", STOCK_SIZES[1], TaskManagerMemory::derive)?;
        let limits = TaskManagerLimits::of(config, &task_manager_memory)?;
        let parallelism = number(config, &keys::PARALLELISM, 1..=MAX_PARALLELISM)?;
        let master_vcores = number(config, &keys::MASTER_VCORES, 1..=i64::from(i32::MAX))?;
        Ok(Self {
            session: session.map(|size| size.resolve(&limits)).transpose()?,
            external_resources: external_resources(config, &task_manager_memory),
            parallelism: u32::try_from(parallelism).unwrap_or(u32::MAX),
            master_vcores: u32::try_from(master_vcores).unwrap_or(1),
            job_manager,
            task_manager_memory,
            limits,
        })
    }

    /// The container of the application master.
    pub(super) fn master(&self) -> Resource {
        Resource::new(self.job_manager.process_mib(), self.master_vcores)
    }

    /// The container of a TaskManager.
    pub(super) fn task_manager(&self) -> Resource {
        Resource {
            memory_mib: self.task_manager_memory.process_mib(),
            vcores: self.task_manager_memory.vcores(),
            others: self.external_resources.clone(),
        }
    }

    /// Slots of a TaskManager.
    pub(super) fn slots(&self) -> u32 {
        self.task_manager_memory.slots.max(1)
    }

    /// The number of TaskManagers to start with.
    pub(super) fn task_managers(&self) -> u32 {
        match &self.session {
            Some(session) => session.min_task_managers,
            None => self.limits.wanted(self.demand()),
        }
    }

    /// The number of TaskManagers that the parallelism needs.
    fn demand(&self) -> u32 {
        self.parallelism.div_ceil(self.slots())
    }

    /// A warning for a job that needs more than the limits allow. Whether it is streaming is not known yet.
    pub(super) fn beyond_limits(&self) -> Option<Warning> {
        let (demand, most) = (self.demand(), self.limits.max);
        (self.session.is_none() && demand > most).then(|| Warning {
            key: keys::PARALLELISM.key.to_owned(),
            text: format!(
                "the parallelism {} needs {}, and slotmanager.* allows {most}: a batch job runs with fewer slots, \
                 a streaming job waits for ever",
                self.parallelism,
                counted(demand, "TaskManager")
            ),
        })
    }
}

/// Derives memory sizes; if nothing at all is configured, from the stock configuration's process size.
fn derive<T>(
    config: &mut FlinkConfig,
    role: &'static str,
    (key, stock): (&str, &str),
    model: impl Fn(&FlinkConfig) -> Result<T, MemoryError>,
) -> Result<T, PreflightError> {
    match model(config) {
        Err(MemoryError::NotConfigured { .. }) => {
            config.set(key, stock);
            model(config)
        }
        other => other,
    }
    .map_err(|source| PreflightError::Memory { role, source })
}

fn external_resources(config: &FlinkConfig, memory: &TaskManagerMemory) -> BTreeMap<String, u64> {
    let named = |(name, amount): &(String, u64)| {
        let key = config.get(&format!("external-resource.{name}.yarn.config-key"))?;
        Some((key.to_owned(), *amount))
    };
    memory.external_resources.iter().filter_map(named).collect()
}
