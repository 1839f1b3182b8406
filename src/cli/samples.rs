//! Samples and sizes that a verb about a single model is given.

use super::{Coded, ExitCode};
use crate::catalog::Calibration;
use crate::data::{Dataset, Pixels, Wanted};
use crate::engine::{self, Signature, Source};
use crate::record::Sha256Hex;
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Samples beyond these change little.
const MOST_SAMPLES: usize = 512;

/// Data and values for symbolic dimensions.
#[derive(Debug, Args)]
pub(super) struct Samples {
    /// An .npz file or folder with the model's inputs and `labels`
    #[arg(long)]
    data: Option<PathBuf>,
    /// Values for symbolic dimensions other than the batch, as NAME=SIZE
    #[arg(long, value_parser = dimension)]
    dim: Vec<(String, usize)>,
}

/// `NAME=SIZE`.
pub(super) fn dimension(text: &str) -> Result<(String, usize), String> {
    let (name, size) = text.split_once('=').ok_or("write NAME=SIZE")?;
    Ok((name.to_string(), size.parse().map_err(|e| format!("{e}"))?))
}

/// What a model is looked at with.
pub(super) struct Sampled {
    pub(super) dims: BTreeMap<String, usize>,
    pub(super) batch: usize,
    /// Every second sample, to judge components by.
    pub(super) calibration: Option<Calibration>,
    /// The data, and the other samples, to try removals on.
    pub(super) trial: Option<(Dataset, Vec<usize>)>,
}

impl Samples {
    /// Opens the data for a model; sizes that the data tell need not be given.
    pub(super) fn open(&self, model: &Path) -> Result<Sampled, Coded> {
        let input = |e: anyhow::Error| Coded::new(ExitCode::Input, e);
        let mut dims: BTreeMap<String, usize> = self.dim.iter().cloned().collect();
        let Some(path) = &self.data else {
            // An operator that the engine does not know is met again where it matters.
            let signature = engine::describe(Source::File(model)).ok();
            let batch = signature.as_ref().and_then(Signature::fixed_batch).unwrap_or(1);
            return Ok(Sampled { dims, batch, calibration: None, trial: None });
        };
        let signature = engine::describe(Source::File(model))?;
        let (columns, extras, pixels) = (vec![], vec![], Pixels::default());
        let wanted = Wanted { inputs: &signature.inputs, columns, extras, pixels };
        let data = Dataset::load(path, &wanted).map_err(|e| input(e.into()))?;
        for need in &signature.inputs {
            let rows = &data.inputs[&need.name];
            need.bind(rows.dtype(), rows.shape(), &mut dims).map_err(|e| input(e.into()))?;
        }
        let (even, odd): (Vec<usize>, Vec<usize>) =
            (0..data.len().min(MOST_SAMPLES)).partition(|i| i % 2 == 0);
        let batch = signature.fixed_batch().unwrap_or(1);
        let calibration = Calibration {
            inputs: data.inputs_at(&even).map_err(|e| input(e.into()))?,
            labels: Vec::new(),
            batch,
            dims: dims.clone(),
            sha256: Sha256Hex::of(b"samples"),
        };
        Ok(Sampled { dims, batch, calibration: Some(calibration), trial: Some((data, odd)) })
    }
}
