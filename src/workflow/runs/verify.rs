//! The check of a run directory against its manifest, ledger, journals and signatures.

use crate::pipeline::Folders;
use crate::study::{self, HandedOverVariant, SignedRunState, VerificationSummary, VerifyError};
use crate::workflow::{
    Rederivation, RederivationOutcome, RederiveOptions, WorkflowError, rederive, trusted_keys,
};
use paring_core::schema::Sha256Hex;
use serde::Serialize;
use std::path::PathBuf;

/// A run, and the manifest that it should have.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The run directory, or the folder of a bench.
    pub run: PathBuf,
    /// The manifest's SHA-256, where somebody noted it.
    pub expected: Option<Sha256Hex>,
    /// Files of public keys that signatures have to be by; without any they are not looked at.
    pub keys: Vec<PathBuf>,
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
    if options.baseline.is_some() || options.expected.is_some() {
        let problem = "--baseline and --expect need a run, not the signed folder of a variant";
        return Err(WorkflowError::Option(problem.into()));
    }
    Ok(Some(study::verify_handed_over(&options.run, &trusted_keys(&options.keys)?)?))
}

/// Checks a run, and makes its variants again where a baseline is given.
///
/// # Errors
/// [`WorkflowError::Verify`] with the first difference.
pub fn verify(options: &VerifyOptions) -> Result<VerifiedRun, WorkflowError> {
    let keys = trusted_keys(&options.keys)?;
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
    let rederivation = options.baseline.as_ref().map(|baseline| {
        rederive(&RederiveOptions {
            run: options.run.clone(),
            baseline: baseline.clone(),
            data: options.data.clone(),
            variants: options.variants.clone(),
        })
    });
    Ok(VerifiedRun { summary, signatures, rederivation: rederivation.transpose()? })
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
