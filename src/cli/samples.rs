//! Samples and sizes that a verb about a single model is given.

use super::{Coded, ExitCode};
use clap::Args;
use paring_agent::engine::{self, ModelSource};
use paring_compress::catalog::Calibration;
use paring_core::schema::Sha256Hex;
use paring_data::{Dataset, DatasetRequest, PixelNormalization};
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
    #[command(flatten)]
    sizes: Sizes,
}

/// Values for symbolic dimensions.
#[derive(Clone, Debug, Args)]
pub(super) struct Sizes {
    /// Values for symbolic dimensions other than the batch, as NAME=SIZE,NAME=SIZE; data that show
    /// them need none
    #[arg(long = "dims", alias = "dim", value_name = "NAME=SIZE", value_parser = assignments)]
    given: Vec<Assignments>,
}

/// `NAME=SIZE`, several of them.
#[derive(Clone, Debug)]
struct Assignments(Vec<(String, usize)>);

impl Sizes {
    /// The sizes by name.
    pub(super) fn by_name(&self) -> BTreeMap<String, usize> {
        self.given.iter().flat_map(|some| some.0.iter().cloned()).collect()
    }
}

/// Commas also occur in names such as `max(a, b)`: a new assignment begins where the last has ended.
fn assignments(text: &str) -> Result<Assignments, String> {
    let mut all: Vec<String> = Vec::new();
    for piece in text.split(',') {
        match all.last_mut() {
            Some(open) if !open.contains('=') => *open = format!("{open},{piece}"),
            _ => all.push(piece.to_string()),
        }
    }
    let one = |text: &String| {
        let (name, size) = text.rsplit_once('=').ok_or("write NAME=SIZE")?;
        match size.trim().parse() {
            Ok(size @ 1..) => Ok((name.trim().to_string(), size)),
            _ => Err(format!("`{size}` is no size of `{name}`; write a number from 1 on")),
        }
    };
    Ok(Assignments(all.iter().map(one).collect::<Result<_, String>>()?))
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
        let given = self.sizes.by_name();
        let Some(path) = &self.data else {
            // An operator that the engine does not know is met again where it matters.
            let Ok(signature) = engine::describe(ModelSource::File(model)) else {
                return Ok(Sampled { dims: given, batch: 1, calibration: None, trial: None });
            };
            let batch = signature.fixed_batch().unwrap_or(1);
            let dims = signature.sizes(&given, batch)?;
            return Ok(Sampled { dims, batch, calibration: None, trial: None });
        };
        let signature = engine::describe(ModelSource::File(model))?;
        let batch = signature.fixed_batch().unwrap_or(1);
        let mut dims = signature.sizes(&given, batch)?;
        let (columns, extras, pixels) = (vec![], vec![], PixelNormalization::default());
        let wanted = DatasetRequest { inputs: &signature.inputs, columns, extras, pixels };
        let data = Dataset::load(path, &wanted).map_err(|e| input(e.into()))?;
        for need in &signature.inputs {
            let rows = &data.inputs[&need.name];
            need.bind(rows.dtype(), rows.shape(), &mut dims).map_err(|e| input(e.into()))?;
        }
        let (even, odd): (Vec<usize>, Vec<usize>) =
            (0..data.len().min(MOST_SAMPLES)).partition(|i| i % 2 == 0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_split_where_one_has_ended() {
        #[track_caller]
        fn reads(text: &str, expected: &[(&str, usize)]) {
            let found = assignments(text).unwrap().0;
            let expected: Vec<_> = expected.iter().map(|(n, s)| (n.to_string(), *s)).collect();
            assert_eq!(found, expected);
        }
        reads("x:2=48", &[("x:2", 48)]);
        reads("a=1, p2o.DynamicDimension.1=2", &[("a", 1), ("p2o.DynamicDimension.1", 2)]);
        reads("max(a, b)=4,c=5", &[("max(a, b)", 4), ("c", 5)]);
        for wrong in ["seq", "seq=0", "seq=many", "seq=-1", ""] {
            assert!(assignments(wrong).is_err(), "{wrong}");
        }
    }
}
