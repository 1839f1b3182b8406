//! In-toto statements: a predicate about named contents.
//!
//! Source: in-toto Attestation Framework, Statement v1.

use paring_core::schema::Sha256Hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A statement. Fields of later versions are left alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InTotoStatement {
    /// The version of the format.
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The contents that it is about.
    pub subject: Vec<StatementSubject>,
    /// The kind of the predicate, a URI.
    pub predicate_type: String,
    /// The predicate.
    pub predicate: Value,
}

/// A content that a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementSubject {
    /// Its name.
    pub name: String,
    /// Its digests by algorithm, in hexadecimal digits.
    pub digest: BTreeMap<String, String>,
}

impl StatementSubject {
    /// A content with its SHA-256.
    pub fn new(name: impl Into<String>, sha256: &Sha256Hex) -> StatementSubject {
        let digest = BTreeMap::from([("sha256".to_string(), sha256.to_string())]);
        StatementSubject { name: name.into(), digest }
    }

    /// Its SHA-256, if it has one.
    pub fn sha256(&self) -> Option<Sha256Hex> {
        Sha256Hex::try_from(self.digest.get("sha256")?.clone()).ok()
    }
}

impl InTotoStatement {
    /// A statement of version 1.
    pub fn new(subject: Vec<StatementSubject>, predicate_type: &str, predicate: Value) -> Self {
        InTotoStatement {
            statement_type: STATEMENT_TYPE.into(),
            subject,
            predicate_type: predicate_type.into(),
            predicate,
        }
    }
}
