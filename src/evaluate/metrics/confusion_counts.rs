//! Confusion counts and what follows from them: precision, recall, specificity, F1, IoU.
//!
//! Counts are floats, because a bootstrap's are weighted.

/// True positives, predictions and labels of each class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassCounts<'a> {
    /// Right predictions of each class.
    pub true_positives: &'a [f64],
    /// Predictions of each class.
    pub predicted: &'a [f64],
    /// Labels of each class.
    pub labelled: &'a [f64],
}

/// A share of something that is there.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    share(sum, count)
}

impl ClassCounts<'_> {
    /// Share of a class's samples that were recognised; `None` without samples.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.true_positives[class], self.labelled[class])
    }

    /// Share of a class's predictions that are right; `None` without predictions.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.true_positives[class], self.predicted[class])
    }

    /// 2·hits / (predicted + labelled); `None` for a class that is neither.
    pub fn f1(&self, class: usize) -> Option<f64> {
        share(2.0 * self.true_positives[class], self.predicted[class] + self.labelled[class])
    }

    /// hits / (predicted + labelled − hits); `None` for a class that is neither.
    pub fn iou(&self, class: usize) -> Option<f64> {
        share(
            self.true_positives[class],
            self.predicted[class] + self.labelled[class] - self.true_positives[class],
        )
    }

    /// Classes that occur among labels or predictions: those a mean goes over.
    fn present(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.true_positives.len()).filter(|c| self.predicted[*c] + self.labelled[*c] > 0.0)
    }

    /// Mean recall of the classes that occur; one that is only predicted counts as 0.
    pub fn recall_macro(&self) -> Option<f64> {
        mean(self.present().map(|c| self.recall(c).unwrap_or(0.0)))
    }

    /// Mean precision of the classes that occur; one that is never predicted counts as 0.
    pub fn precision_macro(&self) -> Option<f64> {
        mean(self.present().map(|c| self.precision(c).unwrap_or(0.0)))
    }

    /// Mean F1 of the classes that occur.
    pub fn f1_macro(&self) -> Option<f64> {
        mean(self.present().filter_map(|c| self.f1(c)))
    }

    /// Mean intersection over union of the classes that occur.
    pub fn iou_macro(&self) -> Option<f64> {
        mean(self.present().filter_map(|c| self.iou(c)))
    }

    /// F1 of all decisions together.
    pub fn f1_micro(&self) -> Option<f64> {
        let sum = |counts: &[f64]| counts.iter().sum::<f64>();
        share(2.0 * sum(self.true_positives), sum(self.predicted) + sum(self.labelled))
    }

    /// Mean over classes of the share of other classes' samples that were not called so; `decisions`
    /// are all samples (pixels).
    pub fn specificity_macro(&self, decisions: f64) -> Option<f64> {
        mean(self.present().filter_map(|c| self.binary(c, decisions).specificity()))
    }

    /// One class against the rest of `decisions`.
    pub fn binary(&self, class: usize, decisions: f64) -> ConfusionCounts {
        let true_positives = self.true_positives[class];
        let (false_positives, false_negatives) =
            (self.predicted[class] - true_positives, self.labelled[class] - true_positives);
        ConfusionCounts {
            true_positives,
            false_positives,
            false_negatives,
            true_negatives: decisions - true_positives - false_positives - false_negatives,
        }
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ConfusionCounts {
    /// Yes, rightly.
    pub true_positives: f64,
    /// Yes, wrongly.
    pub false_positives: f64,
    /// No, wrongly.
    pub false_negatives: f64,
    /// No, rightly.
    pub true_negatives: f64,
}

impl ConfusionCounts {
    /// Share of positives that were found.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Share of alarms that were right.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Share of negatives that were left in peace.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negatives, self.true_negatives + self.false_positives)
    }

    /// Share of positives that were missed.
    pub fn false_negative_rate(&self) -> Option<f64> {
        self.recall().map(|recall| 1.0 - recall)
    }
}

/// Counts of `classes` classes: hits, predictions, labels. A `None` is a prediction of nothing.
pub fn class_counts(labels: &[i64], predicted: &[Option<i64>], classes: usize) -> [Vec<f64>; 3] {
    let mut all = [vec![0.0; classes], vec![0.0; classes], vec![0.0; classes]];
    let mut add = |what: usize, class: i64| {
        if let Some(count) = usize::try_from(class).ok().and_then(|c| all[what].get_mut(c)) {
            *count += 1.0;
        }
    };
    for (label, class) in labels.iter().zip(predicted) {
        add(2, *label);
        if let Some(class) = class {
            add(1, *class);
            if class == label {
                add(0, *class);
            }
        }
    }
    all
}

/// `confusion[label][class]`; with a last column of predictions of nothing where there are any.
pub fn confusion_matrix(
    labels: &[i64],
    predicted: &[Option<i64>],
    classes: usize,
) -> Vec<Vec<u64>> {
    let columns = classes + usize::from(predicted.iter().any(Option::is_none));
    let mut table = vec![vec![0; columns]; classes];
    for (label, class) in labels.iter().zip(predicted) {
        let column = class.map_or(Some(classes), |class| usize::try_from(class).ok());
        let row = usize::try_from(*label).ok().and_then(|label| table.get_mut(label));
        if let Some(cell) = row.zip(column).and_then(|(row, column)| row.get_mut(column)) {
            *cell += 1;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn equal_those_computed_by_hand() {
        let labels = [0, 0, 0, 1, 1, 2];
        let predicted = [Some(0), Some(0), Some(1), Some(1), None, Some(0)];
        let [true_positives, predictions, labelled] = class_counts(&labels, &predicted, 4);
        let all = ClassCounts {
            true_positives: &true_positives,
            predicted: &predictions,
            labelled: &labelled,
        };
        near(all.recall(0), 2.0 / 3.0);
        near(all.precision(0), 2.0 / 3.0);
        near(all.f1(1), 0.5);
        assert_eq!((all.precision(2), all.f1(3)), (None, None));
        near(all.f1_macro(), (2.0 / 3.0 + 0.5 + 0.0) / 3.0);
        near(all.f1_micro(), 6.0 / 11.0);
        near(all.binary(0, 6.0).specificity(), 2.0 / 3.0);
        near(all.iou(0), 0.5);
        let table = confusion_matrix(&labels, &predicted, 4);
        assert_eq!(table[0], [2, 1, 0, 0, 0]);
        assert_eq!(table[1], [0, 1, 0, 0, 1]);
    }
}
