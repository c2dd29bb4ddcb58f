//! A cluster as seen from this host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto::ids::ApplicationId;

use super::error::ApplicationError;
use crate::conf::{Configuration, Environment, Named};
use crate::flink::options::Opt;
use crate::flink::{ConfigError, Distribution, FlinkConfig, Version, config, options};
use crate::hdfs::FileSystems;
use crate::rpc::OnOutage;
use crate::security::{LoginSettings, User};
use crate::yarn::{ApplicationFilter, ApplicationReport, ApplicationState, ResourceManager};

/// Flink's configuration on this host for a command that submits nothing: the file (`FLINK_CONF_DIR`, or that of the
/// distribution), then `dynamic` (`-D`). A file that cannot be read is skipped with a warning: such a command may not
/// need it.
///
/// # Errors
/// A malformed `-D`.
pub fn host_settings(
    environment: &Environment,
    flink_home: Option<&Path>,
    dynamic: &[String],
) -> Result<(FlinkConfig, Option<String>), ConfigError> {
    let lookup = |name: &str| environment.non_empty(name).map(str::to_owned);
    let home = flink_home.map(Path::to_owned).or_else(|| lookup("FLINK_HOME").map(PathBuf::from));
    let mut warning = None;
    let mut settings = FlinkConfig::new();
    let dir = config::conf_dir(None, &lookup, home.as_deref()).unwrap_or_else(|error| {
        warning = Some(format!("{error}; continuing without it"));
        None
    });
    if let Some(dir) = dir {
        let version = home.and_then(|home| Distribution::open(&home, &lookup).ok()).map(|it| it.version);
        // Without one: like the versions that support both files.
        let version = version.or_else(|| Version::parse("1.20").ok());
        match version.map(|version| FlinkConfig::load(&dir, &version)).transpose() {
            Ok(read) => settings = read.unwrap_or_default(),
            Err(error) => {
                warning = Some(format!("{}; this command goes on without it", crate::with_cause(&error)));
            }
        }
    }
    for given in dynamic {
        settings.apply_dynamic(given)?;
    }
    Ok((settings, warning))
}

/// What Flink's configuration says about the login with Kerberos, below what was said before.
fn login_settings(settings: &FlinkConfig, above: &LoginSettings) -> LoginSettings {
    let text = |option: &Opt| settings.explicit(option).filter(|text| !text.is_empty()).map(str::to_owned);
    LoginSettings {
        keytab: above.keytab.clone().or_else(|| text(&options::KERBEROS_KEYTAB).map(PathBuf::from)),
        principal: above.principal.clone().or_else(|| text(&options::KERBEROS_PRINCIPAL)),
        use_ticket_cache: above.use_ticket_cache
            && settings.boolean(&options::KERBEROS_USE_TICKET_CACHE).ok().flatten() != Some(false),
        proxy_user: above.proxy_user.clone(),
    }
}

/// A cluster, and our identity there. Nothing is connected before it is used.
#[derive(Debug)]
pub struct Gateway {
    /// Hadoop's configuration.
    pub configuration: Configuration,
    /// The user who submits, asks and kills.
    pub user: User,
    /// The ResourceManager.
    pub resource_manager: ResourceManager,
    /// What was configured about the login.
    pub login: LoginSettings,
}

impl Gateway {
    /// Reads Hadoop's configuration from `conf_dir`, else from where the environment says.
    ///
    /// # Errors
    /// [`ApplicationError::Hadoop`] if there is none, or if it does not name a ResourceManager.
    pub fn open(environment: &Environment, conf_dir: Option<&Path>) -> Result<Self, ApplicationError> {
        Self::with(Configuration::load(environment, conf_dir)?, environment)
    }

    /// The same, with what Flink's configuration says about Hadoop's (`flink.hadoop.*`, `flink.yarn.*`, and
    /// `env.hadoop.conf.dir`, `env.yarn.conf.dir` if the variables are not set) and about the login
    /// (`security.kerberos.login.*`). `login` overrides the latter.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn configured(
        environment: &Environment,
        conf_dir: Option<&Path>,
        settings: &FlinkConfig,
        login: &LoginSettings,
    ) -> Result<Self, ApplicationError> {
        let named = |option: &Opt| {
            let dir = settings.explicit(option).filter(|dir| !dir.is_empty())?;
            Some((option.key, Path::new(dir)))
        };
        let configured = Named {
            explicit: conf_dir.map(|dir| ("--conf-dir", dir)),
            hadoop: named(&options::HADOOP_CONF_DIR),
            yarn: named(&options::YARN_CONF_DIR),
        };
        let mut configuration = Configuration::load_named(environment, configured)?;
        for (key, value) in settings.hadoop_overrides() {
            configuration.set(key, value);
        }
        Self::logged_in(configuration, environment, &login_settings(settings, login))
    }

    /// A cluster with a configuration that has already been read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn with(configuration: Configuration, environment: &Environment) -> Result<Self, ApplicationError> {
        Self::logged_in(configuration, environment, &LoginSettings::default())
    }

    fn logged_in(
        configuration: Configuration,
        environment: &Environment,
        login: &LoginSettings,
    ) -> Result<Self, ApplicationError> {
        let user = User::resolve_with(environment, &configuration, login)?;
        let resource_manager = ResourceManager::new(&configuration, &user).map_err(ApplicationError::from)?;
        Ok(Self { configuration, user, resource_manager, login: login.clone() })
    }

    /// The same user with another configuration.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn reconfigured(self, configuration: Configuration) -> Result<Self, ApplicationError> {
        let resource_manager =
            ResourceManager::new(&configuration, &self.user).map_err(ApplicationError::from)?;
        Ok(Self { configuration, resource_manager, ..self })
    }

    /// From now on waits for a ResourceManager that does not respond; see [`ResourceManager::wait_out`].
    ///
    /// # Errors
    /// [`ApplicationError::ResourceManager`] if a setting is unusable.
    pub fn wait_out(&self, on_outage: OnOutage) -> Result<(), ApplicationError> {
        let done = self.resource_manager.wait_out(&self.configuration, on_outage);
        done.map_err(ApplicationError::from)
    }

    /// The cluster's file systems.
    ///
    /// # Errors
    /// [`ApplicationError::FileSystem`] if `fs.defaultFS` is missing or has a scheme that is not supported.
    pub fn file_systems(&self) -> Result<Arc<FileSystems>, ApplicationError> {
        Ok(Arc::new(FileSystems::connect(&self.configuration, &self.user)?))
    }

    /// Applications that the ResourceManager remembers, newest first. With an empty list of states in `filter`, those
    /// that have not ended.
    ///
    /// # Errors
    /// [`ApplicationError::ResourceManager`].
    pub async fn applications(
        &self,
        mut filter: ApplicationFilter,
    ) -> Result<Vec<ApplicationReport>, ApplicationError> {
        if filter.states.is_empty() {
            filter.states = ApplicationState::ALL.iter().copied().filter(|state| !state.is_final()).collect();
        }
        let mut reports =
            self.resource_manager.applications(&filter).await.map_err(ApplicationError::from)?;
        reports.sort_by_key(|report| std::cmp::Reverse(report.id));
        Ok(reports)
    }

    /// The report on one application.
    ///
    /// # Errors
    /// [`ApplicationError::ResourceManager`].
    pub async fn application(&self, id: ApplicationId) -> Result<ApplicationReport, ApplicationError> {
        self.resource_manager.report(id).await.map_err(|error| ApplicationError::of(id, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &Path)]) -> Environment {
        pairs.iter().map(|(name, path)| (*name, path.to_str().expect("UTF-8"))).collect()
    }

    #[test]
    fn every_command_reads_the_same_settings_with_a_distribution_or_without() {
        let (hadoop, flink) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let site = "<configuration><property><name>yarn.resourcemanager.hostname</name><value>a</value></property>\
            <property><name>fs.defaultFS</name><value>hdfs://a</value><final>true</final></property></configuration>";
        std::fs::write(hadoop.path().join("yarn-site.xml"), site).unwrap();
        let environment =
            environment(&[("HADOOP_CONF_DIR", hadoop.path()), ("FLINK_CONF_DIR", flink.path())]);
        let opened = |dynamic: &[&str]| {
            let dynamic: Vec<_> = dynamic.iter().map(|given| (*given).to_owned()).collect();
            let (settings, warning) = host_settings(&environment, None, &dynamic).unwrap();
            let gateway =
                Gateway::configured(&environment, None, &settings, &LoginSettings::default()).unwrap();
            let get = |key: &str| gateway.configuration.get(key).unwrap_or_default();
            let base = settings.get("yarn.staging-directory").unwrap_or_default().to_owned();
            (get("fs.defaultFS"), get("yarn.resourcemanager.hostname"), base, warning)
        };
        assert_eq!(opened(&[]).0, "hdfs://a");
        for (name, text) in [
            ("config.yaml", "flink:\n  hadoop.fs.defaultFS: hdfs://b\nyarn.staging-directory: /s\n"),
            // If both files are read, this one wins.
            ("flink-conf.yaml", "flink.hadoop.fs.defaultFS: hdfs://c\nyarn.staging-directory: /s\n"),
        ] {
            std::fs::write(flink.path().join(name), text).unwrap();
            let root = if name == "config.yaml" { "hdfs://b" } else { "hdfs://c" };
            assert_eq!(opened(&[]), (root.to_owned(), "a".to_owned(), "/s".to_owned(), None), "{name}");
        }
        let given =
            ["flink.hadoop.fs.defaultFS=hdfs://d", "flink.yarn.resourcemanager.hostname=e", "a=b", "a=c"];
        assert_eq!(opened(&given), ("hdfs://d".to_owned(), "e".to_owned(), "/s".to_owned(), None));
        assert!(host_settings(&environment, None, &["nothing".to_owned()]).is_err());
        // The directory of Hadoop's configuration may be set there as well; a variable takes precedence.
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("yarn-site.xml"), site.replace(">a<", ">other<")).unwrap();
        let named = [format!("env.hadoop.conf.dir={}", other.path().display())];
        let (settings, _) = host_settings(&environment, None, &named).unwrap();
        let bare: Environment = [("FLINK_CONF_DIR", flink.path().to_str().unwrap())].into_iter().collect();
        for (environment, host) in [(&bare, "other"), (&environment, "a")] {
            let gateway =
                Gateway::configured(environment, None, &settings, &LoginSettings::default()).unwrap();
            assert_eq!(gateway.configuration.get("yarn.resourcemanager.hostname").as_deref(), Some(host));
        }
        // A bad file does not prevent listing, but causes a warning.
        std::fs::remove_file(flink.path().join("flink-conf.yaml")).unwrap();
        std::fs::write(flink.path().join("config.yaml"), "a: [").unwrap();
        let (root, _, _, warning) = opened(&[]);
        assert_eq!(root, "hdfs://a");
        assert!(warning.is_some_and(|text| text.contains("config.yaml")));
    }
}
