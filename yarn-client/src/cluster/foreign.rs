//! Applications that another program has started. YARN's web proxy is the only way to reach them: it forwards GET.

use std::time::Duration;

use super::error::{ApplicationError, MasterError, ResourceManagerError};
use super::tags::is_flink;
use crate::flink::rest::{Client, Options};
use crate::yarn::{ApplicationReport, ApplicationState};

/// For explicit requests, through two servers.
pub(crate) const OPTIONS: Options =
    Options { connect_timeout: Duration::from_secs(5), timeout: Duration::from_secs(15), max_body: 8 << 20 };
/// A path that every application master of ours serves, even while its Flink does not respond.
const OURS: &str = "/am/status";

/// Flink's REST API through YARN's proxy; `None` if it cannot be reached that way. A JobManager's address has no path.
pub(crate) fn client(report: &ApplicationReport, options: Options) -> Option<Client> {
    let plain = |url: &url::Url| url.scheme() == "http";
    url::Url::parse(&report.original_tracking_url).ok().filter(|url| plain(url) && url.path() == "/")?;
    let proxy = url::Url::parse(&report.tracking_url).ok().filter(plain)?;
    let host = proxy.host_str()?.trim_matches(['[', ']']);
    Some(Client::new(host, proxy.port_or_known_default()?, options).below(proxy.path()))
}

/// Why there is no certificate of a running application's master, if that is because another program has started it.
pub(crate) async fn foreign(report: &ApplicationReport) -> Option<ApplicationError> {
    if report.state != ApplicationState::Running {
        return None;
    }
    let application = report.id;
    if !is_flink(&report.application_type) {
        let kind = report.application_type.clone();
        return Some(ApplicationError::ResourceManager(ResourceManagerError::NotFlink { application, kind }));
    }
    let flink = client(report, OPTIONS)?;
    // An application master of ours whose Flink responds also responds itself.
    let (flink, ours) = tokio::join!(flink.overview(), flink.has(OURS));
    (flink.is_ok() && matches!(ours, Ok(false)))
        .then_some(ApplicationError::Master(MasterError::Foreign { application }))
}
