//! Short names of principals, beside Hadoop's own `KerberosName`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::download::Hadoop;
use integration_tests::prerequisites::java_tool;
use integration_tests::shared;
use integration_tests::versions::HADOOP_3_4;
use rand::prelude::*;
use yarn_client::security::kerberos::AuthToLocal;

const REALM: &str = "A.COM";

/// What administrators write, in its forms.
const RULES: [&str; 17] = [
    "DEFAULT",
    "DEFAULT/L",
    "RULE:[1:$1]",
    "RULE:[2:$1]",
    "RULE:[1:$1@$0](.*@B\\.COM)s/@.*//",
    "RULE:[1:$1@$0](.*@B\\.COM)s/@.*///L",
    "RULE:[2:$1@$0]([nd]n@.*)s/.*/hdfs/",
    "RULE:[2:$1@$0]([rn]m@A.COM)s/.*/yarn/",
    "RULE:[2:$1;$2](^.*;admin$)s/;admin$//",
    "RULE:[1:$1](a.*)s/a/b/",
    "RULE:[1:$1](a.*)s/a/b/g",
    "RULE:[1:$1](ada|bob)s/(.)(.*)/$2$1x/",
    "RULE:[1:$0-$1](A.*)/L",
    "RULE:[1:$1/$0]",
    "RULE:[1:$2]",
    "RULE:[2:$1$](x)",
    "RULE:[3:$1]",
];
const PRINCIPALS: [&str; 14] = [
    "ada@A.COM",
    "ada@B.COM",
    "Ada@B.COM",
    "bob@C",
    "nn/h1@A.COM",
    "rm/h1@A.COM",
    "rm/h1@B.COM",
    "ada/admin@B.COM",
    "ada",
    "ada/admin",
    "a/b/c@A.COM",
    "@A.COM",
    "ada@",
    "aaa@A.COM",
];

#[tokio::test]
async fn short_names_are_those_that_hadoop_makes() -> Result<()> {
    let _turn = shared::turn().await;
    let jars = Hadoop::download(HADOOP_3_4)?.jars;
    let folder = tempfile::tempdir()?;
    let (program, krb5_conf) = (folder.path().join("ShortNames.java"), folder.path().join("krb5.conf"));
    std::fs::write(&program, include_str!("ShortNames.java"))?;
    std::fs::write(&krb5_conf, format!("[libdefaults]\n default_realm = {REALM}\n"))?;

    // Each rule alone, and many lists of several.
    let mut random = StdRng::seed_from_u64(1);
    let mut lists: Vec<String> = RULES.iter().map(|rule| (*rule).to_owned()).collect();
    for _ in 0..150 {
        let number = random.random_range(2..5);
        lists.push(
            (0..number).filter_map(|_| RULES.choose(&mut random).copied()).collect::<Vec<_>>().join(" "),
        );
    }
    lists.extend(["RULE:[1:$1", "RULE:[:$1]", "RULE", "L"].map(str::to_owned));
    let cases: Vec<(&str, &str, &str)> = ["hadoop", "MIT"]
        .iter()
        .flat_map(|mechanism| lists.iter().map(move |rules| (*mechanism, &**rules)))
        .flat_map(|(mechanism, rules)| PRINCIPALS.iter().map(move |principal| (mechanism, rules, *principal)))
        .collect();
    let mut input = String::new();
    for (mechanism, rules, principal) in &cases {
        writeln!(input, "{mechanism}\t{rules}\t{principal}")?;
    }

    let mut java = Command::new(java_tool("java"))
        .arg(format!("-Djava.security.krb5.conf={}", krb5_conf.display()))
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
        .arg(format!("{}/*", jars.display()))
        .arg(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = java.stdin.take().context("no input")?;
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = java.wait_with_output()?;
    writer.join().ok().context("the writer ended")??;
    let names = String::from_utf8(output.stdout)?;
    let names: Vec<&str> = names.lines().collect();
    ensure!(names.len() == cases.len(), "{} names for {} principals", names.len(), cases.len());
    ensure!(names.iter().filter(|name| **name != "!").count() > cases.len() / 4, "hardly any has a name");

    let mut wrong = Vec::new();
    for ((mechanism, rules, principal), theirs) in cases.iter().zip(names) {
        let ours = AuthToLocal::parse(rules, mechanism, REALM).and_then(|rules| rules.short_name(principal));
        if ours.as_deref().unwrap_or("!") != theirs {
            wrong.push(format!("{mechanism} {rules} {principal}: {theirs} is {ours:?} here"));
        }
    }
    ensure!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
    Ok(())
}
