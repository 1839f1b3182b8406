//! The user's own ssh keys: OpenSSH's files, and signatures that `ssh-keygen -Y verify` accepts.
//!
//! Ed25519 and ECDSA with P-256. Source: OpenSSH, PROTOCOL.key and PROTOCOL.sshsig.

use crate::KeyError;
use paring_core::schema::Sha256Hex;
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, SshSig};
use std::fmt;

/// Namespace of signatures: one that was given for something else holds nowhere here.
pub const SSH_NAMESPACE: &str = "paring";

/// First words of public keys that can be used, as their files have them.
const KEY_TYPES: [&str; 2] = ["ssh-ed25519", "ecdsa-sha2-nistp256"];

/// A private key of OpenSSH; its `Debug` form shows its public half alone.
#[derive(Clone)]
pub struct SshPrivateKey(ssh_key::PrivateKey);

impl fmt::Debug for SshPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshPrivateKey of {:?}", self.public())
    }
}

impl SshPrivateKey {
    /// True of a text that is a private key of OpenSSH.
    pub fn is_one(text: &str) -> bool {
        text.contains("-----BEGIN OPENSSH PRIVATE KEY-----")
    }

    /// The key in a file of OpenSSH.
    ///
    /// # Errors
    /// [`KeyError`] says what the text is instead; [`KeyError::EncryptedSsh`] of a key with a pass phrase.
    pub fn from_openssh(text: &str) -> Result<SshPrivateKey, KeyError> {
        let key = ssh_key::PrivateKey::from_openssh(text).map_err(KeyError::no_ssh_key)?;
        usable(key.algorithm())?;
        match key.is_encrypted() {
            true => Err(KeyError::EncryptedSsh),
            false => Ok(SshPrivateKey(key)),
        }
    }

    /// Its public half.
    pub fn public(&self) -> SshPublicKey {
        SshPublicKey(ssh_key::PublicKey::new(self.0.public_key().key_data().clone(), ""))
    }

    /// Signature of a message, armored, as `ssh-keygen -Y sign -n paring` writes it.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        let signature = self.0.sign(SSH_NAMESPACE, HashAlg::Sha512, message);
        let text = signature.and_then(|signature| signature.to_pem(LineEnding::LF));
        text.map_err(|error| KeyError::Encode(error.to_string().into()))
    }
}

/// A public key of OpenSSH, without the comment behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct SshPublicKey(ssh_key::PublicKey);

impl fmt::Debug for SshPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fingerprint().as_str())
    }
}

impl SshPublicKey {
    /// True of a line that is a public key of OpenSSH, of whatever type.
    pub fn is_one(line: &str) -> bool {
        let first = line.split_whitespace().next().unwrap_or_default();
        first.starts_with("ssh-") || first.starts_with("ecdsa-sha2-") || first.starts_with("sk-")
    }

    /// The key in the line of a file `.pub`.
    ///
    /// # Errors
    /// [`KeyError`] says what the line is instead.
    pub fn from_openssh(line: &str) -> Result<SshPublicKey, KeyError> {
        let key = ssh_key::PublicKey::from_openssh(line.trim()).map_err(KeyError::no_ssh_key)?;
        usable(key.algorithm())?;
        Ok(SshPublicKey(ssh_key::PublicKey::new(key.key_data().clone(), "")))
    }

    /// The line of a file `.pub`, without a comment.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn to_openssh(&self) -> Result<String, KeyError> {
        let line = self.0.to_openssh();
        line.map(|line| line.trim_end().to_string())
            .map_err(|error| KeyError::Encode(error.to_string().into()))
    }

    /// SHA-256 of the key's bytes: what `ssh-keygen -l` prints in base64.
    pub fn fingerprint(&self) -> Sha256Hex {
        let digest = self.0.fingerprint(HashAlg::Sha256).sha256();
        digest.map_or_else(Sha256Hex::zeros, |digest| Sha256Hex::from_bytes(&digest))
    }

    /// True if `signature`, armored, is one of `message` by this key for paring.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let signature = SshSig::from_pem(signature);
        signature.is_ok_and(|own| self.0.verify(SSH_NAMESPACE, message, &own).is_ok())
    }
}

fn usable(algorithm: Algorithm) -> Result<(), KeyError> {
    match algorithm {
        Algorithm::Ed25519 | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 } => Ok(()),
        other => {
            Err(KeyError::SshType { found: other.to_string(), usable: KEY_TYPES.join(" and ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by `ssh-keygen -t ed25519 -N ''`, for this test alone.
    const PRIVATE: &str = include_str!("../tests/keys/id_ed25519");
    const PUBLIC: &str = include_str!("../tests/keys/id_ed25519.pub");
    // By `printf paring | ssh-keygen -Y sign -n paring -f KEY`.
    const SIGNATURE: &str = include_str!("../tests/keys/paring.sig");

    #[test]
    fn keys_and_signatures_of_ssh_keygen_hold() {
        let (private, public) = (
            SshPrivateKey::from_openssh(PRIVATE).unwrap(),
            SshPublicKey::from_openssh(PUBLIC).unwrap(),
        );
        assert_eq!(private.public(), public);
        assert!(PUBLIC.starts_with(&public.to_openssh().unwrap()));
        assert!(public.verifies(b"paring", SIGNATURE));
        assert!(!public.verifies(b"Paring", SIGNATURE));
        // Ed25519 signs without chance.
        assert_eq!(private.sign(b"paring").unwrap(), SIGNATURE);
    }

    #[test]
    fn a_signature_for_another_purpose_does_not_hold() {
        let private = ssh_key::PrivateKey::from_openssh(PRIVATE).unwrap();
        let other = private.sign("file", HashAlg::Sha512, b"paring").unwrap();
        let public = SshPublicKey::from_openssh(PUBLIC).unwrap();
        assert!(!public.verifies(b"paring", &other.to_pem(LineEnding::LF).unwrap()));
    }

    #[test]
    fn keys_that_cannot_be_used_are_told_apart() {
        let said = |text: &str| SshPrivateKey::from_openssh(text).unwrap_err().to_string();
        let encrypted = said(include_str!("../tests/keys/id_encrypted"));
        assert!(encrypted.contains("ssh-keygen -p -N '' -f COPY"), "{encrypted}");
        let rsa = SshPublicKey::from_openssh(include_str!("../tests/keys/id_rsa.pub")).unwrap_err();
        assert!(rsa.to_string().contains("ssh-rsa"), "{rsa}");
        assert!(said("nothing").contains("OpenSSH"), "{}", said("nothing"));
    }
}
