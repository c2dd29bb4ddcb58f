//! Web pages of YARN behind HTTPS and Kerberos: certificates, and what daemons and clients are told.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Daemon;
use super::daemons::{Layout, node_address};
use super::kerberos;
use super::sites::{self, Properties};

/// Of the keystore; it only holds a certificate of this cluster.
const PASSWORD: &str = "changeit";

fn file(layout: &Layout, name: &str) -> PathBuf {
    layout.directory.join("conf").join(name)
}

/// What administrators give to clients, too.
pub(crate) fn client_properties(layout: &Layout) -> Properties {
    let mut properties = Properties::from([("yarn.http.policy".to_owned(), "HTTPS_ONLY".to_owned())]);
    for ports in &layout.resource_managers {
        let address = format!("localhost:{}", ports.web);
        properties.insert("yarn.resourcemanager.webapp.https.address".to_owned(), address);
    }
    properties
}

/// What only daemons need.
pub(crate) fn daemon_properties(layout: &Layout) -> Properties {
    let mut properties = Properties::new();
    let mut set = |key: &str, value: &str| properties.insert(format!("hadoop.http.{key}"), value.to_owned());
    set("filter.initializers", "org.apache.hadoop.security.AuthenticationFilterInitializer");
    set("authentication.type", "kerberos");
    // Every principal `HTTP/…` in the keytab.
    set("authentication.kerberos.principal", "*");
    set("authentication.kerberos.keytab", &kerberos::daemons_keytab(layout).display().to_string());
    set("authentication.signature.secret.file", &file(layout, "secret").display().to_string());
    properties
}

/// Makes a certificate for all hosts, and writes `ssl-server.xml` for daemons and `ssl-client.xml` for clients.
pub(crate) fn write(layout: &Layout) -> Result<()> {
    let (keystore, truststore) = (file(layout, "keystore.jks"), file(layout, "truststore.jks"));
    let certificate = file(layout, "web.crt");
    let keytool = |arguments: &[&str]| -> Result<()> {
        let mut command = Command::new(layout.java_home.join("bin/keytool"));
        command.args(arguments).args([
            "-storetype",
            "jks",
            "-storepass",
            PASSWORD,
            "-noprompt",
            "-alias",
            "web",
        ]);
        let output = command.output().context("cannot run keytool")?;
        ensure!(output.status.success(), "keytool: {}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    };
    let nodes = (1..=layout.node_managers).map(|number| format!(",ip:{}", node_address(number)));
    let names = format!("SAN=dns:localhost{}", nodes.collect::<String>());
    let [key, trust, certificate] =
        [&keystore, &truststore, &certificate].map(|path| path.display().to_string());
    let made =
        ["-genkeypair", "-keyalg", "RSA", "-dname", "CN=localhost", "-ext", &names, "-keypass", PASSWORD];
    keytool(&[&made[..], &["-keystore", &key]].concat())?;
    keytool(&["-exportcert", "-keystore", &key, "-file", &certificate])?;
    keytool(&["-importcert", "-keystore", &trust, "-file", &certificate])?;
    let secret = file(layout, "secret");
    fs::write(&secret, "a secret of this cluster")
        .with_context(|| format!("cannot write {}", secret.display()))?;

    let server =
        [("keystore.location", &*key), ("keystore.password", PASSWORD), ("keystore.keypassword", PASSWORD)];
    let client =
        [("truststore.location", &*trust), ("truststore.password", PASSWORD), ("truststore.type", "jks")];
    let of = |side: &str, entries: &[(&str, &str)]| -> Properties {
        entries.iter().map(|(key, value)| (format!("ssl.{side}.{key}"), (*value).to_owned())).collect()
    };
    let nodes = (1..=layout.node_managers).map(Daemon::NodeManager);
    for daemon in nodes.chain([Daemon::ResourceManager(1)]) {
        sites::write_file(&layout.daemon_conf(daemon), "ssl-server.xml", of("server", &server))?;
    }
    sites::write_file(&layout.conf_dir("client"), "ssl-client.xml", of("client", &client))
}
