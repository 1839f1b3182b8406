//! Keys of people who sign records of a ledger: P-256 in PEM, or the person's own ssh key.

use crate::{KeyError, PrivateKey, PublicKey, SshPrivateKey, SshPublicKey, from_base64, to_base64};
use paring_core::schema::Sha256Hex;

/// A person's private key.
#[derive(Clone, Debug)]
pub enum SignerKey {
    /// P-256 in PEM, from `paring key new` or openssl.
    P256(PrivateKey),
    /// A key of OpenSSH.
    Ssh(Box<SshPrivateKey>),
}

impl SignerKey {
    /// The private key in a file's text.
    ///
    /// # Errors
    /// [`KeyError`] says what the text is instead.
    pub fn from_text(text: &str) -> Result<SignerKey, KeyError> {
        match text {
            ssh if SshPrivateKey::is_one(ssh) => {
                SshPrivateKey::from_openssh(ssh).map(|key| Self::Ssh(Box::new(key)))
            }
            line if SshPublicKey::is_one(line) => Err(KeyError::Public),
            pem => PrivateKey::from_pem(pem).map(Self::P256),
        }
    }

    /// Its public half.
    pub fn public(&self) -> SignerPublicKey {
        match self {
            SignerKey::P256(key) => SignerPublicKey::P256(key.public()),
            SignerKey::Ssh(key) => SignerPublicKey::Ssh(key.public()),
        }
    }

    /// Signature of a message as text: of a P-256 key ECDSA over SHA-256 in DER, in base64; of an ssh key
    /// armored, as `ssh-keygen -Y sign -n paring` writes it.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        match self {
            SignerKey::P256(key) => Ok(to_base64(&key.sign(message))),
            SignerKey::Ssh(key) => key.sign(message),
        }
    }
}

/// A person's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerPublicKey {
    /// P-256 in PEM.
    P256(PublicKey),
    /// A key of OpenSSH.
    Ssh(SshPublicKey),
}

impl SignerPublicKey {
    /// The public key in a text: PEM, or the line of a file `.pub` of OpenSSH.
    ///
    /// # Errors
    /// [`KeyError`] says what the text is instead.
    pub fn from_text(text: &str) -> Result<SignerPublicKey, KeyError> {
        match text {
            line if SshPublicKey::is_one(line) => SshPublicKey::from_openssh(line).map(Self::Ssh),
            pem => PublicKey::from_pem(pem).map(Self::P256),
        }
    }

    /// The key as [`SignerPublicKey::from_text`] reads it.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn to_text(&self) -> Result<String, KeyError> {
        match self {
            SignerPublicKey::P256(key) => key.to_pem(),
            SignerPublicKey::Ssh(key) => key.to_openssh(),
        }
    }

    /// SHA-256 that the key is named by: of the PEM form, or of an ssh key's bytes.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn fingerprint(&self) -> Result<Sha256Hex, KeyError> {
        match self {
            SignerPublicKey::P256(key) => key.fingerprint(),
            SignerPublicKey::Ssh(key) => Ok(key.fingerprint()),
        }
    }

    /// True if `signature`, as [`SignerKey::sign`] writes it, is one of `message` by this key.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        match self {
            SignerPublicKey::P256(key) => {
                from_base64(signature).is_ok_and(|signature| key.verifies(message, &signature))
            }
            SignerPublicKey::Ssh(key) => key.verifies(message, signature),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_both_kinds_sign_and_verify() {
        let ssh = SignerKey::from_text(include_str!("../tests/keys/id_ed25519")).unwrap();
        let p256 = SignerKey::P256(PrivateKey::generate());
        for key in [&ssh, &p256] {
            let public = SignerPublicKey::from_text(&key.public().to_text().unwrap()).unwrap();
            assert_eq!(public, key.public());
            let signature = key.sign(b"words").unwrap();
            assert!(public.verifies(b"words", &signature));
            assert!(!public.verifies(b"other words", &signature));
        }
        let signature = ssh.sign(b"words").unwrap();
        assert!(!p256.public().verifies(b"words", &signature));
    }

    #[test]
    fn a_public_key_cannot_sign() {
        let line = include_str!("../tests/keys/id_ed25519.pub");
        assert!(matches!(SignerKey::from_text(line), Err(KeyError::Public)));
        let private = include_str!("../tests/keys/id_ed25519");
        assert!(matches!(SignerPublicKey::from_text(private), Err(KeyError::Private)));
    }
}
