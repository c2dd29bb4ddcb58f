//! The process that outlives us to clean up.
//!
//! A panicking test, a Ctrl-C, a SIGKILL: none of them runs `Drop` of a static, and none of them reaches containers,
//! which a NodeManager puts into their own sessions. So each cluster has a small shell process that waits for the end
//! of a pipe. The kernel closes our end when we end, whatever the reason; the reaper then kills every process of the
//! cluster, keeps its logs and removes its folder.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Environment variable that every daemon carries; its value is the cluster's folder with a trailing slash, so that no
/// value is a prefix of another one.
pub const MARKER: &str = "YARN_FLINK_TEST_CLUSTER";

/// `$1` is the cluster's folder, `$2` the place where its logs go. Lines on stdin: `release` = let everything live,
/// `discard` = do not keep the logs. Daemons carry the marker; a NodeManager gives its containers LOCAL_DIRS and LOG_DIRS
/// below the cluster's folder. The search ends after finding nothing three times in a row: a dying parent may just be
/// starting a child.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
dir=$1 logs=$2
while read -r line; do
  case $line in release) exit 0 ;; discard) logs= ;; esac
done
empty=0 looks=0
while [ $empty -lt 3 ] && [ $looks -lt 200 ]; do
  looks=$((looks + 1))
  found=$(grep -alsF -e "YARN_FLINK_TEST_CLUSTER=$dir/" -e "LOCAL_DIRS=$dir/" -e "LOG_DIRS=$dir/" /proc/[0-9]*/environ)
  if [ -z "$found" ]; then empty=$((empty + 1)); else empty=0; fi
  for file in $found; do pid=${file#/proc/}; kill -9 "${pid%/environ}" 2>/dev/null; done
  sleep 0.05
done
if [ -n "$logs" ]; then mkdir -p "$logs" && cp -R "$dir/logs/." "$logs/"; fi
rm -rf "$dir"
[ ! -e "$dir" ] && [ $empty -ge 3 ] && echo done
"#;

/// Handle to the reaper of one cluster. Dropping it starts the cleanup, without waiting for it.
#[derive(Debug)]
pub(crate) struct Reaper {
    child: Child,
}

impl Reaper {
    /// Starts the reaper of the cluster in `directory`; when we die, the logs go to `kept_logs`.
    pub(crate) fn start(directory: &Path, kept_logs: &Path) -> Result<Self> {
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "yarn-flink-test-reaper"])
            .arg(directory)
            .arg(kept_logs)
            .current_dir("/")
            // A Ctrl-C goes to the whole foreground group, so the reaper must not be in it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start sh, the supervisor of the cluster's processes")?;
        Ok(Self { child })
    }

    /// Starts the cleanup now and waits until nothing of the cluster is left.
    pub(crate) fn finish(mut self, discard_logs: bool) -> Result<()> {
        if discard_logs {
            self.tell("discard\n")?;
        }
        drop(self.child.stdin.take());
        let mut said = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut said).context("cannot read from the supervisor")?;
        }
        self.child.wait().context("cannot wait for the supervisor")?;
        ensure!(said.trim() == "done", "a process or folder of the cluster could not be removed");
        Ok(())
    }

    /// Ends the reaper and leaves the cluster alone.
    pub(crate) fn release(mut self) -> Result<()> {
        self.tell("release\n")?;
        self.child.wait().context("cannot wait for the supervisor")?;
        Ok(())
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        let stdin = self.child.stdin.as_mut().context("the supervisor has no input")?;
        stdin.write_all(line.as_bytes()).context("the supervisor of the cluster's processes is gone")
    }
}
