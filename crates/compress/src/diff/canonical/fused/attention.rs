//! Packed attention and embeddings of ONNX Runtime in standard operators: one product for each of
//! queries, keys and values, as other exporters write them.

use super::expansion::FusedExpansion;
use paring_onnx::graph::{self, Weights};

/// `Attention` of com.microsoft without past and with one mask value a token.
pub(super) fn attention(parts: &mut FusedExpansion) -> Option<()> {
    let heads = usize::try_from(graph::int(parts.fused, "num_heads")?).ok()?;
    let one_way = graph::int(parts.fused, "unidirectional").unwrap_or(0) == 1;
    let unknown = (4..7).any(|slot| parts.input(slot).is_some());
    let (x, weights) = (parts.input(0)?, parts.input(1)?);
    let stored = parts.graph.weights(&weights).ok()?;
    let (values, [rows, columns]) = (stored.to_f32()?, <[usize; 2]>::try_from(stored.dims).ok()?);
    let width = columns / 3;
    if one_way || unknown || columns % 3 != 0 || heads == 0 || width % heads != 0 {
        return None;
    }
    let size = width / heads;
    let bias = parts.input(2);
    let biases = match &bias {
        Some(bias) => Some(parts.graph.weights(bias).ok()?.to_f32()?),
        None => None,
    };
    let split = parts.constant("split", Weights::i64(&[4], &[0, 0, heads as i64, size as i64]));
    let mut sides = Vec::new();
    for (part, letter) in ["query", "key", "value"].into_iter().enumerate() {
        let columns = part * width..(part + 1) * width;
        let own: Vec<f32> =
            (0..rows).flat_map(|row| values[row * 3 * width..][columns.clone()].to_vec()).collect();
        let weights =
            parts.constant(&format!("{letter}.weight"), Weights::f32(&[rows, width], &own));
        let mut side = parts.push("MatMul", &[&x, &weights], None);
        if let Some(biases) = &biases {
            let own = Weights::f32(&[width], biases.get(columns)?);
            let bias = parts.constant(&format!("{letter}.bias"), own);
            side = parts.push("Add", &[&side, &bias], None);
        }
        let side = parts.push("Reshape", &[&side, &split], None);
        let side = parts.push("Transpose", &[&side], None);
        let order = if letter == "key" { vec![0, 2, 3, 1] } else { vec![0, 2, 1, 3] };
        graph::set_ints(parts.last()?, "perm", order);
        sides.push(side);
    }
    let [query, key, value] = <[String; 3]>::try_from(sides).ok()?;
    let product = parts.push("MatMul", &[&query, &key], None);
    let scale = graph::float(parts.fused, "scale").filter(|s| *s != 0.0);
    let scale = parts.scalar("scale", scale.unwrap_or(1.0 / (size as f32).sqrt()));
    let mut scores = parts.push("Mul", &[&product, &scale], None);
    if let Some(mask) = parts.input(3) {
        let mask = additive(parts, mask)?;
        scores = parts.push("Add", &[&scores, &mask], None);
    }
    let shares = parts.push("Softmax", &[&scores], None);
    graph::set_int(parts.last()?, "axis", -1);
    let mixed = parts.push("MatMul", &[&shares, &value], None);
    let turned = parts.push("Transpose", &[&mixed], None);
    graph::set_ints(parts.last()?, "perm", vec![0, 2, 1, 3]);
    let joined = parts.constant("joined", Weights::i64(&[3], &[0, 0, width as i64]));
    let output = parts.output();
    parts.push("Reshape", &[&turned, &joined], output);
    Some(())
}

/// (1 − mask) · filter, broadcast over heads and queries.
fn additive(parts: &mut FusedExpansion, mask: String) -> Option<String> {
    let filter = graph::float(parts.fused, "mask_filter_value").unwrap_or(-10_000.0);
    let floats = parts.push("Cast", &[&mask], None);
    graph::set_int(parts.last()?, "to", 1);
    let shape = parts.constant("mask.shape", Weights::i64(&[4], &[0, 1, 1, -1]));
    let spread = parts.push("Reshape", &[&floats, &shape], None);
    let (one, filter) = (parts.scalar("one", 1.0), parts.scalar("filter", filter));
    let masked = parts.push("Sub", &[&one, &spread], None);
    Some(parts.push("Mul", &[&masked, &filter], None))
}

/// `EmbedLayerNormalization`: words, positions and segments, summed and normalised. Its second output
/// is the mask, as what reads it here takes the mask itself.
pub(super) fn embedding(parts: &mut FusedExpansion) -> Option<()> {
    let (ids, words, positions) = (parts.input(0)?, parts.input(2)?, parts.input(3)?);
    let (scale, shift) = (parts.input(5)?, parts.input(6)?);
    let word = parts.push("Gather", &[&words, &ids], None);
    let place = match parts.input(8) {
        Some(given) => parts.push("Gather", &[&positions, &given], None),
        None => {
            let (zero, one) = (Weights::i64(&[], &[0]), Weights::i64(&[], &[1]));
            let (zero, one) = (parts.constant("zero", zero), parts.constant("one", one));
            let shape = parts.push("Shape", &[&ids], None);
            let length = parts.push("Gather", &[&shape, &one], None);
            let range = parts.push("Range", &[&zero, &length, &one], None);
            parts.push("Gather", &[&positions, &range], None)
        }
    };
    let mut sum = word;
    if let (Some(segments), Some(table)) = (parts.input(1), parts.input(4)) {
        let segment = parts.push("Gather", &[&table, &segments], None);
        sum = parts.push("Add", &[&sum, &segment], None);
    }
    let total = parts.fused.output.get(2).filter(|o| !o.is_empty()).cloned();
    let sum = parts.push("Add", &[&sum, &place], total);
    let output = parts.output();
    parts.push("LayerNormalization", &[&sum, &scale, &shift], output);
    parts.keep_attributes(|name| name == "epsilon");
    if let Some(mask) = parts.fused.output.get(1).filter(|o| !o.is_empty()).cloned() {
        let given = parts.input(7)?;
        parts.push("Identity", &[&given], Some(mask));
    }
    Some(())
}
