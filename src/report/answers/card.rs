//! The answer of `paring flash`: a card compared with its image.

use paring_boards::flash::CardComparison;
use paring_core::units::Bytes;
use serde_json::{Value, json};
use std::path::Path;

/// A comparison for a machine.
pub fn card_json(device: &Path, image: &Path, comparison: &CardComparison) -> Value {
    // Bytes that were not compared are not known to be the same.
    let same = (comparison.skipped == 0).then_some(true);
    json!({
        "image": image, "device": device, "same": same,
        "compared_bytes": comparison.compared, "not_compared_bytes": comparison.skipped,
    })
}

/// A comparison for a person.
pub fn card_text(device: &Path, image: &Path, comparison: &CardComparison) -> String {
    let (device, image) = (device.display(), image.display());
    match comparison.skipped {
        0 => format!("{device} holds {image}, byte for byte"),
        skipped => format!(
            "{device} holds the {} of {image} that its block map has, byte for byte; {}, zero in the image, were neither written nor compared",
            Bytes(comparison.compared),
            Bytes(skipped)
        ),
    }
}
