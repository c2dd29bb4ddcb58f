//! `yarn-flink list`

use yarn_client::yarn::{ApplicationFilter, ApplicationState};

use super::{Context, Failure};
use crate::args::List;
use crate::exit::ExitStatus;
use crate::render::{Align, Table, span, time};
use crate::view::{ApplicationView, ListView, percent};

pub(super) async fn run(context: &Context, args: List) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    let filter = ApplicationFilter {
        states: if args.all { ApplicationState::ALL.to_vec() } else { Vec::new() },
        types: args.types,
        tags: args.tags,
        queues: args.queue.into_iter().collect(),
        users: args.user.into_iter().collect(),
        ..ApplicationFilter::default()
    };
    let reports = super::tidying(&gateway, gateway.applications(filter)).await?;
    let view = ListView { applications: reports.iter().map(ApplicationView::new).collect() };
    context.printer.show(&view, || match view.applications.as_slice() {
        [] => {
            context.printer.note("no applications");
            String::new()
        }
        applications => table(applications, super::now_ms()),
    });
    Ok(ExitStatus::Success)
}

fn table(applications: &[ApplicationView], now_ms: u64) -> String {
    let mut table = Table::new(&[
        ("APPLICATION", Align::Left),
        ("NAME", Align::Left),
        ("USER", Align::Left),
        ("QUEUE", Align::Left),
        ("STATE", Align::Left),
        ("RESULT", Align::Left),
        ("DONE", Align::Right),
        ("CONTAINERS", Align::Right),
        ("MIB", Align::Right),
        ("STARTED", Align::Left),
        ("ELAPSED", Align::Right),
    ])
    .expendable(&["STARTED", "MIB", "DONE", "CONTAINERS", "USER", "QUEUE"]);
    for application in applications {
        let elapsed = application
            .started_ms
            .map(|started| span(application.finished_ms.unwrap_or(now_ms).saturating_sub(started)));
        let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        // YARN keeps the last figures of an ended application, but they mean nothing.
        let live = application.finished_ms.is_none();
        let result = if live { "-" } else { &application.final_status };
        table.row(vec![
            application.application_id.clone(),
            application.name.clone(),
            application.user.clone(),
            application.queue.clone(),
            application.state.clone(),
            result.to_owned(),
            application.progress.map_or_else(|| "-".to_owned(), percent),
            number(application.containers.filter(|_| live).map(u64::from)),
            number(application.memory_mib.filter(|_| live)),
            time(application.started_ms),
            elapsed.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.render()
}
