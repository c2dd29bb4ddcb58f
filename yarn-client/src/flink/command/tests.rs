use proptest::prelude::*;
use proto::launch::{Job, Program, Session};

use super::*;

fn config(settings: &[(&str, &str)]) -> FlinkConfig {
    let mut config = FlinkConfig::new();
    config.set("jobmanager.memory.process.size", "1600m");
    config.set("taskmanager.memory.process.size", "1728m");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

fn jm_args(settings: &[(&str, &str)], version: &str) -> Vec<String> {
    let config = config(settings);
    let memory = JobManagerMemory::derive(&config).unwrap();
    job_manager_jvm_args(&config, &memory, &Version::parse(version).unwrap())
}

fn logging() -> Logging {
    Logging {
        framework: LogFramework::Log4j,
        configuration: "conf/log4j.properties".to_owned(),
        file: "<LOG_DIR>/jobmanager.log".to_owned(),
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn jvm_options_come_in_flinks_order() {
    let args = jm_args(
        &[
            ("env.java.opts.all", "-Dall=1 '-Dq=a b'"),
            ("env.java.opts.jobmanager", "-Djm=1"),
            ("env.java.opts.taskmanager", "-Dtm=1"),
            ("env.java.default-opts.all", "-Ddefault=1"),
            ("env.java.default-opts.jobmanager", "-Ddefault.jm=1"),
        ],
        "1.20.5",
    );
    let own: Vec<_> = args.iter().filter(|a| a.starts_with("-D")).map(String::as_str).collect();
    assert_eq!(own, ["-Ddefault=1", "-Dall=1", "-Dq=a b", "-Ddefault.jm=1", "-Djm=1"]);
    assert_eq!(args[..2], ["-Xmx1073741824", "-Xms1073741824"]);
    assert_eq!(args.last().unwrap(), "-XX:+IgnoreUnrecognizedVMOptions");
    assert_eq!(args.iter().filter(|a| a.starts_with("--add-")).count(), 20);
    assert!(
        args.contains(&"-XX:TieredStopAtLevel=1".to_owned()) && args.contains(&"-Xshare:auto".to_owned())
    );

    let old =
        jm_args(&[("env.java.default-opts.all", "-Ddefault=1"), ("env.java.opts", "-Dold=1")], "1.18.1");
    assert!(!old.contains(&"-Ddefault=1".to_owned()) && old.contains(&"-Dold=1".to_owned()));
}

#[test]
fn the_users_own_jvm_options_win() {
    let opens = "--add-opens=java.base/java.lang=ALL-UNNAMED";
    let all = format!("{opens} -XX:-TieredCompilation -Xshare:off");
    let args = jm_args(&[("env.java.opts.all", &all)], "2.1.0");
    assert_eq!(args.iter().filter(|a| *a == opens).count(), 1);
    assert!(
        !args.contains(&"-XX:TieredStopAtLevel=1".to_owned()) && !args.contains(&"-Xshare:auto".to_owned())
    );

    let config = config(&[]);
    let memory = TaskManagerMemory::derive(&config).unwrap();
    let tm = task_manager_jvm_args(&config, &memory, &Version::parse("2.1.0").unwrap());
    assert!(!tm.iter().any(|a| a.contains("Tiered")), "C1 alone is too slow for long-running tasks");
}

#[test]
fn jvms_are_told_where_krb5_conf_is_unless_the_user_has_said_so() {
    let told = |settings: &[(&str, &str)]| {
        let args = jm_args(settings, "1.20.5");
        args.into_iter().filter(|arg| arg.contains("krb5.conf")).collect::<Vec<_>>()
    };
    let file = ("security.kerberos.krb5-conf.path", "/etc/mine.conf");
    assert!(told(&[]).is_empty());
    assert_eq!(told(&[file]), ["-Djava.security.krb5.conf=conf/krb5.conf"]);
    let own = "-Djava.security.krb5.conf=/etc/other.conf";
    assert_eq!(told(&[file, ("env.java.opts.jobmanager", own)]), [own]);
    assert_eq!(
        told(&[file, ("env.java.opts.taskmanager", own)]),
        ["-Djava.security.krb5.conf=conf/krb5.conf"]
    );
}

fn session() -> Workload {
    Workload::Session(Session::default())
}

#[test]
fn the_application_entry_point_gets_its_options_in_order() {
    let program = Program {
        main_class: Some("a.B".to_owned()),
        args: strings(&["--input", "a b", "-D", "x"]),
        savepoint_path: Some("hdfs:///sp".to_owned()),
        allow_non_restored_state: true,
        ..Program::default()
    };
    let job = Job {
        job_id: "0123456789abcdef0123456789abcdef".to_owned(),
        program: Some(program),
        ..Job::default()
    };
    let args = strings(&["-Xmx1", "-Xms1", "-XX:MaxMetaspaceSize=2", "-Da=b", "-Xmx9"]);
    let line = job_manager(
        "/jdk/bin/java",
        &args,
        &logging(),
        "conf",
        &strings(&["rest.bind-port=1", "k=v=w x"]),
        &Workload::Job(job),
    );
    assert_eq!(line.jvm_memory, args[..3]);
    let expected = "/jdk/bin/java|-Xmx1|-Xms1|-XX:MaxMetaspaceSize=2|-Da=b|-Xmx9|\
                    -Dlog.file=<LOG_DIR>/jobmanager.log|-Dlog4j.configuration=file:conf/log4j.properties|\
                    -Dlog4j.configurationFile=file:conf/log4j.properties|\
                    org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint|--configDir|conf|\
                    --job-id|0123456789abcdef0123456789abcdef|--job-classname|a.B|--fromSavepoint|hdfs:///sp|\
                    --allowNonRestoredState|-D|rest.bind-port=1|-D|k=v=w x|--|--input|a b|-D|x";
    assert_eq!(line.argv().join("|"), expected);
    assert_eq!(line.argv_by_template(None), line.argv());
    assert_eq!(line.argv_by_template(Some(DEFAULT_TEMPLATE)), line.argv());
}

#[test]
fn sessions_and_task_managers_have_their_own_classes() {
    let logback = Logging { framework: LogFramework::Logback, ..logging() };
    let line = job_manager("java", &[], &logback, "conf", &strings(&["a=b"]), &session());
    assert_eq!(line.class, SESSION_ENTRY_POINT);
    assert_eq!(line.args, ["--configDir", "conf", "-D", "a=b"]);
    assert_eq!(line.logging[1], "-Dlogback.configurationFile=file:conf/log4j.properties");
    let tm = task_manager("java", &[], &logging(), ".", &strings(&["a=b"]));
    assert_eq!((tm.class.as_str(), tm.args.len()), (TASK_MANAGER, 4));
    let bare = job_manager("java", &[], &logging(), "c", &[], &Workload::Program(Program::default()));
    assert!(!bare.args.iter().any(|a| a == "--" || a == "--fromSavepoint" || a.starts_with("--job-")));
}

#[test]
fn renders_templates() {
    let line = task_manager("$JAVA_HOME/bin/java", &strings(&["-Xmx1", "-Da=b c"]), &logging(), ".", &[]);
    let quote = |word: &str| if word.contains(' ') { format!("'{word}'") } else { word.to_owned() };
    assert_eq!(
        line.render(None, &quote, "1> out 2> err"),
        "$JAVA_HOME/bin/java -Xmx1 '-Da=b c' -Dlog.file=<LOG_DIR>/jobmanager.log \
         -Dlog4j.configuration=file:conf/log4j.properties -Dlog4j.configurationFile=file:conf/log4j.properties \
         org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir . 1> out 2> err"
    );
    let own = "nice -n 5 %java% -X='%class%' 100% %jvmmem% %class% %args% %unknown%";
    assert_eq!(
        line.render(Some(own), &quote, ""),
        format!(
            "nice -n 5 $JAVA_HOME/bin/java -X='{TASK_MANAGER}' 100% -Xmx1 {TASK_MANAGER} --configDir . %unknown%"
        )
    );
    assert_eq!(
        line.argv_by_template(Some("nice -n 5 %java% -X='a %class%' %jvmopts% %redirects%")),
        ["nice", "-n", "5", "$JAVA_HOME/bin/java", &format!("-X=a {TASK_MANAGER}"), "-Da=b c"]
    );
    assert!(needs_shell("exec %java% > x") && !needs_shell(DEFAULT_TEMPLATE));
    assert!(!needs_shell("%java% -Dc=$CONTAINER_ID -Dp={{PWD}} -Dq=${A} -Xlog:gc:<LOG_DIR>/gc.log %class%"));
}

#[test]
fn expands_what_yarn_would_have() {
    let args = strings(&["-Xmx1", "-Da=<LOG_DIR>/h", "-Db=${V}/$V-{{V}}", "-Dc=$NONE.", "-Dd=a$ {x} <y> $1"]);
    let mut line = job_manager("$V/java", &args, &logging(), "c", &[], &session());
    line.args.push("$V".to_owned());
    line.expand(&|name| (name == "V").then(|| "v".to_owned()), "/logs");
    assert_eq!(line.java, "v/java");
    assert_eq!(line.jvm_options, ["-Da=/logs/h", "-Db=v/v-v", "-Dc=.", "-Dd=a$ {x} <y> $1"]);
    assert_eq!(line.logging[0], "-Dlog.file=/logs/jobmanager.log");
    assert_eq!(line.args.last().unwrap(), "$V");
}

#[test]
fn splits_words_as_a_shell() {
    assert_eq!(
        shell_words(r#" a  'b c' "d \"e\" \n" f\ g '' h"i"'j' "#),
        ["a", "b c", r#"d "e" \n"#, "f g", "", "hij"]
    );
    assert_eq!(shell_words("'open"), ["open"]);
    assert!(shell_words("  ").is_empty());
}

proptest! {
    #[test]
    fn never_panics(text in "(.|\n|%java%|%args%|\\$\\{|\\{\\{|<LOG_DIR>){0,30}") {
        shell_words(&text);
        let mut line = task_manager("java", std::slice::from_ref(&text), &logging(), ".", &[]);
        line.argv_by_template(Some(&text));
        line.render(Some(&text), &|word| word.to_owned(), "");
        line.expand(&|_| None, "/logs");
    }
}
