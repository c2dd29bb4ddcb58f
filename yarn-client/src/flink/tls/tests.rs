use std::fs;
use std::process::Command;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::rest::{RestTls, RestTlsError};
use super::*;
use crate::flink::rest::{Client, Connect as _, Options as Limits, RestError};
use crate::tls::crypto;

fn config(settings: &[(&str, &str)]) -> FlinkConfig {
    FlinkConfig::from_flat(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// Whether each half is ours: internal, REST.
fn own(settings: &[(&str, &str)], version_text: &str, open_rest: bool) -> (bool, bool) {
    let own = Own::of(&config(settings), &version(version_text), open_rest).unwrap();
    (own.internal, own.rest)
}

#[test]
fn what_the_user_sets_is_left_to_him() {
    for version in ["1.17.2", "1.20.5", "2.1.3"] {
        assert_eq!(own(&[], version, false), (true, true));
        assert_eq!(own(&[], version, true), (true, false), "--open-rest");
        assert_eq!(own(&[("yarn-flink.internal-tls", "False")], version, false), (false, false));
        for key in ["keystore", "enabled", "cert.fingerprint", "truststore-password"] {
            let (internal, rest) =
                (format!("security.ssl.internal.{key}"), format!("security.ssl.rest.{key}"));
            assert_eq!(own(&[(&internal, "false")], version, false), (false, true), "{internal}");
            assert_eq!(own(&[(&rest, "false")], version, false), (true, false), "{rest}");
        }
        // Does not say whose keys are used.
        assert_eq!(own(&[("security.ssl.internal.handshake-timeout", "9000")], version, false), (true, true));
        assert_eq!(own(&[("security.ssl.verify-hostname", "false")], version, false), (true, true));
    }
    // Flink 2.1 does not read it.
    let common = [("security.ssl.enabled", "true")];
    assert_eq!(own(&common, "1.20.5", false), (false, false));
    assert_eq!(own(&common, "2.1.3", false), (true, true));
    let error = Own::of(&config(&[("yarn-flink.internal-tls", "no")]), &version("1.20.5"), false);
    assert!(error.unwrap_err().to_string().contains("`yarn-flink.internal-tls`: `no` is not"));
}

/// The suites that are set for these settings.
fn suites(settings: &[(&str, &str)], open_rest: bool) -> Option<String> {
    let mut config = config(settings);
    apply(&mut config, &version("1.20.5"), open_rest).unwrap();
    config.get(o::SSL_ALGORITHMS.key).map(str::to_owned)
}

#[test]
fn cipher_suites_suit_the_keys_and_the_application_master() {
    let ours = suites(&[], false).unwrap();
    assert!(ours.starts_with("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_"), "{ours}");
    assert!(!ours.contains("TLS_AES"), "old versions of Java 8 refuse to start with them: {ours}");
    let newest = suites(&[("security.ssl.protocol", "TLSv1.3")], false).unwrap();
    assert_eq!(newest, "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384");
    let off = ("yarn-flink.internal-tls", "false");
    assert_eq!(suites(&[off], false), None);
    assert_eq!(suites(&[off, ("security.ssl.rest.enabled", "true")], true), Some(ours));
    let chosen = ("security.ssl.algorithms", "TLS_X, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    assert_eq!(suites(&[chosen], false).as_deref(), Some(chosen.1));

    let refused = |settings: &[(&str, &str)], open_rest| {
        Own::of(&config(settings), &version("1.20.5"), open_rest).unwrap_err().to_string()
    };
    let rsa = ("security.ssl.algorithms", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    let error = refused(&[rsa], false);
    assert!(error.contains("TLS_ECDHE_ECDSA_") && error.contains("`yarn-flink.internal-tls`"), "{error}");
    let own_keys = [("security.ssl.enabled", "true"), rsa];
    assert_eq!(own(&own_keys, "1.20.5", false), (false, false), "RSA keys of the user's");
    let old = ("security.ssl.algorithms", "TLS_RSA_WITH_AES_128_CBC_SHA");
    let error = refused(&[off, ("security.ssl.rest.enabled", "true"), old], true);
    assert!(error.contains("which the application master supports"), "{error}");
    assert_eq!(own(&[off, ("security.ssl.internal.enabled", "true"), old], "1.20.5", false), (false, false));
    assert!(refused(&[("security.ssl.protocol", "TLSv1.1")], false).contains("TLSv1.2 or TLSv1.3"));
}

#[test]
fn key_stores_that_are_not_turned_on_are_warned_about() {
    let warned = |settings: &[(&str, &str)]| {
        let warnings = apply(&mut config(settings), &version("1.20.5"), false).unwrap();
        warnings.into_iter().map(|warning| warning.key).collect::<Vec<_>>()
    };
    let store = ("security.ssl.rest.keystore", "/k");
    assert_eq!(warned(&[store]), ["security.ssl.rest.enabled"]);
    assert!(warned(&[store, ("security.ssl.rest.enabled", "false")]).is_empty());
    assert!(warned(&[store, ("security.ssl.enabled", "true")]).is_empty());
    assert!(warned(&[("security.ssl.internal.enabled", "false")]).is_empty());
}

/// The keys of an application, in a directory like a container's, and its configuration.
fn container(open_rest: bool) -> (tempfile::TempDir, FlinkConfig) {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(DIRECTORY)).unwrap();
    let mut config = FlinkConfig::new();
    let own = Own::of(&config, &version("1.20.5"), open_rest).unwrap();
    let keys = own.make("application_1_0001", ["internal-x".to_owned(), "rest-x".to_owned()]).unwrap();
    assert!(!format!("{keys:?}").contains("[48"), "no bytes");
    for (key, value) in keys.settings {
        config.set(key, value);
    }
    for (path, store) in [(INTERNAL_STORE, keys.internal), (REST_STORE, keys.rest)] {
        if let Some(store) = store {
            fs::write(directory.path().join(path), store.into_bytes()).unwrap();
        }
    }
    (directory, config)
}

#[test]
fn every_half_gets_all_of_its_settings() {
    let (_directory, both) = container(false);
    let (_directory, internal) = container(true);
    assert_eq!((both.flat().len(), internal.flat().len()), (8 + 9, 8));
    assert_eq!(both.get("security.ssl.rest.authentication-enabled"), Some("true"));
    assert_eq!(both.get("security.ssl.internal.truststore"), Some("tls/internal.p12"));
    assert!(both.flat().iter().all(|(key, value)| value.ends_with("-x") == key.ends_with("-password")));
    // Flink hides the values of such keys wherever it shows its configuration.
    assert!(both.redacted().all(|(_, value)| !value.ends_with("-x")));
}

/// Java's own tool sees one key with a certificate that does not expire.
#[test]
fn java_reads_the_stores() {
    let (directory, _) = container(false);
    for (path, password) in [(INTERNAL_STORE, "internal-x"), (REST_STORE, "rest-x")] {
        let list = |password: &str| {
            let mut tool = Command::new("keytool");
            tool.args([
                "-J-Xint",
                "-list",
                "-v",
                "-storetype",
                "PKCS12",
                "-storepass",
                password,
                "-keystore",
            ]);
            tool.arg(directory.path().join(path)).output().expect("keytool, of a JDK")
        };
        let output = list(password);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("Entry type: PrivateKeyEntry"), "{text}");
        assert!(
            text.contains("SHA256withECDSA") && text.contains("until: ") && text.contains("4096"),
            "{text}"
        );
        assert!(!list("wrong").status.success());
    }
}

/// A server like the JobManager's, with the key of `store`, which lets in the key of `store` alone.
async fn server(store: &[u8], password: &str) -> u16 {
    let identity = store::identities(store, password).unwrap().remove(0);
    let mut roots = RootCertStore::empty();
    roots.add(identity.chain[0].clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(std::sync::Arc::new(roots), crypto()).build().unwrap();
    let server = ServerConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain, identity.key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(std::sync::Arc::new(server));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
            let body = r#"{"jobs":[]}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all((head + body).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn client_and_server_recognise_each_other_by_the_store() {
    let (directory, config) = container(false);
    let (other, _) = container(false);
    let store = |directory: &tempfile::TempDir| fs::read(directory.path().join(REST_STORE)).unwrap();
    let tls = RestTls::of(&config, &version("1.20.5"), directory.path()).unwrap().unwrap();
    let port = server(&store(&directory), "rest-x").await;
    for _ in ["first", "resumed"] {
        let client = Client::over(std::sync::Arc::new(tls.at("127.0.0.1", port)), Limits::default());
        assert!(client.jobs_overview().await.unwrap().is_empty());
    }
    // A server with a key of its own that has taken the port, and an owner of another application's key.
    let port = server(&store(&other), "rest-x").await;
    let client = Client::over(std::sync::Arc::new(tls.at("127.0.0.1", port)), Limits::default());
    let error = client.jobs_overview().await.unwrap_err();
    assert!(matches!(error, RestError::Connect { .. }), "{error}");
    assert!(tls.at("127.0.0.1", port).connect().await.is_err());
}

#[test]
fn unusable_stores_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |settings: &[(&str, &str)]| {
        let on = [("security.ssl.rest.enabled", "true")];
        let config = config(&[&on, settings].concat());
        RestTls::of(&config, &version("1.20.5"), directory.path()).unwrap_err()
    };
    assert!(matches!(refused(&[]), RestTlsError::NoStore));
    let store = ("security.ssl.rest.keystore", "own.p12");
    let error = refused(&[store]);
    assert!(matches!(&error, RestTlsError::Read { path, .. } if path.ends_with("own.p12")), "{error}");
    fs::write(directory.path().join("own.p12"), Store::make("own", "right").unwrap().into_bytes()).unwrap();
    let error = refused(&[store, ("security.ssl.rest.keystore-password", "wrong")]);
    assert!(matches!(error, RestTlsError::Store { .. }) && !error.to_string().contains("wrong"), "{error}");

    // Flink 1 falls back to the common store.
    let common = [
        ("security.ssl.enabled", "true"),
        ("security.ssl.keystore", "own.p12"),
        ("security.ssl.keystore-password", "right"),
    ];
    let of = |version_text| RestTls::of(&config(&common), &version(version_text), directory.path()).unwrap();
    assert!(of("1.20.5").is_some() && of("2.1.3").is_none());
    let off = config(&[&common[..], &[("security.ssl.rest.enabled", "false")]].concat());
    assert!(RestTls::of(&off, &version("1.20.5"), directory.path()).unwrap().is_none());
}

proptest! {
    #[test]
    fn damaged_stores_are_errors(at in 0_usize..2000, bit in 0_u8..8, cut in any::<bool>()) {
        let mut bytes = Store::make("own", "right").unwrap().into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        // A change outside of what is authenticated may pass; none may panic.
        let _ = store::identities(&bytes, "right");
    }
}
