//! What the tokens of a running application on a secure cluster say about it.

use proto::control::Tokens;

use super::evidence::Evidence;
use super::{Cause, CauseCode};

const KEYTAB: &str = "an application that has a keytab (`security.kerberos.login.keytab`, `security.kerberos.login.principal`) \
    gets new tokens for as long as it runs; without one, end it with a savepoint before its tokens end, and submit it again";
const REPAIR: &str = "check that the keytab is still valid (`kinit -kt`), that its node reaches the KDC, and see the application \
    master's log; it tries again by itself";

/// Tokens that have ended: nothing that needs HDFS works any more.
pub(super) fn ended(evidence: &Evidence, now_ms: i64) -> Option<Cause> {
    let tokens = evidence.tokens.as_ref()?;
    let over_ms = u64::try_from(now_ms).ok()?.checked_sub(tokens.end_ms)?;
    let ago = match over_ms / 60_000 {
        0 => format!("{} s", over_ms / 1000),
        minutes @ 1..120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    };
    let text = format!("its tokens for HDFS ended {ago} ago: it can neither read nor write there");
    let cause = Cause::new(CauseCode::TokensEnded, text);
    Some(match tokens.renewed {
        true => because(cause, tokens).hint(REPAIR),
        false => cause.hint(KEYTAB),
    })
}

/// Tokens that are still valid, but cannot be renewed.
pub(super) fn failing(evidence: &Evidence) -> Option<Cause> {
    let tokens = evidence.tokens.as_ref().filter(|tokens| !tokens.failure.is_empty())?;
    let text = "it runs, but cannot renew its tokens for HDFS";
    Some(because(Cause::new(CauseCode::TokensNotRenewed, text), tokens).hint(REPAIR))
}

fn because(cause: Cause, tokens: &Tokens) -> Cause {
    match tokens.failure.is_empty() {
        true => cause,
        false => cause.because(tokens.failure.clone()),
    }
}
