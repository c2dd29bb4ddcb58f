//! What runs on the machine for a cluster, read from /proc.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::Cluster;
use super::reaper::MARKER;

/// One process of a daemon or container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Arguments, the program first.
    pub command: Vec<String>,
    /// `CONTAINER_ID` of the process; `None` for a daemon.
    pub container: Option<String>,
    /// Resident memory in bytes (VmRSS).
    pub resident: u64,
}

impl Process {
    /// `NM_HOST` of the process: the node its container runs on; `None` for a daemon, and for a process that is gone.
    pub fn host(&self) -> Option<String> {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        let host = variables.find_map(|variable| variable.strip_prefix(b"NM_HOST="))?;
        Some(String::from_utf8_lossy(host).into_owned())
    }

    /// Its working directory.
    pub fn directory(&self) -> PathBuf {
        format!("/proc/{}/cwd", self.pid).into()
    }

    /// Addresses on which it accepts connections.
    pub fn listens(&self) -> Vec<SocketAddr> {
        let table = |name: &str| {
            let text = fs::read_to_string(format!("/proc/{}/net/{name}", self.pid)).unwrap_or_default();
            text.lines().skip(1).filter_map(listener).collect::<Vec<_>>()
        };
        let entries = fs::read_dir(format!("/proc/{}/fd", self.pid)).into_iter().flatten().flatten();
        let own: BTreeSet<_> = entries
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .collect();
        let all = table("tcp").into_iter().chain(table("tcp6"));
        all.filter(|(_, inode)| own.contains(inode)).map(|(address, _)| address).collect()
    }

    /// Whether it is a Java virtual machine.
    pub fn is_jvm(&self) -> bool {
        let program = self.command.first().map(Path::new);
        program.and_then(Path::file_name).is_some_and(|name| name == "java")
    }

    /// Whether one of its arguments is `main_class`.
    pub fn runs(&self, main_class: &str) -> bool {
        self.command.iter().any(|argument| argument == main_class)
    }

    /// Whether it is still running; a zombie that has not been waited for is not.
    pub fn lives(&self) -> bool {
        lives(self.pid)
    }

    /// Sends SIGKILL. A process that is already gone is not an error.
    pub fn kill_9(&self) {
        signal(self.pid, Signal::KILL);
    }

    /// Sends SIGSTOP: the process stays, but does nothing.
    pub fn stop(&self) {
        signal(self.pid, Signal::STOP);
    }

    /// Sends SIGCONT: a stopped process continues.
    pub fn go_on(&self) {
        signal(self.pid, Signal::CONT);
    }

    /// Sends SIGTERM. A process that is already gone is not an error.
    pub fn terminate(&self) {
        signal(self.pid, Signal::TERM);
    }
}

/// Sends a signal; a process that is already gone is not an error.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether the process exists and is not a zombie.
pub(crate) fn lives(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

/// All processes of the cluster in `directory`: those with the marker, and containers, which have LOCAL_DIRS and LOG_DIRS
/// below it.
pub(crate) fn of_cluster(directory: &Path) -> Vec<Process> {
    let marks = [MARKER, "LOCAL_DIRS", "LOG_DIRS"].map(|name| format!("{name}={}/", directory.display()));
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        // Gone, or another user's, so not ours.
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let variables: Vec<_> = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        if !variables.iter().any(|variable| marks.iter().any(|mark| variable.starts_with(mark.as_str()))) {
            return None;
        }
        let container = variables.iter().find_map(|variable| variable.strip_prefix("CONTAINER_ID="));
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let arguments =
            command.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned());
        Some(Process {
            pid,
            container: container.map(str::to_owned),
            command: arguments.filter(|argument| !argument.is_empty()).collect(),
            resident: resident(pid),
        })
    })
    .collect()
}

/// VmRSS in bytes; 0 for a process that is gone.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Whether `container` (`container_[eNN_]<cluster>_<application>_<attempt>_<number>`) belongs to `application`
/// (`application_<cluster>_<application>`).
fn belongs(container: &str, application: &str) -> bool {
    application
        .strip_prefix("application_")
        .is_some_and(|numbers| container.contains(&format!("_{numbers}_")))
}

/// Address and inode of a line of `/proc/net/tcp` or `tcp6` that is a listener's. Wildcards are reached on the loopback
/// interface.
fn listener(line: &str) -> Option<(SocketAddr, String)> {
    let mut columns = line.split_whitespace().skip(1);
    let (address, port) = columns.next()?.split_once(':')?;
    let listens = columns.nth(1)? == "0A";
    let inode = columns.nth(5)?.to_owned();
    // Words in the machine's byte order; the last one of IPv6 holds an IPv4 address.
    let word = u32::from_str_radix(address.get(address.len().checked_sub(8)?..)?, 16).ok()?;
    let ip = match Ipv4Addr::from(word.to_ne_bytes()) {
        Ipv4Addr::UNSPECIFIED => Ipv4Addr::LOCALHOST,
        ip => ip,
    };
    let address = SocketAddr::new(IpAddr::V4(ip), u16::from_str_radix(port, 16).ok()?);
    listens.then_some((address, inode))
}

impl Cluster {
    /// Every process of the cluster: daemons and containers.
    pub fn processes(&self) -> Vec<Process> {
        of_cluster(self.directory())
    }

    /// Every process in a container, wrappers of the NodeManager included.
    pub fn container_processes(&self) -> Vec<Process> {
        self.processes().into_iter().filter(|process| process.container.is_some()).collect()
    }

    /// Every process in a container on NodeManager `number`.
    pub fn processes_on(&self, number: u8) -> Vec<Process> {
        let host = self.host(number);
        self.container_processes()
            .into_iter()
            .filter(|process| process.host().as_ref() == Some(&host))
            .collect()
    }

    /// Every process in a container of this application (`application_<cluster>_<number>`).
    pub fn processes_of(&self, application: &str) -> Vec<Process> {
        let of_application =
            |process: &Process| process.container.as_deref().is_some_and(|id| belongs(id, application));
        self.processes().into_iter().filter(of_application).collect()
    }

    /// Every Java virtual machine in a container of this application.
    pub fn jvms_of(&self, application: &str) -> Vec<Process> {
        self.processes_of(application).into_iter().filter(Process::is_jvm).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_belong_to_their_application_only() {
        assert!(belongs("container_1700000000000_0001_01_000002", "application_1700000000000_0001"));
        assert!(belongs("container_e17_1700000000000_0001_02_000002", "application_1700000000000_0001"));
        assert!(!belongs("container_1700000000000_0001_01_000002", "application_1700000000000_0002"));
        assert!(!belongs("container_1700000000000_00011_01_000002", "application_1700000000000_0001"));
        assert!(!belongs("container_1700000000000_0001_01_000002", "1700000000000_0001"));
    }

    #[test]
    fn a_marked_process_is_found_and_ends() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("100")
            .env("LOG_DIRS", format!("{}/logs", directory.path().display()))
            .env("CONTAINER_ID", "container_1_0001_01_000001")
            .spawn()
            .unwrap();
        // Between fork and exec the child still has our environment.
        let found = std::iter::repeat_with(|| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            of_cluster(directory.path())
        });
        let found = found.take(200).find(|found| !found.is_empty()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].command, ["sleep", "100"]);
        assert_eq!(found[0].container.as_deref(), Some("container_1_0001_01_000001"));
        assert!(found[0].resident > 0 && lives(child.id()));
        found[0].kill_9();
        child.wait().unwrap();
        assert!(!lives(child.id()) && of_cluster(directory.path()).is_empty());
    }
}
