//! The delegation tokens of this application: who holds them, and, with a keytab, where new ones come from.
//!
//! Three hold them: this process and the JobManager read the container's token file for each new connection, and containers that
//! are launched get a copy of it. A running JobManager and its TaskManagers that have the keytab obtain tokens by themselves
//! (`DefaultDelegationTokenManager`), and do not use those in the file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use proto::control;
use proto::launch::LaunchSpec;
use tokio::sync::mpsc;
use yarn_client::conf::Configuration;
use yarn_client::flink::options::{TOKEN_RENEWAL_BACKOFF, TOKEN_RENEWAL_RATIO};
use yarn_client::flink::{FlinkConfig, duration};
use yarn_client::hdfs::{FileSystems, HdfsError, IssuedToken};
use yarn_client::security::{Credentials, KerberosError, Login, Token, TokenLife, User, UserError};
use yarn_client::{now_ms, seconds, with_cause};

use super::container::Container;
use crate::machine::Occurrence;
use crate::renewal::{Renewal, Settings, Step};

/// How long a later attempt waits for new tokens before it goes on with those of the submission.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for the servers of one step.
const STEP_LIMIT: Duration = Duration::from_secs(120);

/// `dfs.namenode.delegation.token.renew-interval` by default, ms.
const RENEW_INTERVAL_MS: u64 = 86_400_000;

/// A step has failed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Kerberos(#[from] KerberosError),
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Hdfs(#[from] HdfsError),
    #[error("cannot write {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("no answer within {} s", STEP_LIMIT.as_secs())]
    TooSlow,
}

/// The tokens that launched containers get. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Held(Arc<RwLock<Credentials>>);

impl Held {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self(Arc::new(RwLock::new(credentials)))
    }

    /// As they are now.
    pub(super) fn get(&self) -> Credentials {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, tokens: &[(String, Token)]) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (alias, token) in tokens {
            held.insert(alias.clone(), token.clone());
        }
    }
}

/// What has happened to the tokens.
#[derive(Debug)]
pub(super) struct News {
    /// For followers; not each renewal of the same tokens is worth telling.
    pub(super) occurrence: Option<Occurrence>,
    /// For who asks.
    pub(super) status: control::Tokens,
}

/// Keeps the tokens of an application alive that has a keytab.
pub(super) struct Tokens {
    conf: Configuration,
    spec: Arc<LaunchSpec>,
    held: Held,
    file: PathBuf,
    keytab: PathBuf,
    principal: String,
    login: Option<Arc<Login>>,
    renewal: Renewal,
    /// The generations that are renewed here.
    issued: Vec<(u32, Vec<IssuedToken>)>,
    failing: bool,
}

/// When the first of the tokens for HDFS ends; `None` if there are none.
pub(super) fn status(credentials: &Credentials) -> Option<control::Tokens> {
    TokenLife::of_hdfs(credentials)
        .map(|life| control::Tokens { end_ms: life.end_ms, ..control::Tokens::default() })
}

impl Tokens {
    /// `None` if there is nothing to keep alive, or nothing to do it with.
    pub(super) fn new(
        conf: &Configuration,
        spec: &Arc<LaunchSpec>,
        config: &FlinkConfig,
        container: &Container,
        (directory, held): (&Path, &Held),
    ) -> Option<Self> {
        let kerberos = spec.kerberos.as_ref().filter(|_| conf.is_secure())?;
        let (ratio, backoff) = (config.value(&TOKEN_RENEWAL_RATIO), config.value(&TOKEN_RENEWAL_BACKOFF));
        let settings = Settings {
            ratio: ratio.and_then(|text| text.trim().parse().ok()).unwrap_or(0.75),
            longest_pause: backoff
                .and_then(|text| duration::parse(text).ok())
                .unwrap_or(Duration::from_secs(3600)),
        };
        Some(Self {
            conf: conf.clone(),
            spec: Arc::clone(spec),
            held: held.clone(),
            file: container.token_file.clone(),
            keytab: directory.join(&kerberos.keytab),
            principal: kerberos.principal.clone(),
            login: None,
            renewal: Renewal::new(settings, TokenLife::of_hdfs(&held.get()), now_ms()),
            issued: Vec::new(),
            failing: false,
        })
    }

    /// Whether it is time for new ones already: the application may have waited in its queue for days.
    pub(super) fn are_old(&self) -> bool {
        self.renewal.next().0 <= now_ms()
    }

    /// The tokens of the submission may have ended before this attempt: new ones come first. If that fails, the attempt goes on
    /// with what it has, and new ones are tried for later.
    pub(super) async fn before_the_start(&mut self) -> Option<News> {
        self.renewal.obtain_now();
        match tokio::time::timeout(START_LIMIT, self.step(Step::Obtain)).await {
            Ok(news) => news,
            Err(_) => {
                tracing::warn!("no new tokens within {} s", START_LIMIT.as_secs());
                None
            }
        }
    }

    /// Goes on for as long as the application master lives.
    pub(super) async fn keep(mut self, news: mpsc::UnboundedSender<News>) {
        loop {
            let (at, step) = self.renewal.next();
            tokio::time::sleep(Duration::from_millis(at.saturating_sub(now_ms()))).await;
            // The clock may have been set back in the meantime.
            if now_ms() < at {
                continue;
            }
            if let Some(happened) = self.step(step).await
                && news.send(happened).is_err()
            {
                return;
            }
        }
    }

    async fn step(&mut self, step: Step) -> Option<News> {
        let done = match tokio::time::timeout(STEP_LIMIT, self.perform(step)).await {
            Ok(done) => done,
            Err(_) => Err(StepError::TooSlow),
        };
        match done {
            Ok(()) => {
                let again = std::mem::take(&mut self.failing);
                let end_ms = self.renewal.end_ms();
                tracing::debug!(?step, end_ms, "tokens");
                (again || step == Step::Obtain).then(|| News {
                    occurrence: Some(Occurrence::TokensRenewed { end_ms }),
                    status: self.status(String::new()),
                })
            }
            Err(error) => {
                let cause = with_cause(&error);
                self.renewal.failed(now_ms(), step);
                let pause = Duration::from_millis(self.renewal.next().0.saturating_sub(now_ms()));
                tracing::warn!("tokens cannot be renewed: {cause}; next step in {}", seconds(pause));
                // One event for a series of failures: it may go on for weeks.
                let first = !std::mem::replace(&mut self.failing, true);
                let end_ms = self.renewal.end_ms();
                let occurrence =
                    first.then(|| Occurrence::TokenRenewalFailed { cause: cause.clone(), end_ms });
                Some(News { occurrence, status: self.status(cause) })
            }
        }
    }

    fn status(&self, failure: String) -> control::Tokens {
        control::Tokens { end_ms: self.renewal.end_ms(), renewed: true, failure }
    }

    async fn perform(&mut self, step: Step) -> Result<(), StepError> {
        let user = self.user().await?;
        let systems = FileSystems::connect(&self.conf, &user)?;
        match step {
            Step::Obtain => {
                let (mut issued, mut failure) = (Vec::new(), None);
                let named = self.spec.token_file_systems.iter().chain([&self.spec.staging_dir]);
                let named: Vec<_> = named.map(String::as_str).collect();
                for result in systems.each_delegation_token(&named, &self.principal).await {
                    match result {
                        Ok(token) => issued.push(token),
                        Err(error) => failure = Some(error),
                    }
                }
                let taken = !issued.is_empty();
                if taken {
                    self.take(&systems, issued).await?;
                }
                if let Some(error) = failure {
                    // One of several file systems may be away for good: the tokens of the others count.
                    if taken {
                        self.renewal.incomplete(now_ms());
                    }
                    return Err(error.into());
                }
            }
            Step::Renew(number) => {
                let Some((_, issued)) = self.issued.iter().find(|(it, _)| *it == number) else {
                    return Ok(());
                };
                let until = renew(&systems, issued).await?;
                self.renewal.renewed(number, now_ms(), until);
            }
        }
        Ok(())
    }

    /// Uses new tokens from now on.
    async fn take(&mut self, systems: &FileSystems, issued: Vec<IssuedToken>) -> Result<(), StepError> {
        let tokens: Vec<_> = issued.iter().flat_map(|token| token.tokens.clone()).collect();
        self.held.replace(&tokens);
        self.write(&tokens)?;
        // No longer than the one that ends first.
        let life = issued.iter().map(|token| token.life).min_by_key(TokenLife::length_ms);
        let life = life.unwrap_or(TokenLife { issued_ms: 0, end_ms: 0 });
        // How long they are valid only a renewal tells. Without one it is a day by default, in which they are replaced.
        let (life, until) = match renew(systems, &issued).await {
            Ok(until) => (life, until),
            Err(error) => {
                tracing::warn!("new tokens cannot be renewed: {}", with_cause(&error));
                let end_ms = life.issued_ms.saturating_add(life.length_ms().min(RENEW_INTERVAL_MS));
                (TokenLife { end_ms, ..life }, end_ms)
            }
        };
        let number = self.renewal.obtained(now_ms(), life, until);
        self.issued.push((number, issued));
        self.issued.retain(|(_, issued)| issued.iter().all(|token| token.life.end_ms > now_ms()));
        Ok(())
    }

    /// The user with a login; it is tried again until it works.
    async fn user(&mut self) -> Result<User, StepError> {
        let login = match &self.login {
            Some(login) => Arc::clone(login),
            None => {
                let (principal, keytab) = (self.principal.clone(), self.keytab.clone());
                let login = tokio::task::spawn_blocking(move || Login::from_keytab(&principal, &keytab));
                let login = Arc::new(login.await.map_err(|_| StepError::TooSlow)??);
                self.login = Some(Arc::clone(&login));
                login
            }
        };
        Ok(User::logged_in(self.spec.user.clone(), login))
    }

    /// Replaces the container's token file at once, so that nobody reads half of it.
    fn write(&self, tokens: &[(String, Token)]) -> Result<(), StepError> {
        let failed = |source| StepError::File { path: self.file.clone(), source };
        let content = fs::read(&self.file).map_err(failed)?;
        let invalid = |error| failed(io::Error::new(io::ErrorKind::InvalidData, error));
        let mut credentials = Credentials::parse(&content).map_err(invalid)?;
        for (alias, token) in tokens {
            credentials.insert(alias.clone(), token.clone());
        }
        let mut name = self.file.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        let write = || {
            // One that an earlier process has left may have another mode.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(&credentials.to_bytes())?;
            fs::rename(&new, &self.file)
        };
        write().map_err(failed)
    }
}

/// Returns until when all are valid.
async fn renew(systems: &FileSystems, issued: &[IssuedToken]) -> Result<u64, HdfsError> {
    let until = futures::future::try_join_all(issued.iter().map(|token| systems.renew_token(token))).await?;
    Ok(until.into_iter().min().unwrap_or(0))
}
