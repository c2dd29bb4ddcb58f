use proptest::prelude::*;

use super::*;

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

const NESTED: &str = r#"
# comment
jobmanager:
  rpc: {address: localhost, port: 6123}
  memory.process.size: 1600m   # flat below nested
env.java.opts.all: "-Da=b #no comment"
empty:
word: yes
flag: True
hex: 0x10
fraction: 0.40
quoted: '1.10'
list: [a, "b;c", 1, "2", "x, y"]
blocks:
  - file:///a
  - b
"#;

#[test]
fn flattens_nested_yaml() {
    let dir = directory(&[("config.yaml", NESTED)]);
    let config = FlinkConfig::load(dir.path(), &version("2.1.0")).unwrap();
    let expected = [
        ("blocks", "[\"file:///a\", b]"),
        ("env.java.opts.all", "-Da=b #no comment"),
        ("flag", "true"),
        ("fraction", "0.4"),
        ("hex", "16"),
        ("jobmanager.memory.process.size", "1600m"),
        ("jobmanager.rpc.address", "localhost"),
        ("jobmanager.rpc.port", "6123"),
        ("list", "[a, \"b;c\", 1, \"2\", \"x, y\"]"),
        ("quoted", "1.10"),
        ("word", "yes"),
    ];
    let flat: Vec<_> = config.flat().iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(flat, expected);
    assert_eq!(config.list(&Opt::new("list")), ["a", "b;c", "1", "2", "x, y"]);
    assert_eq!(config.list(&Opt::new("blocks")), ["file:///a", "b"]);
}

#[test]
fn reads_the_legacy_file_line_by_line() {
    let text = "# c\n a.b : not this: one\r\nkey: value with: colon # comment\nno-value:\nnovalue: \nlist: a;'b;c';\"d\"\n";
    let dir = directory(&[("flink-conf.yaml", text)]);
    let config = FlinkConfig::load(dir.path(), &version("1.17.2")).unwrap();
    assert_eq!(config.get("key"), Some("value with: colon"));
    assert_eq!(config.get("a.b :"), None);
    assert_eq!(config.get("a.b : not this"), None);
    assert_eq!(config.get("a.b"), Some("not this: one"));
    assert_eq!(config.flat().len(), 3);
    assert_eq!(config.list(&Opt::new("list")), ["a", "b;c", "d"]);
}

#[test]
fn chooses_the_file_as_the_version_does() {
    let dir = directory(&[("config.yaml", "a: new"), ("flink-conf.yaml", "a: old")]);
    let a = |v: &str| FlinkConfig::load(dir.path(), &version(v)).unwrap().get("a").map(str::to_owned);
    assert_eq!(a("1.18.1").as_deref(), Some("old"));
    assert_eq!(a("1.20.5").as_deref(), Some("old"));
    assert_eq!(a("2.0.0").as_deref(), Some("new"));
    let only_new = directory(&[("config.yaml", "a: new")]);
    assert_eq!(FlinkConfig::load(only_new.path(), &version("1.20.5")).unwrap().get("a"), Some("new"));
    let missing = only_new.path().join("missing");
    assert!(FlinkConfig::load(&missing, &version("1.20.5")).unwrap().flat().is_empty());
}

#[test]
fn a_broken_file_is_named_without_its_content() {
    let dir = directory(&[("config.yaml", "a: [1\nmy.password: \"hunter2\n")]);
    let error = FlinkConfig::load(dir.path(), &version("2.0.0")).unwrap_err().to_string();
    assert!(error.contains("config.yaml") && !error.contains("hunter2"), "{error}");
    let dir = directory(&[("config.yaml", "- a\n- b\n")]);
    assert!(FlinkConfig::load(dir.path(), &version("2.0.0")).is_err());
    let dir = directory(&[("config.yaml", "a: 1\na: 2\n")]);
    assert!(FlinkConfig::load(dir.path(), &version("2.0.0")).is_err());
}

#[test]
fn finds_the_configuration_directory() {
    let home = tempfile::tempdir().unwrap();
    let none = |_: &str| None;
    let named = home.path().join("named");
    let set = |name: &str| (name == "FLINK_CONF_DIR").then(|| named.display().to_string());
    let dir = |explicit, env, home| conf_dir(explicit, env, home).unwrap();
    assert_eq!(dir(None, &none, Some(home.path())), None);
    std::fs::create_dir(home.path().join("conf")).unwrap();
    assert_eq!(dir(None, &none, Some(home.path())), Some(home.path().join("conf")));
    let error = conf_dir(None, &set, Some(home.path())).unwrap_err();
    assert_eq!(error.to_string(), format!("FLINK_CONF_DIR = {}: it does not exist", named.display()));
    assert!(error.hint().unwrap().contains("FLINK_CONF_DIR"));
    std::fs::create_dir(&named).unwrap();
    assert_eq!(dir(None, &set, Some(home.path())), Some(named.clone()));
    assert_eq!(dir(Some(Path::new("x")), &set, Some(home.path())), Some(PathBuf::from("x")));
}

#[test]
fn configuration_file_of_another_version_is_an_error() {
    let legacy = directory(&[("flink-conf.yaml", "a: 1\n")]);
    let error = FlinkConfig::load(legacy.path(), &version("2.1.3")).unwrap_err().to_string();
    assert!(error.contains("flink-conf.yaml: Flink 2.1.3 reads `config.yaml`; convert it"), "{error}");
    let standard = directory(&[("config.yaml", "a: 1\n")]);
    assert!(FlinkConfig::load(standard.path(), &version("1.18.1")).is_err());
    // Beside the one that is read it does no harm.
    let both = directory(&[("config.yaml", "a: 1\n"), ("flink-conf.yaml", "a: 2\n")]);
    assert_eq!(FlinkConfig::load(both.path(), &version("2.1.3")).unwrap().get("a"), Some("1"));
}

#[test]
fn applies_dynamic_properties() {
    let mut config = FlinkConfig::new();
    config.apply_dynamic("a=b=c d").unwrap();
    config.apply_dynamic("e=").unwrap();
    assert_eq!((config.get("a"), config.get("e")), (Some("b=c d"), Some("")));
    for bad in ["", "a", "=b", "a b=c"] {
        assert!(config.apply_dynamic(bad).is_err(), "{bad}");
    }
    let error = config.apply_dynamic("taskmanager.slots").unwrap_err();
    assert!(error.to_string().contains("taskmanager.slots") && error.hint().is_some());
}

#[test]
fn reads_typed_values_under_old_keys() {
    let mut config = FlinkConfig::new();
    assert_eq!(config.integer(&options::YARN_HEARTBEAT_INTERVAL).unwrap(), Some(5));
    config.set("yarn.heartbeat-delay", "9");
    assert_eq!(config.integer(&options::YARN_HEARTBEAT_INTERVAL).unwrap(), Some(9));
    config.set("yarn.heartbeat.interval", "7");
    assert_eq!(config.integer(&options::YARN_HEARTBEAT_INTERVAL).unwrap(), Some(7));
    config.set("yarn.ship-directories", "a;b");
    assert_eq!(config.list(&options::YARN_SHIP_FILES), ["a", "b"]);
    config.set("yarn.per-job-cluster.include-user-jar", "FIRST");
    assert_eq!(config.value(&options::YARN_INCLUDE_USER_JAR), Some("FIRST"));
    config.set("heartbeat.timeout", "soon");
    let error = config.duration(&options::HEARTBEAT_TIMEOUT).unwrap_err();
    assert_eq!(error.to_string(), "`heartbeat.timeout`: `soon` is not a duration such as `10 s`");
    config.set("execution.attached", "TRUE");
    assert_eq!(config.boolean(&options::EXECUTION_ATTACHED).unwrap(), Some(true));
    config.set("execution.attached", "yes");
    assert!(config.boolean(&options::EXECUTION_ATTACHED).is_err());
}

#[test]
fn gathers_environment_and_hadoop_settings() {
    let mut config = FlinkConfig::new();
    config.set("yarn.application-master.env.A", "old");
    config.set("yarn.application-master.env.B", "b");
    config.set("containerized.master.env.A", "new");
    config.set("containerized.taskmanager.env.C", "c");
    config.set("flink.hadoop.dfs.replication", "2");
    config.set("flink.yarn.resourcemanager.hostname", "rm");
    let master = config.container_env(Role::Master);
    assert_eq!(
        master.into_iter().collect::<Vec<_>>(),
        [("A".into(), "new".into()), ("B".into(), "b".into())]
    );
    assert_eq!(config.container_env(Role::TaskManager).len(), 1);
    let hadoop = config.hadoop_overrides();
    assert_eq!(hadoop.get("dfs.replication").map(String::as_str), Some("2"));
    assert_eq!(hadoop.get("yarn.resourcemanager.hostname").map(String::as_str), Some("rm"));
}

#[test]
fn hides_secrets() {
    let mut config = FlinkConfig::new();
    for key in [
        "s3.secret-key",
        "my.Password",
        "fs.azure.account.key.x",
        "a.token",
        "security.ssl.rest.key-password",
    ] {
        config.set(key, "hunter2");
        assert!(is_sensitive(key), "{key}");
    }
    config.set("a", "shown");
    let text = format!("{config:?}");
    assert!(!text.contains("hunter2") && text.contains("shown") && text.contains("******"), "{text}");
    assert!(config.redacted().all(|(_, value)| value != "hunter2"));
}

#[test]
fn writes_what_the_version_reads() {
    let mut config = FlinkConfig::new();
    config.set("a", "x: \"y\" \\ #z");
    config.set("b", "");
    let (name, text) = config.file(&version("1.20.5")).unwrap();
    assert_eq!((name, text.as_str()), ("config.yaml", "\"a\": \"x: \\\"y\\\" \\\\ #z\"\n\"b\": \"\"\n"));
    let error = config.file(&version("1.18.1")).unwrap_err();
    assert!(error.to_string().contains("value of `a`"), "{error}");
    config.set("a", "x: 'y' \\ z");
    let (name, text) = config.file(&version("1.18.1")).unwrap();
    assert_eq!((name, text.as_str()), ("flink-conf.yaml", "a: x: 'y' \\ z\n"));
}

proptest! {
    #[test]
    fn parsers_never_panic(text in "(.|\n){0,80}") {
        let _ = text::parse_yaml(&text);
        let _ = text::parse_legacy(&text);
        let _ = text::parse_list(&text);
        let _ = FlinkConfig::new().apply_dynamic(&text);
    }

    #[test]
    fn yaml_round_trips(values in prop::collection::btree_map("[a-zA-Z.$-]{1,20}", "(.|\n){0,40}", 0..6)) {
        let config = FlinkConfig { values };
        prop_assert_eq!(&text::parse_yaml(&config.to_yaml()).unwrap(), config.flat());
    }

    #[test]
    fn legacy_format_round_trips(values in prop::collection::btree_map("[a-z.-]{1,20}", "[ -~]{1,40}", 0..6)) {
        let config = FlinkConfig { values };
        if let Ok(text) = config.to_legacy() {
            prop_assert_eq!(&text::parse_legacy(&text), config.flat());
        }
    }

    #[test]
    fn lists_round_trip(items in prop::collection::vec("(.|\n){0,20}", 0..5)) {
        // Our own writer quotes the items: JSON leaves characters unescaped that YAML forbids.
        let item = |text: &String| FlinkConfig::from_flat([(String::new(), text.clone())]).to_yaml();
        let quoted: Vec<_> = items.iter().map(|i| item(i).trim_start_matches("\"\": ").trim_end().to_owned()).collect();
        let flat = text::parse_yaml(&format!("k: [{}]", quoted.join(", "))).unwrap();
        prop_assert_eq!(text::parse_list(&flat["k"]), items);
    }

    #[test]
    fn lists_are_read_as_they_were_written(items in prop::collection::vec("[!-~é]([ -~é]{0,8}[!-~é])?", 0..4)) {
        prop_assert_eq!(text::parse_list(&text::write_list(items.clone())), items);
    }
}
