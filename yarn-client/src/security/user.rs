//! Who is calling.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::{
    Auth, Credentials, CredentialsError, Kerberos, KerberosError, Login, LoginSettings, ServerPrincipal,
    Token,
};
use crate::conf::{Configuration, Environment, keys};

/// The variable with which Hadoop's tools let people choose a user (`UserGroupInformation.HADOOP_USER_NAME`).
const HADOOP_USER_NAME: &str = "HADOOP_USER_NAME";
/// The user to act for (`UserGroupInformation.HADOOP_PROXY_USER`).
const HADOOP_PROXY_USER: &str = "HADOOP_PROXY_USER";
/// File with tokens (`UserGroupInformation.HADOOP_TOKEN_FILE_LOCATION`).
const HADOOP_TOKEN_FILE_LOCATION: &str = "HADOOP_TOKEN_FILE_LOCATION";

/// A user by the short name Hadoop's servers know, and how that is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Short name, without realm: as whom we act.
    pub name: String,
    /// Short name of the one who acts for them, where that is another (`HADOOP_PROXY_USER`). The cluster must allow it.
    real: Option<String>,
    /// How the real user proves it to Kerberos.
    login: Option<Arc<Login>>,
    tokens: Arc<Vec<Token>>,
}

impl User {
    /// A user of that name, who proves nothing.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), real: None, login: None, tokens: Arc::default() }
    }

    /// A user of that name, whom this login proves.
    pub fn logged_in(name: impl Into<String>, login: Arc<Login>) -> Self {
        Self { login: Some(login), ..Self::new(name) }
    }

    /// The user Hadoop's own tools would act as: with Kerberos (`hadoop.security.authentication`) whoever's keytab or ticket there
    /// is, else `HADOOP_USER_NAME`, else the user of the operating system; and for all of them `HADOOP_PROXY_USER`.
    ///
    /// As in `UserGroupInformation`, `HADOOP_USER_NAME` is ignored with Kerberos. No KDC is asked. Tokens are read from the file
    /// that `HADOOP_TOKEN_FILE_LOCATION` names; with tokens alone a ticket may be missing.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn resolve(env: &Environment, conf: &Configuration) -> Result<Self, UserError> {
        Self::resolve_with(env, conf, &LoginSettings::default())
    }

    /// The same with settings that come before the environment's.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn resolve_with(
        env: &Environment,
        conf: &Configuration,
        settings: &LoginSettings,
    ) -> Result<Self, UserError> {
        let mut user = match env.non_empty(HADOOP_USER_NAME).filter(|_| !conf.is_secure()) {
            Some(name) => Self::new(name),
            None if conf.is_secure() => Self::log_in(env, conf, settings)?,
            None => of_operating_system()?,
        };
        let proxy = settings.proxy_user.as_deref().or_else(|| env.non_empty(HADOOP_PROXY_USER));
        if let Some(proxy) = proxy.filter(|proxy| **proxy != *user.name) {
            user.real = Some(std::mem::replace(&mut user.name, proxy.to_owned()));
        }
        Ok(user)
    }

    fn log_in(env: &Environment, conf: &Configuration, settings: &LoginSettings) -> Result<Self, UserError> {
        let tokens = match env.non_empty(HADOOP_TOKEN_FILE_LOCATION) {
            Some(path) => {
                Credentials::read(Path::new(path))?.tokens.into_iter().map(|(_, token)| token).collect()
            }
            None => Vec::new(),
        };
        let user = match Login::find(settings, env) {
            Ok(login) => {
                let name = login.short_name(conf)?;
                Self { login: Some(Arc::new(login)), ..Self::new(name) }
            }
            // A process that was given tokens need not have anything else.
            Err(error) if error.is_local() && !tokens.is_empty() => {
                tracing::debug!(%error, "only tokens prove who we are");
                of_operating_system()?
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { tokens: Arc::new(tokens), ..user })
    }

    /// How the user proves who they are to Kerberos; `None` where a name or a token is all there is.
    pub fn login(&self) -> Option<&Login> {
        self.login.as_deref()
    }

    /// The tokens of the file that `HADOOP_TOKEN_FILE_LOCATION` names.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter()
    }

    /// Who acts for this user; `None` where that is the user.
    pub fn real(&self) -> Option<&str> {
        self.real.as_deref()
    }

    /// How this user proves who they are to a server whose principal is configured under `key`. `is_for` says which of the tokens
    /// is for that server: it comes first, as in Hadoop.
    pub fn auth(&self, conf: &Configuration, key: &'static str, is_for: impl Fn(&Token) -> bool) -> Auth {
        let token = self.tokens.iter().find(|token| is_for(token)).cloned();
        match (&self.login, token) {
            (Some(login), token) => Auth::Kerberos(Box::new(Kerberos {
                login: Arc::clone(login),
                proxy_user: self.real.as_ref().map(|_| self.name.clone()),
                server: ServerPrincipal::from_configuration(conf, key),
                token,
                fallback: conf.boolean(keys::FALLBACK_TO_SIMPLE, false),
            })),
            (None, Some(token)) => Auth::Token(token),
            (None, None) => Auth::Simple(self.clone()),
        }
    }
}

fn of_operating_system() -> Result<User, UserError> {
    whoami::fallible::username().map(User::new).map_err(UserError::NoName)
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// It cannot be said who is calling.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// The operating system has no name for the user of this process.
    #[error("the user of this process has no name: no entry in the user database")]
    NoName(#[source] std::io::Error),
    /// The cluster wants Kerberos, and there is nothing to log in with.
    #[error(transparent)]
    Kerberos(#[from] KerberosError),
    /// The file that `HADOOP_TOKEN_FILE_LOCATION` names.
    #[error(transparent)]
    Tokens(#[from] CredentialsError),
}

impl UserError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoName(_) => Some(format!("set `{HADOOP_USER_NAME}` to the user to act as")),
            Self::Kerberos(error) => error.hint(),
            Self::Tokens(_) => Some(format!("check the file that `{HADOOP_TOKEN_FILE_LOCATION}` names")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(authentication: &str) -> Configuration {
        Configuration::from_flat([("hadoop.security.authentication".to_owned(), authentication.to_owned())])
    }

    #[test]
    fn hadoop_user_name_applies_only_to_simple_authentication() {
        let env = Environment::from_iter([
            ("HADOOP_USER_NAME", "somebody-else"),
            ("KRB5KEYTAB", "/no/keytab"),
            ("KRB5PRINCIPAL", "ada"),
        ]);
        let user = User::resolve(&env, &configuration("simple")).unwrap();
        assert_eq!(user.name, "somebody-else");
        let error = User::resolve(&env, &configuration("kerberos")).unwrap_err();
        assert!(error.to_string().contains("/no/keytab") && error.hint().is_some(), "{error}");
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let env = Environment::from_iter([("HADOOP_USER_NAME", ""), ("HADOOP_PROXY_USER", "")]);
        let user = User::resolve(&env, &configuration("simple")).unwrap();
        assert_eq!(user, User::resolve(&Environment::default(), &configuration("simple")).unwrap());
        assert!(!user.name.is_empty() && user.real().is_none());
    }

    #[test]
    fn a_proxy_user_is_acted_for() {
        let env = Environment::from_iter([("HADOOP_USER_NAME", "ada"), ("HADOOP_PROXY_USER", "bob")]);
        let user = User::resolve(&env, &configuration("simple")).unwrap();
        assert_eq!((&*user.name, user.real()), ("bob", Some("ada")));
        let settings = LoginSettings { proxy_user: Some("eve".to_owned()), ..LoginSettings::default() };
        let user = User::resolve_with(&env, &configuration("simple"), &settings).unwrap();
        assert_eq!((&*user.name, user.real()), ("eve", Some("ada")));
    }

    #[test]
    fn tokens_alone_prove_who_a_process_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let token = Token { kind: "A".to_owned(), ..Token::default() };
        let mut credentials = Credentials::default();
        credentials.insert("a", token.clone());
        std::fs::write(file.path(), credentials.to_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let env = Environment::from_iter([
            ("HADOOP_TOKEN_FILE_LOCATION", path),
            ("KRB5CCNAME", "FILE:/no/tickets"),
        ]);
        let conf = configuration("kerberos");
        let user = User::resolve(&env, &conf).unwrap();
        assert!(user.login().is_none());
        let auth = |kind: &str| user.auth(&conf, "a.principal", |token| token.kind == kind);
        assert!(matches!(auth("A"), Auth::Token(found) if found == token));
        assert!(matches!(auth("B"), Auth::Simple(_)));
        let env = Environment::from_iter([("HADOOP_TOKEN_FILE_LOCATION", "/no/tokens")]);
        assert!(matches!(User::resolve(&env, &conf), Err(UserError::Tokens(_))));
    }
}
