//! Errors of keys and signatures.

use paring_core::schema::Sha256Hex;

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The private key is protected by a pass phrase.
    #[error("it is encrypted: decrypt it with `openssl pkcs8 -in FILE -out DECRYPTED`")]
    Encrypted,
    /// The private key of OpenSSH is protected by a pass phrase.
    #[error(
        "it is encrypted, and paring asks for no pass phrase: copy it, decrypt the copy with `ssh-keygen -p -N '' -f COPY`, sign, and remove the copy; or make a key for this with `paring key new FILE`"
    )]
    EncryptedSsh,
    /// A key of OpenSSH of a type that cannot be used.
    #[error("it is a key of type {found}: {usable} can be used")]
    SshType {
        /// Its type.
        found: String,
        /// Types that can be used.
        usable: String,
    },
    /// A key of OpenSSH where only P-256 in PEM does.
    #[error(
        "it is a key of OpenSSH: runs and variants are signed with P-256 keys in PEM, which model-signing verifies; `paring key new FILE` makes one"
    )]
    OnlyPem,
    /// No key of OpenSSH.
    #[error("it is no key of OpenSSH")]
    NoSshKey(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file that names who may sign.
    #[error("line {line}: {problem}")]
    AllowedSigners {
        /// Counting from 1.
        line: usize,
        /// The problem.
        problem: String,
    },
    /// A public key where a private one is needed.
    #[error("it is a public key: signing needs the private one")]
    Public,
    /// A private key where a public one is needed.
    #[error("it is a private key: checking needs the public one")]
    Private,
    /// Anything else.
    #[error("it is no P-256 key in PEM: `paring key new FILE` makes one")]
    NoKey(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key has no PEM form.
    #[error("write a key as PEM")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl KeyError {
    pub(crate) fn no_ssh_key(error: ssh_key::Error) -> KeyError {
        KeyError::NoSshKey(error.to_string().into())
    }
}

/// A signature that does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The bundle is not one of those that paring and model-signing write.
    #[error("it is no signature bundle: {0}")]
    Malformed(String),
    /// Another key made it.
    #[error("it was signed with the key {found}, not with {expected}")]
    OtherKey {
        /// SHA-256 of the public key that the bundle names.
        found: String,
        /// SHA-256 of the key at hand.
        expected: Sha256Hex,
    },
    /// The signature is not one of this content.
    #[error("its signature is not one of its content by the key {0}")]
    Invalid(Sha256Hex),
    /// A statement cannot be written as JSON.
    #[error("write a statement")]
    Encode(#[source] serde_json::Error),
}

impl SignatureError {
    pub(crate) fn malformed(problem: impl ToString) -> SignatureError {
        SignatureError::Malformed(problem.to_string())
    }
}
