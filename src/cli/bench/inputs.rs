//! What models are fed with while they are measured, and what is said about it.

use crate::cli::{Coded, ExitCode};
use crate::pipeline::Folders;
use paring_agent::arrays::{Array, InputNeed, read_tensors};
use paring_agent::engine::ModelSignature;
use paring_core::schema::MissingReason;
use paring_data::{Dataset, random_inputs, random_sample_bytes};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// So many random samples are drawn: more are not cycled.
const RANDOM_SAMPLES: usize = 64;
/// Fewer where they are large.
const RANDOM_BYTES: u64 = 256 << 20;
/// More are not drawn even for one batch.
const MOST_RANDOM_BYTES: u64 = 1 << 30;

/// Where inputs come from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    /// A file or folder of samples.
    Data(PathBuf),
    /// The samples that a run was measured with.
    Run(PathBuf),
    /// Seeded random numbers.
    Random {
        /// The seed.
        seed: u64,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Data(path) => write!(f, "inputs from {}", path.display()),
            Origin::Run(path) => write!(f, "inputs of the run {}", path.display()),
            Origin::Random { seed } => {
                write!(f, "RANDOM INPUTS (seed {seed}): real samples may be faster or slower")
            }
        }
    }
}

impl Origin {
    /// What was asked for: `--data`, else random numbers on request, else the samples of the first
    /// run among the models.
    pub(super) fn asked(
        data: Option<&Path>,
        random: bool,
        seed: u64,
        models: &[PathBuf],
    ) -> Result<Origin, Coded> {
        let run = models.iter().find(|path| inputs_of_run(path).is_some());
        match (data, run) {
            (Some(path), _) => Ok(Origin::Data(path.to_path_buf())),
            (None, _) if random => Ok(Origin::Random { seed }),
            (None, Some(run)) => Ok(Origin::Run(run.clone())),
            (None, None) => {
                let hint = "speed can depend on what a model is fed with; give --data FILE.npz with \
                            an array an input (labels are not needed), or --random-inputs for \
                            seeded random numbers";
                Err(Coded::new(ExitCode::Input, anyhow::anyhow!("{hint}")))
            }
        }
    }

    /// What stands in results where a study's name would.
    pub(super) fn study(&self) -> &'static str {
        match self {
            Origin::Random { .. } => "bench with random inputs",
            Origin::Data(_) | Origin::Run(_) => "bench",
        }
    }

    /// One array an input of `needs`.
    pub(super) fn arrays(
        &self,
        needs: &[InputNeed],
        dims: &BTreeMap<String, usize>,
        batch: usize,
    ) -> Result<BTreeMap<String, Array>, Coded> {
        let input = |e: anyhow::Error| Coded::new(ExitCode::Input, e);
        match self {
            Origin::Data(path) => Dataset::inputs_alone(path, needs).map_err(|e| input(e.into())),
            Origin::Random { seed } => {
                let each = random_sample_bytes(needs, dims).unwrap_or(u64::MAX).max(1);
                let fit = usize::try_from(RANDOM_BYTES / each).unwrap_or(usize::MAX);
                let samples = RANDOM_SAMPLES.min(fit).max(batch);
                if each.saturating_mul(samples as u64) > MOST_RANDOM_BYTES {
                    return Err(input(anyhow::anyhow!(
                        "{samples} random samples of {each} bytes each are more than {MOST_RANDOM_BYTES} bytes; give --data FILE.npz, a smaller --batch, or smaller --dims"
                    )));
                }
                random_inputs(needs, dims, samples, *seed).map_err(|e| input(e.into()))
            }
            Origin::Run(run) => {
                let path = inputs_of_run(run).unwrap_or_else(|| run.clone());
                read_tensors(&path).map_err(|e| input(e.into()))
            }
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
) -> Result<BTreeMap<String, usize>, Coded> {
    let mut sizes = BTreeMap::new();
    let mut strange: BTreeMap<String, usize> = given.clone();
    for signature in signatures.iter().flatten() {
        let own = given.iter().filter(|(name, _)| signature.has_dim(name));
        let own = own.map(|(name, size)| (name.clone(), *size)).collect();
        sizes.extend(signature.sizes(&own, batch)?);
        strange.retain(|name, _| !signature.has_dim(name));
    }
    if let Some(signature) = signatures.iter().flatten().next() {
        signature.sizes(&strange, batch)?;
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

/// Holds arrays against a model's inputs, and adds the sizes that they tell to `dims`.
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
