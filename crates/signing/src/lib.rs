//! Signatures that other tools verify: P-256 keys, the user's ssh keys, in-toto statements in DSSE
//! envelopes and Sigstore bundles, the model signatures of OpenSSF, Merkle roots.
//!
//! Knows values and bytes; variants and run directories are others' business.

#![warn(missing_docs)]

mod allowed_signers;
mod base64;
mod bundle;
mod error;
mod in_toto;
mod key;
mod merkle;
mod model_signature;
mod openssh_key;
mod signer_key;

pub use allowed_signers::{AllowedSigner, allowed_signers};
pub use base64::{InvalidBase64, from_base64, to_base64};
pub use bundle::{BUNDLE_MEDIA_TYPE, IN_TOTO_PAYLOAD_TYPE, SignedBundle};
pub use error::{KeyError, SignatureError};
pub use in_toto::{InTotoStatement, StatementSubject};
pub use key::{PrivateKey, PublicKey};
pub use merkle::merkle_root;
pub use model_signature::{FolderSignature, MODEL_SIGNATURE_TYPE};
pub use openssh_key::{SSH_NAMESPACE, SshPrivateKey, SshPublicKey};
pub use signer_key::{SignerKey, SignerPublicKey};
