//! `yarn-flink explain ID`

use yarn_client::cluster::ApplicationError;
use yarn_client::explain;
use yarn_client::running::session;

use super::{Context, Failure};
use crate::args::Explain;
use crate::exit::ExitStatus;
use crate::view::ExplanationView;

pub(super) async fn run(context: &Context, args: Explain) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    let id = session::application(&gateway, &args.id).await?;
    let asked = async {
        let mut evidence = explain::evidence(&gateway, id).await?;
        explain::consult(&gateway, &mut evidence, &context.staging_bases()).await;
        Ok::<_, ApplicationError>(evidence)
    };
    let evidence = super::tidying(&gateway, asked).await?;
    let view = ExplanationView::new(&evidence, explain::decide(&evidence, super::now_ms().cast_signed()));
    context.printer.show(&view, || {
        for unknown in &view.unknown {
            context.printer.warning(&format!("not available: {unknown}"));
        }
        view.text()
    });
    Ok(ExitStatus::Success)
}
