//! Node data for model-explorer: one quantity of a model, by output tensor and by node.
//!
//! Source: `node_data_builder.py` of ai-edge-model-explorer 0.1.34, and its reader in the web page.

use super::colors::{OverlayColors, of_precision};
use super::overlay_model::OverlayModel;
use serde_json::{Map, Value, json};

/// One quantity of a model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct QuantityOverlay {
    /// The file's name without its ending.
    pub(super) file: String,
    /// Quantity, place and unit, for a person; the first words are those that a narrow column shows.
    pub(super) title: String,
    /// The same in a dozen letters.
    pub(super) short: String,
    pub(super) colors: OverlayColors,
    /// Positions of nodes and their values, each node once.
    pub(super) values: Vec<(usize, OverlayValue)>,
}

/// The value of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OverlayValue {
    Number(f64),
    Word(String),
}

impl OverlayValue {
    /// A number with four significant digits: viewers show all that there are.
    pub(super) fn number(value: f64) -> OverlayValue {
        OverlayValue::Number(format!("{value:.3e}").parse().unwrap_or(value))
    }

    pub(super) fn json(&self) -> Value {
        match self {
            OverlayValue::Number(number) => json!(number),
            OverlayValue::Word(word) => json!(word),
        }
    }
}

impl QuantityOverlay {
    /// The file; `None` where no node has a value.
    pub(super) fn node_data(&self, model: &OverlayModel) -> Option<Value> {
        let mut results = Map::new();
        for (position, value) in &self.values {
            let mut entry = json!({ "value": value.json() });
            if let OverlayValue::Word(word) = value {
                entry["bgColor"] = json!(of_precision(word));
            }
            for key in keys(model, *position) {
                results.insert(key.to_string(), entry.clone());
            }
        }
        if results.is_empty() {
            return None;
        }
        let mut file = Map::from_iter([
            ("name".to_string(), json!(self.title)),
            ("results".to_string(), Value::Object(results)),
        ]);
        file.extend(self.colors.entry().map(|(name, colors)| (name.to_string(), colors)));
        Some(Value::Object(file))
    }
}

/// Keys of a node: its output tensor, which adapters say that follow the viewer's documentation, and its
/// own name, by which the ONNX adapter (model-explorer-onnx 0.4.2) alone knows it. A tensor that is
/// called as some node is would be taken for that; for a key `results` the viewer takes the file for one
/// of several graphs.
fn keys<'a>(model: &'a OverlayModel, position: usize) -> impl Iterator<Item = &'a str> {
    let tensor = model.tensor(position).filter(|tensor| !model.is_name(tensor));
    tensor.into_iter().chain(model.name(position)).filter(|key| *key != "results")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::overlay::OverlayNode;
    use paring_core::schema::VariantRecord;

    #[test]
    fn keys_are_tensors_and_names_and_values_have_four_digits() {
        let node = |name: &str, tensor: &str| OverlayNode {
            name: name.into(),
            tensor: tensor.into(),
            ..OverlayNode::default()
        };
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/tests/fixtures/run-of-format-1/run/variants/half.json");
        let text = std::fs::read_to_string(path).unwrap();
        let variant: VariantRecord = serde_json::from_str(&text).unwrap();
        let nodes = vec![
            node("a/Conv", "a"),
            node("", "results"),
            node("fc", "a/Conv"),
            node("twice", "<b>"),
            node("twice", "c"),
        ];
        let number = OverlayValue::number;
        let overlay = QuantityOverlay {
            file: "time.host".into(),
            title: "time on host (µs)".into(),
            short: "µs, host".into(),
            colors: OverlayColors::Gradient,
            values: vec![
                (0, number(12.345_678)),
                (1, number(1.0)),
                (2, number(0.000_123_456)),
                (3, OverlayValue::Word("int8".into())),
                (9, number(1.0)),
            ],
        };
        let expected = json!({
            "name": "time on host (µs)",
            "results": {
                "a": { "value": 12.35 },
                "a/Conv": { "value": 12.35 },
                "fc": { "value": 0.000_123_5 },
                "<b>": { "value": "int8", "bgColor": "#a1d99b" },
            },
            "gradient": [
                { "stop": 0.0, "bgColor": "#fff5eb" },
                { "stop": 0.5, "bgColor": "#fdae6b" },
                { "stop": 1.0, "bgColor": "#a63603" },
            ],
        });
        let model = OverlayModel::new(&variant, String::new(), nodes, vec![]);
        assert_eq!(overlay.node_data(&model), Some(expected));
        assert_eq!(
            overlay.node_data(&OverlayModel::new(&variant, String::new(), vec![], vec![])),
            None
        );
    }
}
