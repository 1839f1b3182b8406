//! `<variant>.flow.csv`: feature flow through each layer, before and after.

use crate::report::report_error::ReportError;
use paring_core::schema::{ActivationStatistics, AttentionHeadStatistics, LayerFlow};
use paring_data::CsvTable;

const HEADER: [&str; 14] = [
    "layer",
    "tensor",
    "model",
    "channels",
    "rows",
    "mean",
    "deviation",
    "zeros",
    "dead",
    "effective_rank",
    "similarity",
    "head",
    "head_entropy",
    "head_distance",
];

/// Two rows a layer, `before` and `after`; where it is attention, one for each head too.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn flow_csv(layers: &[LayerFlow]) -> Result<Vec<u8>, ReportError> {
    let mut writer = CsvTable::default();
    writer.row(HEADER)?;
    for layer in layers {
        for (model, flow) in [("before", Some(&layer.before)), ("after", layer.after.as_ref())] {
            let Some(flow) = flow else { continue };
            writer.row(cells(layer, model, flow, None))?;
            for (index, head) in flow.heads.iter().enumerate() {
                writer.row(cells(layer, model, flow, Some((index, head))))?;
            }
        }
    }
    writer.finish().map_err(ReportError::Buffer)
}

fn cells(
    layer: &LayerFlow,
    model: &str,
    flow: &ActivationStatistics,
    head: Option<(usize, &AttentionHeadStatistics)>,
) -> [String; 14] {
    let number = |value: f64| format!("{value:.6}");
    let similarity = layer.similarity.filter(|_| model == "after").map(number);
    let of_head = |of: fn(&AttentionHeadStatistics) -> f64| {
        head.map(|(_, h)| number(of(h))).unwrap_or_default()
    };
    [
        layer.layer.clone(),
        layer.tensor.clone(),
        model.to_string(),
        flow.channels.to_string(),
        flow.rows.to_string(),
        number(flow.mean),
        number(flow.deviation),
        number(flow.zeros),
        number(flow.dead),
        number(flow.effective_rank),
        similarity.unwrap_or_default(),
        head.map(|(index, _)| index.to_string()).unwrap_or_default(),
        of_head(|h| h.entropy),
        of_head(|h| h.distance),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::flow_lines;

    #[test]
    fn a_layer_that_is_gone_has_one_row() {
        let heads = vec![AttentionHeadStatistics { entropy: 0.5, distance: 1.25 }];
        let before = ActivationStatistics {
            channels: 4,
            rows: 8,
            mean: 0.0,
            deviation: 1.0,
            zeros: 0.25,
            dead: 0.5,
            effective_rank: 1.75,
            heads,
        };
        let (layer, tensor) = ("attn".to_string(), "attn/p".to_string());
        let layers = [LayerFlow { layer, tensor, before, after: None, similarity: None }];
        let text = String::from_utf8(flow_csv(&layers).unwrap()).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(text.ends_with("0.500000,1.750000,,0,0.500000,1.250000\n"), "{text}");
        assert!(flow_lines(&layers)[2].contains("heads before: 0.50 nats 1.2 places"));
    }
}
