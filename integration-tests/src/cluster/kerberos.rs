//! Kerberos for a cluster: Hadoop's own small KDC, the keytabs, and what daemons and clients are told.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use yarn_client::security::{Credentials, HDFS_DELEGATION_TOKEN};

use super::daemons::Layout;
use super::download::mini_kdc;
use super::java::{self, DELEGATION_TOKEN_FETCHER, FS_SHELL};
use super::preload::{self, LD_PRELOAD};
use super::sites::Properties;
use super::{Cluster, Daemon};
use crate::cache;

/// The realm of every secure cluster.
pub const REALM: &str = "EXAMPLE.COM";

/// Who clients act as unless a test says otherwise. May nothing that others may not.
pub const ALICE: &str = "alice";

/// May act for others: `hadoop.proxyuser.bob.*`.
pub const BOB: &str = "bob";

/// Variable that makes every cluster with HDFS a secure one, with this protection; see [`super::builder::Builder::kerberos`].
pub const SECURE_VARIABLE: &str = "YARN_FLINK_TEST_SECURE";

pub(super) fn wanted_for_all() -> Option<String> {
    std::env::var(SECURE_VARIABLE).ok().filter(|value| !value.is_empty())
}

/// The keytab of all daemons.
const DAEMONS: &str = "daemons";

/// What is in which keytab, without the realm. Service principals name the host `localhost`, as all addresses do.
const KEYTABS: [(&str, &[&str]); 3] = [
    (
        DAEMONS,
        &[
            "nn/localhost",
            "dn/localhost",
            "rm/localhost",
            "nm/localhost",
            "HTTP/localhost",
            // Of nodes, whose web pages are asked for by address.
            "HTTP/127.0.0.2",
            "HTTP/127.0.0.3",
        ],
    ),
    (ALICE, &[ALICE]),
    (BOB, &[BOB]),
];

/// Longest wait for the keytabs.
const READY_LIMIT: Duration = Duration::from_secs(120);

/// What is fixed for the life of a secure cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kerberos {
    /// Of the KDC, TCP.
    pub(crate) port: u16,
    /// Folder of the jars of `hadoop-minikdc`.
    jars: PathBuf,
    /// Folder of classes that daemons have instead of Hadoop's.
    pub(crate) classes: PathBuf,
    /// `authentication`, `integrity` or `privacy`.
    protection: String,
}

impl Kerberos {
    /// Downloads the KDC's jars.
    pub(crate) fn prepare(layout: &Layout, port: u16, protection: &str) -> Result<Self> {
        let jars = mini_kdc(&layout.hadoop)?;
        Ok(Self { port, jars, classes: secure_io(layout)?, protection: protection.to_owned() })
    }

    /// Writes `krb5.conf`; also the KDC's program, which Java compiles as it starts it.
    pub(crate) fn write(&self, layout: &Layout) -> Result<()> {
        let folder = folder(layout);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        // One KDC, reached by TCP: a datagram that is lost would cost a second. Names are taken as they are.
        let text = format!(
            "[libdefaults]\n default_realm = {REALM}\n udp_preference_limit = 1\n dns_lookup_kdc = false\n \
             dns_lookup_realm = false\n dns_canonicalize_hostname = false\n rdns = false\n\
             [realms]\n {REALM} = {{\n  kdc = localhost:{}\n }}\n",
            self.port
        );
        for (file, text) in [("krb5.conf", &*text), ("Kdc.java", include_str!("Kdc.java"))] {
            let path = folder.join(file);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// The KDC's command line.
    pub(crate) fn command(&self, layout: &Layout, java: &mut Command) {
        let folder = folder(layout);
        java.arg("-classpath").arg(format!("{}/*", self.jars.display()));
        java.arg(folder.join("Kdc.java")).arg(&folder).arg(self.port.to_string());
        for (keytab, principals) in KEYTABS {
            java.arg(format!("{keytab}={}", principals.join(",")));
        }
    }

    /// What administrators of a secure cluster give to clients, too.
    pub(crate) fn client_properties(&self) -> Properties {
        let mut properties = Properties::new();
        let mut set = |key: &str, value: &str| properties.insert(key.to_owned(), value.to_owned());
        set("hadoop.security.authentication", "kerberos");
        set("hadoop.security.authorization", "true");
        set("hadoop.rpc.protection", &self.protection);
        set("dfs.data.transfer.protection", &self.protection);
        set("yarn.resourcemanager.principal", &principal("rm/localhost"));
        set("dfs.namenode.kerberos.principal", &principal("nn/localhost"));
        properties
    }

    /// What only daemons need.
    pub(crate) fn daemon_properties(&self, layout: &Layout) -> Properties {
        let mut properties = Properties::new();
        let mut set = |key: &str, value: &str| properties.insert(key.to_owned(), value.to_owned());
        let keytab = daemons_keytab(layout).display().to_string();
        set("dfs.block.access.token.enable", "true");
        // A DataNode's ports would have to be below 1024 otherwise, or its web pages HTTPS.
        set("ignore.secure.ports.for.testing", "true");
        set("dfs.namenode.keytab.file", &keytab);
        set("dfs.datanode.keytab.file", &keytab);
        set("dfs.datanode.kerberos.principal", &principal("dn/localhost"));
        set("dfs.web.authentication.kerberos.principal", &principal("HTTP/localhost"));
        set("dfs.web.authentication.kerberos.keytab", &keytab);
        set("yarn.resourcemanager.keytab", &keytab);
        set("yarn.nodemanager.principal", &principal("nm/localhost"));
        set("yarn.nodemanager.keytab", &keytab);
        // What `/etc/krb5.conf` is on other nodes.
        let (option, path) = (java_option(layout), krb5_conf(layout));
        set(
            "yarn.nodemanager.admin-env",
            &format!("MALLOC_ARENA_MAX=4,JAVA_TOOL_OPTIONS={option},KRB5_CONFIG={}", path.display()),
        );
        for what in ["hosts", "groups"] {
            set(&format!("hadoop.proxyuser.{BOB}.{what}"), "*");
        }
        properties
    }
}

/// Compiles, once, what lets daemons without Hadoop's native library collect logs. A NodeManager would end with the first
/// application otherwise.
fn secure_io(layout: &Layout) -> Result<PathBuf> {
    cache::entry("secure-io", |folder| {
        let source = folder.join("SecureIOUtils.java");
        fs::write(&source, include_str!("SecureIOUtils.java"))
            .with_context(|| format!("cannot write {}", source.display()))?;
        let mut command = Command::new(layout.java_home.join("bin/javac"));
        // For the oldest Java on which a daemon runs.
        let output = command.args(["--release", "8", "-d"]).arg(folder).arg(&source).output();
        let output = output.context("cannot run javac")?;
        ensure!(output.status.success(), "javac: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    })
}

/// `name@EXAMPLE.COM`.
pub fn principal(name: &str) -> String {
    format!("{name}@{REALM}")
}

pub(crate) fn folder(layout: &Layout) -> PathBuf {
    layout.directory.join("kerberos")
}

fn hdfs_token(layout: &Layout) -> PathBuf {
    folder(layout).join("hdfs.token")
}

pub(crate) fn krb5_conf(layout: &Layout) -> PathBuf {
    folder(layout).join("krb5.conf")
}

pub(crate) fn daemons_keytab(layout: &Layout) -> PathBuf {
    keytab(layout, DAEMONS)
}

fn keytab(layout: &Layout, name: &str) -> PathBuf {
    folder(layout).join(format!("{name}.keytab"))
}

impl Cluster {
    /// `KRB5_CONFIG` of a secure cluster.
    pub fn krb5_conf(&self) -> PathBuf {
        krb5_conf(&self.layout)
    }

    /// The keytab of `alice` or `bob` on a secure cluster.
    pub fn keytab(&self, user: &str) -> PathBuf {
        keytab(&self.layout, user)
    }

    /// Gets a ticket for `user` into a new ticket cache, as `kinit` does, and returns its path. `options` are more of
    /// `kinit`'s, such as `-l 5s`.
    ///
    /// # Errors
    /// There is no `kinit`, or the KDC gives no ticket.
    pub async fn kinit(&self, user: &str, options: &[&str]) -> Result<PathBuf> {
        let cache = self.scratch("tickets")?.join("cache");
        let mut command = Command::new("kinit");
        command.env("KRB5_CONFIG", self.krb5_conf()).args(options).arg("-k").arg("-t");
        command.arg(self.keytab(user)).arg("-c").arg(&cache).arg(user);
        java::output(command).await?.success()?;
        Ok(cache)
    }

    /// Environment of a program on a host where the library of GSSAPI is not installed.
    ///
    /// # Errors
    /// There is no C compiler.
    pub fn without_gssapi(&self) -> Result<[(&'static str, String); 1]> {
        let library = preload::compile(self.directory(), "gssapi", include_str!("gssapi.c"))?;
        Ok([(LD_PRELOAD, library.display().to_string())])
    }

    /// Waits until the KDC serves and all keytabs are there. Blocks.
    pub(crate) fn wait_for_kdc(&self) -> Result<()> {
        let begun = Instant::now();
        while !folder(&self.layout).join("ready").exists() {
            let ended = self.pid(Daemon::Kdc).is_none() || begun.elapsed() > READY_LIMIT;
            ensure!(!ended, "the KDC did not start; its last lines:\n{}", self.log_end(Daemon::Kdc));
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The folders a cluster needs, and homes for both users. WebHDFS would want SPNEGO, so Hadoop's own shell does it, as the
    /// NameNode's user.
    pub(crate) async fn prepare_secure_hdfs(&self) -> Result<()> {
        let keytab = daemons_keytab(&self.layout);
        let shell = async |arguments: &[&str]| {
            let mut command = self.hadoop_command(FS_SHELL);
            command.env("KRB5PRINCIPAL", principal("nn/localhost")).env("KRB5KEYTAB", &keytab);
            command.args(arguments);
            java::output(command).await?.success()
        };
        let [alice, bob] = [ALICE, BOB].map(|user| format!("/user/{user}"));
        shell(&["-mkdir", "-p", "/tmp", "/app-logs", &alice, &bob]).await?;
        let (shared, hers, his) =
            (["-chmod", "1777", "/tmp", "/app-logs"], ["-chown", ALICE, &alice], ["-chown", BOB, &bob]);
        tokio::try_join!(shell(&shared), shell(&hers), shell(&his), self.fetch_hdfs_token())?;
        Ok(())
    }

    /// Fetches a token for HDFS: WebHDFS takes it in place of a ticket.
    async fn fetch_hdfs_token(&self) -> Result<()> {
        let file = hdfs_token(&self.layout).display().to_string();
        self.java_tool(DELEGATION_TOKEN_FETCHER, &["--renewer", ALICE, &file]).await?.success()?;
        Ok(())
    }

    /// The token of the cluster's user, in the form for URLs (`Token.encodeToUrlString`).
    pub(crate) fn hdfs_token(&self) -> Result<String> {
        let credentials = Credentials::read(&hdfs_token(&self.layout))?;
        let token = credentials.find(HDFS_DELEGATION_TOKEN).context("no token was fetched")?;
        let mut bytes = Vec::new();
        for part in
            [&token.identifier, token.password.expose(), token.kind.as_bytes(), token.service.as_bytes()]
        {
            // A length above 127 would take more than one byte (`WritableUtils.writeVInt`).
            bytes.push(u8::try_from(part.len()).ok().filter(|length| *length < 128).context("a long token")?);
            bytes.extend_from_slice(part);
        }
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// What tells a JVM where `krb5.conf` is.
pub(crate) fn java_option(layout: &Layout) -> String {
    format!("-Djava.security.krb5.conf={}", krb5_conf(layout).display())
}
