//! Inputs that models are fed with while they are measured.

use super::BenchOptions;
use crate::pipeline::Folders;
use crate::report::InputOrigin;
use crate::study::StudySamples;
use crate::workflow::WorkflowError;
use paring_agent::arrays::{Array, InputNeed, read_tensors};
use paring_agent::engine::ModelSignature;
use paring_core::schema::MissingReason;
use paring_data::{Dataset, DatasetRules, random_inputs, random_sample_bytes};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Random samples that are drawn: more are not cycled.
const RANDOM_SAMPLES: usize = 64;
/// Fewer where they are large.
const RANDOM_BYTES: u64 = 256 << 20;
/// More are not drawn even for one batch.
const MOST_RANDOM_BYTES: u64 = 1 << 30;

/// The data that are named, else random numbers on request, else the samples of the first run among
/// the models.
pub(super) fn origin(
    options: &BenchOptions,
    samples: Option<&StudySamples>,
) -> Result<InputOrigin, WorkflowError> {
    let run = options.models.iter().find(|path| inputs_of_run(path).is_some());
    let data = options.data.as_ref().or(samples.map(|samples| &samples.data.path));
    match (data, run) {
        (Some(path), _) => Ok(InputOrigin::Data(path.clone())),
        (None, _) if options.random_inputs => Ok(InputOrigin::Random { seed: options.seed }),
        (None, Some(run)) => Ok(InputOrigin::Run(run.clone())),
        (None, None) => Err(WorkflowError::Option(
            "speed can depend on what a model is fed with; give --data FILE.npz with an array an \
             input (labels are not needed), or --random-inputs for seeded random numbers"
                .into(),
        )),
    }
}

/// One array for each input of `needs`.
pub(super) fn arrays(
    origin: &InputOrigin,
    rules: &DatasetRules,
    needs: &[InputNeed],
    dims: &BTreeMap<String, usize>,
    batch: usize,
) -> Result<BTreeMap<String, Array>, WorkflowError> {
    match origin {
        InputOrigin::Data(path) => Ok(Dataset::inputs_alone(path, needs, rules)?),
        InputOrigin::Random { seed } => {
            let each = random_sample_bytes(needs, dims).unwrap_or(u64::MAX).max(1);
            let fit = usize::try_from(RANDOM_BYTES / each).unwrap_or(usize::MAX);
            let samples = RANDOM_SAMPLES.min(fit).max(batch);
            if each.saturating_mul(samples as u64) > MOST_RANDOM_BYTES {
                return Err(WorkflowError::Option(format!(
                    "{samples} random samples of {each} bytes each are more than {MOST_RANDOM_BYTES} bytes; give --data FILE.npz, a smaller --batch, or smaller --dims"
                )));
            }
            Ok(random_inputs(needs, dims, samples, *seed)?)
        }
        InputOrigin::Run(run) => {
            let path = inputs_of_run(run).unwrap_or_else(|| run.clone());
            Ok(read_tensors(&path)?)
        }
    }
}

fn inputs_of_run(run: &Path) -> Option<PathBuf> {
    let journals = Folders::new(run).root().join("journal");
    let targets = journals.names().ok()?.into_iter();
    let mut files = targets.map(|target| journals.join(target).join("inputs.safetensors"));
    files.find(|file| file.open().is_ok()).map(|file| file.to_path_buf())
}

/// Values for dimensions that are given, each of some model, and those that follow.
pub(super) fn sizes(
    signatures: &[Result<ModelSignature, MissingReason>],
    given: &BTreeMap<String, usize>,
    batch: usize,
) -> Result<BTreeMap<String, usize>, WorkflowError> {
    let mut sizes = BTreeMap::new();
    let mut unknown: BTreeMap<String, usize> = given.clone();
    for signature in signatures.iter().flatten() {
        let of_model = given.iter().filter(|(name, _)| signature.has_dim(name));
        let of_model = of_model.map(|(name, size)| (name.clone(), *size)).collect();
        sizes.extend(signature.sizes(&of_model, batch)?);
        unknown.retain(|name, _| !signature.has_dim(name));
    }
    if let Some(signature) = signatures.iter().flatten().next() {
        signature.sizes(&unknown, batch)?;
    }
    Ok(sizes)
}

/// The inputs of all models together; a model whose input of the same name differs from an earlier
/// model's is given a reason instead.
pub(super) fn needs(
    signatures: &[Result<ModelSignature, MissingReason>],
) -> (Vec<InputNeed>, Vec<Result<(), MissingReason>>) {
    let mut all: Vec<InputNeed> = Vec::new();
    let mut verdicts = Vec::new();
    for signature in signatures {
        let signature = match signature {
            Ok(signature) => signature,
            Err(missing) => {
                verdicts.push(Err(missing.clone()));
                continue;
            }
        };
        let clash = signature.inputs.iter().find_map(|need| {
            let other = all.iter().find(|other| other.name == need.name)?;
            let same = other.dtype == need.dtype
                && other.dims.len() == need.dims.len()
                && other.batch_axis == need.batch_axis;
            (!same).then(|| {
                MissingReason(format!(
                    "its input `{}` is {} {}, an earlier model's {} {}; they cannot be fed alike",
                    need.name,
                    need.dtype,
                    need.shape(),
                    other.dtype,
                    other.shape()
                ))
            })
        });
        match clash {
            Some(missing) => verdicts.push(Err(missing)),
            None => {
                for need in &signature.inputs {
                    if all.iter().all(|other| other.name != need.name) {
                        all.push(need.clone());
                    }
                }
                verdicts.push(Ok(()));
            }
        }
    }
    (all, verdicts)
}

/// Checks arrays against a model's inputs, and adds the sizes that they tell to `dims`.
pub(super) fn bind(
    signature: &ModelSignature,
    arrays: &BTreeMap<String, Array>,
    dims: &mut BTreeMap<String, usize>,
) -> Result<(), MissingReason> {
    for need in &signature.inputs {
        let absent = || MissingReason(format!("no array for its input `{}`", need.name));
        let array = arrays.get(&need.name).ok_or_else(absent)?;
        need.bind(array.dtype(), array.shape(), dims).map_err(|e| MissingReason(e.to_string()))?;
    }
    Ok(())
}
