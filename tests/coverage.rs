//! Nominal 95 % intervals cover the figures of populations that are known: few draws of what
//! `scripts/coverage` draws by the hundred.

#[path = "common/populations.rs"]
mod populations;

use populations::{Size, populations};

/// Draws of each size.
const DRAWS: u64 = 100;
/// Resamples of each draw.
const RESAMPLES: usize = 200;

/// The share that 60 draws at 95 % stay above in all but one of a thousand cases; at 90 %, where
/// samples are few.
#[track_caller]
fn covers(sizes: &[Size], grouped: bool, least: f64) {
    let mut looked_at = 0;
    for population in populations() {
        if (population.name == "groups") != grouped {
            continue;
        }
        for row in population.coverage(sizes, DRAWS, RESAMPLES) {
            for (size, share, width) in &row.by_size {
                assert!(*share >= least, "{}, {size:?}: {share:.3} of {DRAWS}", row.figure);
                assert!(*width > 0.0 && width.is_finite(), "{}, {size:?}: {width}", row.figure);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at >= sizes.len());
}

#[test]
fn a_hundred_samples_are_covered() {
    covers(&[Size::Samples(100)], false, 0.76);
}

#[test]
fn four_hundred_samples_are_covered() {
    covers(&[Size::Samples(400)], false, 0.85);
}

#[test]
fn few_groups_are_covered() {
    covers(&[Size::Groups(8), Size::Groups(20)], true, 0.78);
}
