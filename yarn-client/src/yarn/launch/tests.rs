use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::security::{Secret, Token};

/// Does with a command and an environment what a NodeManager does (`ContainerLaunch`): replaces placeholders, writes
/// the script, and runs it with bash. Returns what the script printed.
fn run(command: &str, env: &[(&str, &str)]) -> String {
    let expand = |text: &str| {
        text.replace("<LOG_DIR>", "/logs/c1").replace("<CPS>", ":").replace("{{", "$").replace("}}", "")
    };
    let mut script = "#!/bin/bash\nset -o pipefail -e\n".to_owned();
    for (name, value) in env {
        script.push_str(&format!("export {name}=\"{}\"\n", expand(value)));
    }
    script.push_str(&format!("exec /bin/bash -c \"{}\"\n", expand(command)));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("launch_container.sh");
    std::fs::write(&path, &script).unwrap();
    let output = Command::new("/bin/bash").arg(&path).output().unwrap();
    assert!(output.status.success(), "{script}\n{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What the process receives as its arguments.
fn arguments(quoted: &[String], env: &[(&str, &str)]) -> Vec<String> {
    let out = run(&format!("printf '%s\\0' {}", quoted.join(" ")), env);
    out.split_terminator('\0').map(str::to_owned).collect()
}

const NASTY: [&str; 12] = [
    "",
    "plain",
    "two words",
    "it's",
    "say \"hi\"",
    "$HOME ${HOME} $(id) `id`",
    "back\\slash \\\\ \\$x \\",
    "{{HOME}} {{{a}}} {\"k\":{\"n\":1}}",
    "<LOG_DIR> <CPS> <ADD_OPENS>",
    "a;b|c&d>e<f*?[x]~#!",
    "tab\tline\nbreak",
    "-Dpassword=pa$$w0rd!\"'`\\",
];

#[test]
fn a_quoted_argument_arrives_as_it_is() {
    let quoted: Vec<String> = NASTY.iter().map(|text| quote(text)).collect();
    assert_eq!(arguments(&quoted, &[]), NASTY);
}

#[test]
fn a_quoted_value_arrives_as_it_is() {
    for text in NASTY {
        let out = run("printf '%s' \\\"\\$VALUE\\\"", &[("VALUE", &quote_env(text))]);
        assert_eq!(out, text);
    }
}

#[test]
fn placeholders_are_expanded_only_where_intended() {
    let env = [("BASE", "/data"), ("FULL", "$BASE/x<CPS>{{BASE}}/y")];
    let quoted = [
        quote_expanding("-Dlog=<LOG_DIR>/a b.log"),
        quote_expanding("$FULL"),
        quote_expanding("{{BASE}} \"q\""),
    ];
    assert_eq!(arguments(&quoted, &env), ["-Dlog=/logs/c1/a b.log", "/data/x:/data/y", "/data \"q\""]);
    // A value that looks like code remains a value.
    let tricky = quote_env("a\"b$(id)`id`");
    assert_eq!(arguments(&[quote_expanding("$TRICKY")], &[("TRICKY", &tricky)]), ["a\"b$(id)`id`"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // Each case is a process, so each contains several texts.
    #[test]
    fn any_text_survives_two_shells(texts in prop::collection::vec("[ -~\n\t\u{e9}\u{20ac}]{0,40}", 1..20)) {
        let quoted: Vec<String> = texts.iter().map(|text| quote(text)).collect();
        prop_assert_eq!(arguments(&quoted, &[]), texts);
    }
}

#[test]
fn addresses_are_split_as_by_hadoop() {
    let cut = |uri: &str| {
        let url = url_proto(uri)?;
        Some((url.scheme().to_owned(), url.host().to_owned(), url.port(), url.file().to_owned()))
    };
    let parts = |scheme: &str, host: &str, port, file: &str| {
        Some((scheme.to_owned(), host.to_owned(), port, file.to_owned()))
    };
    assert_eq!(cut("hdfs://nn:8020/user/a b%20c.jar"), parts("hdfs", "nn", 8020, "/user/a b%20c.jar"));
    assert_eq!(cut("hdfs://nameservice1/a"), parts("hdfs", "nameservice1", -1, "/a"));
    assert_eq!(cut("hdfs://[::1]:8020/a"), parts("hdfs", "[::1]", 8020, "/a"));
    assert_eq!(cut("hdfs://[::1]/a"), parts("hdfs", "[::1]", -1, "/a"));
    assert_eq!(cut("file:///opt/x"), parts("file", "", -1, "/opt/x"));
    assert_eq!(cut("file:/opt/x"), parts("file", "", -1, "/opt/x"));
    assert_eq!(url_proto("abfs://box@account/x").unwrap().user_info(), "box");
    for bad in
        ["", "/no/scheme", "hdfs://host", "hdfs://host:x/a", "hdfs://host:70000/a", "relative", "a b:/x"]
    {
        assert_eq!(cut(bad), None, "{bad}");
    }
}

fn context() -> LaunchContext {
    let token = Token { password: Secret::new(&b"hush-hush"[..]), ..Token::default() };
    LaunchContext {
        command: "true".to_owned(),
        env: BTreeMap::from([("S3_SECRET".to_owned(), "hunter2".to_owned())]),
        local_resources: vec![LocalResource {
            link: "lib.zip".to_owned(),
            url: "hdfs://nn/lib.zip".to_owned(),
            size: 5,
            timestamp_ms: 17,
            kind: Kind::Archive,
            visibility: Visibility::Public,
        }],
        credentials: Some(Credentials { tokens: vec![(String::new(), token)], ..Credentials::default() }),
        view_acls: "alice staff".to_owned(),
        modify_acls: String::new(),
    }
}

#[test]
fn message_matches_the_context() {
    let message = context().to_proto().unwrap();
    let resource = message.local_resources[0].value.clone().unwrap();
    assert_eq!((resource.size(), resource.timestamp()), (5, 17));
    assert_eq!(resource.r#type(), wire::LocalResourceTypeProto::Archive);
    assert_eq!(resource.visibility(), wire::LocalResourceVisibilityProto::Public);
    assert_eq!(Credentials::parse(&message.tokens.unwrap()).unwrap(), context().credentials.unwrap());
    assert_eq!(message.application_ac_ls.len(), 1);
    assert_eq!(LaunchContext::default().to_proto().unwrap().tokens, None);
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?}", context());
    assert!(shown.contains("S3_SECRET") && !shown.contains("hunter2") && !shown.contains("hush"), "{shown}");
}
