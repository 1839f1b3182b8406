//! P-256 keys in PEM: private ones in PKCS#8 or SEC 1, as `openssl` writes them, public ones as
//! SubjectPublicKeyInfo.

use crate::{KeyError, SshPrivateKey, SshPublicKey};
use p256::SecretKey;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate;
use p256::pkcs8::{DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use paring_core::schema::Sha256Hex;
use std::fmt;

const PRIVATE_LABELS: [&str; 2] = ["PRIVATE KEY", "EC PRIVATE KEY"];
const PUBLIC_LABEL: &str = "PUBLIC KEY";

/// A private key; its `Debug` form shows its public half alone.
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey of {:?}", self.public())
    }
}

impl PrivateKey {
    /// A new key, drawn by the operating system.
    pub fn generate() -> PrivateKey {
        PrivateKey(SigningKey::generate())
    }

    /// The private key in a PEM text, other blocks of which (`EC PARAMETERS`) are skipped.
    ///
    /// # Errors
    /// [`KeyError`] says what the text is instead.
    pub fn from_pem(text: &str) -> Result<PrivateKey, KeyError> {
        if SshPrivateKey::is_one(text) {
            return Err(KeyError::OnlyPem);
        }
        if text.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let block = PRIVATE_LABELS.iter().find_map(|label| block(text, label));
        let Some(block) = block else {
            return match self::block(text, PUBLIC_LABEL) {
                Some(_) => Err(KeyError::Public),
                None => Err(KeyError::NoKey("it has no block `PRIVATE KEY`".into())),
            };
        };
        let secret =
            SecretKey::from_pem(block).map_err(|e| KeyError::NoKey(e.to_string().into()))?;
        Ok(PrivateKey(secret.into()))
    }

    /// The key in PKCS#8.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let text = self.0.to_pkcs8_pem(LineEnding::LF);
        text.map(|text| text.to_string()).map_err(|e| KeyError::Encode(e.to_string().into()))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// ECDSA over SHA-256, in DER; without chance, so that the same key signs the same text alike
    /// (RFC 6979).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(message);
        signature.as_bytes().to_vec()
    }
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.fingerprint().map_or_else(|e| e.to_string(), |sha256| sha256.to_string());
        f.write_str(&name)
    }
}

impl PublicKey {
    /// The public key in a PEM text.
    ///
    /// # Errors
    /// [`KeyError`] says what the text is instead.
    pub fn from_pem(text: &str) -> Result<PublicKey, KeyError> {
        match block(text, PUBLIC_LABEL) {
            None if SshPublicKey::is_one(text) => Err(KeyError::OnlyPem),
            Some(block) => {
                let key = VerifyingKey::from_public_key_pem(block);
                key.map(PublicKey).map_err(|e| KeyError::NoKey(e.to_string().into()))
            }
            None if text.contains("PRIVATE KEY") => Err(KeyError::Private),
            None => Err(KeyError::NoKey("it has no block `PUBLIC KEY`".into())),
        }
    }

    /// The key as SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let text = self.0.to_public_key_pem(LineEnding::LF);
        text.map_err(|e| KeyError::Encode(e.to_string().into()))
    }

    /// SHA-256 of [`PublicKey::to_pem`], which is what signature bundles name a key by; the same as
    /// `openssl ec -in KEY -pubout | sha256sum`.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn fingerprint(&self) -> Result<Sha256Hex, KeyError> {
        Ok(Sha256Hex::of(self.to_pem()?.as_bytes()))
    }

    /// True if `signature`, in DER, is one of `message` by this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = DerSignature::try_from(signature);
        signature.is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

/// The first block of a PEM text with this label, its lines alone.
fn block<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let start = text.find(&begin)?;
    let length = text[start..].find(&end)? + end.len();
    text.get(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl ecparam -name prime256v1 -genkey`, with its parameters.
    const SEC1: &str = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n-----BEGIN EC PRIVATE KEY-----\n\
         MHcCAQEEIEJVcRtX6A8Qcj4xKC/HqNYUJAl/su9Qs78Nz3t3CQ3hoAoGCCqGSM49\n\
         AwEHoUQDQgAESJ8R4z1Gh8C3OUBXZxZHRRa4pZ0a1dPayVAftqUaTLAGHlaOdPqQ\n\
         eViKxBzLv2YW6qDld48O1w3Y/JmbgHAIVw==\n\
         -----END EC PRIVATE KEY-----\n";
    /// The same key by `openssl pkcs8 -topk8 -nocrypt`, and its public half by `openssl ec -pubout`.
    const PKCS8: &str = "-----BEGIN PRIVATE KEY-----\n\
         MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQlVxG1foDxByPjEo\n\
         L8eo1hQkCX+y71Czvw3Pe3cJDeGhRANCAARInxHjPUaHwLc5QFdnFkdFFrilnRrV\n\
         09rJUB+2pRpMsAYeVo50+pB5WIrEHMu/ZhbqoOV3jw7XDdj8mZuAcAhX\n\
         -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
         MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESJ8R4z1Gh8C3OUBXZxZHRRa4pZ0a\n\
         1dPayVAftqUaTLAGHlaOdPqQeViKxBzLv2YW6qDld48O1w3Y/JmbgHAIVw==\n\
         -----END PUBLIC KEY-----\n";

    #[test]
    fn keys_of_openssl_are_read_and_written_as_it_does() {
        let (sec1, pkcs8) =
            (PrivateKey::from_pem(SEC1).unwrap(), PrivateKey::from_pem(PKCS8).unwrap());
        assert_eq!(sec1.public(), pkcs8.public());
        assert_eq!(sec1.public().to_pem().unwrap(), PUBLIC);
        assert_eq!(sec1.to_pem().unwrap(), PKCS8);
        let fingerprint = sec1.public().fingerprint().unwrap();
        assert_eq!(
            fingerprint.as_str(),
            "04e6a32485b2c326bcaa824b44521d8de8e0ac6b4dc5da97059c1a98d6c7c2c4"
        );
        assert_eq!(format!("{sec1:?}"), format!("PrivateKey of {fingerprint}"));
    }

    #[test]
    fn signatures_of_openssl_hold_and_others_do_not() {
        let key = PublicKey::from_pem(PUBLIC).unwrap();
        // `printf paring | openssl dgst -sha256 -sign KEY | xxd -p`
        let theirs = "304502210095d24915197c5e13d0299adff59244a4508fe385a1659de63b2897e05bcad4b80220566678b58fdffc68b0b5c81e24d1e7a0513702cc1ab36c83bfcf280a372e2825";
        let theirs: Vec<u8> = (0..theirs.len() / 2)
            .map(|i| u8::from_str_radix(&theirs[2 * i..2 * i + 2], 16).unwrap())
            .collect();
        assert!(key.verifies(b"paring", &theirs));
        assert!(!key.verifies(b"Paring", &theirs));
        let ours = PrivateKey::from_pem(PKCS8).unwrap().sign(b"paring");
        assert!(key.verifies(b"paring", &ours));
        assert!(!PrivateKey::generate().public().verifies(b"paring", &ours));
        for position in 0..ours.len() {
            let mut changed = ours.clone();
            changed[position] ^= 1;
            assert!(!key.verifies(b"paring", &changed), "byte {position}");
        }
    }

    #[test]
    fn texts_that_are_no_key_are_told_apart() {
        let said = |text: &str| PrivateKey::from_pem(text).unwrap_err().to_string();
        assert!(said(PUBLIC).contains("public key"), "{}", said(PUBLIC));
        assert!(said("-----BEGIN ENCRYPTED PRIVATE KEY-----\n").contains("openssl pkcs8"));
        assert!(said("").contains("paring key new"));
        let said = |text: &str| PublicKey::from_pem(text).unwrap_err().to_string();
        assert!(said(PKCS8).contains("private key"), "{}", said(PKCS8));
        let p384 = "-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEp8wbe4y+xCAifdsbElWzqk8uz5RFCpq9\nv6Uasve5J5yhMM2DN83z0qzgPdCLB8ddHIpKj9ybBuvl2Axt59qlT4ZliTQKkwhG\nrwMIj8cMPkBGhZrjtWWL7Z8Eus+82qSk\n-----END PUBLIC KEY-----\n";
        assert!(said(p384).contains("no P-256 key"), "{}", said(p384));
    }
}
