//! `signed/VARIANT/`: a variant to hand over, with its record, its provenance, and a signature that the
//! package `model-signing` verifies.

use super::TrustedKeys;
use super::provenance::{PROVENANCE_TYPE, provenance};
use crate::ledger::read_ledger;
use crate::pipeline::{self, Folders};
use crate::study::{Protocol, StudyError, VerifyError};
use paring_core::files::ConfinedPath;
use paring_core::schema::Sha256Hex;
use paring_signing::{FolderSignature, PrivateKey, SignatureError, SignedBundle, StatementSubject};
use serde::Serialize;
use serde_json::Map;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The signature of a folder, by the package's own convention.
const SIGNATURE_FILE: &str = "model.sig";
const PROVENANCE_FILE: &str = "provenance.json";

/// Writes and signs the folder of a variant; gives its path in the run.
///
/// # Errors
/// [`StudyError`] where the run lacks the variant, or a file cannot be read or written.
pub fn sign_variant(
    folders: &Folders,
    protocol: &Protocol,
    name: &str,
    key: &PrivateKey,
) -> Result<String, StudyError> {
    let line = pipeline::ancestry(folders, name)?;
    let folder = folders.signed(name);
    let failed = |doing| {
        let path = folder.to_path_buf();
        move |source: io::Error| StudyError::Io { doing, path: path.clone(), source }
    };
    let unsigned =
        |source: SignatureError| StudyError::Signature { path: folder.to_path_buf(), source };
    let mut files = variant_files(folders, name, &line[0].file).map_err(failed("read"))?;
    let entries = read_ledger(&folders.ledger())?;
    if let Some(statement) = provenance(&line, protocol, &entries) {
        let bundle = SignedBundle::sign(&statement, key).and_then(|bundle| bundle.to_json());
        files.insert(PROVENANCE_FILE.into(), bundle.map_err(unsigned)?);
    }
    let signature = FolderSignature {
        name: name.to_string(),
        files: files.iter().map(|(file, bytes)| (file.clone(), Sha256Hex::of(bytes))).collect(),
        ignored: vec![SIGNATURE_FILE.into()],
        details: Map::new(),
    };
    let bundle = signature.statement().and_then(|statement| SignedBundle::sign(&statement, key));
    let bundle = bundle.and_then(|bundle| bundle.to_json()).map_err(unsigned)?;
    let former = folder.names().map_err(failed("read"))?;
    for file in former.iter().filter(|file| !files.contains_key(*file)) {
        folder.join(file).remove().map_err(failed("remove"))?;
    }
    for (file, bytes) in &files {
        folder.join(file).replace(bytes).map_err(failed("write"))?;
    }
    folder.join(SIGNATURE_FILE).replace(&bundle).map_err(failed("write"))?;
    Ok(format!("signed/{name}"))
}

/// The model, its record, and the indices that are left, where there is such a file.
fn variant_files(
    folders: &Folders,
    name: &str,
    model: &str,
) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let variants = folders.variants();
    let mut files = BTreeMap::new();
    for file in [model.to_string(), format!("{name}.json")] {
        files.insert(file.clone(), variants.join(&file).read()?);
    }
    let kept = format!("{name}.kept.safetensors");
    match variants.join(&kept).read() {
        Ok(bytes) => drop(files.insert(kept, bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(files)
}

/// Holds every folder of a signed variant against its signatures, and its model against the run's; gives
/// the names of the variants.
///
/// # Errors
/// [`VerifyError`] names the first file that does not hold.
pub fn verify_signed_variants(
    folders: &Folders,
    keys: &TrustedKeys,
) -> Result<Vec<String>, VerifyError> {
    let signed = folders.root().join("signed");
    let names = signed.names().map_err(|e| VerifyError::broken("signed", e.to_string()))?;
    for name in &names {
        verify_folder(folders, &signed.join(name), name, keys)?;
    }
    Ok(names)
}

/// Holds the folder of a variant that somebody handed over against its signatures.
///
/// # Errors
/// [`VerifyError`] names the first file that does not hold.
pub fn verify_handed_over(
    folder: &Path,
    keys: &TrustedKeys,
) -> Result<HandedOverVariant, VerifyError> {
    let folder = ConfinedPath::root(folder);
    let signed = signed_files(&folder, &str::to_string, keys)?;
    let (statement, _) = keys.statement(&folder.join(PROVENANCE_FILE), PROVENANCE_FILE)?;
    let own =
        |subject: &StatementSubject| signed.files.get(&subject.name) == subject.sha256().as_ref();
    match statement.predicate_type == PROVENANCE_TYPE && statement.subject.iter().all(own) {
        true => Ok(signed),
        false => {
            let problem = "it is the provenance of other files";
            Err(VerifyError::broken(PROVENANCE_FILE, problem))
        }
    }
}

/// True of the folder of a signed variant.
pub fn is_handed_over(folder: &Path) -> bool {
    ConfinedPath::root(folder).join(SIGNATURE_FILE).exists()
}

/// A signed folder in which everything holds.
#[derive(Clone, Debug, Serialize)]
pub struct HandedOverVariant {
    /// The variant, as its signature names it.
    pub name: String,
    /// SHA-256 of the public key.
    pub key_sha256: String,
    /// SHA-256 of every file.
    pub files: BTreeMap<String, Sha256Hex>,
}

/// The files of a folder, if they are those that its signature names; `within` gives the name that
/// findings call a file by.
fn signed_files(
    folder: &ConfinedPath,
    within: &dyn Fn(&str) -> String,
    keys: &TrustedKeys,
) -> Result<HandedOverVariant, VerifyError> {
    let broken = |file: &str, problem: String| VerifyError::broken(within(file), problem);
    let (statement, key_sha256) =
        keys.statement(&folder.join(SIGNATURE_FILE), &within(SIGNATURE_FILE))?;
    let signature = FolderSignature::from_statement(statement)
        .map_err(|e| broken(SIGNATURE_FILE, e.to_string()))?;
    let files = folder.files().map_err(|e| broken("", e.to_string()))?;
    let files = files.into_iter().filter(|file| file != SIGNATURE_FILE);
    let found: io::Result<BTreeMap<String, Sha256Hex>> =
        files.map(|file| Ok((file.clone(), folder.join(&file).sha256()?))).collect();
    let files = found.map_err(|e| broken("", e.to_string()))?;
    match signature.first_difference(&files) {
        Some((file, problem)) => Err(broken(&file, problem)),
        None => Ok(HandedOverVariant { name: signature.name, key_sha256, files }),
    }
}

fn verify_folder(
    folders: &Folders,
    folder: &ConfinedPath,
    name: &str,
    keys: &TrustedKeys,
) -> Result<(), VerifyError> {
    let within = |file: &str| format!("signed/{name}/{file}");
    let broken = |file: &str, problem: String| VerifyError::broken(within(file), problem);
    let found = signed_files(folder, &within, keys)?.files;
    let record = pipeline::variant_record(folders, name)
        .map_err(|e| broken(SIGNATURE_FILE, e.to_string()))?;
    if found.get(&*record.file) != Some(&record.file_sha256) {
        let problem = format!("it is not the model of variant `{name}` in the run");
        return Err(broken(&record.file, problem));
    }
    let (statement, _) = keys.statement(&folder.join(PROVENANCE_FILE), &within(PROVENANCE_FILE))?;
    let subject = StatementSubject::new(record.file.to_string(), &record.file_sha256);
    match statement.predicate_type == PROVENANCE_TYPE && statement.subject == [subject] {
        true => Ok(()),
        false => Err(broken(PROVENANCE_FILE, format!("it is not the provenance of `{name}`"))),
    }
}
