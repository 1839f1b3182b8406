//! The answer of `paring gradient`: norms of gradients layer by layer, and nodes that pass none.

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
    /// Lines for a person.
    pub fn text(&self) -> String {
        let mut lines = vec![self.head()];
        lines.extend(self.layer_lines());
        for input in &self.gradients.inputs {
            lines.push(format!("gradient at input `{}`: {}", input.input, norm(input.norm)));
        }
        for refusal in &self.gradients.refusals {
            lines.push(format!("{refusal}: {}", refusal.obstacle));
        }
        if self.gradients.refusals.is_empty() {
            lines.push("every node between the layers and the loss passes a gradient".into());
        }
        if let Some((path, sha256)) = &self.saved {
            lines.push(format!("backward graph in {}, sha256 {sha256}", path.display()));
        }
        lines.join("\n")
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

    fn layer_lines(&self) -> Vec<String> {
        let layers = &self.gradients.layers;
        let wide = |text: &dyn Fn(&LayerGradient) -> usize, most: usize| {
            layers.iter().map(text).max().unwrap_or(0).clamp(8, most)
        };
        let names = wide(&|layer| layer.layer.len(), 40);
        let operators = wide(&|layer| layer.op_type.len(), 24);
        let header = format!(
            "{:<names$} {:<operators$} {:>12} {:>12} {:>8}",
            "layer", "operator", "at weights", "at outputs", "share"
        );
        let line = |layer: &LayerGradient| {
            let share = layer.share.map(|share| format!("{:.1} %", 100.0 * share));
            let blocked = layer.blocked_by.as_ref();
            let blocked = blocked.map(|node| format!("  blocked by `{node}`")).unwrap_or_default();
            format!(
                "{:<names$} {:<operators$} {:>12} {:>12} {:>8}{blocked}",
                layer.layer,
                layer.op_type,
                norm(layer.weights_norm),
                norm(layer.outputs_norm),
                share.unwrap_or_default()
            )
        };
        std::iter::once(header).chain(layers.iter().map(line)).collect()
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

fn norm(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(value) if value >= 100.0 => format!("{value:.1}"),
        Some(value) if value >= 1.0 => format!("{value:.3}"),
        Some(value) if value >= 1e-3 || value == 0.0 => format!("{value:.5}"),
        Some(value) => format!("{value:.2e}"),
    }
}
