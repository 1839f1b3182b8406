//! The samples hit hardest, as lines of text.

use paring_core::schema::DegradedSample;

/// A line for each of the first few.
pub fn hits_lines(hits: &[DegradedSample], count: usize) -> Vec<String> {
    let class = |class: Option<i64>| class.map_or("none".into(), |c| c.to_string());
    let line = |hit: &DegradedSample| {
        let (before, after) = (class(hit.before), class(hit.after));
        let mut line = match hit.label {
            Some(label) => format!(
                "  sample {} of class {label}: {before} → {after}, its probability fell by {:.3}",
                hit.sample, hit.lost
            ),
            None => format!(
                "  sample {}: {before} → {after}, the probability of class {before} fell by {:.3}",
                hit.sample, hit.lost
            ),
        };
        if let Some(region) = &hit.region {
            line += &format!(
                "; of its {} neighbours {:.0} % are right, before {:.0} %",
                region.neighbours.len(),
                100.0 * region.accuracy_after,
                100.0 * region.accuracy_before
            );
        }
        line
    };
    hits.iter().take(count).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use paring_core::schema::SampleNeighbourhood;

    #[test]
    fn samples_with_and_without_labels() {
        let region = SampleNeighbourhood {
            neighbours: vec![1],
            same_label: 1.0,
            accuracy_before: 1.0,
            accuracy_after: 0.0,
        };
        let labelled = DegradedSample {
            sample: 57,
            label: Some(3),
            before: Some(3),
            after: None,
            flip: None,
            lost: 0.8125,
            region: Some(region),
        };
        let unlabelled = DegradedSample {
            sample: 58,
            label: None,
            after: Some(4),
            region: None,
            ..labelled.clone()
        };
        assert_snapshot!(hits_lines(&[labelled, unlabelled], 5).join("\n"), @"
        sample 57 of class 3: 3 → none, its probability fell by 0.812; of its 1 neighbours 0 % are right, before 100 %
        sample 58: 3 → 4, the probability of class 3 fell by 0.812
        ");
    }
}
