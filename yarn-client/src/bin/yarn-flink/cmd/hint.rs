//! Next steps on this command line, for errors of those parts of the library that do not know a command line.

use yarn_client::cluster::{ApplicationError, ResourceManagerError};
use yarn_client::conf::ConfError;
use yarn_client::logs::LogsError;
use yarn_client::security::{KerberosError, UserError};
use yarn_client::yarn::YarnError;

use super::Failure;

/// The hint that replaces the error's own.
pub(super) fn of(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Logs(error) => of_logs(error),
        Failure::Application(error) => of_application(error),
        Failure::Submit(_) | Failure::Output(_) => None,
    }
}

fn of_application(error: &ApplicationError) -> Option<String> {
    match error {
        ApplicationError::Hadoop(ConfError::NotFound { .. }) => Some(
            "set `HADOOP_CONF_DIR` or `--conf-dir` to the directory that contains `core-site.xml` and \
             `yarn-site.xml`"
                .to_owned(),
        ),
        ApplicationError::User(UserError::Kerberos(error)) => of_login(error),
        ApplicationError::ResourceManager(ResourceManagerError::Call(YarnError::KillPending {
            id, ..
        })) => Some(format!("the ResourceManager keeps trying; check it with `yarn-flink status {id}`")),
        _ => None,
    }
}

fn of_login(error: &KerberosError) -> Option<String> {
    let hint = match error {
        KerberosError::NoTicket { .. } => {
            "run `kinit`, or use a keytab with `--keytab FILE --principal NAME`; `klist` shows tickets"
        }
        KerberosError::NoPrincipal => {
            "add `--principal NAME` (or `security.kerberos.login.principal`); `klist -k` shows the principals of a keytab"
        }
        KerberosError::PrincipalAlone => "add `--keytab FILE` (or `security.kerberos.login.keytab`)",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_logs(error: &LogsError) -> Option<String> {
    const REMEMBERED: &str = "`yarn-flink list --all` shows what the ResourceManager remembers";
    Some(match error {
        LogsError::Unknown { .. } => REMEMBERED.to_owned(),
        LogsError::NothingThere { application, waits: true, .. } => {
            format!("it is not running yet; `yarn-flink explain {application}` says why")
        }
        LogsError::NoSuchContainer { application, there, .. }
        | LogsError::NoSuchFile { application, there, .. }
            if there.is_empty() =>
        {
            format!("list what there is with `yarn-flink logs --list {application}`")
        }
        LogsError::Closed { owner: Some(_), .. } => {
            format!("{} (`yarn-flink logs --out DIR`)", error.hint()?)
        }
        LogsError::Closed { owner: None, .. } => format!("{}; {REMEMBERED}", error.hint()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_library_says_what_to_do_and_the_command_line_how() {
        let application = "application_1_0001".parse().unwrap();
        let logs = |owner: Option<&str>| LogsError::Closed {
            application,
            owner: owner.map(str::to_owned),
            user: "bob".to_owned(),
            closed: vec!["hdfs://n/logs".to_owned()],
            source: Box::new(yarn_client::hdfs::HdfsError::NotFound { path: "/x".to_owned() }),
        };
        let pending = YarnError::KillPending { id: application, waited: Duration::from_secs(60) };
        let failures = [
            (ApplicationError::from(ConfError::NotFound { looked_at: Vec::new() }).into(), "`--conf-dir`"),
            (ApplicationError::from(pending).into(), "`yarn-flink status application_1_0001`"),
            (logs(Some("ada")).into(), "or ask ada for the logs (`yarn-flink logs --out DIR`)"),
            (logs(None).into(), "run this as the application's user; `yarn-flink list --all` shows"),
        ];
        for (failure, words) in failures {
            let hint = of(&failure).unwrap();
            assert!(hint.contains(words), "{hint}");
            let library = match &failure {
                Failure::Application(error) => error.hint(),
                Failure::Logs(error) => error.hint(),
                Failure::Submit(_) | Failure::Output(_) => None,
            };
            let library = library.unwrap();
            assert!(!library.contains("yarn-flink") && !library.contains("--"), "{library}");
        }
    }
}
