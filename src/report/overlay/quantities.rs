//! Quantities of a variant, node by node: precision, removed share, sensitivity, change of outputs, and
//! on each target time and energy.

use super::colors::{DIFFERENCE, OverlayColors, REMOVED};
use super::node_data::{OverlayValue, QuantityOverlay};
use super::overlay_model::OverlayModel;
use crate::report::html::RunReport;
use paring_core::schema::{EnergySummary, LayerPrecision, LayerTable};

/// All that the run knows, those without a value of any node left out.
pub(super) fn quantities(run: &RunReport, model: &OverlayModel) -> Vec<QuantityOverlay> {
    let mut all = vec![precision(model)];
    if model.variant.parent.is_some() {
        all.push(removed(model));
    }
    all.extend(LayerPrecision::ALL.into_iter().map(|precision| sensitivity(model, precision)));
    all.push(difference(run, model));
    let tables = run.layers.iter().filter(|t| t.variant_id == model.variant.variant_id);
    for table in tables.filter(|table| table.variant == model.variant.name) {
        all.push(time(table));
        all.extend(energy_of(run, table).map(|energy| self::energy(table, energy)));
    }
    all.retain(|overlay| !overlay.values.is_empty());
    all
}

fn precision(model: &OverlayModel) -> QuantityOverlay {
    let values = model.nodes.iter().enumerate().filter_map(|(position, node)| {
        Some((position, OverlayValue::Word(node.precision.clone()?)))
    });
    QuantityOverlay {
        file: "precision".into(),
        title: "precision of the weights".into(),
        short: "precision".into(),
        colors: OverlayColors::Words,
        values: values.collect(),
    }
}

fn removed(model: &OverlayModel) -> QuantityOverlay {
    let values = model.nodes.iter().enumerate();
    let values =
        values.filter_map(|(at, node)| Some((at, OverlayValue::number(node.removed?.max(0.0)))));
    QuantityOverlay {
        file: "removed".into(),
        title: "removed share of the layer's multiply-accumulates (0 to 1)".into(),
        short: "removed share".into(),
        colors: REMOVED,
        values: values.collect(),
    }
}

fn sensitivity(model: &OverlayModel, precision: LayerPrecision) -> QuantityOverlay {
    let own = model.divergences.iter().filter(|one| one.precision == precision);
    let values = own.filter(|one| one.divergence_nats.is_finite()).filter_map(|one| {
        Some((model.product(&one.layer)?, OverlayValue::number(one.divergence_nats)))
    });
    let name = precision.name();
    QuantityOverlay {
        file: format!("sensitivity.{}", name.replace(' ', "-")),
        title: format!("sensitivity: divergence with this layer alone in {name} (nats)"),
        short: format!("nats, {name}"),
        colors: OverlayColors::Gradient,
        values: values.collect(),
    }
}

fn difference(run: &RunReport, model: &OverlayModel) -> QuantityOverlay {
    let own = run.explanations.iter().filter(|e| e.variant_id == model.variant.variant_id);
    let values = own.flat_map(|found| &found.flow).filter_map(|layer| {
        let likeness = layer.similarity.filter(|likeness| likeness.is_finite())?;
        Some((model.maker(&layer.tensor)?, OverlayValue::number((1.0 - likeness).max(0.0))))
    });
    QuantityOverlay {
        file: "output-difference".into(),
        title: "output difference from the baseline (1 − linear CKA)".into(),
        short: "1 − CKA".into(),
        colors: DIFFERENCE,
        values: values.collect(),
    }
}

/// Place of a table, as its file and its title name it.
fn place(table: &LayerTable) -> (String, String) {
    let emulated = if table.emulated { ", emulated" } else { "" };
    match table.batch {
        1 => (table.target.clone(), format!("on {}{emulated}", table.target)),
        batch => (
            format!("{}.batch-{batch}", table.target),
            format!("on {} with batch {batch}{emulated}", table.target),
        ),
    }
}

fn time(table: &LayerTable) -> QuantityOverlay {
    let values = table.layers.iter().filter(|layer| layer.time_ns.is_finite());
    let values = values.map(|layer| (layer.position, OverlayValue::number(layer.time_ns / 1e3)));
    let (file, place) = place(table);
    QuantityOverlay {
        file: format!("time.{file}"),
        title: format!("time {place} (µs per inference)"),
        short: format!("µs, {file}"),
        colors: OverlayColors::Gradient,
        values: values.collect(),
    }
}

/// Energy of the variant in the setting of a table.
fn energy_of<'a>(run: &'a RunReport, table: &LayerTable) -> Option<&'a EnergySummary> {
    let mut own = run.rows.iter().filter(|row| {
        row.variant.name == table.variant
            && row.target == table.target
            && row.measurement.setting.batch == table.batch
    });
    own.find_map(|row| row.measurement.energy.as_ref().ok())
}

/// Sensors do not see layers: the whole, divided as the time is.
fn energy(table: &LayerTable, energy: &EnergySummary) -> QuantityOverlay {
    let whole = energy.per_inference_uj.value;
    let values = table.layers.iter().filter(|layer| (layer.share * whole).is_finite());
    let values = values.map(|layer| (layer.position, OverlayValue::number(layer.share * whole)));
    let (file, place) = place(table);
    QuantityOverlay {
        file: format!("energy.{file}"),
        title: format!("energy {place} (µJ per inference above idle, divided as the time is)"),
        short: format!("µJ, {file}"),
        colors: OverlayColors::Gradient,
        values: values.collect(),
    }
}
