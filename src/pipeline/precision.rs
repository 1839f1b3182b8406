//! `layers = "measured"`: every layer in every precision, timed on this machine and held against the
//! answers in float; the best few assignments confirmed end to end.

mod table;
mod timing;

use super::race::{Entrant, race};
use super::{Context, Folders, PipelineError, known_conformance, read_json, replace};
use crate::catalog::Calibration;
use crate::compress::{
    self, Answers, Assignment, CompressError, Draft, Made, Prices, Quantization, Ranges, Rounding,
    Scheme,
};
use crate::engine::{Bindings, ENGINE, EngineError, Model, Plan, Source};
use crate::graph::{Facts, Graph};
use crate::record::{
    Confirmed, EngineOptions, Origins, PrecisionTable, RejectedAlternative, SCHEMA, Sensitivity,
    Sha256Hex,
};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many assignments are confirmed end to end.
const CONFIRMED: usize = 4;
/// A precision that takes more than this times the layer's time in float is not tried further: what
/// conversions it could save is less.
const HOPELESS: f64 = 1.25;
/// Predictions of so many samples may change.
const MOST_FLIPS: f64 = 0.01;
/// How long the answers of all choices may take, on one core.
const ANSWERING: Duration = Duration::from_secs(60);

/// The tables of a run's measured steps.
///
/// # Errors
/// [`PipelineError::File`] where the run's folder of costs cannot be read.
pub fn precision_tables(folders: &Folders) -> Result<Vec<PrecisionTable>, PipelineError> {
    let folder = folders.costs("host");
    let folder = folder.parent().unwrap_or(folders.root());
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).map_err(PipelineError::file("read", folder))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let named = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().contains(".precision-"))
    };
    Ok(paths.iter().filter(|path| named(path)).filter_map(|path| read_json(path)).collect())
}

/// A step's graph, and what the pipeline knows of it.
struct Bench<'a> {
    context: &'a Context,
    calibration: &'a Calibration,
    graph: Graph,
    facts: Facts,
    options: &'a EngineOptions,
    how: Quantization,
    ranges: Ranges,
    choices: BTreeMap<String, Vec<Scheme>>,
}

impl Context {
    /// Gives every layer the precision that pays on this machine.
    ///
    /// # Errors
    /// [`PipelineError`] names the variant and the step.
    pub(super) fn by_measure(
        &self,
        (variant, words): (&str, &str),
        graph: Graph,
        origins: Origins,
        options: &EngineOptions,
        how: &Quantization,
    ) -> Result<Made, PipelineError> {
        let failed = |source: CompressError| PipelineError::Step {
            variant: variant.into(),
            step: words.into(),
            source: Box::new(source),
        };
        let no_samples = || failed(CompressError::NoCalibration("measuring precisions"));
        let calibration = self.calibration.as_ref().ok_or_else(no_samples)?;
        let (folded, mut decisions) = compress::prepared(graph.clone(), how).map_err(failed)?;
        let how = Quantization { equalize: false, measured: false, ..how.clone() };
        let bench = Bench::new(self, calibration, folded, options, how).map_err(failed)?;
        let key = bench.key();
        let path = self.folders.costs(&format!("host.precision-{}", key.short()));
        let kept: Option<PrecisionTable> = read_json(&path);
        let table = match kept.filter(|table| table.key == key) {
            Some(table) => table,
            None => {
                let table = bench.table(&graph, key).map_err(failed)?;
                self.keep(&path, &table)?;
                table
            }
        };
        self.keep_sensitivity(variant, &table)?;
        let table_sha256 = Some(Sha256Hex::of(&serde_json::to_vec(&table).unwrap_or_default()));
        let best = table.best();
        let chosen = best.map(|one| one.layers.clone()).unwrap_or_default();
        let stays = best.is_none();
        let how = Quantization { assigned: Some(named(&chosen)), ..bench.how.clone() };
        let made = match stays {
            true => Made { graph, origins, decisions: Vec::new(), refusals: Vec::new() },
            false => compress::quantize(bench.graph.clone(), origins, &how, Some(calibration))
                .map_err(failed)?,
        };
        if stays {
            decisions.clear();
        }
        decisions.extend(made.decisions);
        bench.explain(&table, &chosen, &mut decisions);
        decisions.push(Draft {
            operation: "choose precisions".into(),
            coupling: "the whole graph".into(),
            alternatives_rejected: table.others(best),
            calibration_sha256: Some(calibration.sha256.clone()),
            table_sha256: table_sha256.clone(),
            reason: table.reason(best),
            ..Draft::default()
        });
        for draft in decisions.iter_mut().filter(|d| !d.alternatives_rejected.is_empty()) {
            draft.table_sha256.clone_from(&table_sha256);
        }
        Ok(Made { decisions, ..made })
    }

    /// One row a layer and precision, for other tools.
    fn keep_sensitivity(&self, variant: &str, table: &PrecisionTable) -> Result<(), PipelineError> {
        let folder = self.folders.root().join("sensitivity");
        std::fs::create_dir_all(&folder).map_err(PipelineError::file("create", &folder))?;
        replace(&folder.join(format!("{variant}.csv")), table.sensitivity_csv().as_bytes())
    }
}

impl<'a> Bench<'a> {
    fn new(
        context: &'a Context,
        calibration: &'a Calibration,
        graph: Graph,
        options: &'a EngineOptions,
        how: Quantization,
    ) -> Result<Self, CompressError> {
        let facts = graph.facts(&calibration.dims, calibration.batch)?;
        let choices = compress::choices(&graph, &how)?;
        let ranges = compress::ranges_of(&graph, &how, calibration)?;
        let mut bench = Bench { context, calibration, graph, facts, options, how, ranges, choices };
        bench.choices = bench.conforming()?;
        Ok(bench)
    }

    /// The choices without those that the engine here is known to reject or to get wrong.
    fn conforming(&self) -> Result<BTreeMap<String, Vec<Scheme>>, CompressError> {
        let Some(known) = known_conformance("host") else { return Ok(self.choices.clone()) };
        let mut kept = BTreeMap::new();
        for (layer, schemes) in &self.choices {
            let mut right = Vec::new();
            for scheme in schemes {
                let own = BTreeMap::from([(layer.clone(), *scheme)]);
                if *scheme == Scheme::F32 || known.refuses(&self.narrow(&own)?).is_none() {
                    right.push(*scheme);
                }
            }
            kept.insert(layer.clone(), right);
        }
        Ok(kept)
    }

    /// Everything that decides what is measured.
    fn key(&self) -> Sha256Hex {
        let (bytes, words) = (self.graph.encode(), self.how.to_string());
        let label = self.options.label();
        let parts = [&bytes[..], words.as_bytes(), label.as_bytes(), ENGINE.as_bytes()];
        Sha256Hex::of_parts(parts.into_iter().chain([self.calibration.sha256.as_str().as_bytes()]))
    }

    /// The graph with these layers narrow, weights rounded plainly.
    fn narrow(&self, layers: &BTreeMap<String, Scheme>) -> Result<Graph, CompressError> {
        let plain = Quantization {
            rounding: Rounding::Nearest,
            correct: false,
            assigned: Some(layers.clone()),
            ..self.how.clone()
        };
        let (graph, origins) = (self.graph.clone(), Origins::default());
        let made = compress::quantize_with(
            graph,
            origins,
            &plain,
            Some(self.calibration),
            Some(&self.ranges),
        )?;
        Ok(made.graph)
    }

    fn load(&self, graph: &Graph) -> Result<Plan, EngineError> {
        let bytes = graph.encode();
        let bindings = Bindings { batch: self.calibration.batch, dims: &self.calibration.dims };
        Model::load(Source::Bytes(graph.name(), &bytes), bindings)?.optimise(self.options)
    }

    fn table(&self, given: &Graph, key: Sha256Hex) -> Result<PrecisionTable, CompressError> {
        let mut table = PrecisionTable {
            schema: SCHEMA,
            target: "host".into(),
            engine: ENGINE.into(),
            key,
            layers_ns: self.layers()?,
            quantize_ns: Vec::new(),
            dequantize_ns: Vec::new(),
            sensitivity: Vec::new(),
            confirmed: Vec::new(),
        };
        self.conversions(&mut table)?;
        table.sensitivity = self.sensitivity(&table)?;
        table.confirmed = self.confirmed(given, &table)?;
        Ok(table)
    }

    /// What every choice that is not hopeless costs the answers, alone and left out.
    fn sensitivity(&self, table: &PrecisionTable) -> Result<Vec<Sensitivity>, CompressError> {
        let mut tries: Vec<(&String, Scheme)> = Vec::new();
        for (layer, costs) in &table.layers_ns {
            let float = costs.get(Scheme::F32.name()).copied().unwrap_or(0.0);
            let worth = |scheme: &Scheme| {
                costs.get(scheme.name()).is_some_and(|cost| *cost <= float * HOPELESS)
            };
            let schemes = Scheme::ALL.into_iter().filter(|s| *s != Scheme::F32);
            tries.extend(schemes.filter(worth).map(|scheme| (layer, scheme)));
        }
        let total: f64 = table.layers_ns.values().filter_map(|c| c.get("f32")).sum();
        let each = (total.max(1.0) / 1e9) * (2 * tries.len().max(1)) as f64;
        let most = ((ANSWERING.as_secs_f64() / each) as usize).max(4);
        let answers = Answers::new(&self.graph, self.calibration, most)?;
        let all: BTreeMap<String, Scheme> = table
            .layers_ns
            .keys()
            .filter(|layer| self.choices[*layer].contains(&self.how.scheme()))
            .map(|layer| (layer.clone(), self.how.scheme()))
            .collect();
        let whole = answers.loss(&self.narrow(&all)?)?;
        let one = |(layer, scheme): &(&String, Scheme)| {
            let own = BTreeMap::from([((*layer).clone(), *scheme)]);
            let alone = answers.loss(&self.narrow(&own)?)?;
            let mut rest = all.clone();
            let left_out = match rest.remove(*layer) == Some(*scheme) {
                true => Some(whole.divergence - answers.loss(&self.narrow(&rest)?)?.divergence),
                false => None,
            };
            Ok(Sensitivity {
                layer: (*layer).clone(),
                module: module(layer).into(),
                precision: scheme.name().into(),
                time_ns: table.layers_ns[*layer].get(scheme.name()).copied(),
                float_ns: table.layers_ns[*layer].get("f32").copied(),
                sqnr_db: alone.sqnr_db,
                divergence: alone.divergence,
                flips: alone.flips,
                divergence_saved_when_left_out: left_out,
                samples: alone.samples,
            })
        };
        tries.par_iter().map(one).collect()
    }

    /// The best few assignments, end to end beside the graph as given.
    fn confirmed(
        &self,
        given: &Graph,
        table: &PrecisionTable,
    ) -> Result<Vec<Confirmed>, CompressError> {
        let (layers, errors) = (table.prices(), table.errors());
        let (quantize, dequantize) = (table.quantize(), table.dequantize());
        let prices = Prices {
            layers: &layers,
            quantize: &quantize,
            dequantize: &dequantize,
            errors: &errors,
        };
        let float = BTreeMap::new();
        let as_float = compress::predicted(&self.graph, &self.facts, &prices, &float);
        let mut tried: Vec<Assignment> = compress::assignments(&self.graph, &self.facts, &prices);
        tried.retain(|a| a.predicted_ns < as_float.predicted_ns);
        tried.truncate(CONFIRMED);
        tried.push(Assignment { layers: float, ..as_float.clone() });
        let answers = Answers::new(&self.graph, self.calibration, usize::MAX)?;
        let mut encoded = vec![given.encode()];
        let mut found = Vec::new();
        for assignment in tried {
            let narrow: BTreeMap<String, Scheme> = assignment
                .layers
                .iter()
                .filter(|(_, scheme)| **scheme != Scheme::F32)
                .map(|(layer, scheme)| (layer.clone(), *scheme))
                .collect();
            let graph = self.narrow(&narrow)?;
            let loss = answers.loss(&graph)?;
            encoded.push(graph.encode());
            let names = narrow.iter().map(|(l, s)| (l.clone(), s.name().to_string()));
            found.push(Confirmed {
                layers: names.collect(),
                predicted_ns: assignment.predicted_ns,
                float_ns: as_float.predicted_ns,
                divergence: loss.divergence,
                flips: loss.flips,
                samples: loss.samples,
                acceptable: loss.flips as f64 <= MOST_FLIPS * loss.samples as f64,
                speedup: None,
                quiet_share: 0.0,
            });
        }
        let entrants: Vec<Entrant> =
            encoded.iter().map(|bytes| Entrant { bytes, options: self.options }).collect();
        let placings = race(&entrants, self.calibration, &self.context.rules, self.context.seed)?;
        for (one, placing) in found.iter_mut().zip(&placings[1..]) {
            one.speedup = Some(placing.speedup);
            one.quiet_share = placing.quiet_share;
        }
        Ok(found)
    }

    /// Puts the alternatives of every layer into its decision, and makes one for those that stay.
    fn explain(
        &self,
        table: &PrecisionTable,
        chosen: &BTreeMap<String, String>,
        decisions: &mut Vec<Draft>,
    ) {
        for (layer, costs) in &table.layers_ns {
            let own = chosen.get(layer).map_or("f32", String::as_str);
            let float = costs.get("f32").copied().unwrap_or(0.0);
            let words = |precision: &str| {
                let time = costs.get(precision).copied().unwrap_or(0.0);
                let tried = table
                    .sensitivity
                    .iter()
                    .find(|s| s.layer == *layer && s.precision == precision);
                let lost = match tried {
                    Some(s) => format!(
                        "; alone it moves the answers by {:.1e} nats and {} of {} predictions",
                        s.divergence, s.flips, s.samples
                    ),
                    None if precision == "f32" => String::new(),
                    None => "; too slow to be tried".into(),
                };
                format!("{:.1} us, {:.1} us in f32{lost}", time / 1e3, float / 1e3)
            };
            let others = costs.keys().filter(|p| *p != own);
            let alternatives: Vec<RejectedAlternative> =
                others.map(|p| RejectedAlternative { what: p.clone(), why: words(p) }).collect();
            let reason = format!("{own} takes {}", words(own));
            let quantizes = |d: &&mut Draft| d.coupling == *layer && d.precision.is_some();
            match decisions.iter_mut().find(quantizes) {
                Some(draft) => {
                    draft.reason = format!("{reason}; {}", draft.reason);
                    draft.alternatives_rejected = alternatives;
                }
                None => decisions.push(Draft {
                    operation: "keep f32".into(),
                    coupling: layer.clone(),
                    alternatives_rejected: alternatives,
                    reason,
                    ..Draft::default()
                }),
            }
        }
    }
}

fn named(layers: &BTreeMap<String, String>) -> BTreeMap<String, Scheme> {
    let parse = |(layer, name): (&String, &String)| {
        Some((layer.clone(), Scheme::try_from(name.clone()).ok()?))
    };
    layers.iter().filter_map(parse).collect()
}

/// The part of the model that a layer belongs to.
fn module(layer: &str) -> &str {
    layer.rsplit_once(['.', '/']).map_or(layer, |(module, _)| module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_what_names_begin_with() {
        assert_eq!(module("block1.pw"), "block1");
        assert_eq!(module("encoder/0/attn"), "encoder/0");
        assert_eq!(module("stem"), "stem");
    }
}
