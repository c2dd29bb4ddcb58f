//! The tokens of a submission: with them the containers act for the user, who proved it with Kerberos here.

use std::time::Duration;

use super::plan::Plan;
use crate::cluster::Gateway;
use crate::flink::options;
use crate::hdfs::{FileSystems, HdfsError, IssuedToken, resource_manager_principal};
use crate::security::{Token, TokenLife};
use crate::yarn::ApplicationSubmission;

/// A token that is not cancelled ends by itself.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// The tokens of this process, and new ones for the default file system and those of `uris`, which the ResourceManager renews.
pub(super) async fn obtain(
    gateway: &Gateway,
    file_systems: &FileSystems,
    uris: &[String],
) -> Result<(Vec<(String, Token)>, Vec<IssuedToken>), HdfsError> {
    let mut tokens: Vec<_> =
        gateway.user.tokens().map(|token| (token.service.clone(), token.clone())).collect();
    if gateway.user.login().is_none() {
        return Ok((tokens, Vec::new()));
    }
    let renewer = resource_manager_principal(&gateway.configuration)?;
    let uris: Vec<_> = uris.iter().map(String::as_str).collect();
    let (issued, of_yarn) = tokio::join!(
        file_systems.delegation_tokens(&uris, &renewer),
        gateway.resource_manager.delegation_token(&renewer)
    );
    let issued = issued?;
    tokens.extend(issued.iter().flat_map(|issued| issued.tokens.iter().cloned()));
    match of_yarn {
        Ok(token) => tokens.push((token.service.clone(), token)),
        // Only a program that speaks to YARN itself would miss it.
        Err(error) => tracing::warn!("the containers get no token of the ResourceManager: {error}"),
    }
    Ok((tokens, issued))
}

/// Cancels what nobody is going to use.
pub(super) async fn cancel(file_systems: &FileSystems, issued: &[IssuedToken]) {
    let each = issued.iter().map(|token| file_systems.cancel_token(token));
    match tokio::time::timeout(CANCEL_LIMIT, futures::future::join_all(each)).await {
        Ok(results) => {
            for error in results.into_iter().filter_map(Result::err) {
                tracing::debug!(%error, "cancelling a token");
            }
        }
        Err(_) => tracing::debug!("no answer to the request to cancel tokens"),
    }
}

/// When the first of the tokens of HDFS ends for good, ms since the epoch, if that matters to a job: they are not replaced, and it
/// is not a batch job.
pub(super) fn end_ms(plan: &Plan, submission: &ApplicationSubmission) -> Option<u64> {
    if plan.config.explicit(&options::RUNTIME_MODE).is_some_and(|mode| mode.eq_ignore_ascii_case("BATCH")) {
        return None;
    }
    let credentials = submission.launch.credentials.as_ref().filter(|_| plan.login.is_none())?;
    TokenLife::of_hdfs(credentials).map(|life| life.end_ms)
}
