//! `yarn-flink events ID`

use std::ops::ControlFlow;

use proto::control::{EventId, WatchReply, watch_reply};
use yarn_client::control::EventView;
use yarn_client::deploy::{events, session};

use super::{Context, Failure};
use crate::args::Events;
use crate::exit::ExitStatus;
use crate::view::event_line;

/// One line for each event; with `--follow` the exit code is 0 whatever the application's result: that is `status`'s.
pub(super) async fn run(context: &Context, args: Events) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    let id = session::application(&gateway, &args.id).await?;
    if args.follow {
        super::wait_out(context, &gateway)?;
    }
    let bases = context.staging_bases();
    let after = args.after.map(|(attempt, number)| EventId { attempt, number });
    let printer = &context.printer;
    let mut broken = None;
    let report = {
        let mut print = |reply: WatchReply| {
            let printed = match reply.reply {
                Some(watch_reply::Reply::Event(event)) => match EventView::new(event) {
                    Some(view) if printer.is_json() => printer.json_line(&view),
                    Some(view) => printer.stream(&event_line(&view)),
                    // Of a newer application master than this client.
                    None => Ok(()),
                },
                Some(watch_reply::Reply::Lost(lost)) => {
                    let count = if lost.count == 0 { "some".to_owned() } else { lost.count.to_string() };
                    printer.warning(&format!("{count} events are not kept any more"));
                    Ok(())
                }
                None => Ok(()),
            };
            match printed {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    broken = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        events::watch(&gateway, id, &bases, after, args.follow, &mut print).await?
    };
    if let Some(error) = broken {
        return Err(error.into());
    }
    if report.state.is_final() {
        printer.note(&format!("{id} {}", report.state));
    }
    Ok(ExitStatus::Success)
}
