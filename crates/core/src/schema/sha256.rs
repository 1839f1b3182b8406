//! SHA-256 as the name of a content: of bytes, of a file, of a record.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

/// A SHA-256 in 64 lower-case hexadecimal digits; what is read as one is checked to be one, so that it
/// can name a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256Hex(String);

/// A text that is no SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no SHA-256: 64 lower-case hexadecimal digits are expected", .0.escape_debug())]
pub struct InvalidDigest(String);

impl TryFrom<String> for Sha256Hex {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Sha256Hex, InvalidDigest> {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if digits && text.len() == 64 { Ok(Sha256Hex(text)) } else { Err(InvalidDigest(text)) }
    }
}

impl Sha256Hex {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_parts([bytes])
    }

    /// The digest of a value as canonical JSON (RFC 8785): the same for equal values, whatever order
    /// their fields stand in and whatever the types that they come from are called.
    pub fn of_json(value: &serde_json::Value) -> Self {
        match serde_json_canonicalizer::to_vec(value) {
            Ok(bytes) => Self::of(&bytes),
            // Values hold no number that JSON cannot; their own text has sorted keys too.
            Err(_) => Self::of(value.to_string().as_bytes()),
        }
    }

    /// The digest of a record as canonical JSON.
    ///
    /// # Errors
    /// Those of its serialization.
    pub fn of_record(record: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_value(record).map(|value| Self::of_json(&value))
    }

    /// The digest of the concatenation of `parts`.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        parts.into_iter().for_each(|part| hasher.update(part));
        Self::finish(hasher)
    }

    /// The digest of the concatenation of pieces that come one after the other.
    ///
    /// # Errors
    /// The first that a piece has.
    pub fn of_pieces<E>(pieces: impl IntoIterator<Item = Result<Vec<u8>, E>>) -> Result<Self, E> {
        let mut hasher = Sha256::new();
        for piece in pieces {
            hasher.update(piece?);
        }
        Ok(Self::finish(hasher))
    }

    /// The digest of a file's content, read in pieces.
    ///
    /// # Errors
    /// Those of opening and reading the file.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Self::of_reader(std::fs::File::open(path)?)
    }

    /// The digest of all that a reader gives, in pieces.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of_reader(mut reader: impl Read) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(Self::finish(hasher)),
                n => hasher.update(&buffer[..n]),
            }
        }
    }

    /// The hash before the first entry of a chain: 64 zeros.
    pub fn zeros() -> Self {
        Sha256Hex("0".repeat(64))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A digest that another library computed.
    pub fn from_bytes(digest: &[u8; 32]) -> Self {
        Sha256Hex(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digest itself.
    pub fn to_bytes(&self) -> [u8; 32] {
        let digits = self.0.as_bytes();
        let value = |digit: u8| if digit > b'9' { digit - b'a' + 10 } else { digit - b'0' };
        // It is checked to be 64 such digits where it is made.
        std::array::from_fn(|i| value(digits[2 * i]) << 4 | value(digits[2 * i + 1]))
    }

    /// The first 12 digits, enough for a person to tell contents apart.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }

    fn finish(hasher: Sha256) -> Self {
        Self::from_bytes(&hasher.finalize().into())
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_published_vector() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256Hex::of(b"abc").as_str(), expected);
        assert_eq!(Sha256Hex::of_parts([&b"a"[..], b"bc"]).as_str(), expected);
    }

    #[test]
    fn what_is_read_is_a_digest() {
        let read = |text: &str| serde_json::from_value::<Sha256Hex>(serde_json::json!(text));
        assert_eq!(read(Sha256Hex::of(b"abc").as_str()).unwrap(), Sha256Hex::of(b"abc"));
        let digits = "0".repeat(63);
        for bad in ["", "../../etc/passwd", &digits, &format!("{digits}A"), &format!("{digits}00")]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
