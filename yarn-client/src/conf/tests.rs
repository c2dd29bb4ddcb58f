use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn conf(files: &[&str]) -> Configuration {
    conf_with(Environment::default(), files)
}

fn conf_with(environment: Environment, files: &[&str]) -> Configuration {
    let mut configuration = Configuration { environment, ..Configuration::default() };
    for (number, properties) in files.iter().enumerate() {
        let text = format!("<configuration>{properties}</configuration>");
        let mut entries = Vec::new();
        xml::parse(Path::new(&format!("file{number}.xml")), text.as_bytes(), 0, &mut entries).unwrap();
        configuration.add(entries);
    }
    configuration
}

fn p(name: &str, value: &str) -> String {
    format!("<property><name>{name}</name><value>{value}</value></property>")
}

fn pairs(pairs: &[(&str, &str)]) -> Configuration {
    conf(&[&pairs.iter().map(|(k, v)| p(k, v)).collect::<String>()])
}

#[test]
fn later_files_override_unless_final() {
    let first =
        format!("{}<property><name>f</name><value>1</value><final>true</final></property>", p("a", "1"));
    let mut conf = conf(&[&first, &(p("a", "2") + &p("f", "2"))]);
    assert_eq!(conf.get("a").as_deref(), Some("2"));
    assert_eq!(conf.get("f").as_deref(), Some("1"));
    assert_eq!(conf.origin("a").to_string(), "file1.xml:1");
    conf.set("f", "3");
    assert_eq!(conf.get("f").as_deref(), Some("3"));
    assert_eq!(conf.origin("f"), Origin::Set);
    assert_eq!(conf.origin("z"), Origin::Default);
}

#[test]
fn deprecated_names_are_the_same_key() {
    let conf = pairs(&[("fs.default.name", "hdfs://a")]);
    assert_eq!(conf.get("fs.defaultFS").as_deref(), Some("hdfs://a"));
    assert_eq!(conf.get("fs.default.name").as_deref(), Some("hdfs://a"));
    assert_eq!(conf.flat().into_keys().collect::<Vec<_>>(), ["fs.defaultFS"]);
}

#[test]
fn variables_are_expanded() {
    let env = Environment::from_iter([("X", "x"), ("EMPTY", ""), ("USER", "ada")]);
    let cases = [
        ("${a}/${a}", "1/1"),
        ("${b}", "1-2"),
        ("${n${a}}", "nested"),
        ("${env.X}", "x"),
        ("${env.EMPTY:-d}", "d"),
        ("${env.EMPTY-d}", ""),
        ("${env.NONE-a-b}", "a-b"),
        ("${env.NONE:-}", ""),
        ("${env.NONE}", "${env.NONE}"),
        ("${unbound} ${a}", "${unbound} ${a}"),
        ("${}${ a}$$ {a}${", "${}${ a}$$ {a}${"),
        ("${self}", "${self}"),
        ("${hadoop.tmp.dir}/x", "/tmp/hadoop-ada/x"),
        ("${user.name}", "ada"),
    ];
    for (value, expected) in cases {
        let fixed = p("a", "1") + &p("b", "${a}-2") + &p("n1", "nested") + &p("self", "${self}");
        let conf = conf_with(env.clone(), &[&(fixed + &p("v", value))]);
        assert_eq!(conf.get("v").as_deref(), Some(expected), "{value}");
    }
}

#[test]
fn endless_substitution_is_an_error_that_names_the_place() {
    let chain: String = (0..30).map(|i| p(&format!("k{i}"), &format!("${{k{}}}x", i + 1))).collect();
    let conf = conf(&[&(chain + &p("k30", "end"))]);
    let error = conf.expanded("k0").unwrap_err().to_string();
    assert!(error.starts_with("`k0` (file0.xml:1)"), "{error}");
    assert!(conf.expanded("k15").unwrap().is_some_and(|value| value.starts_with("end")));
}

#[test]
fn broken_value_fails_only_what_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let chain: String = (0..30).map(|i| p(&format!("k{i}"), &format!("${{k{}}}x", i + 1))).collect();
    let site =
        chain + &p("yarn.resourcemanager.hostname", "rm") + &p("yarn.resourcemanager.admin.address", "${k0}");
    std::fs::write(dir.path().join("yarn-site.xml"), format!("<configuration>{site}</configuration>"))
        .unwrap();
    let conf = Configuration::load(&Environment::default(), Some(dir.path())).unwrap();
    assert_eq!(conf.resource_managers(RmService::Client).unwrap()[0].to_string(), "rm:8032");
    for error in [
        conf.resource_managers(RmService::Admin).unwrap_err(),
        conf.integer("k0", 1).unwrap_err(),
        conf.duration("k0", Duration::ZERO, TimeUnit::Seconds).unwrap_err(),
        conf.size("k0", 1).unwrap_err(),
    ] {
        assert!(error.to_string().contains("more than 20 substitutions"), "{error}");
    }
}

#[test]
fn security_is_off_however_it_is_written() {
    for value in ["simple", "SIMPLE", " Simple\n", ""] {
        assert!(!pairs(&[("hadoop.security.authentication", value)]).is_secure(), "{value:?}");
    }
    for value in ["kerberos", "KERBEROS", " Kerberos "] {
        assert!(pairs(&[("hadoop.security.authentication", value)]).is_secure(), "{value:?}");
    }
    assert!(!Configuration::default().is_secure());
}

#[test]
fn loads_a_directory_and_reports_its_faults() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "core-site.xml",
        &format!("<configuration>{}</configuration>", p("fs.defaultFS", "hdfs://${env.H}:8020")),
    );
    write("yarn-site.xml", &format!("<configuration>{}</configuration>", p("a", "2")));
    let env = Environment::from_iter([("HADOOP_CONF_DIR", dir.path().to_str().unwrap()), ("H", "nn")]);
    let conf = Configuration::load(&env, None).unwrap();
    assert_eq!(conf.get("fs.defaultFS").as_deref(), Some("hdfs://nn:8020"));
    assert_eq!(conf.directories(), [dir.path()]);
    let flat = Configuration::from_flat(conf.flat());
    assert_eq!(flat.get("fs.defaultFS").as_deref(), Some("hdfs://nn:8020"));
    assert_eq!(flat.flat(), conf.flat());

    write("yarn-site.xml", "<configuration>\n<property></configuration>");
    let error = Configuration::load(&env, None).unwrap_err().to_string();
    assert!(error.contains("yarn-site.xml:2: "), "{error}");
}

#[test]
fn flat_values_are_not_expanded_again() {
    let flat =
        Configuration::from_flat([("a".to_owned(), "${b}".to_owned()), ("b".to_owned(), "1".to_owned())]);
    assert_eq!(flat.get("a").as_deref(), Some("${b}"));
}

#[test]
fn typed_values_are_parsed() {
    let conf =
        pairs(&[("i", " -12 "), ("h", "0x1F"), ("bad", "12a"), ("e", ""), ("t", "TRUE"), ("l", " a, b ,,c")]);
    assert_eq!(conf.integer("i", 0).unwrap(), -12);
    assert_eq!(conf.integer("h", 0).unwrap(), 31);
    assert_eq!(conf.integer("e", 7).unwrap(), 7);
    assert_eq!(conf.integer("none", 7).unwrap(), 7);
    let error = conf.integer("bad", 0).unwrap_err().to_string();
    assert_eq!(error, "`bad` = \"12a\" (file0.xml:1) is not a whole number");
    assert!(conf.boolean("t", false));
    assert!(conf.boolean("bad", true));
    assert_eq!(conf.list("l"), ["a", "b", "c"]);
    assert!(conf.list("none").is_empty());
}

#[test]
fn durations_and_sizes_are_parsed() {
    use TimeUnit::{Millis, Minutes, Seconds};
    for (text, unit, ms) in [
        ("30s", Millis, Some(30_000)),
        ("5m", Millis, Some(300_000)),
        ("100ms", Seconds, Some(100)),
        ("7", Seconds, Some(7_000)),
        ("7", Millis, Some(7)),
        ("2", Minutes, Some(120_000)),
        ("1H", Millis, Some(3_600_000)),
        ("1 d", Millis, Some(86_400_000)),
        ("-1", Millis, None),
        ("s", Millis, None),
        ("1y", Millis, None),
        ("99999999999999999999", Millis, None),
    ] {
        let found = pairs(&[("d", text)]).duration("d", Duration::ZERO, unit);
        assert_eq!(found.ok(), ms.map(Duration::from_millis), "{text}");
    }
    for (text, bytes) in [
        ("128m", Some(128 << 20)),
        ("1K", Some(1024)),
        ("5", Some(5)),
        ("16e", None),
        ("-1", None),
        ("m", None),
        ("1é", None),
    ] {
        assert_eq!(pairs(&[("s", text)]).size("s", 0).ok(), bytes, "{text}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let mut conf = pairs(&[("fs.s3a.secret.key", "hunter2"), ("a", "plain")]);
    conf.set("ssl.server.keystore.password", "hunter2");
    let text = format!("{conf:?}");
    assert!(!text.contains("hunter2") && text.contains("plain"), "{text}");
    let error = conf.integer("fs.s3a.secret.key", 0).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    for key in [
        "dfs.replication",
        "yarn.resourcemanager.address",
        "hadoop.security.authentication",
        "hadoop.tmp.dir",
    ] {
        assert!(!looks_secret(key), "{key}");
    }
    for key in
        ["fs.azure.account.key.x.net", "fs.s3a.access.key", "fs.s3a.session.token", "dfs.x.keystore-pass"]
    {
        assert!(looks_secret(key), "{key}");
    }
}

#[test]
fn resource_manager_addresses_are_resolved() {
    let conf = pairs(&[
        ("yarn.resourcemanager.hostname", "rm"),
        ("yarn.resourcemanager.scheduler.address", "sch:1"),
    ]);
    let one = |service| conf.resource_managers(service).unwrap().first().unwrap().to_string();
    assert_eq!(one(RmService::Client), "rm:8032");
    assert_eq!(one(RmService::Scheduler), "sch:1");
    assert_eq!(one(RmService::Admin), "rm:8033");
    assert_eq!(one(RmService::Web), "rm:8088");
    assert_eq!(conf.web_proxies().unwrap(), conf.resource_managers(RmService::Web).unwrap());
    let secure = pairs(&[
        ("yarn.resourcemanager.hostname", "rm"),
        ("yarn.http.policy", "HTTPS_ONLY"),
        ("yarn.web-proxy.address", "proxy"),
    ]);
    assert_eq!(secure.resource_managers(RmService::Web).unwrap()[0].port, 8090);
    assert_eq!(secure.web_proxies().unwrap()[0].to_string(), "proxy:9099");
}

#[test]
fn high_availability_reads_only_keys_with_ids() {
    let conf = pairs(&[
        ("yarn.resourcemanager.ha.enabled", "true"),
        ("yarn.resourcemanager.ha.rm-ids", "rm1, rm2"),
        ("yarn.resourcemanager.hostname.rm1", "a"),
        ("yarn.resourcemanager.address.rm2", "b:9"),
        ("yarn.resourcemanager.hostname", "ignored"),
    ]);
    let found = conf.resource_managers(RmService::Client).unwrap();
    assert_eq!(found[0], Endpoint { id: Some("rm1".into()), host: "a".into(), port: 8032 });
    assert_eq!(found[1], Endpoint { id: Some("rm2".into()), host: "b".into(), port: 9 });
    let error = conf.resource_managers(RmService::Scheduler).unwrap_err().to_string();
    assert!(error.contains("`yarn.resourcemanager.scheduler.address.rm2` is not set"), "{error}");
    let error = pairs(&[("yarn.resourcemanager.ha.enabled", "true")]).resource_managers(RmService::Client);
    assert!(error.unwrap_err().to_string().contains("`yarn.resourcemanager.ha.rm-ids` is not set"));
}

#[test]
fn unusable_addresses_name_the_key_and_the_reason() {
    let error = Configuration::default().resource_managers(RmService::Client).unwrap_err();
    assert!(error.to_string().contains("`yarn.resourcemanager.address` is not set"), "{error}");
    assert!(error.hint().unwrap().contains("yarn.resourcemanager.hostname"));
    for (value, reason) in [
        ("0.0.0.0:8032", "every interface"),
        ("[::]:8032", "every interface"),
        ("0.0.0.0", "every interface"),
        ("rm:0", "port 0"),
        ("rm:x", "not a number"),
        ("rm:99999", "not a number"),
        (":8032", "host is missing"),
        ("http://rm:8032", "host:port"),
        ("${nope}:8032", "variable"),
        ("[::1", "`]`"),
    ] {
        let conf = pairs(&[("yarn.resourcemanager.address", value)]);
        let error = conf.resource_managers(RmService::Client).unwrap_err().to_string();
        assert!(
            error.contains(reason) && error.contains("`yarn.resourcemanager.address` = "),
            "{value}: {error}"
        );
    }
    let conf = pairs(&[("yarn.resourcemanager.hostname", "0.0.0.0")]);
    let error = conf.resource_managers(RmService::Client).unwrap_err().to_string();
    assert!(error.contains("`yarn.resourcemanager.hostname` = "), "{error}");
}

#[test]
fn ipv6_addresses_are_parsed() {
    for value in ["[::1]:8032", "::1", "[::1]"] {
        let conf = pairs(&[("yarn.resourcemanager.address", value)]);
        assert_eq!(conf.resource_managers(RmService::Client).unwrap()[0].to_string(), "[::1]:8032");
    }
}

proptest! {
    #[test]
    fn values_never_panic(value in "\\PC{0,40}") {
        let mut conf = Configuration::default();
        for key in ["k", "yarn.resourcemanager.address", "a", "b"] {
            conf.set(key, value.clone());
        }
        let _ = (conf.integer("k", 0), conf.size("k", 0), conf.list("k"), conf.flat());
        let _ = conf.duration("k", Duration::ZERO, TimeUnit::Seconds);
        let _ = conf.resource_managers(RmService::Client);
    }

    #[test]
    fn substitution_ends(values in proptest::collection::vec("([$]\\{[a-d]\\}|[$]\\{|\\}|x){0,6}", 4)) {
        let mut conf = Configuration::default();
        for (key, value) in ["a", "b", "c", "d"].iter().zip(&values) {
            conf.set(*key, value.clone());
        }
        prop_assert_eq!(conf.flat().len(), 4);
    }
}
