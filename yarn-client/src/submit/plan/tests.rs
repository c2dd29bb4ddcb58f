use std::path::PathBuf;

use proto::launch::Limits;

use super::launch::class_path;
use super::*;
use crate::flink::Distribution;
use crate::flink::dist::{DistFile, LogConfiguration, LogFramework};
use crate::hdfs::stage::{Scope, Source, StageItem};
use crate::submit::spec::JobJar;
use crate::yarn::launch::{Kind, Visibility};

const JOB: &str = "0123456789abcdef0123456789abcdef";
const APPLICATION: ApplicationId = ApplicationId { cluster_timestamp: 1_700_000_000_000, id: 7 };

fn dist_file(link: &str) -> DistFile {
    DistFile { path: PathBuf::from("/flink").join(link), link: link.to_owned(), size: 1 }
}

/// A job of a distribution with one library, one plugin and one file beside the job in `usrlib`.
pub(crate) fn job(settings: &[(&str, &str)]) -> ResolvedJob {
    let config = FlinkConfig::from_flat(settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let version = Version::parse("1.20.5").unwrap();
    ResolvedJob {
        job_id: JOB.to_owned(),
        fixed_job_id: false,
        jar: Some(JobJar::Local(PathBuf::from("/jobs/word-count.jar"))),
        jars: Vec::new(),
        session: None,
        open_rest: false,
        multi_job: false,
        main_class: Some("com.example.WordCount".to_owned()),
        args: vec!["--input".to_owned(), "in".to_owned()],
        savepoint: None,
        allow_non_restored_state: false,
        restart_from_scratch: false,
        placement: Default::default(),
        config,
        distribution: Some(Distribution {
            home: PathBuf::from("/flink"),
            version: version.clone(),
            lib: vec![dist_file("lib/flink-csv-1.20.5.jar"), dist_file("lib/flink-dist-1.20.5.jar")],
            dist_jar: dist_file("lib/flink-dist-1.20.5.jar"),
            plugins: vec![dist_file("plugins/s3/s3.jar")],
            opt: Vec::new(),
            usrlib: vec![dist_file("usrlib/udf.jar")],
        }),
        version,
        logging: LogConfiguration {
            framework: LogFramework::Log4j,
            name: "log4j.properties",
            path: Some(PathBuf::from("/flink/conf/log4j.properties")),
        },
        app_master: PathBuf::from("/opt/flink-app-master"),
        warnings: Vec::new(),
    }
}

fn hadoop(settings: &[(&str, &str)]) -> Configuration {
    Configuration::from_flat(settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

pub(crate) fn plan(settings: &[(&str, &str)]) -> Plan {
    Plan::new(&job(settings), &hadoop(&[]), "alice").unwrap()
}

fn refusal(settings: &[(&str, &str)]) -> String {
    Plan::new(&job(settings), &hadoop(&[]), "alice").unwrap_err().to_string()
}

fn links(plan: &Plan) -> Vec<&str> {
    plan.files.items.iter().map(|item| item.link.as_str()).collect()
}

fn item<'a>(plan: &'a Plan, link: &str) -> &'a StageItem {
    plan.files
        .items
        .iter()
        .find(|item| item.link == link)
        .unwrap_or_else(|| panic!("{link} in {:?}", links(plan)))
}

/// The result of staging a plan.
fn staged(plan: &Plan) -> Vec<LocalResource> {
    let resource = |item: &StageItem| LocalResource {
        link: item.link.clone(),
        url: format!("hdfs://nn/{}", item.link),
        size: 1,
        timestamp_ms: 1,
        kind: item.kind,
        visibility: Visibility::Private,
    };
    plan.files.items.iter().map(resource).collect()
}

#[test]
fn sizes_of_the_stock_configuration_are_the_default() {
    let plan = plan(&[]);
    assert_eq!(plan.master, Resource::new(1600, 1));
    assert_eq!(plan.task_manager, Resource::new(1728, 1));
    assert_eq!((plan.slots, plan.task_managers), (1, 1));
    assert_eq!(plan.config.get("jobmanager.memory.process.size"), Some("1600m"));
}

#[test]
fn sizes_follow_the_configuration() {
    let plan = plan(&[
        ("jobmanager.memory.process.size", "1g"),
        ("taskmanager.memory.process.size", "4g"),
        ("taskmanager.numberOfTaskSlots", "4"),
        ("parallelism.default", "9"),
        ("yarn.appmaster.vcores", "2"),
        ("external-resources", "gpu"),
        ("external-resource.gpu.amount", "2"),
        ("external-resource.gpu.yarn.config-key", "yarn.io/gpu"),
    ]);
    assert_eq!(plan.master, Resource::new(1024, 2));
    assert_eq!((plan.task_manager.memory_mib, plan.task_manager.vcores), (4096, 4));
    assert_eq!(plan.task_manager.others.get("yarn.io/gpu"), Some(&2));
    assert_eq!((plan.slots, plan.task_managers), (4, 3));
}

#[test]
fn memory_that_does_not_add_up_names_its_role() {
    let error =
        Plan::new(&job(&[("jobmanager.memory.process.size", "100m")]), &hadoop(&[]), "alice").unwrap_err();
    assert!(matches!(error, PreflightError::Memory { role: "JobManager", .. }), "{error:?}");
    let error =
        Plan::new(&job(&[("taskmanager.memory.process.size", "700m")]), &hadoop(&[]), "alice").unwrap_err();
    assert!(matches!(error, PreflightError::Memory { role: "TaskManagers", .. }), "{error:?}");
}

#[test]
fn what_yarn_shows_of_the_application() {
    let plain = plan(&[]);
    assert_eq!((plain.name.as_str(), plain.application_type.as_str()), ("WordCount", "Apache Flink"));
    assert_eq!((plain.queue.as_deref(), plain.priority, plain.node_label.as_deref()), (None, None, None));
    let named = plan(&[
        ("yarn.application.name", "nightly"),
        ("yarn.application.type", "Batch"),
        ("yarn.application.queue", "etl"),
        ("yarn.application.priority", "5"),
        ("yarn.application.node-label", "ssd"),
        ("yarn.taskmanager.node-label", "gpu"),
        ("yarn.tags", " B, a ,,b"),
        ("yarn.view.acls", "bob ops"),
    ]);
    assert_eq!((named.name.as_str(), named.application_type.as_str()), ("nightly", "Batch"));
    assert_eq!((named.queue.as_deref(), named.priority), (Some("etl"), Some(5)));
    assert_eq!(named.tags.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b"]);
    let spec = named
        .launch_spec(named.config.clone(), &named.place(staged(&named)), "hdfs://nn/s".into(), None)
        .unwrap();
    assert_eq!(named.node_label.as_deref(), Some("ssd"));
    assert_eq!(spec.task_manager.unwrap().node_label.as_deref(), Some("gpu"));
    assert_eq!(spec.view_acls, "bob ops");
}

#[test]
fn values_yarn_would_not_take_are_refused() {
    let many = (0..11).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let long = "x".repeat(101);
    for (key, value, reason) in [
        ("yarn.tags", many.as_str(), "at most 10"),
        ("yarn.tags", &long, "longer than 100"),
        ("yarn.tags", "größe", "ASCII"),
        ("yarn.application.type", "a type of more than twenty", "longer than 20"),
        ("yarn.application-attempts", "0", "between 1"),
        ("yarn.appmaster.vcores", "many", "many"),
        ("yarn.classpath.include-user-jar", "SOMEWHERE", "DISABLED, FIRST, LAST, ORDER"),
        ("yarn.application-master.port", "70000", "70000"),
        ("rest.bind-port", "9-1", "9-1"),
        ("blob.server.port", "x", "x"),
        ("yarn.container-start-command-template", "ulimit -c 0; %java% %args%", "needs a shell"),
        ("yarn.ship-archives", "hdfs://nn/a.rar", "not an archive"),
        ("yarn.ship-files", "hdfs://nn/usrlib", "usrlib"),
        ("yarn.ship-files", "/no/such/file", "does not exist"),
        ("yarn.provided.usrlib.dir", "hdfs://nn/libs", "named `usrlib`"),
    ] {
        let text = refusal(&[(key, value)]);
        assert!(text.contains(reason), "{key}={value}: {text}");
    }
}

#[test]
fn attempts_are_capped_by_the_resource_manager_alone() {
    assert_eq!(plan(&[]).max_attempts, 2);
    let wanted = [("yarn.application-attempts", "5")];
    let asked = |conf: &[(&str, &str)]| {
        let plan = Plan::new(&job(&wanted), &hadoop(conf), "alice").unwrap();
        (plan.max_attempts, plan.warnings.len())
    };
    assert_eq!(asked(&[]), (5, 0));
    assert_eq!(asked(&[("yarn.resourcemanager.am.max-attempts", "8")]), (5, 0));
    assert_eq!(asked(&[("yarn.resourcemanager.am.max-attempts", "2")]), (5, 1));
    assert_eq!(asked(&[("yarn.resourcemanager.am.max-attempts", "two")]), (5, 0));
    let global =
        [("yarn.resourcemanager.am.max-attempts", "2"), ("yarn.resourcemanager.am.global.max-attempts", "5")];
    assert_eq!(asked(&global), (5, 0));
}

#[test]
fn failures_of_ten_minutes_count_unless_the_user_says_otherwise() {
    assert_eq!(plan(&[]).attempt_validity_ms, Some(600_000));
    let all = plan(&[("yarn.application-attempt-failures-validity-interval", "-1")]);
    assert_eq!(all.attempt_validity_ms, None);
    let plan = plan(&[("yarn.application-attempt-failures-validity-interval", "60000")]);
    assert_eq!(plan.attempt_validity_ms, Some(60_000));
}

#[test]
fn files_of_a_plain_job() {
    let plan = plan(&[]);
    assert_eq!(
        links(&plan),
        [
            "flink-app-master",
            "lib/flink-csv-1.20.5.jar",
            "lib/flink-dist-1.20.5.jar",
            "plugins/s3/s3.jar",
            "usrlib/word-count.jar",
            "usrlib/udf.jar",
            "conf/log4j.properties",
        ]
    );
    assert!(plan.files.items.iter().all(|item| item.scope == Scope::Cache && item.kind == Kind::File));
}

#[test]
fn what_is_on_the_cluster_is_not_uploaded() {
    let plan = plan(&[
        ("yarn.provided.lib.dirs", "hdfs://nn/flink/lib;hdfs://nn/flink/plugins/"),
        ("yarn.provided.usrlib.dir", "hdfs://nn/app/usrlib"),
        ("yarn.ship-files", "hdfs://nn/data/table.csv"),
        ("yarn.ship-archives", "hdfs://nn/data/model.tar.gz"),
    ]);
    assert_eq!(
        links(&plan),
        [
            "flink-app-master",
            "lib",
            "plugins",
            "usrlib/word-count.jar",
            "usrlib",
            "table.csv",
            "model.tar.gz",
            "conf/log4j.properties"
        ]
    );
    assert!(matches!(&item(&plan, "lib").source, Source::Remote(uri) if uri == "hdfs://nn/flink/lib"));
    assert_eq!(item(&plan, "model.tar.gz").kind, Kind::Archive);
}

#[test]
fn the_class_path_is_directories_then_jars_with_flink_dist_last() {
    let settings = [("yarn.ship-files", "hdfs://nn/a.jar;hdfs://nn/data/table.csv")];
    let plain = plan(&settings);
    let all = [".", "conf", "a.jar", "lib/flink-csv-1.20.5.jar", "lib/flink-dist-1.20.5.jar"];
    assert_eq!(class_path(&plain.place(staged(&plain)), plain.user_jar), all);

    let with = |mode| {
        let mut settings = settings.to_vec();
        settings.push(("yarn.classpath.include-user-jar", mode));
        let plan = plan(&settings);
        assert!(links(&plan).contains(&"userjar/word-count.jar"), "{mode}");
        class_path(&plan.place(staged(&plan)), plan.user_jar)
    };
    let user = "userjar/word-count.jar";
    assert_eq!(with("FIRST").first().map(String::as_str), Some(user));
    assert_eq!(with("last").last().map(String::as_str), Some(user));
    assert_eq!(with("ORDER")[2..], ["a.jar", "lib/flink-csv-1.20.5.jar", user, "lib/flink-dist-1.20.5.jar"]);
}

#[test]
fn environments_of_the_containers() {
    let configured = hadoop(&[("yarn.application.classpath", "/etc/hadoop, /opt/hadoop/*")]);
    let settings = [
        ("containerized.master.env.ONLY_MASTER", "1"),
        ("yarn.application-master.env.ONLY_MASTER", "old"),
        ("containerized.taskmanager.env.ONLY_TASKS", "2"),
        ("env.java.home", "/usr/lib/jvm/17"),
        ("env.log.level", "DEBUG"),
        ("env.log.max", "3"),
    ];
    let plan = Plan::new(&job(&settings), &configured, "alice").unwrap();
    let spec =
        plan.launch_spec(plan.config.clone(), &plan.place(staged(&plan)), String::new(), None).unwrap();
    let master = plan.master_env_with(&spec.classpath);
    let tasks = spec.task_manager.unwrap().env;
    for (name, value) in [
        ("HADOOP_USER_NAME", "alice"),
        ("HADOOP_CLASSPATH", "/etc/hadoop<CPS>/opt/hadoop/*"),
        ("FLINK_LIB_DIR", "$PWD/lib"),
        ("FLINK_PLUGINS_DIR", "$PWD/plugins"),
        ("FLINK_OPT_DIR", "$PWD/opt"),
        ("FLINK_CONF_DIR", "$PWD/conf"),
        ("JAVA_HOME", "/usr/lib/jvm/17"),
        ("ROOT_LOG_LEVEL", "DEBUG"),
        ("MAX_LOG_FILE_NUMBER", "3"),
        (
            "CLASSPATH",
            "conf<CPS>lib/flink-csv-1.20.5.jar<CPS>lib/flink-dist-1.20.5.jar<CPS>/etc/hadoop<CPS>/opt/hadoop/*",
        ),
    ] {
        assert_eq!(master.get(name).map(String::as_str), Some(value), "{name}");
        assert_eq!(tasks.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(master.get("ONLY_MASTER").map(String::as_str), Some("1"));
    assert_eq!(tasks.get("ONLY_TASKS").map(String::as_str), Some("2"));
    assert!(!tasks.contains_key("ONLY_MASTER") && !master.contains_key("ONLY_TASKS"));
}

#[test]
fn hadoops_classes_are_where_yarn_says() {
    let plan = plan(&[]);
    assert!(
        plan.master_env["HADOOP_CLASSPATH"].starts_with("$HADOOP_CONF_DIR<CPS>$HADOOP_COMMON_HOME/share/")
    );
}

#[test]
fn odd_names_are_plain_where_they_are_loaded() {
    let mut job = job(&[("yarn.classpath.include-user-jar", "FIRST")]);
    job.jar = Some(JobJar::Local("/jobs/my #1 job.jar".into()));
    job.jars = vec!["/jobs/my #1 job.jar".into(), "hdfs://nn/jars/more.jar".into()];
    let plan = Plan::new(&job, &hadoop(&[]), "alice").unwrap();
    let mut staged = staged(&plan);
    for link in ["my data/b.txt", "my data/c d.jar", "a:b/c.txt"] {
        staged.push(LocalResource { link: link.to_owned(), ..LocalResource::default() });
    }
    let spec = plan.launch_spec(plan.config.clone(), &plan.place(staged), String::new(), None).unwrap();
    assert_eq!(spec.workload.unwrap().program().unwrap().jar, "userjar/my__1_job.jar");
    // A class path cannot contain `a:b`.
    let expected = [
        "userjar/my__1_job.jar",
        "userjar/more.jar",
        "conf",
        "my data",
        "lib/flink-csv-1.20.5.jar",
        "shipped/c_d.jar",
        "lib/flink-dist-1.20.5.jar",
    ];
    assert_eq!(spec.classpath, expected);
    let links: Vec<_> = spec.links.iter().map(|link| (link.path.as_str(), link.target.as_str())).collect();
    let expected = [
        ("my data/b.txt", "shipped/b.txt"),
        ("my data/c d.jar", "shipped/c_d.jar"),
        ("a:b/c.txt", "shipped/c.txt"),
    ];
    assert_eq!(links, expected);
}

#[test]
fn the_launch_specification_is_complete() {
    let plan = plan(&[("parallelism.default", "3"), ("taskmanager.numberOfTaskSlots", "2")]);
    let spec = plan
        .launch_spec(
            plan.config_for(APPLICATION),
            &plan.place(staged(&plan)),
            "hdfs://nn/staging".into(),
            None,
        )
        .unwrap();
    assert_eq!(spec.version, proto::launch::VERSION);
    assert_eq!(spec.staging_dir, "hdfs://nn/staging");
    assert_eq!((spec.flink_version.as_str(), spec.application_name.as_str()), ("1.20.5", "WordCount"));
    assert_eq!((spec.user.as_str(), spec.conf_dir.as_str(), spec.max_attempts), ("alice", "conf", 2));
    let workload = spec.workload.unwrap();
    let program = workload.program().unwrap();
    assert_eq!((workload.job_id(), program.parallelism), (Some(JOB), 3));
    assert_eq!(program.main_class.as_deref(), Some("com.example.WordCount"));
    assert_eq!(program.args, ["--input", "in"]);
    let job_manager = spec.job_manager.unwrap();
    assert_eq!(
        [&job_manager.rpc_port_range, &job_manager.rest_port_range, &job_manager.blob_port_range],
        ["0", "0", "0"]
    );
    assert!(job_manager.jvm_args.iter().any(|arg| arg.starts_with("-Xmx")));
    assert!(
        job_manager.dynamic_properties.iter().any(|pair| pair.starts_with("jobmanager.memory.heap.size="))
    );
    let task_manager = spec.task_manager.unwrap();
    assert_eq!((task_manager.memory_mib, task_manager.vcores, task_manager.slots), (1728, 2, 2));
    assert!(
        task_manager
            .dynamic_properties
            .iter()
            .any(|pair| pair.starts_with("taskmanager.memory.managed.size="))
    );
    assert!(task_manager.command_template.is_empty());
    let task_links: Vec<_> =
        task_manager.local_resources.iter().map(|resource| resource.link.as_str()).collect();
    assert!(
        task_links.contains(&APP_MASTER) && task_links.contains(&"usrlib/word-count.jar"),
        "{task_links:?}"
    );
}

#[test]
fn port_ranges_are_the_users() {
    let ranges = |settings: &[(&str, &str)]| {
        let plan = plan(settings);
        let spec = plan
            .launch_spec(plan.config.clone(), &Placed::default(), String::new(), None)
            .unwrap()
            .job_manager
            .unwrap();
        [spec.rpc_port_range, spec.rest_port_range, spec.blob_port_range]
    };
    assert_eq!(
        ranges(&[
            ("yarn.application-master.port", "50100-50200"),
            ("jobmanager.rpc.port", "6200"),
            ("rest.bind-port", "8081,8090-8099"),
            ("blob.server.port", "50300")
        ]),
        ["50100-50200", "8081,8090-8099", "50300"]
    );
    // 6123 is in every stock configuration, so the user has not chosen it.
    assert_eq!(ranges(&[("jobmanager.rpc.port", "6123")])[0], "0");
    assert_eq!(ranges(&[("jobmanager.rpc.port", "6200")])[0], "6200");
}

#[test]
fn with_high_availability_flink_is_told_the_range_by_its_other_key() {
    let of = |settings: &[(&str, &str)]| {
        let ha = [("high-availability.type", "zookeeper"), ("yarn.application-master.port", "50100-50200")];
        let plan = plan(&[&ha[..], settings].concat());
        plan.config.get("high-availability.jobmanager.port").map(str::to_owned)
    };
    assert_eq!(of(&[]).as_deref(), Some("50100-50200"));
    assert_eq!(of(&[("high-availability.jobmanager.port", "6200")]).as_deref(), Some("6200"));
    assert_eq!(plan(&[]).config.get("high-availability.jobmanager.port"), None);
}

#[test]
fn a_parallelism_that_can_never_be_is_refused() {
    let text = refusal(&[("parallelism.default", "100000")]);
    assert_eq!(text, "`parallelism.default`: `100000` is not between 1 and 32768");
    assert_eq!(plan(&[("parallelism.default", "32768")]).task_managers, 32768);
    let warnings = plan(&[("parallelism.default", "200"), ("pipeline.max-parallelism", "128")]).warnings;
    assert!(warnings[0].text.contains("`pipeline.max-parallelism` allows (128)"), "{warnings:?}");
    assert!(plan(&[("parallelism.default", "128"), ("pipeline.max-parallelism", "128")]).warnings.is_empty());
}

#[test]
fn the_cluster_id_of_high_availability_is_the_application() {
    let none = plan(&[]);
    assert!(none.config_for(APPLICATION).get("high-availability.cluster-id").is_none());
    let zookeeper = plan(&[("high-availability.type", "zookeeper")]);
    assert_eq!(
        zookeeper.config_for(APPLICATION).get("high-availability.cluster-id"),
        Some("application_1700000000000_0007")
    );
    let own = plan(&[("high-availability.type", "zookeeper"), ("high-availability.cluster-id", "mine")]);
    assert_eq!(own.config_for(APPLICATION).get("high-availability.cluster-id"), Some("mine"));
}

#[test]
fn the_configuration_file_is_the_versions_own() {
    let plan = plan(&[("a.b", "c")]);
    let spec =
        plan.launch_spec(plan.config.clone(), &plan.place(staged(&plan)), String::new(), None).unwrap();
    let file = spec.files.iter().find(|file| file.link == "conf/config.yaml").unwrap();
    let text = std::str::from_utf8(&file.content).unwrap();
    assert!(text.contains("a.b"), "{text}");
}

#[test]
fn the_command_leaves_output_that_yarn_quotes() {
    assert_eq!(
        plan(&[]).command,
        "exec ./flink-app-master 1><LOG_DIR>/appmaster.stdout 2><LOG_DIR>/appmaster.stderr"
    );
}

#[test]
fn limits_of_task_managers_are_obeyed() {
    let limited = |settings: &[(&str, &str)]| {
        let plan = plan(settings);
        let told = plan.warnings.iter().any(|warning| warning.text.contains("slotmanager.*"));
        let spec = plan.launch_spec(plan.config.clone(), &Placed::default(), String::new(), None).unwrap();
        (plan.task_managers, spec.limits.unwrap(), told)
    };
    let wide = ("parallelism.default", "6");
    let none = Limits { min_task_managers: 0, max_task_managers: u32::MAX, redundant_task_managers: 0 };
    assert_eq!(limited(&[wide]), (6, none, false));
    let (task_managers, limits, told) = limited(&[wide, ("slotmanager.number-of-slots.max", "4")]);
    assert_eq!((task_managers, limits.max_task_managers, told), (4, 4, true));
    assert_eq!(limited(&[wide, ("slotmanager.redundant-taskmanager-num", "2")]).0, 8);
    assert_eq!(limited(&[("slotmanager.number-of-slots.min", "3")]).0, 3);
}
