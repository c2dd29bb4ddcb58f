//! `yarn-flink status ID`

use proto::ids::ApplicationId;
use yarn_client::deploy::{ApplicationError, Gateway};

use super::{Context, Failure};
use crate::args::Status;
use crate::exit::ExitStatus;
use crate::view::ApplicationView;

pub(super) async fn run(context: &Context, args: Status) -> Result<ExitStatus, Failure> {
    let id: ApplicationId = args.id.parse().map_err(ApplicationError::from)?;
    let gateway = Gateway::open(&context.environment, context.global.conf_dir.as_deref())?;
    let view =
        ApplicationView::explained(&super::tidying(&gateway, gateway.evidence(id)).await?, super::now_ms());
    if context.printer.is_json() {
        context.printer.json(&view)?;
    } else {
        context.printer.data(&view.text(super::now_ms()))?;
    }
    Ok(ExitStatus::Success)
}
