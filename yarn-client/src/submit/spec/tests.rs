use super::*;
use crate::conf::Environment;
use crate::flink::TaskManagerLimits;

fn submission() -> JobSubmission {
    JobSubmission { jar: "job.jar".to_owned(), ..JobSubmission::default() }
}

fn file(settings: &[(&str, &str)]) -> FlinkConfig {
    FlinkConfig::from_flat(settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

#[test]
fn flags_win_over_dynamic_properties_and_those_over_the_file() {
    let submission = JobSubmission {
        dynamic: vec!["parallelism.default=2".into(), "a=1".into(), "yarn.application.queue=d".into()],
        parallelism: Some(3),
        queue: Some("flag".into()),
        job_manager_memory: Some("1024".into()),
        task_manager_memory: Some("2g".into()),
        slots: Some(4),
        name: Some("n".into()),
        ..submission()
    };
    let config =
        submission.effective(file(&[("a", "0"), ("b", "0"), ("yarn.application.queue", "f")])).unwrap();
    for (key, value) in [
        ("a", "1"),
        ("b", "0"),
        ("parallelism.default", "3"),
        ("yarn.application.queue", "flag"),
        ("yarn.application.name", "n"),
        ("jobmanager.memory.process.size", "1073741824b"),
        ("taskmanager.memory.process.size", "2147483648b"),
        ("taskmanager.numberOfTaskSlots", "4"),
    ] {
        assert_eq!(config.get(key), Some(value), "{key}");
    }
}

#[test]
fn lists_are_added_to() {
    let submission = JobSubmission {
        ship: vec!["b.txt".into()],
        class_paths: vec!["http://host/c.jar".into()],
        ..submission()
    };
    let config = submission.effective(file(&[("yarn.ship-files", "a.txt")])).unwrap();
    assert_eq!(config.list(&keys::SHIP_FILES), ["a.txt", "b.txt"]);
    assert_eq!(config.list(&keys::CLASS_PATHS), ["http://host/c.jar"]);
}

#[test]
fn class_paths_are_urls() {
    let refusal = |url: &str, dynamic: bool| {
        let submission = match dynamic {
            true => JobSubmission { dynamic: vec![format!("pipeline.classpaths={url}")], ..submission() },
            false => JobSubmission { class_paths: vec![url.to_owned()], ..submission() },
        };
        submission.effective(file(&[])).err().map(|error| error.to_string())
    };
    for good in ["file:///opt/x.jar", "file:/opt/x.jar", "http://h/x.jar", "HTTPS://h/x.jar"] {
        assert_eq!(refusal(good, false), None, "{good}");
    }
    let plain = refusal("/opt/x.jar", false).unwrap();
    assert!(plain.starts_with("`-C`: `/opt/x.jar` is not a URL; write `file:///opt/x.jar`"), "{plain}");
    assert!(
        refusal("lib/x.jar", true).unwrap().starts_with("`pipeline.classpaths`: `lib/x.jar` is not a URL")
    );
    assert!(refusal("hdfs:///x.jar", false).unwrap().contains("`hdfs:` is unknown"));
}

#[test]
fn bad_options_name_themselves() {
    let error = |submission: JobSubmission| submission.effective(file(&[])).unwrap_err();
    let size = error(JobSubmission { job_manager_memory: Some("big".into()), ..submission() });
    assert!(size.to_string().starts_with("-jm "), "{size}");
    assert!(size.hint().is_some());
    let part = error(JobSubmission { task_manager_memory: Some("1.5g".into()), ..submission() });
    assert_eq!(part.to_string(), "-tm `1.5g` is not a memory size: it is not a whole number");
    assert!(part.hint().unwrap().contains("such as `1600m`"), "{part:?}");
    let zero = error(JobSubmission { slots: Some(0), ..submission() });
    assert_eq!(zero.to_string(), "`--slots` must be at least 1");
    let dynamic = error(JobSubmission { dynamic: vec!["nonsense".into()], ..submission() });
    assert!(dynamic.to_string().contains("nonsense"), "{dynamic}");
    for error in [size, zero, dynamic] {
        assert_eq!(error.kind(), crate::cluster::ErrorKind::Usage);
    }
}

#[test]
fn hadoops_settings_travel_in_flinks_configuration() {
    let submission = JobSubmission { dynamic: vec!["flink.yarn.x=2".into()], ..submission() };
    let settings = submission.settings(&file(&[("flink.hadoop.dfs.replication", "1")])).unwrap();
    let hadoop = settings.hadoop_overrides();
    assert_eq!(hadoop["dfs.replication"], "1");
    assert_eq!(hadoop["yarn.x"], "2");
}

#[test]
fn a_jobs_id_is_of_chance_or_the_users() {
    let mut config = file(&[]);
    assert_eq!(take_job_id(&mut config, [0xab; 16]).unwrap(), ("ab".repeat(16), false));
    let mine = "0123456789ABCDEF0123456789abcdef";
    for key in keys::JOB_ID {
        let mut config = file(&[(key, mine)]);
        assert_eq!(take_job_id(&mut config, [0; 16]).unwrap(), (mine.to_lowercase(), true));
        assert!(!config.contains(key));
    }
    let error = take_job_id(&mut file(&[("pipeline.jobid", "7")]), [0; 16]).unwrap_err();
    assert_eq!(error.to_string(), "`7` is not a job id (32 hexadecimal digits)");
}

#[test]
fn the_gateways_own_addresses_stay_here() {
    let mut config = file(&[
        ("jobmanager.bind-host", "localhost"),
        ("taskmanager.bind-host", "localhost"),
        ("taskmanager.host", "gateway"),
        ("rest.bind-address", "localhost"),
        ("rest.address", "0.0.0.0"),
    ]);
    remove_gateway_addresses(&mut config);
    assert_eq!(
        config.flat().iter().collect::<Vec<_>>(),
        [(&"rest.address".to_owned(), &"0.0.0.0".to_owned())]
    );
}

#[test]
fn jars_are_here_or_on_the_cluster() {
    for (text, jar, name) in [
        ("job.jar", JobJar::Local("job.jar".into()), "job.jar"),
        ("/a/b.jar", JobJar::Local("/a/b.jar".into()), "b.jar"),
        ("file:///a/b.jar", JobJar::Local("/a/b.jar".into()), "b.jar"),
        ("file:/a/b.jar", JobJar::Local("/a/b.jar".into()), "b.jar"),
        ("hdfs://nn:8020/a/b.jar", JobJar::Remote("hdfs://nn:8020/a/b.jar".into()), "b.jar"),
        ("hdfs:///a/b.jar", JobJar::Remote("hdfs:///a/b.jar".into()), "b.jar"),
        ("hdfs:/a/b.jar", JobJar::Remote("hdfs:/a/b.jar".into()), "b.jar"),
        ("2026-11:b.jar", JobJar::Local("2026-11:b.jar".into()), "2026-11:b.jar"),
        ("nightly:b.jar", JobJar::Local("nightly:b.jar".into()), "nightly:b.jar"),
        ("dir:1/b.jar", JobJar::Local("dir:1/b.jar".into()), "b.jar"),
    ] {
        assert_eq!(JobJar::parse(text), jar, "{text}");
        assert_eq!(jar.file_name(), name, "{text}");
    }
}

#[test]
fn the_application_master_lies_beside_the_client() {
    let beside = app_master_path(None, Some(Path::new("/opt/bin/yarn-flink")));
    assert_eq!(beside, Path::new("/opt/bin/flink-app-master"));
    let named = app_master_path(Some(Path::new("/x/am")), Some(Path::new("/opt/bin/yarn-flink")));
    assert_eq!(named, Path::new("/x/am"));
}

#[test]
fn without_a_distribution_the_error_says_what_to_set() {
    let site = Site {
        environment: Environment::default(),
        flink_home: None,
        app_master: PathBuf::new(),
        entropy: [0; 16],
    };
    let error = FlinkHome::open(&site, None).unwrap_err();
    assert!(matches!(error, PreflightError::NoFlinkHome));
    assert!(error.hint().unwrap().contains("FLINK_HOME"));
}

fn size(task_managers: Option<u32>, min: Option<u32>, max: Option<u32>) -> SessionSize {
    SessionSize { task_managers, min, max, idle_timeout: None }
}

#[test]
fn a_session_has_the_size_it_is_given() {
    let resolved = |size: SessionSize, limits: TaskManagerLimits| {
        let session = size.resolve(&limits).unwrap();
        (session.min_task_managers, session.max_task_managers)
    };
    let none = TaskManagerLimits::NONE;
    assert_eq!(resolved(size(None, None, None), none), (0, u32::MAX));
    assert_eq!(resolved(size(Some(3), None, None), none), (3, 3));
    assert_eq!(resolved(size(None, Some(2), None), none), (2, u32::MAX));
    assert_eq!(resolved(size(None, Some(2), Some(2)), none), (2, 2));
    // The command line overrides Flink's own limits.
    let limits = TaskManagerLimits { min: 2, max: 4, redundant: 1 };
    assert_eq!(resolved(size(None, None, None), limits), (2, 4));
    assert_eq!(resolved(size(None, None, Some(7)), limits), (2, 7));
    assert_eq!(resolved(size(None, None, Some(1)), limits), (1, 1));
    assert_eq!(resolved(size(None, Some(0), None), limits), (0, 4));
    assert_eq!(resolved(size(None, Some(6), None), limits), (6, 6));
}

#[test]
fn a_session_of_no_size_is_refused() {
    let refused = |size: SessionSize| {
        let error = size.resolve(&TaskManagerLimits::NONE).unwrap_err();
        assert_eq!(error.kind(), crate::cluster::ErrorKind::Usage);
        error.to_string()
    };
    assert_eq!(refused(size(Some(0), None, None)), "`--task-managers` must be at least 1");
    assert_eq!(refused(size(None, None, Some(0))), "`--max` must be at least 1");
    assert_eq!(
        refused(size(None, Some(3), Some(2))),
        "a session cannot have a minimum of 3 and a maximum of 2 TaskManagers"
    );
}

#[test]
fn an_idle_session_ends_after_whole_milliseconds() {
    let size = SessionSize { idle_timeout: Some(Duration::from_secs(90)), ..SessionSize::default() };
    assert_eq!(size.resolve(&TaskManagerLimits::NONE).unwrap().idle_timeout_ms, Some(90_000));
}
