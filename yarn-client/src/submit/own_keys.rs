//! Keys of the application's own for the connections between Flink's processes. The client makes them, as all attempts
//! of the application master, and TaskManagers that survive one, have to share them.

use proto::ids::ApplicationId;
use proto::launch::{File, LaunchSpec};

use super::error::{PreflightError, SubmitError};
use super::plan::Plan;
use crate::flink::FlinkConfig;
use crate::flink::tls::{INTERNAL_STORE, Own, REST_STORE, store::Store};
use crate::hex;
use crate::security::{Entropy, SystemEntropy};

/// Key stores on their way to the containers.
pub(super) struct OwnKeys {
    internal: Option<Store>,
    rest: Option<Store>,
}

impl OwnKeys {
    /// Makes what the user's settings leave to us, and tells Flink.
    pub(super) fn make(
        plan: &Plan,
        id: ApplicationId,
        config: &mut FlinkConfig,
    ) -> Result<Self, SubmitError> {
        let own = Own::of(config, &plan.version, plan.open_rest()).map_err(PreflightError::from)?;
        let keys = own.make(&id.to_string(), [password(&SystemEntropy), password(&SystemEntropy)])?;
        for (key, value) in keys.settings {
            config.set(key, value);
        }
        Ok(Self { internal: keys.internal, rest: keys.rest })
    }

    /// The files travel with the configuration, which holds their passwords.
    pub(super) fn add_to(self, spec: &mut LaunchSpec) {
        let file =
            |link: &str, store: Store| File { link: link.to_owned(), content: store.into_bytes().into() };
        spec.files.extend(self.internal.map(|store| file(INTERNAL_STORE, store)));
        spec.master_files.extend(self.rest.map(|store| file(REST_STORE, store)));
    }
}

/// As hard to guess as a key.
fn password(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 24];
    entropy.fill(&mut bytes);
    hex(&bytes)
}
