//! The check of a run directory against its manifest, ledger, journals and signatures.

use crate::ledger::read_ledger;
use crate::pipeline::Folders;
use crate::study::{
    self, HandedOverVariant, RecordedApproval, RecordedProtocolSignature, RunDirectory,
    SignedRunState, StudyError, TrustedSigners, VerificationSummary, VerifiedStatement,
    VerifyError,
};
use crate::workflow::report::compare_reports;
use crate::workflow::{
    ComparedReport, Rederivation, RederivationOutcome, RederiveOptions, WorkflowError, rederive,
    trusted_keys, trusted_signers,
};
use paring_core::schema::Sha256Hex;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A run, and the manifest that it should have.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The run directory, or the folder of a bench.
    pub run: PathBuf,
    /// The manifest's SHA-256, where somebody noted it.
    pub expected: Option<Sha256Hex>,
    /// Files of public keys that signatures have to be by; without any they are not looked at.
    pub keys: Vec<PathBuf>,
    /// Files of people's public keys, or allowed_signers files, that records of the ledger have to be by.
    pub signers: Vec<PathBuf>,
    /// The model that variants are made again from; without it none is.
    pub baseline: Option<PathBuf>,
    /// The study's data, for steps that compute with samples.
    pub data: Option<PathBuf>,
    /// Variants that are made again; all where none is named.
    pub variants: Vec<String>,
}

/// A run in which everything holds.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedRun {
    /// Counts.
    #[serde(flatten)]
    pub summary: VerificationSummary,
    /// Its signatures, where keys were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signatures: Option<VerifiedSignatures>,
    /// Records that people signed in its ledger.
    pub people: PersonalRecords,
    /// Its reports against its records.
    pub reports: Vec<ComparedReport>,
    /// Its variants made again, where a baseline was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rederivation: Option<Rederivation>,
}

/// Signatures that hold.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedSignatures {
    /// That of the run.
    pub run: SignedRunState,
    /// Variants with a signed folder.
    pub variants: Vec<String>,
}

/// Records that people signed in a ledger, whose signatures hold.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PersonalRecords {
    /// Signatures under the protocol.
    pub protocol_signatures: Vec<RecordedProtocolSignature>,
    /// Approvals and revocations.
    pub approvals: Vec<RecordedApproval>,
    /// Names of each key's owner, where keys were given and the records are by one of them.
    pub owners: BTreeMap<Sha256Hex, Vec<String>>,
}

/// Checks the folder of a variant that was handed over, signed; `None` of a run.
///
/// # Errors
/// [`WorkflowError::Option`] without a key, [`WorkflowError::Verify`] with the first difference.
pub fn verify_signed_folder(
    options: &VerifyOptions,
) -> Result<Option<HandedOverVariant>, WorkflowError> {
    if !study::is_handed_over(&options.run) {
        return Ok(None);
    }
    if options.keys.is_empty() {
        let run = options.run.display();
        return Err(WorkflowError::Option(format!(
            "{run} is the signed folder of a variant: give the public key with --key"
        )));
    }
    if options.baseline.is_some() || options.expected.is_some() || !options.signers.is_empty() {
        let problem =
            "--baseline, --expect and --signers need a run, not the signed folder of a variant";
        return Err(WorkflowError::Option(problem.into()));
    }
    Ok(Some(study::verify_handed_over(&options.run, &trusted_keys(&options.keys)?)?))
}

/// Checks a file with a signed statement, an audit say; `None` of anything else.
///
/// # Errors
/// [`WorkflowError::Option`] without a key, [`WorkflowError::Verify`] where its signature does not hold.
pub fn verify_statement_file(
    options: &VerifyOptions,
) -> Result<Option<VerifiedStatement>, WorkflowError> {
    if !study::is_statement(&options.run) {
        return Ok(None);
    }
    let file = options.run.display();
    if options.keys.is_empty() {
        return Err(WorkflowError::Option(format!(
            "{file} is a signed statement: give the public key with --key"
        )));
    }
    if options.baseline.is_some() || options.expected.is_some() || !options.signers.is_empty() {
        let problem = "--baseline, --expect and --signers need a run, not a signed statement";
        return Err(WorkflowError::Option(problem.into()));
    }
    Ok(Some(study::verify_statement(&options.run, &trusted_keys(&options.keys)?)?))
}

/// Checks a run, and makes its variants again where a baseline is given.
///
/// # Errors
/// [`WorkflowError::Verify`] with the first difference.
pub fn verify(options: &VerifyOptions) -> Result<VerifiedRun, WorkflowError> {
    let keys = trusted_keys(&options.keys)?;
    let signers = trusted_signers(&options.signers)?;
    let expected = options.expected.as_ref().map(Sha256Hex::as_str);
    let folders = Folders::new(&options.run);
    // First, because it names the file that was changed, and not one that it contradicts.
    let signed = (!keys.is_empty()).then(|| study::verify_run_signature(&folders, &keys));
    let signed = signed.transpose()?;
    let summary = study::verify(&options.run, expected)?;
    let signatures = match signed {
        Some(run) => {
            let variants = study::verify_signed_variants(&folders, &keys)?;
            Some(VerifiedSignatures { run, variants })
        }
        None => None,
    };
    let people = personal_records(&options.run, &signers)?;
    let rederivation = options.baseline.as_ref().map(|baseline| {
        rederive(&RederiveOptions {
            run: options.run.clone(),
            baseline: baseline.clone(),
            data: options.data.clone(),
            variants: options.variants.clone(),
        })
    });
    let reports = reports(&folders)?;
    Ok(VerifiedRun {
        summary,
        signatures,
        people,
        reports,
        rederivation: rederivation.transpose()?,
    })
}

/// Records that people signed in the ledger of a run that holds; by one of `signers`, where there are any.
fn personal_records(
    run: &Path,
    signers: &TrustedSigners,
) -> Result<PersonalRecords, WorkflowError> {
    let broken = |problem: String| VerifyError::Broken { file: "ledger.jsonl".into(), problem };
    let entries = read_ledger(&Folders::new(run).ledger())?;
    let approvals = study::recorded_approvals(&entries).map_err(broken)?;
    // The folder of a bench has no protocol, and nothing to sign.
    let protocol_signatures = match RunDirectory::protocol_of(run) {
        Ok(protocol) => study::recorded_protocol_signatures(&entries, &protocol).map_err(broken)?,
        Err(StudyError::NoRun(_)) => vec![],
        Err(error) => return Err(error.into()),
    };
    let by_line = protocol_signatures.iter().map(|own| (own.line, &own.by, &own.key_sha256));
    let approved = approvals.iter().map(|own| (own.line, &own.approval.by, &own.key_sha256));
    let mut owners = BTreeMap::new();
    for (line, by, key) in by_line.chain(approved).filter(|_| !signers.is_empty()) {
        let Some(principals) = signers.principals(key) else {
            let problem =
                format!("line {line} is signed by {by} with the key {key}, which no --signers has");
            return Err(broken(problem).into());
        };
        owners.insert(key.clone(), principals.to_vec());
    }
    Ok(PersonalRecords { protocol_signatures, approvals, owners })
}

/// Reports of a run that hold what its records give; the folder of a bench has none.
fn reports(folders: &Folders) -> Result<Vec<ComparedReport>, WorkflowError> {
    match RunDirectory::protocol_of(folders.root()) {
        Ok(protocol) => compare_reports(folders, &protocol),
        Err(StudyError::NoRun(_)) => Ok(vec![]),
        Err(error) => Err(error.into()),
    }
}

/// Nothing, where every variant that was to be made again is the run's.
///
/// # Errors
/// [`WorkflowError::Verify`] names the file of the first that differs, [`WorkflowError::NotMadeAgain`] the
/// variants that could not be made again.
pub fn refuse_other_variants(verified: &VerifiedRun) -> Result<(), WorkflowError> {
    let Some(rederivation) = &verified.rederivation else { return Ok(()) };
    if let Some(RederivationOutcome::Differs { file, problem, .. }) =
        rederivation.differing().map(|variant| &variant.outcome).next()
    {
        let (file, problem) = (file.clone(), problem.clone());
        return Err(VerifyError::Broken { file, problem }.into());
    }
    let names: Vec<&str> = rederivation.not_derived().map(|v| v.name.as_str()).collect();
    match names.is_empty() {
        true => Ok(()),
        false => Err(WorkflowError::NotMadeAgain(names.join("`, `"))),
    }
}
