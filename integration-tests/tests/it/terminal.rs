//! A terminal with a user.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::process::{Child, Command};

use crate::tool::{LIMIT, eventually};

/// A pseudo-terminal whose output is read until its end.
pub(crate) struct Terminal {
    master: File,
    written: Arc<Mutex<String>>,
}

impl Terminal {
    /// Gives `command` this terminal as standard input and standard error, and starts it.
    pub(crate) fn start(mut command: Command) -> Result<(Self, Child)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?.into_string()?;
        let slave =
            File::options().read(true).write(true).custom_flags(OFlags::NOCTTY.bits() as i32).open(path)?;
        // Without it nothing is animated on a terminal.
        command.env("TERM", "xterm");
        let child = command.stdin(slave.try_clone()?).stderr(slave).spawn()?;
        // Ends with an error once the last writer has closed its side.
        let mut reader = File::from(master.try_clone()?);
        let written = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(len @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(buffer.get(..len).unwrap_or_default()).into_owned();
                shared.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        Ok((Self { master: File::from(master), written }, child))
    }

    pub(crate) fn text(&self) -> String {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn shows(&self, text: &str, times: usize) -> Result<()> {
        let seen = || async { Ok(self.text().matches(text).count() >= times) };
        eventually(&format!("the terminal shows '{text}'"), LIMIT, seen).await.with_context(|| self.text())
    }

    pub(crate) fn answer(&mut self, line: &str) -> Result<()> {
        Ok(self.master.write_all(line.as_bytes())?)
    }
}
