//! People whose records in a ledger a second party accepts, by their keys.

use paring_core::schema::Sha256Hex;
use paring_signing::{AllowedSigner, KeyError};
use std::collections::BTreeMap;

/// Keys of people by their SHA-256, each with the names that an allowed_signers file gives its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedSigners(BTreeMap<Sha256Hex, Vec<String>>);

impl TrustedSigners {
    /// Adds the signers of a key file or an allowed_signers file.
    ///
    /// # Errors
    /// [`KeyError`] of a key that has no form.
    pub fn add(&mut self, signers: Vec<AllowedSigner>) -> Result<(), KeyError> {
        for signer in signers {
            self.0.entry(signer.key.fingerprint()?).or_default().extend(signer.principals);
        }
        Ok(())
    }

    /// True without any key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names of a key's owner, empty of a key that came without; `None` of a key that is not known.
    pub fn principals(&self, key: &Sha256Hex) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice)
    }
}
