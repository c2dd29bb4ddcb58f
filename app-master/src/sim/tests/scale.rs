//! What a container costs the machine, by their number. Run it with
//! `cargo test -p app-master sim::tests::scale -- --ignored --nocapture`, and compare the lines.

use std::collections::VecDeque;

use proto::ids::{ApplicationAttemptId, ApplicationId, NodeId};
use yarn_client::security::Token;
use yarn_client::yarn::{AllocatedContainer, ContainerState, ContainerStatus, Resource};

use super::*;
use crate::machine::{FlinkView, HeartbeatAnswer, TaskManagerView};

/// Containers that one heartbeat brings at most.
const BATCH: usize = 500;
const PER_NODE: usize = 10;

/// Of this thread: other processes do not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a file");
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number"))
}

/// A machine, and what it still wants done.
struct Bench {
    machine: AppMaster,
    now: Duration,
    /// CPU time until the end of the last phase.
    spent: Duration,
    /// What it has requested since the last look at this list.
    actions: VecDeque<Action>,
    nodes: usize,
    next: i64,
    running: BTreeSet<ContainerId>,
}

impl Bench {
    fn new(count: usize) -> Self {
        let slots = u32::try_from(count).expect("a small number");
        let settings = Settings { parallelism: slots, spread: true, ..settings() };
        let now = Duration::ZERO;
        let machine = AppMaster::new(settings, now);
        let (spent, actions, running) = (cpu_time(), VecDeque::new(), BTreeSet::new());
        let mut bench = Self { machine, now, spent, actions, nodes: count / PER_NODE, next: 1, running };
        bench.hear(Event::Registered { maximum: Resource::new(65_536, 8), previous: Vec::new() });
        bench.hear(Event::Begun(Ok(())));
        bench.hear(Event::JobManagerStarted);
        bench
    }

    /// As the driver's loop does.
    fn hear(&mut self, event: Event) {
        self.machine.handle(event, self.now);
        self.drain();
    }

    fn wait(&mut self, pause: Duration) {
        self.now += pause;
        self.machine.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.actions.push_back(action);
        }
        let _ = self.machine.poll_timeout();
    }

    fn allocate(&mut self, count: usize) -> Vec<AllocatedContainer> {
        let attempt = ApplicationAttemptId {
            application: ApplicationId { cluster_timestamp: 1_700_000_000_000, id: 1 },
            attempt: 1,
        };
        (0..count)
            .map(|_| {
                let id = ContainerId { attempt, id: self.next };
                let host = format!("node{:05}.example.org", self.next as usize % self.nodes.max(1));
                self.next += 1;
                AllocatedContainer {
                    id,
                    node_http_address: format!("{host}:8042"),
                    node: NodeId { host, port: 8041 },
                    resource: Resource::new(1024, 1),
                    priority: 1,
                    allocation_request_id: 1,
                    token: Token::default(),
                }
            })
            .collect()
    }

    fn status(id: ContainerId, exit_status: i32) -> ContainerStatus {
        ContainerStatus { id, state: ContainerState::Complete, exit_status, diagnostics: "killed".to_owned() }
    }

    fn heartbeat(&mut self, allocated: Vec<AllocatedContainer>, completed: Vec<ContainerStatus>) {
        let cluster_nodes = u32::try_from(self.nodes.max(1)).expect("a small number");
        self.hear(Event::Heartbeat(HeartbeatAnswer {
            allocated,
            completed,
            cluster_nodes,
            ..HeartbeatAnswer::default()
        }));
    }

    /// Does what was requested: launches come back one by one, and so do looks.
    fn perform(&mut self, job: JobStatus) {
        while let Some(action) = self.actions.pop_front() {
            match action {
                Action::StartContainer(container) => {
                    self.running.insert(container.id);
                    self.hear(Event::ContainerStarted(container.id));
                }
                Action::StopContainer(id) => _ = self.running.remove(&id),
                Action::PollFlink { .. } => {
                    let view = self.view(job);
                    self.hear(Event::Flink { start: 1, answer: Answer::View(view) });
                }
                _ => {}
            }
        }
    }

    fn view(&self, status: JobStatus) -> FlinkView {
        let count = u32::try_from(self.running.len()).expect("a small number");
        let free_slots = if status == JobStatus::Running { 0 } else { 1 };
        let job = JobView {
            id: JOB.to_owned(),
            status,
            slots_needed: None,
            streaming: Some(true),
            tasks_total: count,
            tasks_active: count,
            tasks_finished: 0,
            checkpoints: Some(CheckpointsView::Off),
        };
        let task_manager = |id: &ContainerId| TaskManagerView { id: id.to_string(), slots: 1, free_slots };
        FlinkView {
            jobs: vec![job],
            task_managers: Some(self.running.iter().map(task_manager).collect()),
            ..FlinkView::default()
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a figure for people to look at")]
    fn micros_each(&mut self, count: usize) -> f64 {
        let spent = cpu_time();
        let micros = (spent - self.spent).as_secs_f64() * 1e6 / count as f64;
        self.spent = spent;
        micros
    }
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "figures for people to look at")]
fn cost_of_a_container_does_not_depend_on_their_number() {
    println!("microseconds of each container:\n     n   launch  steady  status  failures     end");
    for count in [10, 100, 1_000, 10_000] {
        let mut bench = Bench::new(count);
        bench.wait(ms(200));
        while bench.running.len() < count {
            let batch = bench.allocate(BATCH.min(count - bench.running.len()));
            bench.heartbeat(batch, Vec::new());
            bench.perform(JobStatus::Running);
            bench.wait(ms(200));
        }
        let launch = bench.micros_each(count);
        // A minute of looks and heartbeats.
        for second in 0..60 {
            if second % 5 == 0 {
                bench.heartbeat(Vec::new(), Vec::new());
            }
            bench.wait(ms(1000));
            bench.perform(JobStatus::Running);
        }
        let steady = bench.micros_each(count);
        assert_eq!(bench.machine.status().containers.len(), count);
        let status = bench.micros_each(count);
        // One percent is lost at once, and the machine is told one by one.
        let failures = (count / 100).max(1);
        let lost: Vec<_> = bench.running.iter().copied().take(failures).collect();
        for id in lost {
            bench.running.remove(&id);
            bench.heartbeat(Vec::new(), vec![Bench::status(id, 137)]);
            bench.perform(JobStatus::Running);
        }
        let batch = bench.allocate(failures);
        bench.heartbeat(batch, Vec::new());
        bench.perform(JobStatus::Running);
        let failing = bench.micros_each(failures);
        assert_eq!(bench.running.len(), count);
        // The end, and the ends of all containers.
        let ids: Vec<_> = bench.running.iter().copied().collect();
        bench.wait(ms(1000));
        bench.perform(JobStatus::Canceled);
        bench.perform(JobStatus::Canceled);
        assert_eq!(bench.running.len(), 0);
        for ids in ids.chunks(BATCH) {
            let completed = ids.iter().map(|id| Bench::status(*id, -105)).collect();
            bench.wait(ms(200));
            bench.heartbeat(Vec::new(), completed);
        }
        assert_eq!(bench.machine.status().containers.len(), 0);
        let end = bench.micros_each(count);
        println!("{count:6} {launch:8.2} {steady:7.2} {status:7.2} {failing:9.2} {end:7.2}");
    }
}
