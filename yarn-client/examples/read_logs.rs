//! Prints the logs of an application, as `yarn logs` does: aggregated files from the cluster's file system, and the logs of
//! running containers from their nodes.
//!
//! ```sh
//! export HADOOP_CONF_DIR=/etc/hadoop/conf
//! cargo run -p yarn-client --no-default-features --example read_logs -- application_1700000000000_0001 [FILE…]
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::ops::ControlFlow;

use yarn_client::conf::{Configuration, Environment};
use yarn_client::ids::ApplicationId;
use yarn_client::logs::{self, Cluster, LogFile, Sink, Wanted};
use yarn_client::security::User;
use yarn_client::yarn::ResourceManager;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let id: ApplicationId = arguments.next().ok_or("usage: read_logs APPLICATION_ID [FILE…]")?.parse()?;
    // No file given: all of them.
    let wanted = Wanted { files: arguments.collect(), ..Wanted::default() };

    let environment = Environment::from_process();
    let conf = Configuration::load(&environment, None)?;
    let user = User::resolve(&environment, &conf)?;
    let manager = ResourceManager::new(&conf, &user)?;

    let cluster = Cluster { configuration: &conf, user: &user, resource_manager: &manager };
    let found = logs::find(cluster, id).await?;
    // Content arrives in pieces, so memory stays bounded regardless of file sizes.
    let read = found.read(&wanted, &mut Print(io::stdout())).await?;

    let mut notes = io::stderr().lock();
    // An unreadable file or a node that does not respond does not prevent reading the rest.
    for error in found.failed.iter().chain(&read.failed) {
        writeln!(notes, "not read: {error}")?;
    }
    if found.incomplete {
        writeln!(
            notes,
            "the application has ended, and its nodes are still collecting logs: there may be more soon"
        )?;
    }
    Ok(())
}

/// Writes content as it arrives, between the lines that `yarn logs` puts around a file.
struct Print<W>(W);

impl<W: Write + Send> Sink for Print<W> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        let modified = file.modified.as_deref().unwrap_or_default();
        self.0.write_all(logs::header(file, modified).as_bytes())?;
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn end(&mut self, file: &LogFile) -> io::Result<()> {
        self.0.write_all(logs::footer(file).as_bytes())
    }
}
