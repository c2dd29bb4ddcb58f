//! `yarn-flink events ID`

use std::ops::ControlFlow;

use proto::control::{EventId, WatchReply, watch_reply};
use yarn_client::cluster::{ApplicationError, MasterError, ResourceManagerError, events};
use yarn_client::control::EventView;
use yarn_client::logs::{self, events::Recorded};
use yarn_client::running::session;

use super::{Context, Failure};
use crate::args::Events;
use crate::exit::ExitStatus;
use crate::view::event_line;

/// Prints one line per event; with `--follow` the exit code is 0 whatever the application's result: that is reported by `status`.
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
    let mut heard = false;
    let watched = {
        let mut print = |reply: WatchReply| {
            heard = true;
            let printed = match reply.reply {
                Some(watch_reply::Reply::Event(event)) => match EventView::new(event) {
                    Some(view) => printer.show_line(&view, || event_line(&view)),
                    // From a newer application master than this client.
                    None => Ok(()),
                },
                Some(watch_reply::Reply::Lost(lost)) => {
                    let count = if lost.count == 0 { "some".to_owned() } else { lost.count.to_string() };
                    printer.warning(&format!("{count} older events are no longer available"));
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
        events::watch(&gateway, id, &bases, after, args.follow, &mut print).await
    };
    if let Some(error) = broken {
        return Err(error.into());
    }
    let state = match watched {
        Ok(report) if report.state.is_final() && !heard => {
            print_recorded(context, &logs::events::recorded(&gateway, id, after).await?)?;
            Some(report.state)
        }
        Ok(report) => Some(report.state).filter(|state| state.is_final()),
        // Print what its masters have recorded; if that is nothing, the better response is that it has ended.
        Err(
            error @ (ApplicationError::Master(MasterError::NotLive { .. })
            | ApplicationError::ResourceManager(ResourceManagerError::NotFound { .. })),
        ) => match logs::events::recorded(&gateway, id, after).await {
            Ok(recorded) => {
                print_recorded(context, &recorded)?;
                None
            }
            Err(failure) => {
                tracing::info!("{failure}");
                return Err(error.into());
            }
        },
        Err(error) => return Err(error.into()),
    };
    if let Some(state) = state {
        printer.note(&format!("{id} {state}"));
    }
    Ok(ExitStatus::Success)
}

/// Prints what the masters of an ended application have recorded next to their logs.
fn print_recorded(context: &Context, recorded: &Recorded) -> Result<(), Failure> {
    let printer = &context.printer;
    for event in &recorded.events {
        printer.show_line(event, || event_line(event))?;
    }
    for error in &recorded.failed {
        printer.warning(&error.to_string());
    }
    if recorded.incomplete {
        printer.note(
            "log aggregation has not completed: the last events may be missing, try again in a few seconds",
        );
    }
    Ok(())
}
