//! Who may look at an application through YARN's proxy, and who may change it: YARN's own rules for applications
//! (`ApplicationACLsManager`), for the user the proxy names. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use hyper::header::{COOKIE, HeaderMap};
use hyper::{Method, Uri};
use proto::launch::LaunchSpec;
use yarn_client::conf::Configuration;

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// `VIEW_APP`.
    View,
    /// `MODIFY_APP`.
    Modify,
}

impl Right {
    /// Of a request to Flink or to the application master's own page.
    #[must_use]
    pub fn needed_for(method: &Method, uri: &Uri) -> Self {
        if !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Self::Modify;
        }
        // As Flink's router reads a path: it is split first and decoded afterwards (`RouterHandler`, `Router`).
        let segments: Vec<Vec<u8>> =
            uri.path().split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
        let is = |segment: &[u8], name: &str| segment.eq_ignore_ascii_case(name.as_bytes());
        // For proxies that forward no other method (`YarnCancelJobTerminationHeaders`, `YarnStopJobTerminationHeaders`).
        let ends_a_job = segments.iter().any(|it| is(it, "yarn-cancel") || is(it, "yarn-stop"));
        // Runs a program's `main()` in the JobManager, with any arguments (`JarPlanGetHeaders`).
        let runs_a_jar = segments.windows(3).any(|it| is(&it[0], "jars") && is(&it[2], "plan"));
        if ends_a_job || runs_a_jar { Self::Modify } else { Self::View }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Modify => "modify",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::View => "yarn.view.acls",
            Self::Modify => "yarn.modify.acls",
        }
    }
}

/// The user whom YARN's proxy names. It encodes names as forms do (`WebAppProxyServlet`), which `AmIpFilter` does not undo.
#[must_use]
pub fn proxy_user(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == "proxy-user")?;
    let name = String::from_utf8(decode(&value.replace('+', " "))).ok()?;
    Some(name).filter(|name| !name.is_empty())
}

/// Without percent encoding; what is none stays.
fn decode(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        if let (b'%', [high, low, after @ ..]) = (first, rest)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.push(high << 4 | low);
            bytes = after;
        } else {
            decoded.push(*first);
        }
    }
    decoded
}

/// Users and groups, as Hadoop writes them down (`AccessControlList`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct AccessControlList {
    everyone: bool,
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl AccessControlList {
    /// `alice,bob ops`: users, a blank, groups; `*` as either is everyone.
    fn parse(text: &str) -> Self {
        let (users, groups) = text.split_once(' ').unwrap_or((text, ""));
        if users.trim() == "*" || groups.trim() == "*" {
            return Self { everyone: true, ..Self::default() };
        }
        let names = |text: &str| {
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        Self { everyone: false, users: names(users), groups: names(groups) }
    }
}

/// The groups of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// Of these.
    Known(Vec<String>),
    /// Why they could not be found out. Nobody is let in for what is not known.
    Unknown(String),
}

/// Who may do what with an application. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rights {
    /// `None` without `yarn.acl.enable`: everyone may do everything.
    acls: Option<Arc<Acls>>,
}

#[derive(Debug)]
struct Acls {
    application: String,
    owner: String,
    admins: AccessControlList,
    view: AccessControlList,
    modify: AccessControlList,
}

impl Rights {
    /// By the configuration of the cluster, and what the application was submitted with.
    #[must_use]
    pub fn new(conf: &Configuration, spec: &LaunchSpec, application: &str) -> Self {
        let acls = conf.boolean("yarn.acl.enable", false).then(|| {
            Arc::new(Acls {
                application: application.to_owned(),
                owner: spec.user.clone(),
                // YARN's default is `*`. But a gateway that does not know the administrators does not make everyone one.
                admins: AccessControlList::parse(&conf.get_or("yarn.admin.acl", "")),
                view: AccessControlList::parse(&spec.view_acls),
                modify: AccessControlList::parse(&spec.modify_acls),
            })
        });
        Self { acls }
    }

    /// Whether [`Self::check`] of `user` needs the groups: to find them out may take a while.
    #[must_use]
    pub fn depends_on_groups(&self, right: Right, user: &str) -> bool {
        self.acls.as_ref().is_some_and(|acls| {
            let lists = acls.lists(right);
            !acls.names(right, user) && lists.iter().any(|list| !list.groups.is_empty())
        })
    }

    /// Whether a request of `user`, who is in `groups`, may go on.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn check(&self, right: Right, user: Option<&str>, groups: &Membership) -> Result<(), Denial> {
        let Some(acls) = &self.acls else { return Ok(()) };
        let lists = acls.lists(right);
        let granted = match (user, groups) {
            (None, _) => lists.iter().any(|list| list.everyone),
            (Some(user), _) if acls.names(right, user) => true,
            (Some(_), Membership::Known(groups)) => {
                lists.iter().any(|list| groups.iter().any(|group| list.groups.contains(group)))
            }
            (Some(_), Membership::Unknown(_)) => false,
        };
        if granted {
            return Ok(());
        }
        let groups_unknown = match groups {
            Membership::Unknown(cause) => Some(cause.clone()),
            Membership::Known(_) => None,
        };
        let (application, owner) = (acls.application.clone(), acls.owner.clone());
        Err(Denial { user: user.map(str::to_owned), right, application, owner, groups_unknown })
    }
}

impl Acls {
    /// `MODIFY_APP` does not include `VIEW_APP`, nor the reverse.
    const fn lists(&self, right: Right) -> [&AccessControlList; 2] {
        let list = match right {
            Right::View => &self.view,
            Right::Modify => &self.modify,
        };
        [list, &self.admins]
    }

    fn names(&self, right: Right, user: &str) -> bool {
        user == self.owner || self.lists(right).iter().any(|list| list.everyone || list.users.contains(user))
    }
}

/// Why a request may not go on: the text for whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    user: Option<String>,
    right: Right,
    application: String,
    owner: String,
    groups_unknown: Option<String>,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, right, application, owner, groups_unknown } = self;
        let (verb, key) = (right.verb(), right.key());
        match user {
            Some(user) => write!(f, "`{}` may not {verb} {application}", user.escape_debug())?,
            None => {
                write!(f, "YARN's web proxy named no user, so this request may not {verb} {application}")?
            }
        }
        if let Some(cause) = groups_unknown {
            write!(f, ": its lists name groups, and those of the user are unknown: {cause}")?;
        }
        match user {
            Some(_) => write!(f, "\nhint: ask `{owner}` to submit it with your name or group in `{key}`"),
            None => write!(f, "\nhint: log in to the ResourceManager's web page first"),
        }
    }
}

#[cfg(test)]
mod tests;
