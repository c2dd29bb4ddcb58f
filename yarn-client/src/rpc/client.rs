//! Calls to a service, whichever of its servers answers.

use crate::conf::Endpoint;
use crate::security::Auth;

use super::{Call, Options, RpcError};

/// Makes calls to one service, which may have several servers of which one is active.
#[derive(Debug)]
pub struct Client {}

impl Client {
    /// A client of the servers at `endpoints`, tried in this order. Nothing is connected yet.
    pub fn new(endpoints: Vec<Endpoint>, auth: Auth, options: Options) -> Self {
        let _ = (endpoints, auth, options);
        todo!()
    }

    /// Uses `auth` for every connection made from now on; an open one is kept.
    pub fn set_auth(&self, auth: Auth) {
        let _ = auth;
        todo!()
    }

    /// Sends `request` and waits for the answer.
    ///
    /// # Errors
    /// [`RpcError`], after everything that is safe and worth a try has been tried.
    pub async fn call<C: Call>(&self, request: &C) -> Result<C::Response, RpcError> {
        let _ = request;
        todo!()
    }
}
