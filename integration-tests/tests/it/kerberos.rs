//! A cluster with Kerberos: how it is reached, and what is said when it is not.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries;
use integration_tests::cluster::java::APPLICATION_CLI;
use integration_tests::cluster::kerberos::{ALICE, BOB, principal};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;

use crate::relay::{port_of, without_word};
use crate::secrets::{credentials_of, nothing_gets_out};
use crate::tool::{GONE, LIMIT, Ran, command, eventually, every, finish, run_args};

/// Runs `yarn-flink` as `alice` with her keytab, but for `environment`; an empty value unsets.
async fn with(cluster: &Cluster, environment: &[(&str, &str)], args: &[&str]) -> Result<Ran> {
    let mut command = command(cluster, args)?;
    for (name, value) in environment {
        command.env(name, value);
    }
    finish(command.spawn()?).await
}

/// No keytab: the tickets in this cache.
fn only(cache: &str) -> [(&str, &str); 3] {
    [("KRB5PRINCIPAL", ""), ("KRB5KEYTAB", ""), ("KRB5CCNAME", cache)]
}

/// The command fails with this exit code, and says all of this.
async fn refused(
    cluster: &Cluster,
    environment: &[(&str, &str)],
    args: &[&str],
    code: i32,
    says: &[&str],
) -> Result<()> {
    let ran = with(cluster, environment, args).await?.expect(code)?;
    for words in says.iter().chain(&["hint: "]) {
        ensure!(ran.stderr.contains(words), "{words} is not in {}", ran.stderr);
    }
    Ok(())
}

/// A file like `path` with another text in it, beside it.
fn altered(path: &Path, name: &str, from: &str, to: &str) -> Result<String> {
    let text = fs::read_to_string(path)?;
    ensure!(text.contains(from), "{from} is not in {}", path.display());
    let copy = path.with_file_name(name);
    fs::write(&copy, text.replace(from, to))?;
    Ok(copy.display().to_string())
}

/// `KEY=VALUE` for Hadoop's configuration.
fn hadoop(key: &str, value: &str) -> String {
    format!("flink.hadoop.{key}={value}")
}

/// A server that offers all protections, so that the client's choice decides.
#[tokio::test]
async fn secure_cluster_is_reached_with_keytab_and_ticket_at_every_protection() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("kerberos").kerberos("authentication,integrity,privacy").log_aggregation();
    // Data is signed: 3DES, which privacy means for data unless the cluster has AES, takes minutes for a Flink in a debug build.
    let cluster = &cluster.property("dfs.data.transfer.protection", "integrity").boot().await?;
    let cache = cluster.kinit(ALICE, &[]).await?.display().to_string();
    let protections = async {
        for protection in ["authentication", "integrity", "privacy"] {
            let chosen = hadoop("hadoop.rpc.protection", protection);
            let list = ["list", "--all", "-D", &chosen];
            let keytab = with(cluster, &[], &list).await?.expect(0)?;
            let ticket = with(cluster, &only(&cache), &list).await?.expect(0)?;
            ensure!(keytab.stdout == ticket.stdout, "{protection}: {keytab:?} {ticket:?}");
        }
        Ok(())
    };
    let job = a_job(cluster, &cache);
    let (reports, identities) = (reports(cluster), identities(cluster, &cache));
    let (protections, reports, identities, job, secrets) =
        tokio::join!(protections, reports, identities, job, nothing_gets_out(cluster));
    every([protections, reports, identities, job, secrets])?;
    every([
        bad_logins(cluster, &cache).await,
        bad_servers(cluster).await,
        bad_clocks(cluster, &cache).await,
    ])?;

    bad_name_node(cluster).await?;
    // As Hadoop's own client, which needs a ticket as well.
    cluster.java_tool(APPLICATION_CLI, &["application", "-list"]).await?.success()?;
    cluster.kill_9(Daemon::Kdc)?;
    refused(cluster, &[], &["list"], 3, &["the KDC cannot be reached", "EXAMPLE.COM"]).await
}

/// Submitted with a ticket, a job goes on without: its containers have tokens. All messages are signed; a cluster of `rpc.rs`
/// encrypts them.
async fn a_job(cluster: &Cluster, cache: &str) -> Result<()> {
    let protection = hadoop("hadoop.rpc.protection", "integrity");
    let krb5 = format!("security.kerberos.krb5-conf.path={}", cluster.krb5_conf().display());
    let args = run_args(&["-d", "-D", &protection, "-D", &krb5], &["OneSecond"])?;
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    // The library of Kerberos has to hear of `krb5.conf` from the same key.
    let environment = [&only(cache)[..], &[("KRB5_CONFIG", "")]].concat();
    let id = with(cluster, &environment, &args).await?.expect(0)?.application()?;
    let application = cluster.wait_for_end(&id, LIMIT).await?;
    ensure!(application["finalStatus"] == "SUCCEEDED" && application["user"] == ALICE, "{application}");
    eventually("no process of the application", GONE, || async { Ok(cluster.processes_of(&id).is_empty()) })
        .await
}

/// Both ciphers of DIGEST-MD5. The ResourceManager offers `3des` and `rc4`, of which we choose the first; what it offers is not
/// protected, so that a relay can take that away.
pub(crate) async fn ciphers(cluster: &Cluster, id: &str) -> Result<()> {
    let rm = port_of(cluster, "yarn.resourcemanager.address")?;
    for (word, cipher) in [("no such word", "3des"), ("3des", "rc4")] {
        let address = without_word(rm, word).await?;
        let mut credentials = credentials_of(cluster, id)?;
        for (_, token) in &mut credentials.tokens {
            if token.kind == "RM_DELEGATION_TOKEN" {
                token.service = address.to_string();
            }
        }
        let file = cluster.scratch("ciphers")?.join("tokens");
        fs::write(&file, credentials.to_bytes())?;
        let privacy = hadoop("hadoop.rpc.protection", "privacy");
        let relayed = hadoop("yarn.resourcemanager.address", &address.to_string());
        let file = file.display().to_string();
        let environment = [&only("/no/tickets")[..], &[("HADOOP_TOKEN_FILE_LOCATION", &file)]].concat();
        let list = ["list", "-D", &privacy, "-D", &relayed, "-vv"];
        let ran = with(cluster, &environment, &list).await?.expect(0)?;
        let used = ran.stderr.lines().any(|line| line.contains("Privacy") && line.contains(cipher));
        ensure!(ran.stdout.contains(id) && used, "{cipher}: {ran:?}");
    }
    Ok(())
}

/// Nodes and queues, by the library.
async fn reports(cluster: &Cluster) -> Result<()> {
    let mut command = tokio::process::Command::new(binaries::example("cluster_report")?);
    command.envs(cluster.client_environment()).kill_on_drop(true);
    let output = command.output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(text.contains("node 127.0.0.2:") && text.contains("queue root"), "{output:?}");
    Ok(())
}

/// Who we are, and for whom we act.
async fn identities(cluster: &Cluster, cache: &str) -> Result<()> {
    let bob = cluster.keytab(BOB).display().to_string();
    let as_bob = ["list", "--keytab", &bob, "--principal", BOB];
    // Flags come before the environment, whose keytab is another's.
    with(cluster, &[], &as_bob).await?.expect(0)?;
    with(cluster, &only(cache), &[&as_bob[..], &["--proxy-user", ALICE]].concat()).await?.expect(0)?;
    let config = [
        "-D".to_owned(),
        format!("security.kerberos.login.keytab={bob}"),
        "-D".to_owned(),
        format!("security.kerberos.login.principal={}", principal(BOB)),
    ];
    let config: Vec<_> = ["list"].into_iter().chain(config.iter().map(String::as_str)).collect();
    with(cluster, &[("HADOOP_PROXY_USER", ALICE)], &config).await?.expect(0)?;
    let not_allowed = ["alice@EXAMPLE.COM is not allowed to impersonate bob", "hadoop.proxyuser"];
    refused(cluster, &[], &["list", "--proxy-user", BOB], 3, &not_allowed).await?;
    refused(cluster, &[("HADOOP_PROXY_USER", BOB)], &["list"], 3, &not_allowed).await
}

/// What is wrong on this host is found without asking anyone.
async fn bad_logins(cluster: &Cluster, cache: &str) -> Result<()> {
    let list = &["list"];
    let [(preload, library)] = cluster.without_gssapi()?;
    let missing = ["libgssapi_krb5.so.2", "cannot be loaded", "apt-get install"];
    refused(cluster, &[(preload, &library)], list, 2, &missing).await?;
    refused(
        cluster,
        &only("/no/tickets"),
        list,
        2,
        &["no Kerberos ticket in /no/tickets", "kinit", "--keytab"],
    )
    .await?;
    let no_keytab = ["the keytab /no/keytab cannot be read", "No such file"];
    refused(cluster, &[("KRB5KEYTAB", "/no/keytab")], list, 2, &no_keytab).await?;
    let not_in = ["alice.keytab has no key of bob@EXAMPLE.COM", "klist -k"];
    refused(cluster, &[("KRB5PRINCIPAL", BOB)], list, 2, &not_in).await?;
    refused(
        cluster,
        &[],
        &["list", "--principal", BOB],
        2,
        &["a principal is configured without a keytab", "--keytab"],
    )
    .await?;
    let cache_off = ["list", "-D", "security.kerberos.login.use-ticket-cache=false"];
    refused(cluster, &only(cache), &cache_off, 2, &["no Kerberos login is configured"]).await?;
    let simple = hadoop("hadoop.security.authentication", "simple");
    let no_login = ["SIMPLE authentication is not enabled", "`hadoop.security.authentication`"];
    refused(cluster, &[], &["list", "-D", &simple], 3, &no_login).await
}

/// A server that is not the one that is configured, or not one of this realm.
async fn bad_servers(cluster: &Cluster) -> Result<()> {
    let of = |value: &str| format!("flink.yarn.resourcemanager.principal={value}");
    for wrong in [principal("rm/elsewhere"), principal("nm/_HOST"), "rm/localhost@OTHER.COM".to_owned()] {
        let expected = wrong.replace("_HOST", "localhost");
        let says: &[&str] = match wrong.contains("OTHER") {
            true => &["the KDC does not know the server rm/localhost@OTHER.COM"],
            false => &["the server calls itself rm/localhost", "`yarn.resourcemanager.principal`", &expected],
        };
        refused(cluster, &[], &["list", "-D", &of(&wrong)], 3, says).await.context(wrong)?;
    }
    let host = of(&principal("rm/_HOST"));
    with(cluster, &[], &["list", "-D", &host]).await?.expect(0)?;
    for (pattern, code) in [("rm/*@EXAMPLE.COM", 0), ("nm/*", 3)] {
        let pattern = format!("flink.yarn.resourcemanager.principal.pattern={pattern}");
        with(cluster, &[], &["list", "-D", &pattern, "-D", &of("nobody")]).await?.expect(code)?;
    }
    let unset = of("");
    refused(cluster, &[], &["list", "-D", &unset], 3, &["`yarn.resourcemanager.principal` is not set"])
        .await?;
    let elsewhere =
        altered(&cluster.krb5_conf(), "closed.conf", "kdc = localhost:", "kdc = localhost:1\n #")?;
    let unreachable = ["the KDC cannot be reached", "krb5.conf"];
    refused(cluster, &[("KRB5_CONFIG", &elsewhere)], &["list"], 3, &unreachable).await
}

/// A NameNode that is not the one that is configured gets no ticket and no file.
async fn bad_name_node(cluster: &Cluster) -> Result<()> {
    let expected = principal("nn/elsewhere");
    let wrong = hadoop("dfs.namenode.kerberos.principal", &expected);
    let args = run_args(&["-d", "-D", &wrong], &["OneSecond"])?;
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let says = ["no login at the NameNode", "the server calls itself nn/localhost", &expected];
    refused(cluster, &[], &args, 3, &says).await
}

/// A host whose clock is twenty minutes ahead, and one on which tickets have expired.
async fn bad_clocks(cluster: &Cluster, cache: &str) -> Result<()> {
    let minute = 60;
    for (ahead, code, says) in [
        (20 * minute, 3, &["GSS initiate failed", "clock"]),
        (2 * 24 * 60 * minute, 2, &["has expired", "kinit"]),
    ] {
        let clock = cluster.clock_ahead(Duration::from_secs(ahead))?;
        let clock = clock.iter().map(|(name, value)| (*name, &**value));
        let environment: Vec<_> = only(cache).into_iter().chain(clock).collect();
        refused(cluster, &environment, &["list"], code, says).await?;
    }
    Ok(())
}
