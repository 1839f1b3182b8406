//! `layers = "measured"`: every layer in every precision, timed on this machine and held against the
//! answers in float; the best few assignments confirmed end to end.

use super::race::{Entrant, race};
use super::{Context, Folders, PipelineError, attributed, known_conformance, read_json, replace};
use crate::bench::PRACTICAL_MARGIN;
use crate::catalog::Calibration;
use crate::compress::{
    self, Answers, Assignment, CompressError, Draft, Made, Prices, Quantization, Ranges, Rounding,
    Scheme,
};
use crate::data::Dtype;
use crate::engine::{Bindings, ENGINE, EngineError, Model, Plan, Source};
use crate::graph::{self, Facts, Graph, Node, Size, Weights};
use crate::record::{
    Confirmed, EngineOptions, Origins, PrecisionTable, RejectedAlternative, SCHEMA, Sensitivity,
    Sha256Hex,
};
use crate::stats;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So many assignments are confirmed end to end.
const CONFIRMED: usize = 4;
/// A precision that takes more than this times the layer's time in float is not tried further: what
/// conversions it could save is less.
const HOPELESS: f64 = 1.25;
/// Predictions of so many samples may change.
const MOST_FLIPS: f64 = 0.01;
/// How long the answers of all choices may take, on one core.
const ANSWERING: Duration = Duration::from_secs(60);
/// How long timing all precisions may take.
const TIMING: Duration = Duration::from_secs(20);
/// Numbers in tensors that conversions are timed on.
const SIZES: [usize; 4] = [256, 4_096, 65_536, 524_288];

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
        let path = self.folders.root().join("sensitivity").join(format!("{variant}.csv"));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(PipelineError::file("create", folder))?;
        }
        replace(&path, table.sensitivity_csv().as_bytes())?;
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

    /// Times of every layer in every precision: all layers that can have one have it at once, so that
    /// each is timed in its place; the models take turns.
    fn layers(&self) -> Result<BTreeMap<String, BTreeMap<String, f64>>, CompressError> {
        let mut forms = Vec::new();
        for scheme in Scheme::ALL {
            let with = self.choices.iter().filter(|(_, all)| all.contains(&scheme));
            let layers: BTreeMap<String, Scheme> =
                with.map(|(layer, _)| (layer.clone(), scheme)).collect();
            if layers.is_empty() {
                continue;
            }
            let graph = match scheme {
                Scheme::F32 => self.graph.clone(),
                _ => self.narrow(&layers)?,
            };
            let plan = self.load(&graph)?;
            forms.push((scheme, layers, graph, plan, BTreeMap::<String, Vec<f64>>::new()));
        }
        let arrays = self.calibration.first();
        let begun = Instant::now();
        for round in 0..25 {
            if round >= 3 && begun.elapsed() > TIMING {
                break;
            }
            for (_, _, graph, plan, times) in &mut forms {
                let profile = plan.profile(&plan.inputs(&arrays)?, 3)?;
                for (from, node) in attributed(graph, &profile) {
                    let name = from.map_or_else(String::new, |p| graph.nodes()[p].name.clone());
                    // Several nodes of the engine belong to one of the file: their sum, run by run.
                    let each = times.entry(format!("{name}\0{}", node.node.name)).or_default();
                    each.extend(node.times_ns.iter().map(|t| t.as_f64()));
                }
            }
        }
        let mut found: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        for (scheme, layers, graph, _, times) in &forms {
            let mut nodes: BTreeMap<&str, f64> = BTreeMap::new();
            for (name, times) in times {
                let own = name.split('\0').next().unwrap_or_default();
                *nodes.entry(own).or_default() += stats::median(times).unwrap_or(0.0);
            }
            for layer in layers.keys() {
                let total = self.own(graph, layer).into_iter();
                let total: f64 = total.filter_map(|name| nodes.get(name.as_str())).sum();
                found.entry(layer.clone()).or_default().insert(scheme.name().into(), total);
            }
        }
        Ok(found)
    }

    /// Names of the nodes that a layer is made of in a narrow graph: itself, what was written beside
    /// it, a Relu behind it, and what quantizes its input as it comes.
    fn own(&self, narrow: &Graph, layer: &str) -> Vec<String> {
        let nodes = self.graph.nodes().iter().enumerate();
        let multiplies = |op: &str| op.contains("Conv") || op == "Gemm" || op == "MatMul";
        let mut found = nodes
            .filter(|(p, node)| multiplies(&node.op_type) && graph::layer_name(node, *p) == layer);
        let Some((_, node)) = found.next() else { return Vec::new() };
        let relu =
            self.graph.nodes().iter().filter(|other| {
                other.op_type == "Relu" && other.input.first() == node.output.first()
            });
        let base = node.name.clone();
        let mut names: Vec<String> = relu.map(|relu| relu.name.clone()).collect();
        let beside = ["", "/bias", "/cast", "/scale", "/factor", "/weights"];
        names.extend(beside.iter().map(|end| format!("{base}{end}")));
        names.push(format!("{}/DynamicQuantizeLinear", node.input[0]));
        let there = |name: &String| narrow.nodes().iter().any(|n| n.name == *name);
        names.retain(there);
        names
    }

    /// Times of conversions of tensors of several sizes.
    fn conversions(&self, table: &mut PrecisionTable) -> Result<(), CompressError> {
        for elements in SIZES {
            let graph = conversion(elements);
            let bytes = graph.encode();
            let model = Model::load_fixed(Source::Bytes("conversions", &bytes))?;
            let plan = model.optimise(&EngineOptions::default())?;
            let values: Vec<f32> = (0..elements).map(|i| (i % 251) as f32 / 100.0 - 1.25).collect();
            let array = crate::data::Array::F32(
                ndarray::ArrayD::from_shape_vec(ndarray::IxDyn(&[1, elements]), values)
                    .unwrap_or_default(),
            );
            let inputs = plan.inputs(&BTreeMap::from([("x".to_string(), array)]))?;
            let profile = plan.profile(&inputs, 51)?;
            let (mut narrow, mut wide) = (0.0, 0.0);
            for node in &profile.nodes {
                let time = node.median_ns();
                match node.node.name.starts_with("narrow") {
                    true => narrow += time,
                    false => wide += time,
                }
            }
            table.quantize_ns.push((elements as u64, narrow));
            table.dequantize_ns.push((elements as u64, wide));
        }
        Ok(())
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

/// Float to int8 and back, on so many numbers.
fn conversion(elements: usize) -> Graph {
    let mut graph = Graph::empty("conversions", 13);
    graph.add_input("x", Dtype::F32, &[Size::Fixed(1), Size::Fixed(elements)]);
    graph.set_weights("scale", Weights::f32(&[], &[0.01]));
    graph.set_weights("zero", Weights::i8(&[], &[3]));
    let node = |op: &str, name: &str, input: &str, output: &str| Node {
        op_type: op.into(),
        name: name.into(),
        input: [input, "scale", "zero"].map(str::to_string).to_vec(),
        output: vec![output.into()],
        ..Node::default()
    };
    graph.add_node(node("QuantizeLinear", "narrow", "x", "q"));
    graph.add_node(node("DequantizeLinear", "wide", "q", "y"));
    graph.add_output("y");
    graph
}

impl PrecisionTable {
    fn prices(&self) -> BTreeMap<String, BTreeMap<Scheme, f64>> {
        let each = |costs: &BTreeMap<String, f64>| {
            let parse =
                |(name, ns): (&String, &f64)| Some((Scheme::try_from(name.clone()).ok()?, *ns));
            costs.iter().filter_map(parse).collect::<BTreeMap<Scheme, f64>>()
        };
        let mut prices: BTreeMap<String, BTreeMap<Scheme, f64>> =
            self.layers_ns.iter().map(|(layer, costs)| (layer.clone(), each(costs))).collect();
        // What was not tried on the answers is no choice.
        let tried = self.errors();
        for (layer, choices) in &mut prices {
            let own = tried.get(layer);
            choices.retain(|s, _| *s == Scheme::F32 || own.is_some_and(|own| own.contains_key(s)));
        }
        prices
    }

    fn errors(&self) -> BTreeMap<String, BTreeMap<Scheme, f64>> {
        let mut errors: BTreeMap<String, BTreeMap<Scheme, f64>> = BTreeMap::new();
        for one in &self.sensitivity {
            if let Ok(scheme) = Scheme::try_from(one.precision.clone()) {
                errors.entry(one.layer.clone()).or_default().insert(scheme, one.divergence);
            }
        }
        errors
    }

    fn quantize(&self) -> impl Fn(usize) -> f64 + '_ {
        |elements| between(&self.quantize_ns, elements)
    }

    fn dequantize(&self) -> impl Fn(usize) -> f64 + '_ {
        |elements| between(&self.dequantize_ns, elements)
    }

    /// The fastest that is faster than the graph as given beyond noise, and keeps the predictions.
    fn best(&self) -> Option<&Confirmed> {
        let sure = |c: &&Confirmed| {
            c.acceptable && c.speedup.is_some_and(|s| s.low > 1.0 + PRACTICAL_MARGIN)
        };
        let by = |c: &Confirmed| c.speedup.map_or(0.0, |s| s.value);
        self.confirmed.iter().filter(sure).max_by(|a, b| by(a).total_cmp(&by(b)))
    }

    fn others(&self, best: Option<&Confirmed>) -> Vec<RejectedAlternative> {
        let others = self.confirmed.iter().filter(|c| best != Some(*c));
        others.map(|c| RejectedAlternative { what: c.words(), why: c.verdict() }).collect()
    }

    fn reason(&self, best: Option<&Confirmed>) -> String {
        match best {
            None => "nothing that keeps the predictions is faster beyond noise: the model stays as it is".into(),
            Some(one) => {
                let foreseen = one.float_ns / one.predicted_ns.max(1.0);
                let float = self.confirmed.iter().find(|c| c.layers.is_empty());
                let of_float = float.and_then(|f| Some(one.speedup?.value / f.speedup?.value));
                let gap = of_float.map_or_else(String::new, |found| {
                    format!(
                        "; layers and conversions added up said {foreseen:.3} times f32, end to end it is {found:.3}: the gap of adding up is {:+.1} %",
                        100.0 * (found / foreseen - 1.0)
                    )
                });
                format!("{}: {}{gap}", one.words(), one.verdict())
            }
        }
    }

    /// One row a layer and precision.
    fn sensitivity_csv(&self) -> String {
        let mut text = String::from(
            "layer,module,precision,time_ns,float_ns,sqnr_db,divergence_nats,flips,divergence_saved_when_left_out_nats,samples\n",
        );
        let cell = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v}"));
        let quoted = |word: &str| match word.contains([',', '"']) {
            true => format!("\"{}\"", word.replace('"', "\"\"")),
            false => word.to_string(),
        };
        for s in &self.sensitivity {
            text.push_str(&format!(
                "{},{},{},{},{},{},{},{},{},{}\n",
                quoted(&s.layer),
                quoted(&s.module),
                s.precision,
                cell(s.time_ns),
                cell(s.float_ns),
                cell(s.sqnr_db),
                s.divergence,
                s.flips,
                cell(s.divergence_saved_when_left_out),
                s.samples
            ));
        }
        text
    }
}

impl Confirmed {
    fn words(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        self.layers.values().for_each(|p| *counts.entry(p).or_default() += 1);
        let each: Vec<String> = counts.iter().map(|(p, n)| format!("{n} layers {p}")).collect();
        if each.is_empty() {
            "all layers f32, normalisations folded".into()
        } else {
            each.join(", ")
        }
    }

    fn verdict(&self) -> String {
        let speed = self.speedup.map_or_else(
            || "not measured".into(),
            |s| format!("{:.3} [{:.3}, {:.3}] times as fast", s.value, s.low, s.high),
        );
        let lost = if self.acceptable { "" } else { ", too many" };
        format!(
            "{speed}, {:.1e} nats, {} of {} predictions changed{lost}",
            self.divergence, self.flips, self.samples
        )
    }
}

/// Between two sizes that were timed a straight line, beyond them in proportion.
fn between(timed: &[(u64, f64)], elements: usize) -> f64 {
    let at = elements as f64;
    match timed {
        [] => 0.0,
        [(_, only)] => *only,
        _ => {
            let right = timed.iter().position(|(n, _)| *n as f64 >= at).unwrap_or(timed.len() - 1);
            let right = right.max(1);
            let ((n0, t0), (n1, t1)) = (timed[right - 1], timed[right]);
            let slope = (t1 - t0) / (n1 - n0) as f64;
            (t0 + slope * (at - n0 as f64)).max(0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_between_and_beyond_sizes_are_on_lines() {
        let timed = [(100, 10.0), (200, 30.0), (400, 50.0)];
        assert_eq!(between(&timed, 150), 20.0);
        assert_eq!(between(&timed, 800), 90.0);
        assert_eq!(between(&timed, 0), 0.0);
    }

    #[test]
    fn modules_are_what_names_begin_with() {
        assert_eq!(module("block1.pw"), "block1");
        assert_eq!(module("encoder/0/attn"), "encoder/0");
        assert_eq!(module("stem"), "stem");
    }
}
