//! `signed/VARIANT/`: a variant to hand over, with its record, its provenance, the gate's verdicts, and a
//! signature that the package `model-signing` verifies.

use super::TrustedKeys;
use super::gate_statement::{TEST_RESULT_TYPE, gate_statement, recorded_gate};
use super::provenance::{PROVENANCE_TYPE, provenance};
use crate::ledger::read_ledger;
use crate::pipeline::{self, Folders};
use crate::study::{Protocol, RunDirectory, StudyError, VerifyError};
use paring_core::files::ConfinedPath;
use paring_core::schema::{GateRecord, Sha256Hex};
use paring_signing::{
    FolderSignature, InTotoStatement, PrivateKey, SignatureError, SignedBundle, StatementSubject,
};
use serde::Serialize;
use serde_json::Map;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The signature of a folder, by the package's own convention.
const SIGNATURE_FILE: &str = "model.sig";
const PROVENANCE_FILE: &str = "provenance.json";
const GATE_FILE: &str = "gate.json";

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
    let gate = recorded_gate(folders, protocol)?;
    let statements = [
        (PROVENANCE_FILE, provenance(&line, protocol, &entries)),
        (GATE_FILE, gate.and_then(|gate| gate_statement(&line[0], protocol, &gate))),
    ];
    for (file, statement) in statements {
        let Some(statement) = statement else { continue };
        let bundle = SignedBundle::sign(&statement, key).and_then(|bundle| bundle.to_json());
        files.insert(file.into(), bundle.map_err(unsigned)?);
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
    if names.is_empty() {
        return Ok(names);
    }
    let broken = |file: &str, problem: String| VerifyError::broken(file, problem);
    let protocol = RunDirectory::protocol_of(folders.root())
        .map_err(|e| broken("protocol.json", e.to_string()))?;
    let gate = recorded_gate(folders, &protocol).map_err(|e| broken(".", e.to_string()))?;
    let run = SignedVariantsRun { folders, protocol, gate, keys };
    for name in &names {
        run.verify_folder(name)?;
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
    if statement.predicate_type != PROVENANCE_TYPE || !statement.subject.iter().all(own) {
        return Err(VerifyError::broken(PROVENANCE_FILE, "it is the provenance of other files"));
    }
    if signed.files.contains_key(GATE_FILE) {
        let (statement, _) = keys.statement(&folder.join(GATE_FILE), GATE_FILE)?;
        if statement.predicate_type != TEST_RESULT_TYPE || !statement.subject.iter().all(own) {
            return Err(VerifyError::broken(GATE_FILE, "its verdicts are about other files"));
        }
    }
    Ok(signed)
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

/// A run whose signed variants are checked.
struct SignedVariantsRun<'a> {
    folders: &'a Folders,
    protocol: Protocol,
    /// Verdicts as the records give them.
    gate: Option<GateRecord>,
    keys: &'a TrustedKeys,
}

impl SignedVariantsRun<'_> {
    fn verify_folder(&self, name: &str) -> Result<(), VerifyError> {
        let folder = self.folders.root().join("signed").join(name);
        let within = |file: &str| format!("signed/{name}/{file}");
        let broken = |file: &str, problem: String| VerifyError::broken(within(file), problem);
        let found = signed_files(&folder, &within, self.keys)?.files;
        let record = pipeline::variant_record(self.folders, name)
            .map_err(|e| broken(SIGNATURE_FILE, e.to_string()))?;
        if found.get(&*record.file) != Some(&record.file_sha256) {
            let problem = format!("it is not the model of variant `{name}` in the run");
            return Err(broken(&record.file, problem));
        }
        let statement = |file: &str| {
            Ok::<_, VerifyError>(self.keys.statement(&folder.join(file), &within(file))?.0)
        };
        let provenance = statement(PROVENANCE_FILE)?;
        let subject = StatementSubject::new(record.file.to_string(), &record.file_sha256);
        if provenance.predicate_type != PROVENANCE_TYPE || provenance.subject != [subject] {
            return Err(broken(PROVENANCE_FILE, format!("it is not the provenance of `{name}`")));
        }
        // Versions before this one signed no verdicts.
        if !found.contains_key(GATE_FILE) {
            return Ok(());
        }
        let derived =
            self.gate.as_ref().and_then(|gate| gate_statement(&record, &self.protocol, gate));
        // Numbers as they are read back.
        let derived = derived.and_then(|own| serde_json::to_vec(&own).ok());
        let derived: Option<InTotoStatement> =
            derived.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match derived == Some(statement(GATE_FILE)?) {
            true => Ok(()),
            false => Err(broken(
                GATE_FILE,
                format!("its verdicts on `{name}` are not those that the run's records give"),
            )),
        }
    }
}
