//! Processes that are cut off from each other while the rest of the cluster reaches both.
//!
//! The network between hosts cannot be cut if there is only one host, and network namespaces would cut off whole nodes
//! (and need privileges). Instead, a library in front of the containers' libc drops what one process sends to and
//! receives from some ports. Connections stay open and silent, as if a cable were unplugged; new ones find no route. It
//! ends with the process.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::preload::{self, LD_PRELOAD};
use super::{Cluster, Process};

/// The folder with one file for each process that is cut off.
const DIRECTORY: &str = "CUT_DIRECTORY";

/// What containers inherit by default (`yarn.nodemanager.env-whitelist`), plus what cutting needs.
pub(crate) const WHITELIST: &str = "JAVA_HOME,HADOOP_COMMON_HOME,HADOOP_HDFS_HOME,HADOOP_CONF_DIR,\
                                    CLASSPATH_PREPEND_DISTCACHE,HADOOP_YARN_HOME,HADOOP_HOME,PATH,LANG,TZ,LD_PRELOAD,\
                                    CUT_DIRECTORY";

fn folder(directory: &Path) -> PathBuf {
    directory.join("cut")
}

/// Compiles the library, and creates the folder for the files.
pub(crate) fn prepare(directory: &Path) -> Result<()> {
    preload::compile(directory, "cut", include_str!("cut.c"))?;
    fs::create_dir_all(folder(directory)).context("cannot create the folder of cuts")
}

/// Environment of a NodeManager whose containers can be cut off.
pub(crate) fn environment(directory: &Path) -> [(&'static str, PathBuf); 2] {
    [(LD_PRELOAD, preload::path(directory, "cut")), (DIRECTORY, folder(directory))]
}

impl Cluster {
    /// Cuts a container's process off from another one: from now on neither receives anything from the other or is
    /// notified. Both reach all other processes. Needs [`super::Builder::cuttable`].
    ///
    /// # Errors
    /// The cluster was not booted for this, or one of the two processes is gone.
    pub fn cut_off(&self, process: &Process, from: &Process) -> Result<()> {
        ensure!(self.layout.cuttable, "cluster {} was booted without `cuttable()`", self.layout.name);
        let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        let has = String::from_utf8_lossy(&environment).contains(DIRECTORY);
        ensure!(has, "process {} has not inherited {DIRECTORY}: {:?}", process.pid, process.command.first());
        let mut ports = listening(from.pid)?;
        ensure!(!ports.is_empty(), "process {} listens on no port", from.pid);
        ports.extend(listening(process.pid)?);
        let text: Vec<_> = ports.iter().map(u16::to_string).collect();
        let file = folder(self.directory()).join(process.pid.to_string());
        // Atomically: the library may read it at any time.
        let whole = file.with_extension("new");
        fs::write(&whole, text.join(" ")).with_context(|| format!("cannot write {}", whole.display()))?;
        fs::rename(&whole, &file).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Undoes [`Self::cut_off`]; what was lost stays lost.
    ///
    /// # Errors
    /// The process is not cut off.
    pub fn connect_again(&self, process: &Process) -> Result<()> {
        let file = folder(self.directory()).join(process.pid.to_string());
        fs::remove_file(&file).with_context(|| format!("cannot delete {}", file.display()))
    }
}

/// The TCP ports that a process listens on.
fn listening(pid: u32) -> Result<BTreeSet<u16>> {
    let folder = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&folder).with_context(|| format!("process {pid} is gone"))?;
    let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let sockets: BTreeSet<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut ports = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        // A machine without IPv6 has no second table.
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        ports.extend(text.lines().filter_map(|line| port_of(line, &sockets)));
    }
    Ok(ports)
}

/// The local port of a line of `/proc/net/tcp`, if it is one of these sockets and listens.
fn port_of(line: &str, sockets: &BTreeSet<String>) -> Option<u16> {
    const LISTEN: &str = "0A";
    let fields: Vec<_> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    (*state == LISTEN && sockets.contains(*inode))
        .then(|| u16::from_str_radix(local.rsplit(':').next()?, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    #[test]
    fn listening_ports_of_a_process_are_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let ports = listening(std::process::id()).unwrap();
        assert!(ports.contains(&port), "{ports:?}");
        assert!(!ports.contains(&client.local_addr().unwrap().port()), "{ports:?}");
    }

    /// Prints what it receives, on a socket that exists before and after the cut.
    const ECHO: &str = "import socket,sys\n\
                        s=socket.create_connection(('127.0.0.1',int(sys.argv[1])))\n\
                        while True:\n\x20 s.sendall(s.recv(1))\n";

    #[test]
    fn a_connection_goes_silent_and_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let start = || {
            let mut command = Command::new("python3");
            command.args(["-c", ECHO, &port.to_string()]).stderr(Stdio::piped());
            command.envs(environment(directory.path())).spawn().unwrap()
        };
        let mut child = start();
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut byte = [0];
        peer.write_all(b"a").unwrap();
        peer.read_exact(&mut byte).unwrap();

        // For this process's own sockets: the peer of the connection is the listener's port.
        let file = folder(directory.path()).join(child.id().to_string());
        fs::write(&file, port.to_string()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        peer.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        peer.write_all(b"b").unwrap();
        let silent = peer.read_exact(&mut byte).unwrap_err();
        assert!(matches!(silent.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silent}");

        fs::remove_file(&file).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        peer.write_all(b"c").unwrap();
        peer.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"c", "what was lost stays lost");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
