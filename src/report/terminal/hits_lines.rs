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
