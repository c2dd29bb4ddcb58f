//! `yarn-flink status ID`

use std::time::Duration;

use yarn_client::cluster::{ApplicationError, Gateway, Live};
use yarn_client::explain::{self, Evidence};
use yarn_client::running::jobs::{self, Snapshot};
use yarn_client::running::session;
use yarn_client::yarn::ApplicationState;

use super::{Context, Failure};
use crate::args::Status;
use crate::exit::ExitStatus;
use crate::view::{ApplicationView, LiveView, StatusView};

/// If the application master is slower than this, only YARN's view is shown.
const PATIENCE: Duration = Duration::from_millis(1500);

pub(super) async fn run(context: &Context, args: Status) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    let id = session::application(&gateway, &args.id).await?;
    let asked = async {
        let mut evidence = explain::evidence(&gateway, id).await?;
        let live = snapshot(context, &gateway, &evidence).await;
        match &live {
            Some(snapshot) => evidence.told(&snapshot.status),
            None => explain::consult(&gateway, &mut evidence, &context.staging_bases()).await,
        }
        Ok::<_, ApplicationError>((evidence, live))
    };
    let (evidence, live) = super::tidying(&gateway, asked).await?;
    let view = StatusView {
        application: ApplicationView::explained(&evidence, super::now_ms()),
        live: live.as_ref().map_or_else(|| LiveView::without_master(&evidence), LiveView::new),
    };
    context.printer.show(&view, || view.text(super::now_ms()));
    Ok(ExitStatus::Success)
}

/// What its own master reports, if it can be reached.
async fn snapshot(context: &Context, gateway: &Gateway, evidence: &Evidence) -> Option<Snapshot> {
    let report = &evidence.report;
    if report.state != ApplicationState::Running || report.rpc_port <= 0 {
        return None;
    }
    let asked = async {
        let bases = context.staging_bases();
        let live = Live::of(gateway.file_systems()?.as_ref(), report.clone(), &bases).await?;
        jobs::snapshot(&live).await
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(snapshot)) => Some(snapshot),
        Ok(Err(error)) => {
            tracing::info!("the application master: {error}");
            None
        }
        Err(_) => None,
    }
}
