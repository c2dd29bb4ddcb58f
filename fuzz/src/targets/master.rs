//! What an application master is handed: by the client that starts it, by its predecessor, by clients and browsers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use app_master::control::Question;
use app_master::control::events::Events;
use app_master::machine::{AppMaster, History, Request};
use app_master::web::Web;
use app_master::web::access::Access;
use app_master::web::acl::Rights;
use app_master::web::forward::Forward;
use app_master::web::groups::Groups;
use app_master::{fuzz, trace as traces};
use prost::Message as _;
use proto::control::{Event, ScaleRequest, StatusReply, StopAfterJobRequest, WatchReply, WatchRequest};
use proto::launch::{Files, LaunchSpec};
use tokio::io::{AsyncWriteExt as _, duplex};
use tokio::sync::{mpsc, watch};
use yarn_client::conf::Configuration;
use yarn_client::control::EventView;
use yarn_client::flink::FlinkConfig;
use yarn_client::hdfs::key_record::{Ended, Record, Started};

use super::{conversation, ready};

/// Steps of a machine: enough for its first heartbeats and looks at Flink.
const STEPS: usize = 40;

/// A launch specification, and the first minutes of a machine that has only silence around it.
pub fn launch_spec(data: &[u8]) {
    drop(Files::decode(data));
    let Ok(spec) = LaunchSpec::decode(data) else { return };
    let config = FlinkConfig::from_flat(spec.flink_conf.clone());
    let Some(settings) = fuzz::settings(&spec, &config, History::default()) else { return };
    let mut machine = AppMaster::new(settings, Duration::ZERO);
    for _ in 0..STEPS {
        while machine.poll_action().is_some() {}
        let Some(at) = machine.poll_timeout() else { break };
        machine.handle_timeout(at);
    }
    drop(machine.ask(Request::Scale { task_managers: u32::MAX }, Duration::from_secs(3600)));
    drop(machine.status());
}

/// The journal of an earlier attempt, as its successor reads it and as a client does.
pub fn journal(data: &[u8]) {
    drop(yarn_client::fuzz::noted_checkpoint(data));
    let Some(journal) = fuzz::journal(data) else { return };
    let again = fuzz::journal(&fuzz::write_journal(&journal));
    assert!(again.is_some_and(|again| again == journal), "a written journal is read differently");
}

/// The files of a key.
pub fn key_record(data: &[u8]) {
    drop(serde_json::from_slice::<Record>(data));
    drop(serde_json::from_slice::<Started>(data));
    drop(serde_json::from_slice::<Ended>(data));
}

/// A trace: it is replayed as far as it goes.
pub fn trace(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        drop(traces::replay(text).map_err(|error| error.to_string()));
    }
}

/// What clients ask over gRPC, and what they are told, once the frame is off. The first byte is the length of an event of an earlier
/// attempt, which comes first.
pub fn control(data: &[u8]) {
    let Some((length, data)) = data.split_first() else { return };
    let Some((event, data)) = data.split_at_checked((*length).into()) else { return };
    let earlier: Vec<Event> = Event::decode(event).into_iter().collect();
    for event in &earlier {
        drop(EventView::new(event.clone()));
    }
    let events = Events::new(2, earlier);
    events.push(proto::control::event::What::Registered(Default::default()), 1);
    if let Ok(WatchRequest { after, .. }) = WatchRequest::decode(data) {
        let mut watcher = events.watch(after.as_ref(), false);
        while ready(watcher.next()).is_some() {}
    }
    drop((WatchReply::decode(data), StatusReply::decode(data)));
    let requests = [
        ScaleRequest::decode(data).ok().map(|it| Request::Scale { task_managers: it.task_managers }),
        StopAfterJobRequest::decode(data).ok().map(|it| Request::StopAfterJob { job_id: it.job_id }),
    ];
    for request in requests.into_iter().flatten() {
        let mut machine = AppMaster::new(app_master::sim::settings(), Duration::ZERO);
        drop(machine.ask(request, Duration::from_secs(1)));
        while machine.poll_action().is_some() {}
    }
}

/// All that a browser sends to the web page; the first byte says whether it comes from YARN's proxy.
pub fn web_page(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    conversation(async {
        let mut conf = Configuration::default();
        conf.set("yarn.resourcemanager.webapp.address", "127.0.0.1:8088");
        let access = Access::new(&conf, "application_1_0001");
        fuzz::know(&access, [IpAddr::V4(Ipv4Addr::LOCALHOST)].into());
        let (questions, mut asked) = mpsc::channel(1);
        // Flink is not there.
        let (_, place) = watch::channel(None);
        let web = Web {
            access,
            rights: Rights::new(&conf, &LaunchSpec::default(), "application_1_0001"),
            groups: Groups::new(&conf),
            flink: Forward::new(place),
            events: Events::new(1, Vec::new()),
            questions,
            application: Arc::from("application_1_0001"),
            user: Arc::from("alice"),
        };
        let (mut near, far) = duplex(1 << 20);
        if near.write_all(data).await.is_err() || near.shutdown().await.is_err() {
            return;
        }
        let source = Ipv4Addr::new(127, 0, 0, if first % 8 == 0 { 9 } else { 1 });
        let answers = async {
            while let Some(question) = asked.recv().await {
                if let Question::Status(answer) = question {
                    drop(answer.send(StatusReply::default()));
                }
            }
        };
        tokio::select! {
            () = fuzz::web(far, IpAddr::V4(source), web) => {}
            () = answers => {}
        }
        drop(near);
    });
}
