//! The answer of `paring gradient`: norms of gradients layer by layer, and nodes that pass none.

use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use paring_compress::catalog::{LayerGradient, ModelGradients};
use paring_core::schema::Sha256Hex;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Source of the classes that a cross entropy is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelOrigin {
    /// The data's labels.
    Data,
    /// The model's own predictions, because the data have no labels.
    Predictions,
    /// There are no data.
    Nothing,
}

/// Gradients of a model, and the file that was written.
#[derive(Clone, Debug)]
pub struct GradientAnswer {
    /// The model's file.
    pub model: PathBuf,
    /// The output that the loss is taken of.
    pub output: String,
    /// Source of the classes.
    pub labels: LabelOrigin,
    /// Samples of a pass.
    pub batch: usize,
    /// Gradients by layer.
    pub gradients: ModelGradients,
    /// The backward graph's file, and its hash.
    pub saved: Option<(PathBuf, Sha256Hex)>,
}

impl GradientAnswer {
    /// A table for a person, and the lines beside it.
    pub fn text(&self, layout: TerminalLayout) -> String {
        let mut below = Vec::new();
        for input in &self.gradients.inputs {
            below.push(format!("gradient at input `{}`: {}", input.input, norm(input.norm)));
        }
        for refusal in &self.gradients.refusals {
            below.push(format!("{refusal}: {}", refusal.obstacle));
        }
        if self.gradients.refusals.is_empty() {
            below.push("every node between the layers and the loss passes a gradient".into());
        }
        if let Some((path, sha256)) = &self.saved {
            below.push(format!("backward graph in {}, sha256 {sha256}", path.display()));
        }
        let table = fitted(columns(&self.gradients.layers), layout);
        format!("{}\n{table}{}", layout.prose(&self.head()), layout.lines(below))
    }

    fn head(&self) -> String {
        let whose = match self.labels {
            LabelOrigin::Data => "the data's labels",
            LabelOrigin::Predictions => "its own predictions, the data having no labels",
            LabelOrigin::Nothing => {
                return format!(
                    "no norms without data: give --data FILE; loss: cross entropy of `{}`",
                    self.output
                );
            }
        };
        let ModelGradients { loss, passes, .. } = &self.gradients;
        let each = if self.batch == 1 { "samples one by one" } else { "batches" };
        format!(
            "cross entropy {} of `{}` with {whose}; norms are root mean squares over {passes} {each}",
            norm(*loss),
            self.output
        )
    }

    /// The same for a machine.
    pub fn json(&self) -> Value {
        let ModelGradients { layers, inputs, refusals, passes, loss } = &self.gradients;
        let refusals: Vec<Value> = refusals
            .iter()
            .map(|refusal| {
                let reason = refusal.obstacle.to_string();
                json!({ "node": refusal.node, "op_type": refusal.op_type, "reason": reason })
            })
            .collect();
        let saved = self.saved.as_ref();
        json!({
            "schema": 1, "model": self.model, "output": self.output, "labels": self.labels,
            "batch": self.batch, "passes": passes, "loss": loss, "layers": layers,
            "inputs": inputs, "refusals": refusals,
            "saved": saved.map(|(path, _)| path), "saved_sha256": saved.map(|(_, hash)| hash),
        })
    }
}

fn columns(layers: &[LayerGradient]) -> Vec<TextColumn> {
    let share = |layer: &LayerGradient| layer.share.map(|share| format!("{:.1}", 100.0 * share));
    let mut columns = vec![
        TextColumn::text("layer", 0, layers.iter().map(|layer| cell(&layer.layer))),
        TextColumn::text("operator", 2, layers.iter().map(|layer| cell(&layer.op_type))),
        TextColumn::figures("at weights", 0, layers.iter().map(|l| cell(norm(l.weights_norm)))),
        TextColumn::figures("at outputs", 0, layers.iter().map(|l| cell(norm(l.outputs_norm)))),
        TextColumn::figures(
            "share, %",
            0,
            layers.iter().map(|layer| cell(share(layer).unwrap_or_default())),
        ),
    ];
    if layers.iter().any(|layer| layer.blocked_by.is_some()) {
        let blocked = layers.iter().map(|layer| cell(layer.blocked_by.as_deref().unwrap_or("")));
        columns.push(TextColumn::text("blocked by", 1, blocked));
    }
    columns
}

fn norm(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(value) if value >= 100.0 => format!("{value:.1}"),
        Some(value) if value >= 1.0 => format!("{value:.3}"),
        Some(value) if value >= 1e-3 || value == 0.0 => format!("{value:.5}"),
        Some(value) => format!("{value:.2e}"),
    }
}
