//! Outputs of one model for some samples, in full: classes, probabilities, labels.

use paring_core::schema::{SamplePrediction, TaskKind};
use std::collections::BTreeMap;

/// Ground truth of samples, beyond one class a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum GroundTruth {
    /// The labels say it.
    #[default]
    Classes,
    /// `width` yes or no a sample.
    Sets(Vec<bool>),
    /// `width` numbers a sample.
    Numbers(Vec<f64>),
    /// Counted against already: `values` are hits, predictions and labels of each class in pixels.
    Counted,
    /// Nobody said: the data have no labels.
    Unknown,
}

/// The answers of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOutputs {
    /// The kind of task they are answers to.
    pub kind: TaskKind,
    /// Index of each sample in the dataset.
    pub samples: Vec<usize>,
    /// True class of each sample; where there are none, the stratum it is drawn from.
    pub labels: Vec<i64>,
    /// Ground truth beyond the labels.
    pub truth: GroundTruth,
    /// Numbers a sample.
    pub width: usize,
    /// Probabilities, or whatever numbers the task asks for; of sequences the class of each position;
    /// row by row.
    pub values: Vec<f32>,
    /// The predicted class; `None` where there is none, or no usable one.
    pub class: Vec<Option<i64>>,
    /// Outputs for each pixel, where outputs are pixels.
    pub pixels: PixelOutputs,
}

/// Classes and probabilities of pixels or positions, sample by sample: what agreement with
/// another model, and distance from it, are told from. Either part is empty where it would be too
/// large, and `class` where classes are the answers' values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PixelOutputs {
    /// The predicted class of every pixel; 255 where there is none.
    pub class: Vec<u8>,
    /// The probability of every class in every pixel (position): `[classes, pixels]` of each sample, or
    /// `[positions, classes]`.
    pub chances: Vec<f32>,
}

/// The most pixels whose classes are kept.
pub(super) const MOST_PIXELS: usize = 256 << 20;
/// The most probabilities that are kept.
pub(super) const MOST_CHANCES: usize = 64 << 20;

impl PixelOutputs {
    /// Adds those of further samples.
    pub fn append(&mut self, more: PixelOutputs) {
        fn joined<T>(own: &mut Vec<T>, more: Vec<T>, most: usize) {
            match own.is_empty() == more.is_empty() && own.len() + more.len() <= most {
                true => own.extend(more),
                false => *own = Vec::new(),
            }
        }
        joined(&mut self.class, more.class, MOST_PIXELS);
        joined(&mut self.chances, more.chances, MOST_CHANCES);
    }
}

/// Answers of two models that are not about the same samples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sample {0} was answered by one model only; only the same samples can be compared")]
pub struct SampleMismatch(pub usize);

impl ModelOutputs {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Tells whether the data have labels.
    pub fn labelled(&self) -> bool {
        self.truth != GroundTruth::Unknown
    }

    /// Tells whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The numbers of the sample at `position`.
    pub fn row(&self, position: usize) -> &[f32] {
        &self.values[position * self.width..(position + 1) * self.width]
    }

    /// Tells whether all numbers of the sample at `position` are finite.
    pub fn usable(&self, position: usize) -> bool {
        self.row(position).iter().all(|v| v.is_finite())
    }

    /// The class of each pixel of the sample at `position`; `None` where they were not kept.
    pub fn pixels(&self, position: usize) -> Option<&[u8]> {
        self.part(&self.pixels.class, position)
    }

    /// The probabilities in each pixel of the sample at `position`, `[classes, pixels]`; `None` where
    /// they were not kept.
    pub fn chances(&self, position: usize) -> Option<&[f32]> {
        self.part(&self.pixels.chances, position)
    }

    fn part<'a, T>(&self, all: &'a [T], position: usize) -> Option<&'a [T]> {
        let each = all.len() / self.len().max(1);
        let own = all.get(position * each..(position + 1) * each)?;
        (each > 0).then_some(own)
    }

    /// The numbers of each sample.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.len()).map(|position| self.row(position))
    }

    /// The same answers in the order of `samples`.
    ///
    /// # Errors
    /// [`SampleMismatch`] where they are not the same samples.
    pub fn in_order_of(self, samples: &[usize]) -> Result<ModelOutputs, SampleMismatch> {
        if self.samples == samples {
            return Ok(self);
        }
        let mut at: BTreeMap<usize, usize> =
            self.samples.iter().enumerate().map(|(position, sample)| (*sample, position)).collect();
        let found = samples.iter().map(|s| at.remove(s).ok_or(SampleMismatch(*s)));
        let order: Vec<usize> = found.collect::<Result<_, _>>()?;
        match at.keys().next() {
            Some(surplus) => Err(SampleMismatch(*surplus)),
            None => Ok(self.take(&order)),
        }
    }

    /// Adds answers of the same model to further samples.
    pub fn append(&mut self, more: ModelOutputs) {
        self.pixels.append(more.pixels);
        self.samples.extend(more.samples);
        self.labels.extend(more.labels);
        self.values.extend(more.values);
        self.class.extend(more.class);
        match (&mut self.truth, more.truth) {
            (GroundTruth::Sets(all), GroundTruth::Sets(more)) => all.extend(more),
            (GroundTruth::Numbers(all), GroundTruth::Numbers(more)) => all.extend(more),
            _ => {}
        }
    }

    /// The answers at `positions`, in that order.
    pub fn take(&self, positions: &[usize]) -> ModelOutputs {
        fn rows<T: Copy>(all: &[T], width: usize, positions: &[usize]) -> Vec<T> {
            let of = |p: &usize| all[p * width..(p + 1) * width].iter().copied();
            positions.iter().flat_map(of).collect()
        }
        let each = |all: usize| all / self.len().max(1);
        ModelOutputs {
            kind: self.kind,
            samples: rows(&self.samples, 1, positions),
            labels: rows(&self.labels, 1, positions),
            truth: match &self.truth {
                GroundTruth::Sets(all) => GroundTruth::Sets(rows(all, self.width, positions)),
                GroundTruth::Numbers(all) => GroundTruth::Numbers(rows(all, self.width, positions)),
                GroundTruth::Classes => GroundTruth::Classes,
                GroundTruth::Counted => GroundTruth::Counted,
                GroundTruth::Unknown => GroundTruth::Unknown,
            },
            width: self.width,
            values: rows(&self.values, self.width, positions),
            class: rows(&self.class, 1, positions),
            pixels: PixelOutputs {
                class: rows(&self.pixels.class, each(self.pixels.class.len()), positions),
                chances: rows(&self.pixels.chances, each(self.pixels.chances.len()), positions),
            },
        }
    }

    /// One line a sample, where the task is to find a class.
    pub fn predictions(&self) -> Vec<SamplePrediction> {
        let classes = matches!(self.kind, TaskKind::Classification | TaskKind::Scores);
        let all = if classes { self.len() } else { 0 };
        (0..all).map(|position| self.prediction(position)).collect()
    }

    fn prediction(&self, position: usize) -> SamplePrediction {
        let (row, class) = (self.row(position), self.class[position]);
        let own = class.and_then(|c| usize::try_from(c).ok()).filter(|_| self.width > 1);
        let confidence = own.and_then(|c| row.get(c)).map(|p| f64::from(*p));
        let others = row.iter().enumerate().filter(|(c, _)| Some(*c) != own).map(|(_, p)| *p);
        let second = f64::from(others.fold(f32::NEG_INFINITY, f32::max));
        SamplePrediction {
            sample: self.samples[position],
            label: self.labelled().then(|| self.labels[position]),
            class,
            confidence,
            margin: confidence.map(|c| c - second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> ModelOutputs {
        ModelOutputs {
            kind: TaskKind::Classification,
            samples: vec![7, 3],
            labels: vec![0, 1],
            truth: GroundTruth::Classes,
            width: 2,
            values: vec![0.75, 0.25, f32::NAN, 0.5],
            class: vec![Some(0), None],
            pixels: PixelOutputs::default(),
        }
    }

    #[test]
    fn another_order_is_put_right_and_other_samples_are_refused() {
        let turned = answers().in_order_of(&[3, 7]).unwrap();
        assert_eq!(
            (turned.labels.as_slice(), turned.row(1)),
            ([1, 0].as_slice(), [0.75, 0.25].as_slice())
        );
        assert_eq!(answers().in_order_of(&[3, 8]), Err(SampleMismatch(8)));
        assert_eq!(answers().in_order_of(&[3]), Err(SampleMismatch(7)));
    }

    #[test]
    fn predictions_say_how_sure_they_are() {
        let found = answers().predictions();
        assert_eq!((found[0].confidence, found[0].margin), (Some(0.75), Some(0.5)));
        assert_eq!((found[1].class, found[1].confidence), (None, None));
        assert!(!answers().usable(1));
    }
}
