//! Model signatures of OpenSSF: a statement about every file of a folder, which the package
//! `model-signing` verifies.
//!
//! Source: OpenSSF Model Signing v1.0.

use crate::{InTotoStatement, SignatureError, StatementSubject};
use paring_core::schema::Sha256Hex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Predicate type of a model signature.
pub const MODEL_SIGNATURE_TYPE: &str = "https://model_signing/signature/v1.0";

/// The files of a folder with their hashes.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderSignature {
    /// Name of the folder, which verifiers do not check.
    pub name: String,
    /// SHA-256 of every file by its path in the folder.
    pub files: BTreeMap<String, Sha256Hex>,
    /// Paths that are not signed: the signature itself.
    pub ignored: Vec<String>,
    /// More about the folder, which is signed too and which other verifiers ignore.
    pub details: Map<String, Value>,
}

/// The predicate, as far as it is the standard's.
#[derive(Serialize, Deserialize)]
struct SignedResources {
    serialization: SerializationMethod,
    resources: Vec<SignedResource>,
    #[serde(flatten)]
    details: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct SerializationMethod {
    method: String,
    hash_type: String,
    allow_symlinks: bool,
    #[serde(default)]
    ignore_paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct SignedResource {
    name: String,
    algorithm: String,
    digest: Sha256Hex,
}

impl FolderSignature {
    /// The statement of version 1.0: resources in the order of their path's parts, the subject's digest
    /// over all of theirs.
    ///
    /// # Errors
    /// [`SignatureError::Encode`].
    pub fn statement(&self) -> Result<InTotoStatement, SignatureError> {
        let mut files: Vec<(&String, &Sha256Hex)> = self.files.iter().collect();
        files.sort_by_key(|(path, _)| path.split('/').collect::<Vec<_>>());
        let resource = |(name, digest): &(&String, &Sha256Hex)| SignedResource {
            name: (*name).clone(),
            algorithm: "sha256".into(),
            digest: (*digest).clone(),
        };
        let resources: Vec<SignedResource> = files.iter().map(resource).collect();
        let subject = StatementSubject::new(&self.name, &root_digest(&resources));
        let predicate = SignedResources {
            serialization: SerializationMethod {
                method: "files".into(),
                hash_type: "sha256".into(),
                allow_symlinks: false,
                ignore_paths: self.ignored.clone(),
            },
            resources,
            details: self.details.clone(),
        };
        let predicate = serde_json::to_value(&predicate).map_err(SignatureError::Encode)?;
        Ok(InTotoStatement::new(vec![subject], MODEL_SIGNATURE_TYPE, predicate))
    }

    /// Reads a statement that was found to be signed.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] where it is no model signature of whole files, or contradicts itself.
    pub fn from_statement(statement: InTotoStatement) -> Result<FolderSignature, SignatureError> {
        let InTotoStatement { predicate_type, subject, predicate, .. } = statement;
        if predicate_type != MODEL_SIGNATURE_TYPE {
            let problem = format!("it says `{predicate_type}`, not `{MODEL_SIGNATURE_TYPE}`");
            return Err(SignatureError::Malformed(problem));
        }
        let signed: SignedResources =
            serde_json::from_value(predicate).map_err(SignatureError::malformed)?;
        let SerializationMethod { method, hash_type, ignore_paths, .. } = signed.serialization;
        let odd = signed.resources.iter().any(|resource| resource.algorithm != "sha256");
        if (method.as_str(), hash_type.as_str(), odd) != ("files", "sha256", false) {
            return Err(SignatureError::malformed("it is not of whole files by SHA-256"));
        }
        let [subject] = subject.as_slice() else {
            return Err(SignatureError::malformed("it is not about one folder"));
        };
        if subject.sha256() != Some(root_digest(&signed.resources)) {
            return Err(SignatureError::malformed("its digest is not that of its resources"));
        }
        let count = signed.resources.len();
        let files: BTreeMap<String, Sha256Hex> =
            signed.resources.into_iter().map(|r| (r.name, r.digest)).collect();
        if files.len() != count {
            return Err(SignatureError::malformed("it names a file twice"));
        }
        let name = subject.name.clone();
        Ok(FolderSignature { name, files, ignored: ignore_paths, details: signed.details })
    }

    /// The first file, in the order of paths, that is missing, changed or not signed in a folder with
    /// these files, and what is wrong with it.
    pub fn first_difference(
        &self,
        found: &BTreeMap<String, Sha256Hex>,
    ) -> Option<(String, String)> {
        let paths = self.files.keys().chain(found.keys().filter(|p| !self.files.contains_key(*p)));
        let mut paths: Vec<&String> = paths.collect();
        paths.sort();
        paths.into_iter().find_map(|path| {
            let problem = match (self.files.get(path), found.get(path)) {
                (Some(signed), Some(own)) if signed == own => return None,
                (Some(signed), Some(own)) => format!("its SHA-256 is {own}, signed is {signed}"),
                (Some(_), None) => "it is signed, and missing".to_string(),
                _ => "it was not there when the folder was signed".to_string(),
            };
            Some((path.clone(), problem))
        })
    }
}

/// SHA-256 over the digests of all resources, in their order.
fn root_digest(resources: &[SignedResource]) -> Sha256Hex {
    let digests: Vec<[u8; 32]> = resources.iter().map(|r| r.digest.to_bytes()).collect();
    Sha256Hex::of(digests.concat().as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn signed() -> FolderSignature {
        let files =
            [("a.onnx", "hello\n"), ("d-x", "y\n"), ("d/z", "x\n"), ("record.json", "{}\n")];
        FolderSignature {
            name: "m".into(),
            files: files
                .map(|(path, text)| (path.to_string(), Sha256Hex::of(text.as_bytes())))
                .into(),
            ignored: vec!["model.sig".into()],
            details: Map::from_iter([("more".to_string(), json!(1))]),
        }
    }

    #[test]
    fn the_statement_is_that_of_the_package() {
        let statement = signed().statement().unwrap();
        let names: Vec<&str> = statement.predicate["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| resource["name"].as_str().unwrap())
            .collect();
        // Parts of a path are compared, as Python's paths are.
        assert_eq!(names, ["a.onnx", "d/z", "d-x", "record.json"]);
        // By model_signing 1.1.1 on a folder with these files.
        assert_eq!(
            statement.subject[0].digest["sha256"],
            "3ebe097bca7041d23ce29c2ec0843428190186614a201b92bae9ed934aa1750d"
        );
        assert_eq!(FolderSignature::from_statement(statement).unwrap(), signed());
    }

    #[test]
    fn contradictions_are_refused() {
        let mut statement = signed().statement().unwrap();
        statement.predicate["resources"][0]["digest"] = json!(Sha256Hex::zeros());
        let said = FolderSignature::from_statement(statement).unwrap_err().to_string();
        assert!(said.contains("not that of its resources"), "{said}");
        let statement = InTotoStatement::new(vec![], "urn:other", json!({}));
        let said = FolderSignature::from_statement(statement).unwrap_err().to_string();
        assert!(said.contains("urn:other"), "{said}");
    }

    #[test]
    fn the_first_difference_is_named() {
        let signature = signed();
        assert_eq!(signature.first_difference(&signature.files), None);
        let first = |change: &dyn Fn(&mut BTreeMap<String, Sha256Hex>)| {
            let mut found = signature.files.clone();
            change(&mut found);
            signature.first_difference(&found).unwrap()
        };
        let (path, problem) = first(&|files| drop(files.remove("d/z")));
        assert_eq!((path.as_str(), problem.as_str()), ("d/z", "it is signed, and missing"));
        let (path, _) = first(&|files| drop(files.insert("b".into(), Sha256Hex::zeros())));
        assert_eq!(path, "b");
        let (path, problem) = first(&|f| drop(f.insert("a.onnx".into(), Sha256Hex::zeros())));
        assert!(path == "a.onnx" && problem.contains("signed is 5891b5b5"), "{problem}");
    }
}
