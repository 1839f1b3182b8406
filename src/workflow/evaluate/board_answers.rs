//! Answers of one model, from this machine and from boards.

use crate::evaluate::{ModelOutputs, Predictor};
use crate::report::{BoardAgreement, BoardFlip};
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_boards::{
    self, FolderTrust, Inventory, RemotePrediction, Target, TargetEvent, TargetSession,
    TargetTransport, catch_interrupts,
};
use paring_core::schema::EngineOptions;
use paring_data::Dataset;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A model with the sizes, output and engine options that it is asked with.
pub(crate) struct BoundModel {
    pub(crate) predictor: Predictor,
    pub(crate) dims: BTreeMap<String, usize>,
    pub(crate) batch: usize,
    pub(crate) output: usize,
    pub(crate) options: EngineOptions,
}

/// The boards that words name.
pub(super) fn boards(words: &[String], trust: FolderTrust) -> Result<Vec<Target>, WorkflowError> {
    let inventory = Inventory::find(Path::new(""), trust)?;
    let targets = paring_boards::select_targets(words, &inventory)?;
    match targets.iter().find(|target| target.transport == TargetTransport::Local) {
        Some(target) => Err(WorkflowError::Option(format!(
            "`{}` is this machine, where models are evaluated anyway; name a board",
            target.name
        ))),
        None => Ok(targets),
    }
}

impl BoundModel {
    /// Answers of this machine for all samples.
    pub(super) fn answers(
        &self,
        model: &Path,
        data: &Dataset,
        progress: &Progress,
    ) -> Result<ModelOutputs, WorkflowError> {
        let samples: Vec<usize> = (0..data.len()).collect();
        let stage = ProgressStage::Evaluate;
        progress(ProgressEvent::StageLength { stage, total: samples.len() });
        let done = AtomicUsize::new(0);
        let answers = self.predictor.answers(data, &samples, &|n| {
            let done = done.fetch_add(n, Ordering::Relaxed) + n;
            progress(ProgressEvent::StageDone { stage, done });
        });
        progress(ProgressEvent::StageEnd(stage));
        let failed = |source| WorkflowError::Predict { model: model.to_path_buf(), source };
        answers.map_err(failed)
    }

    /// Answers of a board for some samples; true beside them where it is emulated.
    pub(crate) fn board_answers(
        &self,
        model: &Path,
        data: &Dataset,
        samples: &[usize],
        board: &Target,
        progress: &Progress,
    ) -> Result<(ModelOutputs, bool), WorkflowError> {
        let (dims, options) = (&self.dims, &self.options);
        let prediction =
            RemotePrediction { model, options, dims, batch: self.batch, output: self.output };
        let stage = ProgressStage::AskBoard;
        progress(ProgressEvent::StageLength { stage, total: samples.len() });
        progress(ProgressEvent::StageItem { stage, item: &board.name });
        let mut done = 0;
        let mut heard = |news| {
            if let TargetEvent::Note(_) = &news {
                progress(ProgressEvent::TargetNews { target: &board.name, news: &news });
            }
        };
        // Caught, so that a farm's place is given back.
        let stop = catch_interrupts().map_err(WorkflowError::CatchInterrupts)?;
        let mut session = TargetSession::open(board, Some(stop), &mut heard)?;
        let emulated = session.probe(None)?.emulated;
        let inputs = |positions: &[usize]| {
            data.inputs_at(&positions.iter().map(|p| samples[*p]).collect::<Vec<_>>())
        };
        let output = session.board()?.predict(&prediction, samples.len(), &inputs, &mut |n| {
            done += n;
            progress(ProgressEvent::StageDone { stage, done });
        })?;
        progress(ProgressEvent::StageEnd(stage));
        let answers = self.predictor.answers_from(data, &output, samples);
        let answers = answers.map_err(|source| WorkflowError::TargetPredict {
            model: model.to_path_buf(),
            target: board.name.clone(),
            source,
        })?;
        Ok((answers, emulated))
    }

    /// Answers of a board for all samples, compared with this machine's.
    pub(super) fn agreement(
        &self,
        model: &Path,
        data: &Dataset,
        board: &Target,
        here: &ModelOutputs,
        progress: &Progress,
    ) -> Result<BoardAgreement, WorkflowError> {
        let samples: Vec<usize> = (0..data.len()).collect();
        let (there, emulated) = self.board_answers(model, data, &samples, board, progress)?;
        Ok(BoardAgreement {
            model: model.to_path_buf(),
            target: board.name.clone(),
            emulated,
            samples: samples.len(),
            largest_difference: largest_difference(here, &there),
            flips: flips(here, &there),
        })
    }
}

/// The largest difference between two machines' answers.
pub(crate) fn largest_difference(here: &ModelOutputs, there: &ModelOutputs) -> f64 {
    let pairs = here.rows().flatten().zip(there.rows().flatten());
    pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

fn flips(here: &ModelOutputs, there: &ModelOutputs) -> Vec<BoardFlip> {
    let (here, there) = (here.predictions(), there.predictions());
    let other = here.iter().zip(&there).filter(|(a, b)| a.class != b.class);
    other
        .map(|(a, b)| BoardFlip {
            sample: a.sample,
            label: a.label,
            here: a.class,
            there: b.class,
            margin_here: a.margin,
        })
        .collect()
}
