//! Nodes whose NodeManager, and with it all containers there, runs as a separate OS user, as in an installation where
//! containers do not run as the submitting user.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::daemons::Layout;
use super::{Cluster, Daemon};
use crate::prerequisites::{Missing, MissingPrerequisites};

const ROOT_REMEDY: &str = "run it as root: nobody else starts processes of another user";

/// A user of the operating system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OsUser {
    name: String,
    uid: u32,
    gid: u32,
}

impl OsUser {
    /// Looks up the user; `nobody` and `daemon` exist everywhere.
    pub(crate) fn find(name: &str) -> Result<Self> {
        let id = |what: &str| -> Result<u32> {
            let output = Command::new("id").args([what, name]).output().context("cannot run `id`")?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "there is no OS user {name}: {}", said.trim());
            String::from_utf8_lossy(&output.stdout).trim().parse().context("`id` printed no number")
        };
        Ok(Self { name: name.to_owned(), uid: id("-u")?, gid: id("-g")? })
    }

    /// Makes the command run as this user, without any of our supplementary groups.
    pub(crate) fn runs(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid).env("USER", &self.name).env("HOME", "/");
    }

    /// Gives a folder, which is created if necessary, to this user.
    pub(crate) fn owns(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        chown(folder, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot give {} to {}", folder.display(), self.name))
    }
}

/// Fails, with what to do, if processes of another user cannot be started.
pub(crate) fn check() -> Result<(), MissingPrerequisites> {
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        return Ok(());
    }
    let found = format!("this process runs as user {}", uid.as_raw());
    Err(MissingPrerequisites(vec![Missing {
        tool: "root, for nodes of another OS user",
        found,
        remedy: ROOT_REMEDY,
    }]))
}

/// Lets other users into the cluster's folder as far as a NodeManager needs it, and gives them the Hadoop jars, which
/// are otherwise below our home.
pub(crate) fn prepare(layout: &mut Layout) -> Result<()> {
    let open = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .with_context(|| format!("cannot change the mode of {}", path.display()))
    };
    let jars = layout.directory.join("jars");
    link(&layout.jars, &jars)?;
    layout.jars = jars;
    open(&layout.directory, 0o711)?;
    for folder in ["conf", "data", "logs"] {
        let path = layout.directory.join(folder);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        open(&path, 0o755)?;
    }
    let temporary = layout.directory.join("tmp");
    fs::create_dir_all(&temporary).with_context(|| format!("cannot create {}", temporary.display()))?;
    open(&temporary, 0o1777)?;
    for (number, user) in &layout.node_users {
        let node = Daemon::NodeManager(*number);
        user.owns(&layout.directory.join("data").join(node.to_string()))?;
        user.owns(&layout.log_dir(node))?;
    }
    Ok(())
}

/// Links the same files under another path, or copies them if the two are not on the same file system.
fn link(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}

impl Cluster {
    /// All files below `folder` that another OS user can read, as seen by that user.
    ///
    /// # Errors
    /// There is no such user, or this is not root.
    pub fn readable_by(&self, user: &str, folder: &Path) -> Result<Vec<PathBuf>> {
        check()?;
        let mut command = Command::new("find");
        command.arg(folder).args(["-type", "f", "-readable"]).current_dir("/").stdin(Stdio::null());
        OsUser::find(user)?.runs(&mut command);
        // Folders that are closed to that user make it fail, which is what we hope for.
        let output = command.output().context("cannot run find; hint: install findutils")?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect())
    }
}
