//! What runs on the machine because of a cluster, read from /proc.

use super::Cluster;

/// One process of a daemon or container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Arguments, the program first.
    pub command: Vec<String>,
    /// `CONTAINER_ID` of the process; none for a daemon.
    pub container: Option<String>,
    /// Resident memory in bytes (VmRSS).
    pub resident: u64,
}

impl Process {
    /// Whether it is a Java virtual machine.
    pub fn is_jvm(&self) -> bool {
        todo!()
    }

    /// Main class of a Java virtual machine, as far as it can be told from the arguments: `kills_by_class`.
    pub fn runs(&self, main_class: &str) -> bool {
        self.command.iter().any(|argument| argument == main_class)
    }

    /// Sends SIGKILL. A process that is gone already is no error.
    pub fn kill_9(&self) {
        todo!()
    }
}

impl Cluster {
    /// Every process of the cluster: daemons and containers.
    pub fn processes(&self) -> Vec<Process> {
        todo!()
    }

    /// Every process in a container, wrappers of the NodeManager included.
    pub fn container_processes(&self) -> Vec<Process> {
        todo!()
    }

    /// Every process in a container of this application (`application_<cluster>_<number>`).
    pub fn processes_of(&self, application: &str) -> Vec<Process> {
        todo!()
    }

    /// Every Java virtual machine in a container of this application.
    pub fn jvms_of(&self, application: &str) -> Vec<Process> {
        todo!()
    }
}
