//! Area under the ROC curve, with DeLong's structural components.

/// The area under a ROC curve, and what each sample contributes.
#[derive(Clone, Debug, PartialEq)]
pub struct RocAuc {
    /// The area: how likely a positive scores higher than a negative, equal scores counting half.
    pub value: f64,
    /// By how much the area moves per share of weight given to a sample: n times its structural
    /// component's distance from the area, over the number of samples of its kind.
    pub influence: Vec<f64>,
    /// Number of positives, the mean over classes where the area is a mean.
    pub positives: f64,
    /// Number of negatives, likewise.
    pub negatives: f64,
    /// Number of areas that do not depend on each other among those that it is the mean of: of one
    /// class against the rest half as many as classes, because an error is one of two classes.
    pub areas: f64,
}

/// The area under the ROC curve; `None` without positives or without negatives.
///
/// Source: DeLong, DeLong & Clarke-Pearson 1988, for the structural components.
pub fn roc_auc(scores: &[f64], positive: &[bool]) -> Option<RocAuc> {
    let n = scores.len() as f64;
    let positives = positive.iter().filter(|p| **p).count() as f64;
    let negatives = n - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    // For a positive the share of negatives below it, for a negative the share of positives above.
    let mut component = vec![0.0; scores.len()];
    let (mut below, mut start) = ([0.0, 0.0], 0);
    while start < order.len() {
        let tied = order[start..].iter().take_while(|i| scores[**i] == scores[order[start]]);
        let end = start + tied.count().max(1);
        let mut own = [0.0, 0.0];
        order[start..end].iter().for_each(|i| own[usize::from(positive[*i])] += 1.0);
        for i in &order[start..end] {
            component[*i] = match positive[*i] {
                true => (below[0] + own[0] / 2.0) / negatives,
                false => (positives - below[1] - own[1] / 2.0) / positives,
            };
        }
        below = [below[0] + own[0], below[1] + own[1]];
        start = end;
    }
    let of_positives = component.iter().zip(positive).filter(|(_, p)| **p).map(|(c, _)| *c);
    let value = of_positives.sum::<f64>() / positives;
    let weigh = |(c, p): (f64, &bool)| (c - value) * n / if *p { positives } else { negatives };
    let influence = component.into_iter().zip(positive).map(weigh).collect();
    Some(RocAuc { value, influence, positives, negatives, areas: 1.0 })
}

/// The mean area of each class against the rest, over the classes for which there is one.
pub fn roc_auc_one_vs_rest(probabilities: &[f32], labels: &[i64]) -> Option<RocAuc> {
    let width = probabilities.len().checked_div(labels.len())?;
    let n = labels.len() as f64;
    let (mut value, mut influence, mut classes) = (0.0, vec![0.0; labels.len()], 0.0);
    let mut positives = 0.0;
    for class in 0..width {
        let scores: Vec<f64> =
            probabilities.chunks(width).map(|row| f64::from(row[class])).collect();
        let positive: Vec<bool> =
            labels.iter().map(|label| usize::try_from(*label) == Ok(class)).collect();
        let Some(own) = roc_auc(&scores, &positive) else { continue };
        value += own.value;
        influence.iter_mut().zip(own.influence).for_each(|(sum, i)| *sum += i);
        positives += own.positives / n;
        classes += 1.0;
    }
    influence.iter_mut().for_each(|sum| *sum /= classes);
    let positives = n * positives / classes;
    (classes > 0.0).then(|| RocAuc {
        value: value / classes,
        influence,
        positives,
        negatives: n - positives,
        areas: (classes / 2.0f64).max(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_pairs_and_halves_ties() {
        let positive = [true, false, true, false];
        assert_eq!(roc_auc(&[0.9, 0.1, 0.4, 0.4], &positive).unwrap().value, 3.5 / 4.0);
        assert!(roc_auc(&[0.9, 0.1], &[true, true]).is_none());
        let found = roc_auc(&[0.3, 0.1, 0.2, 0.25], &positive).unwrap();
        assert!(found.influence.iter().sum::<f64>().abs() < 1e-12);
    }

    #[test]
    fn influence_says_what_another_weight_does() {
        let (scores, positive) = ([0.9, 0.1, 0.4, 0.5, 0.3], [true, false, true, false, false]);
        let base = roc_auc(&scores, &positive).unwrap();
        // The first sample twice.
        let twice = roc_auc(
            &[scores.as_slice(), &[0.9]].concat(),
            &[positive.as_slice(), &[true]].concat(),
        );
        let moved = twice.unwrap().value - base.value;
        // To first order in the added weight 1/n, within its own kind of 2: exact is 2/3 of it.
        assert!((moved - base.influence[0] / 5.0 * 2.0 / 3.0).abs() < 1e-12);
    }
}
