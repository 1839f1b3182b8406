//! A statement in a DSSE envelope in a Sigstore bundle, signed with a key rather than a certificate.
//!
//! Sources: DSSE protocol v1; Sigstore bundle v0.3.

use crate::in_toto::STATEMENT_TYPE;
use crate::{InTotoStatement, PrivateKey, PublicKey, SignatureError, from_base64, to_base64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Media type of a bundle.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Payload type of an envelope that holds a statement.
pub const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A bundle. Nothing that it says counts before [`SignedBundle::verified`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedBundle {
    media_type: String,
    verification_material: VerificationMaterial,
    dsse_envelope: DsseEnvelope,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial {
    public_key: KeyHint,
    /// Entries of a transparency log, of which paring writes none.
    #[serde(default)]
    tlog_entries: Vec<Value>,
}

/// SHA-256 of a public key's PEM form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KeyHint {
    hint: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EnvelopeSignature {
    sig: String,
    #[serde(default)]
    keyid: String,
}

impl SignedBundle {
    /// A statement, signed.
    ///
    /// # Errors
    /// [`SignatureError::Encode`].
    pub fn sign(statement: &InTotoStatement, key: &PrivateKey) -> Result<Self, SignatureError> {
        let payload = serde_json::to_vec_pretty(statement).map_err(SignatureError::Encode)?;
        let fingerprint = key.public().fingerprint().map_err(SignatureError::malformed)?;
        let signature = key.sign(&pre_authentication_encoding(IN_TOTO_PAYLOAD_TYPE, &payload));
        Ok(SignedBundle {
            media_type: BUNDLE_MEDIA_TYPE.into(),
            verification_material: VerificationMaterial {
                public_key: KeyHint { hint: fingerprint.to_string() },
                tlog_entries: vec![],
            },
            dsse_envelope: DsseEnvelope {
                payload: to_base64(&payload),
                payload_type: IN_TOTO_PAYLOAD_TYPE.into(),
                signatures: vec![EnvelopeSignature {
                    sig: to_base64(&signature),
                    keyid: String::new(),
                }],
            },
        })
    }

    /// The bundle as JSON.
    ///
    /// # Errors
    /// [`SignatureError::Encode`].
    pub fn to_json(&self) -> Result<Vec<u8>, SignatureError> {
        let mut bytes = serde_json::to_vec(self).map_err(SignatureError::Encode)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a bundle; its signature is not looked at.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`].
    pub fn from_json(bytes: &[u8]) -> Result<SignedBundle, SignatureError> {
        serde_json::from_slice(bytes).map_err(SignatureError::malformed)
    }

    /// SHA-256 of the public key that it says it was signed with.
    pub fn key_hint(&self) -> &str {
        &self.verification_material.public_key.hint
    }

    /// The statement, if `key` signed it.
    ///
    /// # Errors
    /// [`SignatureError`] says what does not hold.
    pub fn verified(&self, key: &PublicKey) -> Result<InTotoStatement, SignatureError> {
        let SignedBundle { media_type, dsse_envelope: envelope, .. } = self;
        for (found, expected) in
            [(media_type, BUNDLE_MEDIA_TYPE), (&envelope.payload_type, IN_TOTO_PAYLOAD_TYPE)]
        {
            if found != expected {
                let problem = format!("its type is `{found}`, not `{expected}`");
                return Err(SignatureError::Malformed(problem));
            }
        }
        let expected = key.fingerprint().map_err(SignatureError::malformed)?;
        if self.key_hint() != expected.as_str() {
            let found = self.key_hint().to_string();
            return Err(SignatureError::OtherKey { found, expected });
        }
        let [signature] = envelope.signatures.as_slice() else {
            let count = envelope.signatures.len();
            return Err(SignatureError::Malformed(format!("it has {count} signatures, not 1")));
        };
        let bytes = |text: &str| from_base64(text).map_err(SignatureError::malformed);
        let payload = bytes(&envelope.payload)?;
        let signed = pre_authentication_encoding(&envelope.payload_type, &payload);
        if !key.verifies(&signed, &bytes(&signature.sig)?) {
            return Err(SignatureError::Invalid(expected));
        }
        let statement: InTotoStatement =
            serde_json::from_slice(&payload).map_err(SignatureError::malformed)?;
        match statement.statement_type == STATEMENT_TYPE {
            true => Ok(statement),
            false => Err(SignatureError::Malformed(format!(
                "its statement is a `{}`, not a `{STATEMENT_TYPE}`",
                statement.statement_type
            ))),
        }
    }
}

/// The bytes that an envelope's signature is one of.
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StatementSubject;
    use paring_core::schema::Sha256Hex;
    use serde_json::json;

    #[test]
    fn the_encoding_is_that_of_the_protocol() {
        // The example of DSSE's own test vectors.
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn only_the_signed_content_and_the_key_are_accepted() {
        let key = PrivateKey::generate();
        let subject = StatementSubject::new("a", &Sha256Hex::of(b"a"));
        let statement = InTotoStatement::new(vec![subject], "urn:test", json!({ "n": 1 }));
        let bundle = SignedBundle::sign(&statement, &key).unwrap();
        let bundle = SignedBundle::from_json(&bundle.to_json().unwrap()).unwrap();
        assert_eq!(bundle.verified(&key.public()).unwrap(), statement);
        let other = bundle.verified(&PrivateKey::generate().public()).unwrap_err();
        assert!(matches!(other, SignatureError::OtherKey { .. }), "{other}");
        let mut changed = bundle.clone();
        let lie = InTotoStatement { predicate: json!({ "n": 2 }), ..statement.clone() };
        changed.dsse_envelope.payload = to_base64(&serde_json::to_vec_pretty(&lie).unwrap());
        let found = changed.verified(&key.public()).unwrap_err();
        assert!(matches!(found, SignatureError::Invalid(_)), "{found}");
        let mut twice = bundle.clone();
        twice.dsse_envelope.signatures.push(bundle.dsse_envelope.signatures[0].clone());
        assert!(twice.verified(&key.public()).is_err());
    }
}
