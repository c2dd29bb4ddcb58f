//! Configuration of Hadoop and Flink, and what is written in it.

use std::time::Duration;

use proto::ids::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};
use yarn_client::conf::{Configuration, RmService, TimeUnit};
use yarn_client::flink::{
    FlinkConfig, JobManagerMemory, MemorySize, TaskManagerLimits, TaskManagerMemory, Version, duration,
    options, settings,
};
use yarn_client::fuzz;
use yarn_client::rpc;
use yarn_client::security::sasl::Protection;
use yarn_client::yarn::Resource;

/// A file of Hadoop's configuration; and lines of it as values.
pub fn hadoop_xml(data: &[u8]) {
    fuzz::hadoop_xml(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let conf = Configuration::from_flat(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<Vec<_>>());
    for service in [RmService::Client, RmService::Scheduler, RmService::Web] {
        drop(conf.resource_managers(service));
    }
    drop((conf.web_proxies(), rpc::Options::from_configuration(&conf)));
    for key in conf.flat().keys() {
        drop((conf.integer(key, 1), conf.size(key, 1), conf.list(key)));
        drop(conf.duration(key, Duration::ZERO, TimeUnit::Minutes));
        let _ = conf.get(key).map(|value| Protection::from_hadoop(&value));
    }
}

/// A file of Flink's configuration in both formats, and what follows from it.
pub fn flink_conf(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let legacy = fuzz::flink_legacy(text);
    follow(&legacy);
    if let Ok(config) = fuzz::flink_yaml(text) {
        follow(&config);
        let again = fuzz::flink_yaml(&config.to_yaml());
        assert!(again.is_ok_and(|again| again == config), "a written configuration is read differently");
    }
}

fn follow(config: &FlinkConfig) {
    drop((config.to_legacy(), config.hadoop_overrides()));
    for (key, value) in config.flat() {
        drop((MemorySize::parse(value), duration::parse(value), Version::parse(value), key));
    }
    drop(JobManagerMemory::derive(config).map(|memory| (memory.warning(), memory.jvm_args())));
    if let Ok(one) = TaskManagerMemory::derive(config) {
        drop((one.vcores(), one.jvm_args(), one.dynamic_properties()));
        drop(TaskManagerLimits::of(config, &one).map(|limits| limits.wanted(u32::MAX)));
    }
    drop((settings::recovers(config), settings::makes_checkpoints(config)));
    drop(config.list(&options::CHECKPOINT_DIR));
}

/// Ids, resources and versions as texts: what is read is written alike, and read again.
pub fn ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    again::<ApplicationId>(text);
    again::<ApplicationAttemptId>(text);
    again::<ContainerId>(text);
    again::<NodeId>(text);
    drop(text.parse::<Resource>());
    drop((Version::parse(text), Version::from_dist_jar(text)));
}

fn again<T: std::str::FromStr + std::fmt::Display + PartialEq>(text: &str) {
    if let Ok(id) = text.parse::<T>() {
        let written = id.to_string();
        assert!(written.parse::<T>().is_ok_and(|again| again == id), "{written} is read differently");
    }
}
