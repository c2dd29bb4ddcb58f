//! Short names of principals (`hadoop.security.auth_to_local`), as Hadoop's `KerberosName` makes them.

use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::conf::{Configuration, keys};

/// Where rules do not say otherwise.
const DEFAULT_RULES: &str = "DEFAULT";

/// One rule, and the white space before it.
static RULE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let text =
        r"^\s*(?:(DEFAULT)|RULE:\[([0-9]*):([^\]]*)\](?:\(([^)]*)\))?(?:s/([^/]*)/([^/]*)/(g)?)?)/?(L)?";
    Regex::new(text).ok()
});

/// Rules that turn a principal into the name that servers and file systems know its owner by.
#[derive(Debug, Clone)]
pub struct AuthToLocal {
    rules: Vec<Rule>,
    /// `hadoop.security.auth_to_local.mechanism` is `mit`: a name may be anything, and without a rule it stays as it is.
    mit: bool,
    default_realm: String,
}

#[derive(Debug, Clone)]
struct Rule {
    text: String,
    kind: Kind,
    lower_case: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    /// `DEFAULT`: the first component of principals of the default realm.
    Default,
    /// `RULE:[n:format](pattern)s/from/to/g`.
    Format { components: usize, format: String, pattern: Option<Regex>, substitution: Option<Substitution> },
}

#[derive(Debug, Clone)]
struct Substitution {
    from: Regex,
    to: String,
    all: bool,
}

/// A principal without a short name, or rules that are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The rules do not parse.
    #[error("`hadoop.security.auth_to_local` has an invalid rule: `{rule}`{}", because(reason))]
    Rule {
        /// From the rule on.
        rule: String,
        /// What is wrong with a regular expression in it; empty otherwise.
        reason: String,
    },
    /// The mechanism is not known.
    #[error("`hadoop.security.auth_to_local.mechanism` is `{0}` (expected one of: hadoop, mit)")]
    Mechanism(String),
    /// No rule applies, or one makes something that is no short name.
    #[error("no rule of `hadoop.security.auth_to_local` makes a short name of {principal}: {reason}")]
    NoRule {
        /// The principal.
        principal: String,
        /// Why not.
        reason: String,
    },
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// The parts of `name/host@REALM`. None where it has another form.
fn parts(principal: &str) -> Option<(&str, Option<&str>, Option<&str>)> {
    let (name, realm) = match principal.split_once('@') {
        Some((name, realm)) => (name, Some(realm)),
        None => (principal, None),
    };
    let (name, host) = match name.split_once('/') {
        Some((name, host)) => (name, Some(host)),
        None => (name, None),
    };
    let good = |part: &str| !part.is_empty() && !part.contains(['/', '@']);
    [Some(name), host, realm].into_iter().flatten().all(good).then_some((name, host, realm))
}

impl AuthToLocal {
    /// The rules of a configuration. `default_realm` is that of `krb5.conf`, empty where there is none.
    ///
    /// # Errors
    /// [`NameError::Rule`], [`NameError::Mechanism`].
    pub fn from_configuration(conf: &Configuration, default_realm: &str) -> Result<Self, NameError> {
        let rules = conf.get_or(keys::AUTH_TO_LOCAL, DEFAULT_RULES);
        let mechanism = conf.get_or(keys::AUTH_TO_LOCAL_MECHANISM, "hadoop");
        Self::parse(&rules, &mechanism, default_realm)
    }

    /// Parses rules, which white space may separate. `mechanism` is `hadoop` or `mit`, in any case.
    ///
    /// # Errors
    /// [`NameError::Rule`], [`NameError::Mechanism`].
    pub fn parse(rules: &str, mechanism: &str, default_realm: &str) -> Result<Self, NameError> {
        let mit = match mechanism.to_ascii_lowercase().as_str() {
            "hadoop" => false,
            "mit" => true,
            _ => return Err(NameError::Mechanism(mechanism.to_owned())),
        };
        let mut parsed = Vec::new();
        let mut rest = rules.trim();
        while !rest.is_empty() {
            let wrong = |reason: String| NameError::Rule { rule: rest.trim_start().to_owned(), reason };
            let found = RULE.as_ref().and_then(|rule| rule.captures(rest));
            let found = found.ok_or_else(|| wrong(String::new()))?;
            let length = found.get(0).map_or(0, |whole| whole.end());
            let Some((text, behind)) = rest.split_at_checked(length).filter(|(text, _)| !text.is_empty())
            else {
                return Err(wrong(String::new()));
            };
            parsed.push(rule(text.trim(), &found).map_err(wrong)?);
            rest = behind;
        }
        Ok(Self { rules: parsed, mit, default_realm: default_realm.to_owned() })
    }

    /// The short name of `name/host@REALM`.
    ///
    /// # Errors
    /// [`NameError::NoRule`].
    pub fn short_name(&self, principal: &str) -> Result<String, NameError> {
        let none = |reason: String| NameError::NoRule { principal: principal.to_owned(), reason };
        let (name, host, realm) = match parts(principal) {
            Some(parts) => parts,
            None if principal.contains('@') => {
                return Err(none("it is not of the form name/host@REALM".to_owned()));
            }
            None => (principal, None, None),
        };
        if host.is_none() && realm.is_none() {
            return Ok(name.to_owned());
        }
        // As `$0`, `$1`, `$2` of a format; a realm that is not there is the text "null" in Java.
        let parameters: Vec<&str> =
            [Some(realm.unwrap_or("null")), Some(name), host].into_iter().flatten().collect();
        for rule in &self.rules {
            let result = match &rule.kind {
                Kind::Default => (realm == Some(&self.default_realm)).then(|| name.to_owned()),
                Kind::Format { components, .. } if parameters.len() - 1 != *components => None,
                Kind::Format { format, pattern, substitution, .. } => {
                    let base = fill(format, &parameters).map_err(none)?;
                    match pattern {
                        Some(pattern) if !pattern.is_match(&base) => None,
                        _ => Some(substitution.as_ref().map_or_else(|| base.clone(), |it| it.apply(&base))),
                    }
                }
            };
            match result {
                Some(result) if !self.mit && result.contains(['/', '@']) => {
                    return Err(none(format!("`{}` makes `{result}`, which is not simple", rule.text)));
                }
                Some(result) if rule.lower_case => return Ok(result.to_lowercase()),
                Some(result) => return Ok(result),
                None => {}
            }
        }
        let reason = match &*self.default_realm {
            "" => "none applies, and `krb5.conf` has no default realm",
            _ => "none applies",
        };
        if self.mit { Ok(principal.to_owned()) } else { Err(none(reason.to_owned())) }
    }
}

fn rule(text: &str, found: &Captures<'_>) -> Result<Rule, String> {
    let group = |index| found.get(index).map(|group| group.as_str());
    let regex = |text: &str| Regex::new(text).map_err(|error| error.to_string().replace('\n', " "));
    let kind = if group(1).is_some() {
        Kind::Default
    } else {
        let components = group(2).unwrap_or_default();
        let components =
            components.parse().map_err(|_| format!("`{components}` is no number of components"))?;
        let pattern = group(4).map(|pattern| regex(&format!(r"\A(?:{pattern})\z"))).transpose()?;
        let substitution = match (group(5), group(6)) {
            (Some(from), Some(to)) => {
                Some(Substitution { from: regex(from)?, to: to.to_owned(), all: group(7).is_some() })
            }
            _ => None,
        };
        Kind::Format { components, format: group(3).unwrap_or_default().to_owned(), pattern, substitution }
    };
    Ok(Rule { text: text.to_owned(), kind, lower_case: group(8).is_some() })
}

/// Replaces `$0`, `$1` and `$2`.
fn fill(format: &str, parameters: &[&str]) -> Result<String, String> {
    let mut pieces = format.split('$');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = piece.split_at(digits);
        let parameter = number.parse().ok().and_then(|number: usize| parameters.get(number));
        text.push_str(parameter.ok_or_else(|| format!("`${number}` in `{format}` is not there"))?);
        text.push_str(behind);
    }
    Ok(text)
}

impl Substitution {
    fn apply(&self, base: &str) -> String {
        let replaced = |found: &Captures<'_>| expand(&self.to, found);
        if self.all {
            self.from.replace_all(base, replaced).into_owned()
        } else {
            self.from.replace(base, replaced).into_owned()
        }
    }
}

/// A replacement as Java's `Matcher` writes it: `$1` is a group, a backslash takes what follows literally.
fn expand(to: &str, found: &Captures<'_>) -> String {
    let mut text = String::new();
    let mut characters = to.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            '$' => {
                let mut number = 0;
                let mut first = true;
                // As many digits as still name a group.
                while let Some(digit) = characters.peek().and_then(|next| next.to_digit(10)) {
                    let next = number * 10 + digit as usize;
                    if !first && next >= found.len() {
                        break;
                    }
                    (number, first) = (next, false);
                    characters.next();
                }
                text.push_str(found.get(number).map_or("", |group| group.as_str()));
            }
            other => text.push(other),
        }
    }
    text
}

impl fmt::Display for AuthToLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<_> = self.rules.iter().map(|rule| &*rule.text).collect();
        f.write_str(&rules.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn short(rules: &str, mechanism: &str, principal: &str) -> Result<String, NameError> {
        AuthToLocal::parse(rules, mechanism, "A.COM").unwrap().short_name(principal)
    }

    #[test]
    fn every_form_of_a_rule_is_applied() {
        for (rules, principal, name) in [
            ("DEFAULT", "ada@A.COM", "ada"),
            ("DEFAULT", "rm/host@A.COM", "rm"),
            ("DEFAULT", "ada", "ada"),
            ("DEFAULT/L", "Ada@A.COM", "ada"),
            ("RULE:[1:$1]", "ada@B.COM", "ada"),
            ("RULE:[2:$1;$2](^.*;admin$)s/;admin$// DEFAULT", "ada/admin@B.COM", "ada"),
            ("RULE:[2:$1;$2](^.*;admin$)s/;admin$// DEFAULT", "ada/user@A.COM", "ada"),
            ("RULE:[1:$1@$0](.*@B\\.COM)s/@.*//", "ada@B.COM", "ada"),
            ("RULE:[1:$1@$0](.*@B\\.COM)s/@.*///L", "ADA@B.COM", "ada"),
            (
                "RULE:[2:$1@$0]([nd]n@.*)s/.*/hdfs/\nRULE:[2:$1@$0]([rn]m@.*)s/.*/yarn/\nDEFAULT",
                "dn/h@B.COM",
                "hdfs",
            ),
            ("RULE:[2:$1@$0]([nd]n@.*)s/.*/hdfs/RULE:[2:$1@$0]([rn]m@.*)s/.*/yarn/", "rm/h@B.COM", "yarn"),
            ("RULE:[1:$1]s/a/b/", "aaa@B.COM", "baa"),
            ("RULE:[1:$1]s/a/b/g", "aaa@B.COM", "bbb"),
            ("RULE:[1:$1](ada|bob)s/(.)(.*)/$2$1x/", "ada@B.COM", "daax"),
            ("RULE:[1:app-$1]", "ada@B.COM", "app-ada"),
            ("RULE:[1:$0-$1]L", "Ada@B.COM", "b.com-ada"),
        ] {
            assert_eq!(short(rules, "hadoop", principal).as_deref(), Ok(name), "{rules} {principal}");
        }
    }

    #[test]
    fn what_no_rule_applies_to_has_no_name_but_with_mit() {
        for (rules, principal) in [
            ("DEFAULT", "ada@B.COM"),
            ("RULE:[2:$1]", "ada@A.COM"),
            ("RULE:[1:$1](bob)", "ada@A.COM"),
            // All of it must match.
            ("RULE:[1:$1](ad)", "ada@A.COM"),
            ("RULE:[1:$1@$0]", "ada@A.COM"),
            ("RULE:[1:$2]", "ada@A.COM"),
            ("RULE:[1:$1$]", "ada@A.COM"),
        ] {
            assert!(short(rules, "hadoop", principal).is_err(), "{rules} {principal}");
        }
        assert_eq!(short("DEFAULT", "MIT", "ada@B.COM").as_deref(), Ok("ada@B.COM"));
        assert_eq!(short("RULE:[1:$1@$0]", "mit", "ada@A.COM").as_deref(), Ok("ada@A.COM"));
        assert!(short("DEFAULT", "hadoop", "a/b/c@A.COM").is_err());
        let error = short("DEFAULT", "hadoop", "ada@B.COM").unwrap_err().to_string();
        assert!(error.contains("hadoop.security.auth_to_local") && error.contains("ada@B.COM"), "{error}");
    }

    #[test]
    fn rules_that_are_none_are_named() {
        for rules in
            ["RULE:[:$1]", "RULE:[1:$1", "RULE", "DEFAULT x", "RULE:[1:$1](()", "RULE:[1:$1](a(?=b))", "L"]
        {
            let error = AuthToLocal::parse(rules, "hadoop", "").unwrap_err();
            assert!(error.to_string().contains("invalid rule"), "{rules}: {error}");
        }
        assert!(AuthToLocal::parse("DEFAULT", "heimdal", "").unwrap_err().to_string().contains("heimdal"));
    }

    proptest! {
        #[test]
        fn no_rule_and_no_principal_panics(rules in "(RULE:|DEFAULT|[\\[\\]:$s/()gL0-9a-z.*@ ]){0,20}", principal in "[a-z/@.]{0,12}") {
            let name = AuthToLocal::parse(&rules, "hadoop", "A.COM").and_then(|rules| rules.short_name(&principal));
            if let Ok(name) = name {
                prop_assert!(!name.contains('@'));
            }
        }

        #[test]
        fn the_default_rule_takes_the_first_component(name in "[a-z]{1,8}", host in proptest::option::of("[a-z]{1,8}")) {
            let host = host.map(|host| format!("/{host}")).unwrap_or_default();
            prop_assert_eq!(short("DEFAULT", "hadoop", &format!("{name}{host}@A.COM")), Ok(name));
        }
    }
}
