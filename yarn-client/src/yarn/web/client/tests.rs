use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::security::kerberos::Status;
use crate::security::sasl::Conversation;

const LIMIT: Duration = Duration::from_secs(10);
const GIVEN: &str = "set-cookie: hadoop.auth=\"u=ada&s=x=\"; Path=/; HttpOnly";

/// Shows `me`, and wants to be shown `server`.
#[derive(Debug)]
struct Words;

impl Conversation for Words {
    fn step(&mut self, token: &[u8]) -> Result<(Bytes, bool), Status> {
        match token {
            b"" => Ok((Bytes::from_static(b"me"), false)),
            b"server" => Ok((Bytes::new(), true)),
            _ => Err(Status { major: 9 << 16, minor: 0, text: "words".to_owned() }),
        }
    }

    fn wrap(&mut self, _: &[u8], _: bool) -> Result<Bytes, Status> {
        unreachable!("nothing is wrapped")
    }

    fn unwrap(&mut self, _: &[u8]) -> Result<(Bytes, bool), Status> {
        unreachable!("nothing is wrapped")
    }

    fn wrap_limit(&mut self, _: u32, _: bool) -> Result<u32, Status> {
        unreachable!("nothing is wrapped")
    }
}

/// A client with a login, and how often it has begun a conversation.
fn client() -> (Client, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let begin = move |host: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Negotiation::over(Box::new(Words), "ada@A".to_owned(), format!("HTTP/{host}")))
    };
    (Client { begin: Some(Arc::new(begin)), ..Client::default() }, begun)
}

/// A server that expects these headers (empty: no proof), and answers each request with a status line and headers.
async fn serve(script: &'static [(&'static str, &'static str)]) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        for (proof, answer) in script {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                stream.read_line(&mut request).await.unwrap();
            }
            let shown: Vec<_> = request
                .lines()
                .filter(|line| line.starts_with("authorization: ") || line.starts_with("cookie: "))
                .collect();
            assert_eq!(shown.join(""), *proof);
            let answer = answer.replace("GIVEN", GIVEN);
            let head = format!("HTTP/1.1 {answer}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            stream.write_all(head.as_bytes()).await.unwrap();
        }
    });
    (address, server)
}

async fn asked(client: &Client, address: &str) -> Result<(), WebError> {
    client.get_json::<serde_json::Value>(address, "/", LIMIT).await.map(drop)
}

/// `me` in base64.
const SHOWN: &str = "authorization: Negotiate bWU=";
const KEPT: &str = "cookie: hadoop.auth=\"u=ada&s=x=\"";

#[tokio::test]
async fn ticket_is_shown_once_and_the_cookie_from_then_on() {
    // `server` in base64.
    let (address, server) = serve(&[
        ("", "401 Unauthorized\r\nwww-authenticate: Negotiate"),
        (SHOWN, "200 OK\r\nwww-authenticate: Negotiate c2VydmVy\r\nGIVEN"),
        (KEPT, "200 OK"),
        // It has expired; the next one comes without the server's own proof.
        (KEPT, "401 Unauthorized\r\nwww-authenticate: Negotiate\r\nset-cookie: hadoop.auth=; Path=/"),
        (SHOWN, "200 OK\r\nGIVEN"),
        (KEPT, "200 OK"),
    ])
    .await;
    let (client, begun) = client();
    for _ in 0..4 {
        asked(&client, &address).await.unwrap();
    }
    server.await.unwrap();
    assert_eq!(begun.load(Ordering::Relaxed), 2);
    assert!(!format!("{client:?}").contains("ada"), "{client:?}");
}

#[tokio::test]
async fn refusals_and_impostors_are_told_apart() {
    let unauthorized = |error: &WebError| matches!(error, WebError::Status { status, .. } if *status == 401);
    // The ticket is not good enough.
    static REFUSED: [(&str, &str); 2] = [
        ("", "401 Unauthorized\r\nwww-authenticate: Negotiate"),
        (SHOWN, "401 Unauthorized\r\nwww-authenticate: Negotiate"),
    ];
    let (address, _server) = serve(&REFUSED).await;
    let error = asked(&client().0, &address).await.unwrap_err();
    assert!(unauthorized(&error), "{error:?}");
    // There is none.
    let (address, _server) = serve(&REFUSED[..1]).await;
    let error = asked(&Client::default(), &address).await.unwrap_err();
    assert!(unauthorized(&error), "{error:?}");
    // It asks for something else.
    let (address, _server) = serve(&[("", "401 Unauthorized\r\nwww-authenticate: PseudoAuth")]).await;
    let error = asked(&client().0, &address).await.unwrap_err();
    assert!(unauthorized(&error), "{error:?}");
    // It proves to be another server, or sends something else.
    for token in ["b3RoZXI=", "%%%"] {
        let answer = format!("200 OK\r\nwww-authenticate: Negotiate {token}\r\nGIVEN").leak();
        let script = vec![REFUSED[0], (SHOWN, &*answer), REFUSED[0], (SHOWN, "200 OK")].leak();
        let (address, _server) = serve(script).await;
        let (client, _) = client();
        let error = asked(&client, &address).await.unwrap_err();
        assert!(matches!(error, WebError::Kerberos { .. }), "{error:?}");
        // Its cookie is not kept.
        asked(&client, &address).await.unwrap();
    }
}

#[tokio::test]
async fn login_that_fails_is_the_cause() {
    let begin = |_: &str| Err(KerberosError::Expired("ada@A".to_owned()));
    let client = Client { begin: Some(Arc::new(begin)), ..Client::default() };
    let (address, _server) = serve(&[("", "401 Unauthorized\r\nwww-authenticate: Negotiate")]).await;
    let error = asked(&client, &address).await.unwrap_err();
    assert!(error.to_string().contains("the Kerberos ticket of ada@A has expired"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("kinit")));
}
