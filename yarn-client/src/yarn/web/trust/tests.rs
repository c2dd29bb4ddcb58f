use std::io::Write as _;
use std::time::Duration;

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::rpc::testing::from_hex;
use crate::yarn::container_logs;
use crate::yarn::web::{Client, WebError};

/// Created with `keytool -importcert -storetype jks`, with a certificate for `CN=n`.
const STORE: &str = "feedfeed00000002000000010000000200016e000001a21fe356df0005582e353039000001323082012e3081d5a003020102020835d81ca202f8a5de300a06082a8648ce3d040302300c310a3008060355040313016e301e170d3236313132383032303230305a170d3336313132353032303230305a300c310a3008060355040313016e3059301306072a8648ce3d020106082a8648ce3d0301070342000488c52c217da7c0bc49abc835052eda264812c12bec6bae1cc4562c1014edbb2177062408b2b1db0ea43e560fbb45a754d3eb35da6575cfe8a0919b8c166d7dafa321301f301d0603551d0e041604140880dea73481c8f50af70d437ca6d95ffce12512300a06082a8648ce3d040302034800304502205c1c31cf8abeb2685a0e3bc38b3093255b6795c9778951ec24a660f9b3897aa30221009bd639fe328dbbf81b96a94eb7e945a4d0d473fef4e1d02da130e39779bd63860dd1819ba13241c9527dc9eaf866aaab6583ee09";

/// The same with `-storetype pkcs12 -storepass changeit`.
const PKCS12: &str = "308202a20201033082024c06092a864886f70d010701a082023d04820239308202353082023106092a864886f70d010706a08202223082021e0201003082021706092a864886f70d010701306606092a864886f70d01050d3059303806092a864886f70d01050c302b04149708d566587159d92978e594375ef1c14ccb878002022710020120300c06082a864886f70d02090500301d060960864801650304012a0410e2e246a0ea495274e8a092d835ab0db7808201a095841641d1ac7cae4183aebbc04240f99ce75ac388a6aadbe151ea3edd0fac4bb510ac65dec0ee6e80e8a0b36f617699ac28173e23e6d5a888cff0ce026b7aa8049d827c0178af55a93153acaff69aa0c34e79a2b824912e48e4b1bab3de07858f8d1599dd02de86941a993d8cbb7bb48eafcfadbdb1a4b9ecaf4e233e0a398e840bc0076e0b51928baeafb512042b5e3c41339cbef4057e600db0f5d09ec9a44c254bdb0b90618f2e04272ff6a4027aec673bc7a94a093d77d9772d5fdedfe67d46d394c944bc843f7d69f7732673e1eef4761db5d9fb157fff03269878d7b29b88984ec2ae5b940201f6cbea2cbd9e4e2015b7c927ce2027884f80edc36660090af1665f8a64ebd697f085b11a7c0598c354a362b75a0ee8b3e640e8ad31791a077fd50f2c5bf44e4f499b9f63ebb43910c99d1bc0ae8c35badd42e44d28f89a37a5c7a4f502f7e86648f12eda835178d7f68ab3859f4803fe3acc2c43d2b59f5fdfdb9a5ddfb3b99c51915a0a806870713984db60efde5989f504c8b1d6db7570108de72ac6a85bb8a8a1f9fdf80caf5bf7d8ea639bafcb31cacb8b125c2b304d3031300d0609608648016503040201050004207117242629d7e3dc1e049ea1fca6cd3ccb2e8b5e52ba255b7abd4a97f6176c42041410dcf4880f624828652dd81c7d2dbccce8cb815502022710";

fn store() -> Vec<u8> {
    from_hex(STORE)
}

/// A node with a self-signed certificate for these names: its address, and the certificate in PEM.
async fn node(names: &[&str], is_authority: bool) -> (String, String) {
    let mut params =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate hangs up.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut stream = BufReader::new(stream);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                stream.read_line(&mut request).await.unwrap();
            }
            let body = r#"{"containerLogsInfo":{"containerLogInfo":{"fileName":"out","fileSize":"3"}}}"#;
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (address, certificate.pem())
}

async fn asked(address: &str, trust: &Trust) -> Result<usize, WebError> {
    let client = Client::trusting(trust.clone());
    let listed =
        container_logs::list(&client, address, "container_1_0001_01_000001", Duration::from_secs(10));
    Ok(listed.await?.len())
}

fn trusting(content: &[u8]) -> (Trust, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    (Trust { truststore: Some(file.path().to_owned()), password: Secret::new("wrong") }, file)
}

#[tokio::test]
async fn node_with_a_certificate_in_the_truststore_is_trusted() {
    for (names, is_authority) in
        [(&["localhost"][..], false), (&["localhost"], true), (&["node7.example.com"], false)]
    {
        let (address, pem) = node(names, is_authority).await;
        let (trust, _file) = trusting(pem.as_bytes());
        assert_eq!(asked(&address, &trust).await.unwrap(), 1, "{names:?}");
    }
    let (address, _) = node(&["localhost"], false).await;
    let (other, file) = trusting(node(&["localhost"], true).await.1.as_bytes());
    let error = asked(&address, &other).await.unwrap_err();
    assert!(matches!(error, WebError::Untrusted { .. }), "{error:?}");
    assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    assert!(matches!(asked(&address, &Trust::default()).await, Err(WebError::Untrusted { .. })));
    // A server that does not use TLS at all.
    let plain = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("https://localhost:{}", plain.local_addr().unwrap().port());
    let silent =
        container_logs::list(&Client::trusting(other), &address, "c", Duration::from_millis(200)).await;
    assert!(matches!(silent, Err(WebError::TimedOut { .. })), "{silent:?}");
}

#[test]
fn truststores_of_every_format_are_read() {
    let found = certificates(&store(), "").unwrap();
    assert_eq!((found.len(), found[0].len()), (1, 306));
    assert_eq!(certificates(&from_hex(PKCS12), "changeit").unwrap(), found);
    for (content, reason) in [
        (&*from_hex(PKCS12), "`ssl.client.truststore.password`"),
        (&store()[..200], "cut off"),
        (&b"\x30\x82\x01\x02"[..], "as PKCS#12"),
        (&b"nothing"[..], "neither JKS nor PKCS#12"),
    ] {
        let error = trusting(content).0.client().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let missing = Trust { truststore: Some("/nowhere/trust.jks".into()), ..Trust::default() }
        .client()
        .unwrap_err()
        .to_string();
    assert!(missing.contains("/nowhere/trust.jks"), "{missing}");
}

#[test]
fn truststore_of_hadoops_own_clients_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let site = |pairs: &[(&str, &str)]| {
        let property =
            |(k, v): &(&str, &str)| format!("<property><name>{k}</name><value>{v}</value></property>");
        format!("<configuration>{}</configuration>", pairs.iter().map(property).collect::<String>())
    };
    std::fs::write(dir.path().join("core-site.xml"), site(&[("a", "b")])).unwrap();
    let load = || Trust::of(&Configuration::load(&Default::default(), Some(dir.path())).unwrap()).truststore;
    assert_eq!(load(), None);
    std::fs::write(dir.path().join("ssl-client.xml"), site(&[(LOCATION, "/etc/t.jks")])).unwrap();
    assert_eq!(load(), Some("/etc/t.jks".into()));
    std::fs::write(dir.path().join("core-site.xml"), site(&[("hadoop.ssl.client.conf", "other.xml")]))
        .unwrap();
    std::fs::write(dir.path().join("other.xml"), site(&[(LOCATION, "${java.io.tmpdir}/o.pem")])).unwrap();
    assert_eq!(load(), Some("/tmp/o.pem".into()));
}

proptest! {
    #[test]
    fn arbitrary_truststores_never_panic(at in 0..364_usize, byte in any::<u8>(), length in 0..364_usize) {
        let mut content = store();
        content[at] = byte;
        content.truncate(length);
        drop(certificates(&content, ""));
    }
}
