//! Applications that another program has started. YARN's web proxy is the only way to reach them: it forwards GET.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;

use super::error::{ApplicationError, MasterError, ResourceManagerError};
use super::tags::is_flink;
use crate::flink::rest::{Client, Connect, Connecting, Connection, Options};
use crate::yarn::{ApplicationReport, ApplicationState, web};

/// For explicit requests, through two servers.
pub(crate) const OPTIONS: Options =
    Options { connect_timeout: Duration::from_secs(5), timeout: Duration::from_secs(15), max_body: 8 << 20 };
/// A path that every application master of ours serves, even while its Flink does not respond.
const OURS: &str = "/am/status";

/// Flink's REST API through YARN's proxy; `None` if it cannot be reached that way. A JobManager's address has no path.
pub(crate) fn client(web: &web::Client, report: &ApplicationReport, options: Options) -> Option<Client> {
    let flink = url::Url::parse(&report.original_tracking_url).ok()?;
    if flink.scheme() != "http" || flink.path() != "/" {
        return None;
    }
    let proxy = url::Url::parse(&report.tracking_url).ok()?;
    let (host, port) = (proxy.host_str()?, proxy.port_or_known_default()?);
    let to = Proxy {
        scheme: proxy.scheme().to_owned(),
        authority: format!("{host}:{port}"),
        web: web.clone(),
        limit: options.connect_timeout,
    };
    Some(Client::over(Arc::new(to), options).below(proxy.path()))
}

/// Connects to YARN's web proxy, which may want to know who is asking.
#[derive(Debug)]
struct Proxy {
    scheme: String,
    /// host:port.
    authority: String,
    web: web::Client,
    limit: Duration,
}

impl Connect for Proxy {
    fn address(&self) -> String {
        self.authority.clone()
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let address = format!("{}://{}", self.scheme, self.authority);
            self.web.get_cookie(&address, self.limit).await.map_err(io::Error::other)?;
            let stream = self.web.connect(&address).await.map_err(io::Error::other)?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }

    fn cookie(&self) -> Option<HeaderValue> {
        self.web.kept_cookie(&self.authority)
    }
}

/// Why there is no certificate of a running application's master, if that is because another program has started it.
pub(crate) async fn foreign(web: &web::Client, report: &ApplicationReport) -> Option<ApplicationError> {
    if report.state != ApplicationState::Running {
        return None;
    }
    let application = report.id;
    if !is_flink(&report.application_type) {
        let kind = report.application_type.clone();
        return Some(ApplicationError::ResourceManager(ResourceManagerError::NotFlink { application, kind }));
    }
    let flink = client(web, report, OPTIONS)?;
    // An application master of ours whose Flink responds also responds itself.
    let (flink, ours) = tokio::join!(flink.overview(), flink.has(OURS));
    (flink.is_ok() && matches!(ours, Ok(false)))
        .then_some(ApplicationError::Master(MasterError::Foreign { application }))
}
