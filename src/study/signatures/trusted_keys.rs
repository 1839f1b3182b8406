//! Public keys that somebody who verifies trusts, and the statements that one of them signed.

use crate::study::VerifyError;
use paring_core::files::ConfinedPath;
use paring_core::schema::Sha256Hex;
use paring_signing::{InTotoStatement, PublicKey, SignedBundle};
use std::collections::BTreeMap;

/// Public keys by the SHA-256 of their PEM form.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(BTreeMap<Sha256Hex, PublicKey>);

impl FromIterator<(Sha256Hex, PublicKey)> for TrustedKeys {
    fn from_iter<I: IntoIterator<Item = (Sha256Hex, PublicKey)>>(keys: I) -> Self {
        TrustedKeys(keys.into_iter().collect())
    }
}

impl TrustedKeys {
    /// True without any key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key with this SHA-256.
    pub fn get(&self, fingerprint: &str) -> Option<&PublicKey> {
        self.0.iter().find(|(own, _)| own.as_str() == fingerprint).map(|(_, key)| key)
    }

    /// The statement in the bundle of a run's file, and the SHA-256 of the key that signed it.
    pub(super) fn statement(
        &self,
        path: &ConfinedPath,
        file: &str,
    ) -> Result<(InTotoStatement, String), VerifyError> {
        let broken = |problem: String| VerifyError::broken(file, problem);
        let bytes = path.read().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => broken("it is missing: `paring sign` writes it".into()),
            _ => broken(e.to_string()),
        })?;
        let bundle = SignedBundle::from_json(&bytes).map_err(|e| broken(e.to_string()))?;
        if !bundle.to_json().is_ok_and(|own| own == bytes) {
            return Err(broken("it is not laid out as paring writes it".into()));
        }
        let hint = bundle.key_hint().to_string();
        let key = self.get(&hint).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(Sha256Hex::as_str).collect();
            broken(format!("it was signed with the key {hint}, not with {}", known.join(" or ")))
        })?;
        let statement = bundle.verified(key).map_err(|e| broken(e.to_string()))?;
        Ok((statement, hint))
    }
}
