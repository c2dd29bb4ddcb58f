//! Hadoop's XML configuration files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Properties by key. Each goes into the file where Hadoop's own documentation puts it.
pub(crate) type Properties = BTreeMap<String, String>;

/// log4j 1 (reload4j) for daemons and tools: everything to stderr, which the fixture sends to one file for each daemon.
const LOG4J: &str = "\
log4j.rootLogger=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %-5p %c{2} - %m%n
";

/// Hadoop's command line programs only show warnings, as they do in an installation.
const LOG4J_CLIENT: &str = "\
log4j.rootLogger=WARN, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %-5p %c{2} - %m%n
";

/// Which configuration folder is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Client programs.
    Client,
    /// Daemons, and containers through the NodeManager's `HADOOP_CONF_DIR`.
    Daemon,
}

/// Writes core-site, hdfs-site, yarn-site and log4j.properties into `folder`; for daemons also capacity-scheduler.xml
/// from `scheduler`, whose keys are without `yarn.scheduler.capacity.`.
pub(crate) fn write(
    folder: &Path,
    properties: &Properties,
    scheduler: &Properties,
    audience: Audience,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let with_prefix = |prefix: &'static str| {
        properties.iter().filter(move |(key, _)| key.starts_with(prefix)).map(|(k, v)| (k.clone(), v.clone()))
    };
    let core = properties.iter().filter(|(key, _)| !key.starts_with("dfs.") && !key.starts_with("yarn."));
    let mut files = vec![
        ("core-site.xml", xml(core.map(|(k, v)| (k.clone(), v.clone())))),
        ("hdfs-site.xml", xml(with_prefix("dfs."))),
        ("yarn-site.xml", xml(with_prefix("yarn."))),
        ("log4j.properties", if audience == Audience::Client { LOG4J_CLIENT } else { LOG4J }.to_owned()),
    ];
    if audience == Audience::Daemon {
        let keys = scheduler.iter().map(|(k, v)| (format!("yarn.scheduler.capacity.{k}"), v.clone()));
        files.push(("capacity-scheduler.xml", xml(keys)));
    }
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Writes one more file into an existing folder.
pub(crate) fn write_file(folder: &Path, name: &str, properties: Properties) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, xml(properties)).with_context(|| format!("cannot write {}", path.display()))
}

fn xml(properties: impl IntoIterator<Item = (String, String)>) -> String {
    let mut text = String::from("<?xml version=\"1.0\"?>\n<configuration>\n");
    for (key, value) in properties {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  <property><name>{}</name><value>{}</value></property>",
            escape(&key),
            escape(&value)
        );
    }
    text.push_str("</configuration>\n");
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_go_to_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let properties: Properties =
            [("fs.defaultFS", "file:///"), ("dfs.replication", "1"), ("yarn.a", "x<&>y")]
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
        let scheduler = Properties::from([("root.queues".to_owned(), "a,b".to_owned())]);
        write(folder.path(), &properties, &scheduler, Audience::Daemon).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("core-site.xml").contains("fs.defaultFS"));
        assert!(!read("core-site.xml").contains("dfs.replication"));
        assert!(read("hdfs-site.xml").contains("<name>dfs.replication</name><value>1</value>"));
        assert!(read("yarn-site.xml").contains("<value>x&lt;&amp;&gt;y</value>"));
        assert!(read("capacity-scheduler.xml").contains("<name>yarn.scheduler.capacity.root.queues</name>"));
    }
}
