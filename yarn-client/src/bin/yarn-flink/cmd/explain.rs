//! `yarn-flink explain ID`

use yarn_client::deploy::{ApplicationError, explain, session};

use super::{Context, Failure};
use crate::args::Explain;
use crate::exit::ExitStatus;
use crate::view::ExplanationView;

pub(super) async fn run(context: &Context, args: Explain) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    let id = session::application(&gateway, &args.id).await?;
    let asked = async {
        let mut evidence = gateway.evidence(id).await?;
        explain::consult(&gateway, &mut evidence, &context.staging_bases()).await;
        Ok::<_, ApplicationError>(evidence)
    };
    let evidence = super::tidying(&gateway, asked).await?;
    let view = ExplanationView::new(&evidence, explain::decide(&evidence, super::now_ms().cast_signed()));
    if context.printer.is_json() {
        context.printer.json(&view);
    } else {
        for unknown in &view.unknown {
            context.printer.warning(&format!("not known: {unknown}"));
        }
        context.printer.data(&view.text());
    }
    Ok(ExitStatus::Success)
}
