//! A run of many variants, targets, layers and predictions, made from the records of a small real one: what
//! the report has to bear. Nothing in it is a measurement.

use paring::report::html::{
    ChangedSample, MemoryUse, ReportBlock, ReportLayer, ReportNetwork, ReportSamples, RunReport,
    SampleDrawing, TargetBlocks,
};
use paring::report::{ResultRow, RunFacts};
use paring::schema::{
    Decision, DecisionGroup, DecisionInputs, DegradedSample, Explanation, FlipBlame, FlipDirection,
    FlipKind, LayerFlow, LayerTable, LedgerEntry, LedgerEntryKind, Measurement, MissingReason,
    RemovedComponent, SCHEMA, Sha256Hex,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How large the run is.
#[derive(Clone, Copy)]
pub struct RunSize {
    pub variants: usize,
    pub targets: usize,
    pub layers: usize,
    pub predictions: usize,
}

/// Records of a large run.
pub struct LargeRun {
    facts: RunFacts,
    rows: Vec<ResultRow>,
    layers: Vec<LayerTable>,
    explanations: Vec<Explanation>,
    ledger: Vec<LedgerEntry>,
    network: ReportNetwork,
    blocks: Vec<TargetBlocks>,
    samples: ReportSamples,
}

fn typed<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// A value, or the reason for which there is none.
fn known<T: DeserializeOwned>(row: &Value, name: &str) -> Result<T, MissingReason> {
    match &row[name] {
        Value::Null => Err(typed(&row[format!("{name}_missing")])),
        value => Ok(typed(value)),
    }
}

impl LargeRun {
    /// Of the size, from a run as `paring report --format json` writes it.
    pub fn new(document: &Value, size: RunSize) -> LargeRun {
        let run = &document["runs"][0];
        let rows = run["results"].as_array().unwrap();
        let of = |variant: &str| rows.iter().find(|row| row["variant"] == variant).unwrap();
        let explanation: Explanation = typed(&run["explanations"][0]);
        let name = |v: usize| if v == 0 { "baseline".into() } else { format!("variant-{v:03}") };
        let mut found = LargeRun {
            facts: RunFacts {
                study: "large".into(),
                run_id: "0123456789ab".into(),
                data_sha256: run["data_sha256"].as_str().unwrap().into(),
                measurement_sha256: run["measurement_sha256"].as_str().unwrap().into(),
                quick: false,
                requirements: vec![],
            },
            rows: vec![],
            layers: vec![],
            explanations: vec![],
            ledger: vec![],
            network: network(size.layers),
            blocks: vec![],
            samples: samples(size, &name),
        };
        for v in 0..size.variants {
            let ids = found.decide(v, size);
            let base = if v == 0 { "baseline" } else { "pruned" };
            for t in 0..size.targets {
                let mut own = row(run, of(base), &name(v), &format!("board-{t}"), &ids);
                for layer in cut_layers(v, size) {
                    let weights = format!("{}.weight", layer_name(layer));
                    own.variant.origins.remove(&weights, 0, 64, &cut_channels(v));
                }
                found.rows.push(own);
                found.layers.push(times(run, &name(v), &format!("board-{t}"), size.layers));
            }
            if v > 0 {
                found.explanations.push(explained(&explanation, &name(v), size));
            }
        }
        found.blocks =
            (0..size.targets).map(|t| blocks(&format!("board-{t}"), size, &name)).collect();
        found
    }

    /// As reports take it.
    pub fn report(&self) -> RunReport<'_> {
        RunReport {
            facts: &self.facts,
            owner: "tests",
            purpose: "a large report",
            rows: &self.rows,
            layers: &self.layers,
            explanations: &self.explanations,
            ledger: &self.ledger,
            network: &self.network,
            blocks: &self.blocks,
            samples: &self.samples,
            unreadable: &[],
            directory: "paring-runs/large",
        }
    }

    /// Decisions of a variant in the ledger: every other layer loses a quarter of its channels.
    fn decide(&mut self, variant: usize, size: RunSize) -> Vec<Sha256Hex> {
        let mut ids = Vec::new();
        for layer in cut_layers(variant, size) {
            let coupling = layer_name(layer);
            let channels = cut_channels(variant).into_iter().enumerate();
            let components = channels.map(|(rank, channel)| RemovedComponent {
                id: format!("{coupling}:{channel}"),
                original_index: channel,
                score: 0.001 * rank as f64,
                rank,
            });
            let decision = Decision {
                parent_id: Sha256Hex::zeros(),
                variant_id: Sha256Hex::zeros(),
                step: "prune channels ratio 0.25 criterion obs".into(),
                operation: "prune channels".into(),
                components: components.collect(),
                coupling,
                members: vec![],
                precision: None,
                training: None,
                criterion: Some("obs".into()),
                threshold: Some(0.016),
                alternatives_rejected: vec![],
                inputs: DecisionInputs::default(),
                parings: vec![],
                expected: vec![],
                owner: "tests".into(),
                reason: "16 of 64 channels with the lowest score; 1.2 % of the output's variance"
                    .into(),
            };
            let id = Sha256Hex::of(format!("{variant} {layer}").as_bytes());
            self.ledger.push(LedgerEntry {
                schema: SCHEMA,
                kind: LedgerEntryKind::Decision,
                entry_id: id.clone(),
                prev_sha256: Sha256Hex::zeros(),
                time: "2026-01-01T00:00:00Z".into(),
                actor: "tests".into(),
                tool_version: "0.1.0".into(),
                body: json!(decision),
            });
            ids.push(id);
        }
        ids
    }
}

/// Layers of which a variant loses channels: every other one.
fn cut_layers(variant: usize, size: RunSize) -> impl Iterator<Item = usize> {
    (0..size.layers).filter(move |layer| variant > 0 && layer % 2 == 0)
}

/// The quarter of the channels that it loses.
fn cut_channels(variant: usize) -> Vec<usize> {
    (0..16).map(|c| (c * 4 + variant) % 64).collect()
}

fn layer_name(layer: usize) -> String {
    format!("block{}.conv{layer}", layer / 4)
}

fn network(layers: usize) -> ReportNetwork {
    let layer = |l: usize| ReportLayer {
        name: layer_name(l),
        module: format!("block{}", l / 4),
        width: 64,
        outputs: Some((format!("{}.weight", layer_name(l)), 0)),
    };
    let shortcuts = (0..layers.saturating_sub(4)).step_by(4).map(|l| (l, l + 4));
    ReportNetwork {
        layers: (0..layers).map(layer).collect(),
        edges: (1..layers).map(|l| (l - 1, l)).chain(shortcuts).collect(),
    }
}

fn row(run: &Value, from: &Value, name: &str, target: &str, ids: &[Sha256Hex]) -> ResultRow {
    let mut variant: paring::schema::VariantRecord =
        typed(&run["variants"][from["variant"].as_str().unwrap()]);
    variant.name = name.to_string();
    variant.variant_id = Sha256Hex::of(name.as_bytes());
    variant.decisions = ids.to_vec();
    let environment = run["targets"].as_object().unwrap().values().next().unwrap();
    ResultRow {
        baseline_weights: variant.weights * 2,
        evaluation: Some(typed(&from["evaluation"])),
        evaluation_missing: None,
        target: target.to_string(),
        environment: typed(environment),
        measurement: Measurement {
            schema: SCHEMA,
            variant_id: variant.variant_id.clone(),
            setting: typed(&json!({
                "batch": from["batch"], "threads": from["threads"], "streams": from["streams"],
            })),
            latency: known(from, "latency"),
            speed: known(from, "speed"),
            energy: known(from, "energy"),
            sustained: None,
            started_at: None,
            invalid_reasons: vec![],
        },
        variant,
    }
}

fn times(run: &Value, variant: &str, target: &str, layers: usize) -> LayerTable {
    let table: LayerTable = typed(&run["layers"][0]);
    let own = (0..layers).map(|l| {
        let layer = table.layers[l % table.layers.len()].clone();
        paring::schema::LayerTime { layer: layer_name(l), position: l, ..layer }
    });
    LayerTable {
        variant: variant.into(),
        variant_id: Sha256Hex::of(variant.as_bytes()),
        target: target.into(),
        layers: own.collect(),
        ..table.clone()
    }
}

fn explained(from: &Explanation, name: &str, size: RunSize) -> Explanation {
    let flip = |i: usize| FlipBlame {
        sample: i,
        label: Some(i as i64 % 10),
        before: Some(i as i64 % 10),
        after: Some((i as i64 + 1) % 10),
        kind: FlipDirection::Lost,
        groups: from
            .groups
            .first()
            .map(|group: &DecisionGroup| group.id.clone())
            .into_iter()
            .collect(),
        alternatives: 1,
        exhaustive: true,
    };
    let hit = |i: usize| DegradedSample {
        sample: i,
        label: Some(1),
        before: Some(1),
        after: Some(2),
        flip: Some(FlipKind::RightToWrong),
        lost: 0.5,
        region: None,
    };
    let flow = from.flow.first();
    let flow =
        (0..size.layers).filter_map(|l| Some(LayerFlow { layer: layer_name(l), ..flow?.clone() }));
    Explanation {
        variant: name.into(),
        flips: (0..size.predictions / 10).map(flip).collect(),
        hits: (0..100).map(hit).collect(),
        flow: flow.collect(),
        ..from.clone()
    }
}

fn blocks(target: &str, size: RunSize, name: &dyn Fn(usize) -> String) -> TargetBlocks {
    let each = (0..10).flat_map(|round| (0..size.variants).map(move |v| (round, v)));
    let block = |(round, v): (usize, usize)| ReportBlock {
        variant: name(v),
        label: name(v),
        minutes: (round * size.variants + v) as f64 * 0.05,
        median_ns: 100_000.0 + (v * 37 + round * 101) as f64,
        celsius: Some(45.0 + round as f64),
        megahertz: Some(1_500.0),
        invalid: vec![],
    };
    let memory = |v: usize| MemoryUse {
        variant: name(v),
        label: name(v),
        resident: [Some(5e6), Some(9e6), Some(9.5e6), Some(9.6e6)],
        heap: [Some(1e6), Some(5e6), Some(5.5e6), Some(5.6e6)],
        peak: Some(12e6),
    };
    TargetBlocks {
        target: target.into(),
        blocks: each.map(block).collect(),
        memory: (0..size.variants).map(memory).collect(),
        sustained: vec![],
    }
}

fn samples(size: RunSize, name: &dyn Fn(usize) -> String) -> ReportSamples {
    let pixels = |sample: usize| {
        let image = ndarray::ArrayD::from_shape_fn(ndarray::IxDyn(&[1, 28, 28]), |i| {
            ((i[1] * 31 + i[2] * 17 + sample * 7) % 97) as f32
        });
        paring::data::SamplePicture::of(&paring::arrays::Array::F32(image)).unwrap()
    };
    let changed = |v: usize| -> Vec<ChangedSample> {
        let of = |i: usize| ChangedSample {
            sample: (i * 7 + v) % size.predictions,
            label: Some(3),
            before: Some(3),
            after: Some(5),
            kind: if i.is_multiple_of(3) { FlipKind::WrongToRight } else { FlipKind::RightToWrong },
            lost: Some(0.4),
        };
        (0..100).map(of).collect()
    };
    let changed: BTreeMap<String, Vec<ChangedSample>> =
        (1..size.variants).map(|v| (name(v), changed(v))).collect();
    let drawn = (0..size.predictions.min(800))
        .map(|sample| (sample, SampleDrawing { inputs: vec![("image".into(), pixels(sample))] }));
    ReportSamples { redacted: false, drawings: Ok(drawn.collect()), changed, left_out: 0 }
}
