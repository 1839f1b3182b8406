//! The part of `paring eval` about boards: answers that differ from this machine's.

use serde::Serialize;
use std::path::PathBuf;

/// Flips that are written out for a person.
const SHOWN_FLIPS: usize = 20;

/// Answers of a board, compared with this machine's.
#[derive(Clone, Debug, Serialize)]
pub struct BoardAgreement {
    /// The model's file.
    pub model: PathBuf,
    /// The board.
    pub target: String,
    /// True for an emulator.
    pub emulated: bool,
    /// Samples that were asked about.
    pub samples: usize,
    /// The largest difference of a number that was answered.
    pub largest_difference: f64,
    /// Samples that get another class there.
    pub flips: Vec<BoardFlip>,
}

/// A sample that gets another class on a board.
#[derive(Clone, Debug, Serialize)]
pub struct BoardFlip {
    /// The sample.
    pub sample: usize,
    /// Its label, where there are any.
    pub label: Option<i64>,
    /// The class here.
    pub here: Option<i64>,
    /// The class there.
    pub there: Option<i64>,
    /// Margin of the class here above the runner-up.
    pub margin_here: Option<f64>,
}

impl BoardAgreement {
    /// Lines for a person.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let emulated = if self.emulated { " (EMULATED)" } else { "" };
        lines.push(format!(
            "\n{} on {}{emulated}: {} of {} samples get another class than here; answers differ by {:.2e} at most",
            self.model.display(),
            self.target,
            self.flips.len(),
            self.samples,
            self.largest_difference
        ));
        let class = |class: Option<i64>| class.map_or("none".into(), |class| class.to_string());
        for flip in self.flips.iter().take(SHOWN_FLIPS) {
            let margin = flip.margin_here.map(|m| format!(", by a margin of {m:.4}"));
            lines.push(format!(
                "  sample {}: {}here {}{}, there {}",
                flip.sample,
                flip.label.map(|label| format!("label {label}, ")).unwrap_or_default(),
                class(flip.here),
                margin.unwrap_or_default(),
                class(flip.there)
            ));
        }
        if self.flips.len() > SHOWN_FLIPS {
            lines.push(format!("  and {} more; --json has all", self.flips.len() - SHOWN_FLIPS));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn samples_that_a_board_decides_otherwise() {
        let flip = BoardFlip {
            sample: 57,
            label: Some(3),
            here: Some(3),
            there: None,
            margin_here: Some(0.0125),
        };
        let answers = BoardAgreement {
            model: "half.onnx".into(),
            target: "pi4".into(),
            emulated: true,
            samples: 396,
            largest_difference: 0.0125,
            flips: vec![flip],
        };
        assert_snapshot!(answers.text(), @"
        half.onnx on pi4 (EMULATED): 1 of 396 samples get another class than here; answers differ by 1.25e-2 at most
          sample 57: label 3, here 3, by a margin of 0.0125, there none
        ");
    }
}
