//! Base64 with padding, as signatures are written in JSON.

use base64ct::{Base64, Encoding};

/// A text that is no base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no base64")]
pub struct InvalidBase64;

/// Bytes as base64.
pub fn to_base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// The bytes of a text in base64.
///
/// # Errors
/// [`InvalidBase64`].
pub fn from_base64(text: &str) -> Result<Vec<u8>, InvalidBase64> {
    Base64::decode_vec(text).map_err(|_| InvalidBase64)
}
