//! What another user of a node gets from Flink's ports, and what becomes of the keys that keep him out.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::{Cluster, Process};
use integration_tests::prerequisites::java_tool;
use integration_tests::{http, shared};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};
use yarn_client::control::crypto;
use yarn_client::flink::{FlinkConfig, Version};

use crate::failures::{appears, flink};
use crate::session::Session;
use crate::tool::{application_named, end, every, run, text};

const REQUEST: &str = "GET /overview HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(20);

/// Trusts every server, and has no certificate; remembers whether one was demanded.
#[derive(Debug, Default)]
struct Stranger {
    asked: AtomicBool,
}

impl ResolvesClientCert for Stranger {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::SeqCst);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ServerCertVerifier for Stranger {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto().signature_verification_algorithms.supported_schemes()
    }
}

/// Everything that a server sends after `request` until it hangs up, in the clear.
async fn plain(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.with_context(|| address.to_string())?;
        let mut answer = Vec::new();
        // It may hang up in the middle of either.
        if stream.write_all(request).await.is_ok() {
            let _ = stream.read_to_end(&mut answer).await;
        }
        Ok(answer)
    };
    let answered = tokio::time::timeout(PATIENCE, exchange).await;
    answered.with_context(|| format!("{address} keeps a connection that does not speak TLS"))?
}

/// The same over TLS without a certificate, and whether one was demanded.
async fn without_certificate(address: SocketAddr, request: &[u8]) -> Result<(Vec<u8>, bool)> {
    let stranger = Arc::new(Stranger::default());
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Stranger>::clone(&stranger);
    let resolver: Arc<dyn ResolvesClientCert> = Arc::<Stranger>::clone(&stranger);
    let config = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(resolver);
    let exchange = async {
        let stream = TcpStream::connect(address).await.with_context(|| address.to_string())?;
        let mut answer = Vec::new();
        let connector = TlsConnector::from(Arc::new(config));
        if let Ok(mut stream) = connector.connect(address.ip().into(), stream).await
            && stream.write_all(request).await.is_ok()
        {
            let _ = stream.read_to_end(&mut answer).await;
        }
        anyhow::Ok(answer)
    };
    let answered = tokio::time::timeout(PATIENCE, exchange).await;
    let answer = answered.with_context(|| format!("{address} keeps a stranger's connection"))?;
    Ok((answer?, stranger.asked.load(Ordering::SeqCst)))
}

/// Every port of a JVM demands a certificate, and answers nothing in the clear.
async fn keeps_strangers_out(process: &Process, least: usize) -> Result<()> {
    let ports = process.listens();
    ensure!(ports.len() >= least, "{} listens on {ports:?} only", process.pid);
    for address in ports {
        let upload =
            "POST /jars/upload HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        for request in [REQUEST, upload] {
            let answer = plain(address, request.as_bytes()).await?;
            // An alert at most (RFC 5246, 6.2.1), or the REST server's hint that it speaks HTTPS.
            let alert = answer.first().is_none_or(|kind| *kind == 21);
            let said = String::from_utf8_lossy(&answer);
            let hint = said.starts_with("HTTP/1.1 301") && said.trim_end().ends_with("content-length: 0");
            ensure!(alert || hint, "{address}: {said}");
            let (answer, demanded) = without_certificate(address, request.as_bytes()).await?;
            ensure!(demanded, "{address} does not demand a certificate");
            ensure!(answer.is_empty(), "{address}: {}", String::from_utf8_lossy(&answer));
        }
    }
    Ok(())
}

#[tokio::test]
async fn strangers_on_a_node_get_nothing_from_flinks_ports() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let session = Session::start(cluster, "strangers", &[]).await?;
    let done = session.run(&[], &["OneSecond"]).await?.expect(0)?;
    ensure!(done.stdout.contains("job_state: FINISHED"), "{done:?}");
    let job = session.submit(&["Run"]).await?;
    session.runs(&job).await?;
    let job_manager = appears("JobManager", || cluster.job_managers(&session.id)).await?;
    let task_manager = appears("TaskManager", || cluster.task_managers(&session.id)).await?;
    // RPC, blob server and REST; RPC and data.
    keeps_strangers_out(&job_manager, 3).await?;
    keeps_strangers_out(&task_manager, 2).await?;
    let overview =
        cluster.flink(&session.id, "/jobs/overview").await.context("the owner gets nothing either")?;
    ensure!(overview.to_string().contains(&job), "{overview}");
    secrets_are_nowhere_else(cluster, &session.id, [&job_manager, &task_manager]).await?;
    session.stop().await?;
    Ok(())
}

/// The stores and their passwords are in the containers' working directories, for their owner alone, and nowhere else.
async fn secrets_are_nowhere_else(cluster: &Cluster, id: &str, jvms: [&Process; 2]) -> Result<()> {
    let [job_manager, task_manager] = jvms.map(Process::directory);
    let mode = |path: &Path| -> Result<u32> {
        Ok(fs::metadata(path).with_context(|| path.display().to_string())?.permissions().mode() & 0o777)
    };
    for path in ["conf/config.yaml", "tls/internal.p12"] {
        for directory in [&job_manager, &task_manager] {
            ensure!(mode(&directory.join(path))? == 0o600, "{path} in {}", directory.display());
        }
    }
    ensure!(mode(&job_manager.join("tls/rest.p12"))? == 0o600, "tls/rest.p12");
    ensure!(!task_manager.join("tls/rest.p12").exists(), "a TaskManager has the REST server's key");

    let config = FlinkConfig::load(&job_manager.join("conf"), &Version::parse("1.20.5")?)?;
    let passwords: BTreeSet<_> =
        config.flat().iter().filter(|(key, _)| key.ends_with("-password")).map(|(_, value)| value).collect();
    ensure!(passwords.len() == 2, "{} passwords", passwords.len());
    let shows = |text: &str| passwords.iter().any(|password| text.contains(*password));
    for process in cluster.processes_of(id) {
        for file in ["cmdline", "environ"] {
            let text = fs::read(format!("/proc/{}/{file}", process.pid)).unwrap_or_default();
            ensure!(!shows(&String::from_utf8_lossy(&text)), "{file} of {}: a password", process.pid);
        }
    }
    let mut read = 0;
    for jvm in jvms {
        let env = crate::options::environment(jvm)?;
        let logs = env.get("LOG_DIRS").and_then(|dirs| dirs.split(',').next()).context("no LOG_DIRS")?;
        for entry in fs::read_dir(logs)? {
            let path = entry?.path();
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            ensure!(!shows(&text), "{}: a password", path.display());
            read += usize::from(text.contains("security.ssl.internal.keystore-password, ******"));
        }
    }
    ensure!(read == 2, "both JVMs log their configuration: {read}");
    let shown = flink(cluster, id, "/jobmanager/config").await?.to_string();
    ensure!(shown.contains("security.ssl.rest.key-password") && !shows(&shown), "{shown}");
    let staged = cluster.hdfs()?.files(&format!("/user/{}/.yarn-flink/apps/{id}", cluster.user())).await?;
    ensure!(!staged.is_empty() && !staged.iter().any(|(path, _)| path.contains("p12")), "{staged:?}");
    Ok(())
}

#[tokio::test]
async fn internal_tls_can_be_turned_off() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let session = Session::start(cluster, "plain", &["-D", "yarn-flink.internal-tls=FALSE"]).await?;
    session.run(&[], &["OneSecond"]).await?.expect(0)?;
    let (host, port) = cluster.rest_address(&session.id).context("no JobManager")?;
    let seen = http::get(&format!("http://{host}:{port}/overview")).await?.success()?;
    ensure!(seen.text().contains("flink-version"), "{}", seen.text());
    let job_manager = appears("JobManager", || cluster.job_managers(&session.id)).await?;
    ensure!(!job_manager.directory().join("tls").exists());
    session.stop().await?;
    Ok(())
}

/// A key store as users make it with Java's own tool.
fn keystore(directory: &Path, kind: &str) -> Result<String> {
    let path = directory.join(kind).display().to_string();
    let made = std::process::Command::new(java_tool("keytool"))
        .args(["-genkeypair", "-alias", "own", "-dname", "CN=own", "-keyalg", "RSA", "-validity", "2"])
        .args(["-storetype", kind, "-storepass", "changeit", "-keypass", "changeit", "-keystore", &path])
        .output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    Ok(path)
}

#[tokio::test]
async fn users_own_keys_are_used() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let directory = cluster.scratch("own-keys")?;
    let (jks, p12) = (keystore(&directory, "jks")?, keystore(&directory, "pkcs12")?);
    let settings = |prefix: &str, path: &str, more: &[&str]| -> Vec<String> {
        let stores = ["keystore", "truststore"].map(|store| format!("{prefix}{store}={path}"));
        let passwords = ["keystore", "key", "truststore"].map(|of| format!("{prefix}{of}-password=changeit"));
        let all = stores.into_iter().chain(passwords).chain(more.iter().map(|it| (*it).to_owned()));
        all.flat_map(|it| ["-D".to_owned(), it]).collect()
    };
    let (rest, demands) = ("security.ssl.rest.enabled=true", "security.ssl.rest.authentication-enabled=true");
    let succeeds = async |options: Vec<String>, flags: &[&str]| -> Result<()> {
        let options: Vec<&str> = options.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let ran = run(cluster, &options, &["OneSecond"])
            .await?
            .expect(0)
            .with_context(|| format!("{options:?}"))?;
        ensure!(ran.stdout.contains("job_state: FINISHED"), "{options:?}: {ran:?}");
        Ok(())
    };
    let (one, two, three, four) = tokio::join!(
        succeeds(settings("security.ssl.rest.", &jks, &[rest]), &["--open-rest"]),
        succeeds(settings("security.ssl.rest.", &p12, &[rest, demands]), &[]),
        succeeds(settings("security.ssl.", &p12, &["security.ssl.enabled=true"]), &[]),
        unreadable(cluster, settings("security.ssl.rest.", &jks, &[rest, demands])),
    );
    every([one, two, three, four])
}

/// The application master cannot authenticate: it says so before it starts anything.
async fn unreadable(cluster: &Cluster, options: Vec<String>) -> Result<()> {
    let name = format!("unreadable-{}", std::process::id());
    let given = ["-d", "--name", &name, "-D", "yarn.application-attempts=1"];
    let options: Vec<&str> = options.iter().map(String::as_str).chain(given).collect();
    run(cluster, &options, &["OneSecond"]).await?.expect(0)?;
    let id = application_named(cluster, &name).await?;
    let ended = end(cluster, &id).await?;
    let said = text(&ended, "diagnostics");
    ensure!(said.contains("jks") && said.contains("keytool -importkeystore"), "{ended}");
    ensure!(text(&ended, "final_status") == "FAILED", "{ended}");
    Ok(())
}
