//! The launch specification, once all files are on the cluster.

use std::collections::BTreeSet;

use proto::launch::{self, File, Job, JobManager, Key, LaunchSpec, Limits, Program, TaskManager, Workload};

use super::{APP_MASTER, CONF_DIR, Plan, UserJar, text};
use crate::flink::settings::Mode;
use crate::flink::{FlinkConfig, command, settings};
use crate::submit::error::PreflightError;
use crate::submit::placed::Placed;
use crate::submit::{container_env, files, keys};
use crate::yarn::LocalResource;
use crate::yarn::launch::{Kind, Visibility};

impl Plan {
    /// `placed` is everything the containers get; the TaskManagers get all of it except the application master's binary.
    ///
    /// # Errors
    /// [`PreflightError::Flink`] for a value that `flink-conf.yaml` cannot hold.
    pub(in crate::submit) fn launch_spec(
        &self,
        config: FlinkConfig,
        placed: &Placed,
        staging_dir: String,
        key: Option<Key>,
    ) -> Result<LaunchSpec, PreflightError> {
        let (name, content) = config.file(&self.version)?;
        let mut files = files::own(&self.job);
        files.extend(self.login.iter().filter_map(|login| login.shipped.clone()));
        files.push(File { link: format!("{CONF_DIR}/{name}"), content: content.into() });
        let classpath = class_path(placed, self.user_jar);
        let mode = Mode::of(self.job.session.is_some(), self.job.multi_job);
        let [master_exits, task_manager_exits] =
            settings::system_exit(&self.config, mode).map_or_else(Default::default, |each| each.map(Some));
        let limits = &self.sizes.limits;
        Ok(LaunchSpec {
            version: launch::VERSION,
            staging_dir,
            flink_version: self.version.to_string(),
            application_name: self.name.clone(),
            user: self.user.clone(),
            hadoop_conf: self.hadoop_conf.clone().into_iter().collect(),
            flink_conf: config.flat().clone().into_iter().collect(),
            limits: Some(Limits {
                min_task_managers: limits.min,
                max_task_managers: limits.max,
                redundant_task_managers: limits.redundant,
            }),
            open_rest: self.job.open_rest,
            web_port_range: self.ports.web.clone(),
            workload: Some(self.workload(placed)),
            job_manager: Some(self.job_manager(master_exits)),
            task_manager: Some(self.task_manager(task_manager_exits, placed, &classpath)),
            classpath,
            conf_dir: CONF_DIR.to_owned(),
            max_attempts: self.max_attempts,
            view_acls: self.acls.0.clone().unwrap_or_default(),
            modify_acls: self.acls.1.clone().unwrap_or_default(),
            job_manager_mib: self.master.memory_mib,
            files,
            master_files: Vec::new(),
            restart_from_scratch: self.job.restart_from_scratch,
            placement: Some(self.job.placement.clone()),
            key,
            links: placed.links.clone(),
            kerberos: self.login.as_ref().map(|login| login.kerberos.clone()),
            token_file_systems: self.named_file_systems(),
        })
    }

    fn workload(&self, placed: &Placed) -> Workload {
        if let Some(session) = self.sizes.session {
            return Workload::Session(session);
        }
        let program = self.program(placed);
        if self.job.multi_job {
            return Workload::Program(program);
        }
        let (job_id, fixed_id) = (self.job_id.clone(), self.job.fixed_job_id);
        Workload::Job(Job { job_id, fixed_id, program: Some(program) })
    }

    fn program(&self, placed: &Placed) -> Program {
        Program {
            main_class: self.main_class.clone(),
            args: self.job.args.clone(),
            parallelism: self.sizes.parallelism,
            savepoint_path: self.savepoint.clone(),
            allow_non_restored_state: self.job.allow_non_restored_state,
            jar: placed.jar.clone().or_else(|| files::jar_link(&self.job, self.user_jar)).unwrap_or_default(),
        }
    }

    fn job_manager(&self, system_exit: Option<String>) -> JobManager {
        let memory = &self.sizes.job_manager;
        JobManager {
            jvm_args: command::job_manager_jvm_args(&self.config, memory, &self.version),
            dynamic_properties: memory.dynamic_properties().into_iter().chain(system_exit).collect(),
            rpc_port_range: self.ports.rpc.clone(),
            rest_port_range: self.ports.rest.clone(),
            blob_port_range: self.ports.blob.clone(),
        }
    }

    fn task_manager(
        &self,
        system_exit: Option<String>,
        placed: &Placed,
        classpath: &[String],
    ) -> TaskManager {
        let memory = &self.sizes.task_manager_memory;
        let mut env = self.task_manager_env.clone();
        container_env::add_class_path(&mut env, classpath);
        TaskManager {
            memory_mib: memory.process_mib(),
            vcores: memory.vcores(),
            slots: self.slots,
            jvm_args: command::task_manager_jvm_args(&self.config, memory, &self.version),
            dynamic_properties: memory.dynamic_properties().into_iter().chain(system_exit).collect(),
            env: env.into_iter().collect(),
            local_resources: placed.resources.iter().map(in_launch_spec).collect(),
            node_label: text(&self.config, &keys::TASK_MANAGER_NODE_LABEL),
            external_resources: self.sizes.external_resources.clone().into_iter().collect(),
            command_template: text(&self.config, &keys::COMMAND_TEMPLATE).unwrap_or_default(),
        }
    }
}

/// A resource as the launch specification carries it.
fn in_launch_spec(resource: &LocalResource) -> launch::LocalResource {
    use launch::local_resource as carried;
    let LocalResource { link, url, size, timestamp_ms, kind, visibility } = resource.clone();
    let kind = match kind {
        Kind::File => carried::Kind::File,
        Kind::Archive => carried::Kind::Archive,
    };
    let visibility = match visibility {
        Visibility::Application => carried::Visibility::Application,
        Visibility::Private => carried::Visibility::Private,
        Visibility::Public => carried::Visibility::Public,
    };
    launch::LocalResource { link, url, size, timestamp_ms, kind: kind.into(), visibility: visibility.into() }
}

/// The class path of both JVMs, relative to the working directory: directories, then jars, each sorted, flink-dist last
/// (`YarnClusterDescriptor`). Plugins and `usrlib` have class loaders of their own; archives are not on the class path.
pub(super) fn class_path(placed: &Placed, user_jar: UserJar) -> Vec<String> {
    let mut directories = BTreeSet::from([CONF_DIR.to_owned()]);
    let mut jars = BTreeSet::new();
    let (mut dist, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for (known, resource) in placed.known() {
        let kind = resource.kind;
        let (directory, name) = known.rsplit_once('/').unwrap_or((".", known));
        let apart = known.starts_with("plugins/") || known.starts_with("usrlib/") || known == APP_MASTER;
        if apart || kind == Kind::Archive {
            continue;
        }
        // Loaded by the plain name, in the order of the original one.
        let link = resource.link.clone();
        if let Some(user) = known.strip_prefix(files::USER_JAR_DIR) {
            match user_jar {
                UserJar::First => first.push(link),
                UserJar::Last => last.push(link),
                // Sorted by name among the others, whichever directory it is in.
                UserJar::Order | UserJar::UserLib => {
                    jars.insert((user.to_owned(), link));
                }
            }
        } else if !name.ends_with(".jar") {
            // A class path cannot contain the others.
            if !directory.contains(':') {
                directories.insert(directory.to_owned());
            }
        } else if name.starts_with("flink-dist") {
            dist.push(link);
        } else {
            jars.insert((known.to_owned(), link));
        }
    }
    let jars = jars.into_iter().map(|(_, link)| link);
    first.into_iter().chain(directories).chain(jars).chain(dist).chain(last).collect()
}
