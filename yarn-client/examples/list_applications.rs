//! Lists the applications of a cluster, newest first.
//!
//! ```sh
//! export HADOOP_CONF_DIR=/etc/hadoop/conf
//! cargo run -p yarn-client --no-default-features --example list_applications           # those that have not ended
//! cargo run -p yarn-client --no-default-features --example list_applications -- --all  # all that the ResourceManager remembers
//! ```

use std::error::Error;
use std::io::Write as _;

use yarn_client::conf::{Configuration, Environment};
use yarn_client::security::User;
use yarn_client::yarn::{ApplicationFilter, ApplicationState, ResourceManager};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let all = std::env::args().any(|argument| argument == "--all");
    let environment = Environment::from_process();
    // core-site.xml, hdfs-site.xml and yarn-site.xml, by the rules of Hadoop's own clients.
    let conf = Configuration::load(&environment, None)?;
    let user = User::resolve(&environment, &conf)?;
    // Nothing is connected before the first request.
    let manager = ResourceManager::new(&conf, &user)?;

    let states = ApplicationState::ALL.iter().copied().filter(|state| all || !state.is_final()).collect();
    let mut applications =
        manager.applications(&ApplicationFilter { states, ..ApplicationFilter::default() }).await?;
    // The ResourceManager's own order is different.
    applications.sort_by_key(|application| std::cmp::Reverse(application.id));

    let mut out = std::io::stdout().lock();
    for application in applications {
        writeln!(
            out,
            "{}  {:<9} {:<10} {:>4.0} %  {}  {}  {}",
            application.id,
            application.state,
            application.final_status,
            application.progress * 100.0,
            application.user,
            application.queue,
            application.name,
        )?;
    }
    Ok(())
}
