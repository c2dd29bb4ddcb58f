//! The groups of a user, as the operating system of this node knows them: Hadoop's default (`ShellBasedUnixGroupsMapping`).

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use yarn_client::conf::Configuration;

use super::acl::Membership;

const MAPPING: &str = "hadoop.security.group.mapping";
/// What asks the operating system.
const OF_THE_NODE: [&str; 3] = [
    "org.apache.hadoop.security.JniBasedUnixGroupsMappingWithFallback",
    "org.apache.hadoop.security.JniBasedUnixGroupsMapping",
    "org.apache.hadoop.security.ShellBasedUnixGroupsMapping",
];
/// As long as Hadoop trusts an answer (`hadoop.security.groups.cache.secs`), and the lack of one.
const KNOWN: Duration = Duration::from_secs(300);
const UNKNOWN: Duration = Duration::from_secs(30);
/// A directory service may take its time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Processes at a time.
const PROCESSES: usize = 4;
/// Answers that are kept: anybody may come under any name.
const KEPT: usize = 1000;
/// No system has longer names.
const LONGEST_NAME: usize = 256;

/// Knows the groups of users. Cheap to clone; all clones share what they know.
#[derive(Debug, Clone)]
pub struct Groups {
    /// Why this node's operating system is not to be asked.
    elsewhere: Option<Arc<str>>,
    /// `hadoop.user.group.static.mapping.overrides`
    overrides: Arc<BTreeMap<String, Vec<String>>>,
    answers: Arc<Mutex<BTreeMap<String, (Instant, Membership)>>>,
    processes: Arc<Semaphore>,
}

impl Groups {
    /// By the configuration of the cluster.
    #[must_use]
    pub fn new(conf: &Configuration) -> Self {
        let mapping = conf.get_or(MAPPING, OF_THE_NODE[0]);
        let elsewhere = (!OF_THE_NODE.contains(&mapping.trim()))
            .then(|| format!("only Hadoop's daemons can ask `{MAPPING}`: {mapping}").into());
        let overrides = overrides(&conf.get_or("hadoop.user.group.static.mapping.overrides", "dr.who=;"));
        Self {
            elsewhere,
            overrides: Arc::new(overrides),
            answers: Arc::default(),
            processes: Arc::new(Semaphore::new(PROCESSES)),
        }
    }

    /// The groups of `user`. What is known is not asked for again for five minutes.
    pub async fn of(&self, user: &str) -> Membership {
        if let Some(groups) = self.overrides.get(user) {
            return Membership::Known(groups.clone());
        }
        if let Some(elsewhere) = &self.elsewhere {
            return Membership::Unknown(elsewhere.to_string());
        }
        if !is_name(user) {
            return Membership::Unknown("this is not a user's name".to_owned());
        }
        let now = Instant::now();
        let known = self.with_answers(|answers| answers.get(user).filter(|(until, _)| now < *until).cloned());
        if let Some((_, membership)) = known {
            return membership;
        }
        let Ok(_place) = self.processes.acquire().await else {
            return Membership::Unknown("the application master is about to exit".to_owned());
        };
        let membership = ask(user).await;
        let lasts = match membership {
            Membership::Known(_) => KNOWN,
            Membership::Unknown(_) => UNKNOWN,
        };
        self.with_answers(|answers| {
            if answers.len() >= KEPT {
                answers.clear();
            }
            answers.insert(user.to_owned(), (Instant::now() + lasts, membership.clone()));
        });
        membership
    }

    fn with_answers<T>(&self, act: impl FnOnce(&mut BTreeMap<String, (Instant, Membership)>) -> T) -> T {
        act(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `user=group,group;user=`, as Hadoop's `Groups` reads it.
fn overrides(text: &str) -> BTreeMap<String, Vec<String>> {
    let entry = |entry: &str| {
        let (user, groups) = entry.split_once('=').unwrap_or((entry, ""));
        let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned);
        (!user.trim().is_empty()).then(|| (user.trim().to_owned(), groups.collect()))
    };
    text.split(';').filter_map(entry).collect()
}

/// `id` takes a number for a user's, and would tell the groups of whoever has it.
fn is_name(user: &str) -> bool {
    let number = user.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit());
    !number && user.len() <= LONGEST_NAME && !user.contains(char::is_control)
}

/// From `id`, which also knows the users of directory services.
async fn ask(user: &str) -> Membership {
    let mut command = Command::new("id");
    command.args(["-Gn", "--", user]).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Membership::Unknown(format!("cannot run `id`: {error}")),
        Err(_) => {
            return Membership::Unknown(format!("`id` gave no answer within {} s", PATIENCE.as_secs()));
        }
    };
    // A group without a name is no failure: the others are there.
    let groups: Vec<String> =
        String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect();
    if groups.is_empty() {
        return Membership::Unknown(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Membership::Known(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(entries: &[(&str, &str)]) -> Groups {
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Groups::new(&Configuration::from_flat(entries))
    }

    fn known(groups: &[&str]) -> Membership {
        Membership::Known(groups.iter().map(|group| (*group).to_owned()).collect())
    }

    #[tokio::test]
    async fn operating_system_knows_the_groups_of_its_users() {
        let groups = groups(&[]);
        let Membership::Known(of_root) = groups.of("root").await else { panic!("root has groups") };
        assert!(of_root.contains(&"root".to_owned()), "{of_root:?}");
        let Membership::Unknown(cause) = groups.of("nobody-has-this-name").await else { panic!("known") };
        assert!(cause.contains("nobody-has-this-name"), "{cause}");
        assert_eq!(groups.of("dr.who").await, known(&[]));
    }

    #[tokio::test]
    async fn numbers_and_options_are_not_names() {
        let groups = groups(&[]);
        for user in ["0", "+0", "", "a\0b", "x".repeat(300).as_str(), "--help", "-u"] {
            assert!(matches!(groups.of(user).await, Membership::Unknown(_)), "`{user}`");
        }
    }

    #[tokio::test]
    async fn other_mappings_are_not_replaced_by_the_operating_system() {
        let groups = groups(&[
            (MAPPING, "org.apache.hadoop.security.LdapGroupsMapping"),
            ("hadoop.user.group.static.mapping.overrides", "bob=ops, dev;eve=;carol"),
        ]);
        let Membership::Unknown(cause) = groups.of("root").await else { panic!("asked") };
        assert!(cause.contains(MAPPING) && cause.contains("LdapGroupsMapping"), "{cause}");
        assert_eq!(groups.of("bob").await, known(&["ops", "dev"]));
        assert_eq!(groups.of("eve").await, known(&[]));
        assert_eq!(groups.of("carol").await, known(&[]));
    }
}
