//! Requests to web services: TLS, and the login where one is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderName, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::trust::Trust;
use super::{WebError, late, transport};
use crate::conf::Configuration;
use crate::security::kerberos::{Negotiation, bounded, challenge};
use crate::security::{Auth, KerberosError};

/// An application's requests are a few hundred bytes each.
const MAX_BODY: usize = 4 << 20;
/// What a server gives to whoever has proved who they are, so that they need not do it again (`AuthenticatedURL`).
const AUTH_COOKIE: &str = "hadoop.auth=";
/// Of the limit for a step, for the KDC: so that it is blamed, and not the web service.
const KDC_SHARE: f64 = 0.75;

/// Begins a conversation with the web server on a host. Blocks.
type Begin = dyn Fn(&str) -> Result<Negotiation, KerberosError> + Send + Sync;

/// A client of YARN's web services. Cheap to clone.
///
/// Under `HTTPS_ONLY` it trusts what Hadoop's own clients trust (`ssl-client.xml`). A service that asks for Kerberos
/// (`hadoop.http.authentication.type`) is shown a ticket, if there is a login, and the cookie that it gives is sent from then on.
/// The login's own user asks, even for a proxy user.
#[derive(Clone, Default)]
pub struct Client {
    trust: Trust,
    begin: Option<Arc<Begin>>,
    /// By host:port. `None` where a service has not given any.
    cookies: Arc<Mutex<BTreeMap<String, Option<HeaderValue>>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("trust", &self.trust).finish_non_exhaustive()
    }
}

/// A successful response, whose connection ends with it.
pub(in crate::yarn) struct Answer {
    pub(in crate::yarn) response: Response<Incoming>,
    _connection: JoinSet<hyper::Result<()>>,
}

/// A connection, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Client {
    /// With the truststore of a configuration, and the login of whoever speaks to the cluster.
    pub fn new(conf: &Configuration, auth: &Auth) -> Self {
        let begin = match auth {
            Auth::Kerberos(kerberos) => {
                let login = Arc::clone(&kerberos.login);
                Some(Arc::new(move |host: &str| Negotiation::with(&login, host)) as Arc<Begin>)
            }
            Auth::Simple(_) | Auth::Token(_) => None,
        };
        Self { trust: Trust::of(conf), begin, cookies: Arc::default() }
    }

    #[cfg(test)]
    pub(super) fn trusting(trust: Trust) -> Self {
        Self { trust, ..Self::default() }
    }

    /// Requests JSON; `timeout` applies to the whole request.
    pub(in crate::yarn) async fn get_json<T: DeserializeOwned>(
        &self,
        address: &str,
        path: &str,
        timeout: Duration,
    ) -> Result<T, WebError> {
        let authority = authority(address)?;
        let body = async {
            let answer = self.get(address, path, "application/json", timeout).await?;
            let body = Limited::new(answer.response.into_body(), MAX_BODY).collect().await;
            body.map_err(|error| transport(authority, error))
        };
        let body = tokio::time::timeout(timeout, body).await;
        let body = body.map_err(|_| late(authority, timeout))??.to_bytes();
        serde_json::from_slice(&body).map_err(|error| transport(authority, error))
    }

    /// Sends one request on a connection of its own, twice if the service asks who we are. `timeout` applies to each step.
    pub(in crate::yarn) async fn get(
        &self,
        address: &str,
        path: &str,
        accept: &str,
        timeout: Duration,
    ) -> Result<Answer, WebError> {
        let authority = authority(address)?;
        let cookie = self.kept_cookie(authority).map(|it| (COOKIE, it));
        let mut answer = self.send(address, path, accept, timeout, cookie).await?;
        if let Some(begin) = &self.begin {
            if refused(&answer.response).is_some() {
                answer = self.prove(begin, address, path, accept, timeout).await?;
            }
            let status = answer.response.status();
            let given =
                given_cookie(answer.response.headers()).filter(|_| status != StatusCode::UNAUTHORIZED);
            let mut cookies = self.cookies();
            if given.is_some() || status == StatusCode::UNAUTHORIZED || !cookies.contains_key(authority) {
                cookies.insert(authority.to_owned(), given);
            }
        }
        let status = answer.response.status();
        match status.is_success() {
            true => Ok(answer),
            false => Err(WebError::Status { address: authority.to_owned(), status }),
        }
    }

    /// Repeats a request with a ticket.
    async fn prove(
        &self,
        begin: &Arc<Begin>,
        address: &str,
        path: &str,
        accept: &str,
        timeout: Duration,
    ) -> Result<Answer, WebError> {
        let (authority, limit) = (authority(address)?, timeout.mul_f64(KDC_SHARE));
        let failed = |source| WebError::Kerberos { address: authority.to_owned(), source };
        let (begin, host) = (Arc::clone(begin), host(authority).to_owned());
        let begun = bounded(limit, move || {
            let mut negotiation = begin(&host)?;
            let authorization = negotiation.authorization()?;
            Ok((negotiation, authorization))
        });
        let (mut negotiation, authorization) = begun.await.map_err(failed)?;
        let mut value = HeaderValue::try_from(authorization).map_err(|error| transport(authority, error))?;
        value.set_sensitive(true);
        let answer = self.send(address, path, accept, timeout, Some((AUTHORIZATION, value))).await?;
        // It may leave out its own proof, as Hadoop's client puts up with; a wrong one is another server's.
        let token = challenged(answer.response.headers()).filter(|token| !token.is_empty());
        if let Some(token) = token.filter(|_| answer.response.status() != StatusCode::UNAUTHORIZED) {
            let token = token.to_owned();
            bounded(limit, move || negotiation.check(&token)).await.map_err(failed)?;
        }
        Ok(answer)
    }

    /// Gets the cookie for requests that others send to `address`: [`Self::kept_cookie`]. There is none where nobody has to prove
    /// anything.
    #[cfg(feature = "flink")]
    pub(crate) async fn get_cookie(&self, address: &str, timeout: Duration) -> Result<(), WebError> {
        if self.begin.is_none() || self.cookies().contains_key(authority(address)?) {
            return Ok(());
        }
        match self.get(address, "/", "*/*", timeout).await {
            // Whatever is there: whoever has got so far has been let in.
            Ok(_) | Err(WebError::Status { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The cookie that the service at host:port has given.
    pub(crate) fn kept_cookie(&self, authority: &str) -> Option<HeaderValue> {
        self.cookies().get(authority).cloned().flatten()
    }

    /// Connects, with TLS to an address that begins with `https`.
    pub(crate) async fn connect(&self, address: &str) -> Result<Box<dyn Stream>, WebError> {
        let authority = authority(address)?;
        let stream = TcpStream::connect(authority).await.map_err(|error| transport(authority, error))?;
        if !address.starts_with("https://") {
            return Ok(Box::new(stream));
        }
        let untrusted = |source: Box<dyn std::error::Error + Send + Sync>| WebError::Untrusted {
            address: authority.to_owned(),
            trust: self.trust.source(),
            source,
        };
        let config = self.trust.client().map_err(|error| untrusted(error.into()))?;
        let name =
            ServerName::try_from(host(authority).to_owned()).map_err(|error| untrusted(error.into()))?;
        match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            // An error of TLS itself.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(untrusted(error.into())),
            Err(error) => Err(transport(authority, error)),
        }
    }

    async fn send(
        &self,
        address: &str,
        path: &str,
        accept: &str,
        timeout: Duration,
        proof: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, WebError> {
        let authority = authority(address)?;
        let connect = tokio::time::timeout(timeout, self.connect(address)).await;
        let stream = connect.map_err(|_| late(authority, timeout))??;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|error| transport(authority, error))?;
        let mut request = Request::get(path)
            .header(HOST, authority)
            .header(ACCEPT, accept)
            .header(CONNECTION, "close")
            .body(Empty::new())
            .map_err(|error| transport(authority, error))?;
        request.headers_mut().extend(proof);
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = tokio::time::timeout(timeout, sender.send_request(request)).await;
        let response = response.map_err(|_| late(authority, timeout))?;
        let response = response.map_err(|error| transport(authority, error))?;
        Ok(Answer { response, _connection: driver })
    }

    fn cookies(&self) -> MutexGuard<'_, BTreeMap<String, Option<HeaderValue>>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The authority of `http://host:port` or `https://host:port`.
pub(in crate::yarn) fn authority(address: &str) -> Result<&str, WebError> {
    let authority = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"));
    authority
        .map(|rest| rest.trim_end_matches('/'))
        .filter(|rest| rest.contains(':') && !rest.contains('/'))
        .ok_or_else(|| WebError::Address { address: address.to_owned() })
}

fn host(authority: &str) -> &str {
    authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']'])
}

/// What a response with 401 asks for, if that is Kerberos.
fn refused(response: &Response<Incoming>) -> Option<&str> {
    challenged(response.headers()).filter(|_| response.status() == StatusCode::UNAUTHORIZED)
}

fn challenged(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).find_map(challenge)
}

fn given_cookie(headers: &HeaderMap) -> Option<HeaderValue> {
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.filter_map(|cookie| cookie.split(';').next());
    let given = pairs.map(str::trim).find(|pair| {
        pair.strip_prefix(AUTH_COOKIE).is_some_and(|value| !value.trim_matches('"').is_empty())
    })?;
    let mut value = HeaderValue::from_str(given).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests;
