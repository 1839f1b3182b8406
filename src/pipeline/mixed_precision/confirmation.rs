//! Sensitivity of the answers to every choice, and the best few assignments end to end.

use super::measured_precision::{PrecisionTrial, module};
use super::precision_table::{costs, dequantize, errors, prices, quantize, times};
use crate::pipeline::measurement::{TrialFailure, TrialForm, TrialMachine};
use paring_agent::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring_compress::catalog::Calibration;
use paring_compress::{
    self, CompressError, FloatAnswers, LayerPrecision, LayerPrices, PrecisionAssignment,
};
use paring_core::schema::{
    ConfidenceInterval, EngineOptions, LayerSensitivity, MeasuredAssignment, PrecisionObjective,
    PrecisionTable,
};
use paring_onnx::graph::Graph;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Assignments that are made and asked for their answers at most, besides all layers in float.
const ASKED: usize = 16;
/// Assignments that are confirmed end to end.
const CONFIRMED: usize = 4;
/// A precision that takes more than this times the layer's time in float is not tried further: what
/// conversions it could save is less.
const HOPELESS: f64 = 1.25;
/// Predictions of so many samples may change.
const MOST_FLIPS: f64 = 0.01;
/// Time that the answers of all choices may take, on one core.
const ANSWERING: Duration = Duration::from_secs(60);
/// Samples that they are asked where no time may play a part.
const ANSWERED: usize = 64;

impl PrecisionTrial<'_> {
    /// Loss of the answers by every choice that is not hopeless, alone and left out.
    pub(super) fn sensitivity(
        &self,
        table: &PrecisionTable,
    ) -> Result<Vec<LayerSensitivity>, CompressError> {
        let mut tries: Vec<(&String, LayerPrecision)> = Vec::new();
        let hopeless = match table.by {
            PrecisionObjective::Latency | PrecisionObjective::Energy => HOPELESS,
            PrecisionObjective::Bytes => 1.0,
        };
        for (layer, costs) in costs(table) {
            let float = costs.get(&LayerPrecision::F32).copied().unwrap_or(0.0);
            let worth = |scheme: &LayerPrecision| {
                costs.get(scheme).is_some_and(|cost| *cost <= float * hopeless)
            };
            let schemes = LayerPrecision::ALL.into_iter().filter(|s| *s != LayerPrecision::F32);
            tries.extend(schemes.filter(worth).map(|scheme| (layer, scheme)));
        }
        let most = self.samples_for(table.by, tries.len())?;
        let answers =
            FloatAnswers::new(&self.graph, self.calibration, self.context.inputs.reading, most)?;
        let all: BTreeMap<String, LayerPrecision> = costs(table)
            .keys()
            .filter(|layer| self.choices[*layer].contains(&self.how.scheme()))
            .map(|layer| (layer.clone(), self.how.scheme()))
            .collect();
        let time = |layer: &String, scheme: LayerPrecision| {
            table.layers_ns.get(layer).and_then(|times| times.get(&scheme)).copied()
        };
        let whole = answers.loss(&self.narrow(&all)?)?;
        let one = |(layer, scheme): &(&String, LayerPrecision)| {
            let own = BTreeMap::from([((*layer).clone(), *scheme)]);
            let alone = answers.loss(&self.narrow(&own)?)?;
            let mut rest = all.clone();
            let left_out = match rest.remove(*layer) == Some(*scheme) {
                true => Some(answers.loss(&self.narrow(&rest)?)?),
                false => None,
            };
            let accuracy = left_out.and_then(|l| Some(l.accuracy_change? - whole.accuracy_change?));
            Ok(LayerSensitivity {
                layer: (*layer).clone(),
                module: module(layer).into(),
                precision: *scheme,
                time_ns: time(layer, *scheme),
                float_ns: time(layer, LayerPrecision::F32),
                sqnr_db: alone.sqnr_db,
                divergence: alone.divergence,
                flips: alone.flips,
                accuracy_change: alone.accuracy_change,
                accuracy_change_when_left_out: accuracy,
                divergence_saved_when_left_out: left_out.map(|l| whole.divergence - l.divergence),
                samples: alone.samples,
            })
        };
        tries.par_iter().map(one).collect()
    }

    /// Number of samples for so many choices.
    fn samples_for(&self, by: PrecisionObjective, tries: usize) -> Result<usize, CompressError> {
        match by {
            // The same everywhere.
            PrecisionObjective::Bytes => Ok(ANSWERED),
            PrecisionObjective::Latency | PrecisionObjective::Energy => {
                let each = self.answering()?.as_secs_f64() * (2 * tries.max(1)) as f64;
                Ok(((ANSWERING.as_secs_f64() / each.max(1e-9)) as usize).max(4))
            }
        }
    }

    /// Time of the model for one sample, here.
    fn answering(&self) -> Result<Duration, CompressError> {
        let (bytes, options) = (self.graph.encode(), EngineOptions::default());
        let Calibration { batch, dims, .. } = self.calibration;
        let source = ModelSource::Bytes(self.graph.name(), &bytes);
        let plan = AnalysedModel::load(source, DimensionBindings { batch: *batch, dims })?
            .optimise(&options)?;
        let inputs = plan.inputs(&self.calibration.first())?;
        plan.run(&inputs)?;
        let begun = Instant::now();
        plan.run(&inputs)?;
        Ok(begun.elapsed() / (*batch).max(1) as u32)
    }

    /// The distinct best assignments by whatever the choice goes by, better than all layers in float.
    fn assignments(&self, table: &PrecisionTable, timed: &LayerPrices) -> Vec<PrecisionAssignment> {
        let layers = prices(table);
        // Conversions are computed in float; they have no weights.
        let power = table.power_mw.get(&LayerPrecision::F32).copied().unwrap_or(1.0);
        let (quantize, dequantize) = (quantize(table), dequantize(table));
        let (quantize, dequantize) =
            (|n: usize| power * quantize(n), |n: usize| power * dequantize(n));
        let prices = LayerPrices {
            layers: &layers,
            quantize: &quantize,
            dequantize: &dequantize,
            errors: timed.errors,
        };
        let float = paring_compress::predicted_assignment(
            &self.graph,
            &self.facts,
            &prices,
            &BTreeMap::new(),
        );
        let mut tried = paring_compress::assignments(&self.graph, &self.facts, &prices);
        tried.retain(|a| a.predicted_ns < float.predicted_ns);
        tried
    }

    /// The assignments around the limit of what may be lost, and all layers in float, each as a file and
    /// with what its answers lose.
    fn candidates(
        &self,
        table: &PrecisionTable,
    ) -> Result<Vec<(MeasuredAssignment, Vec<u8>)>, CompressError> {
        let (layers, errors) = (times(table), errors(table));
        let (quantize, dequantize) = (quantize(table), dequantize(table));
        let prices = LayerPrices {
            layers: &layers,
            quantize: &quantize,
            dequantize: &dequantize,
            errors: &errors,
        };
        let float = BTreeMap::new();
        let timed = |layers: &BTreeMap<String, LayerPrecision>| {
            paring_compress::predicted_assignment(&self.graph, &self.facts, &prices, layers)
                .predicted_ns
        };
        let float_ns = timed(&float);
        let tried = self.assignments(table, &prices);
        let answers = FloatAnswers::new(
            &self.graph,
            self.calibration,
            self.context.inputs.reading,
            usize::MAX,
        )?;
        let ask = |layers: &BTreeMap<String, LayerPrecision>| {
            self.candidate(layers, &answers, (timed(layers), float_ns))
        };
        let asked = around_the_limit(tried.len(), |at| {
            let form = ask(&tried[at].layers)?;
            Ok((form.0.acceptable, form))
        })?;
        asked.into_values().map(Ok).chain([ask(&float)]).collect()
    }

    /// An assignment as a file, and what its answers lose.
    fn candidate(
        &self,
        layers: &BTreeMap<String, LayerPrecision>,
        answers: &FloatAnswers,
        (predicted_ns, float_ns): (f64, f64),
    ) -> Result<(MeasuredAssignment, Vec<u8>), CompressError> {
        let narrow: BTreeMap<String, LayerPrecision> = layers
            .iter()
            .filter(|(_, scheme)| **scheme != LayerPrecision::F32)
            .map(|(layer, scheme)| (layer.clone(), *scheme))
            .collect();
        let graph = self.as_told(&narrow)?;
        let loss = answers.loss(&graph)?;
        let file = graph.encode();
        let one = MeasuredAssignment {
            layers: narrow,
            predicted_ns,
            bytes: file.len() as u64,
            float_ns,
            divergence: loss.divergence,
            flips: loss.flips,
            samples: loss.samples,
            acceptable: loss.flips as f64 <= MOST_FLIPS * loss.samples as f64,
            speedup: None,
            energy_uj: None,
            quiet_share: 0.0,
        };
        Ok((one, file))
    }

    /// The best few assignments, end to end beside the graph as given; and that one's energy, where the
    /// choice goes by it.
    pub(super) fn confirmed(
        &self,
        given: &Graph,
        table: &PrecisionTable,
        machine: &mut TrialMachine,
    ) -> Result<(Vec<MeasuredAssignment>, Option<ConfidenceInterval>), TrialFailure> {
        let forms = self.candidates(table)?;
        let raced = worth_racing(&forms);
        let mut encoded = vec![(given.encode(), self.given.clone())];
        let mut found = Vec::new();
        for (_, (one, file)) in forms.into_iter().enumerate().filter(|(at, _)| raced.contains(at)) {
            found.push(one);
            encoded.push((file, self.options.clone()));
        }
        if table.by == PrecisionObjective::Bytes {
            return Ok((found, None));
        }
        let entrants: Vec<TrialForm> =
            encoded.iter().map(|(bytes, options)| TrialForm { bytes, options }).collect();
        let by = (&self.context.machines.rules, self.context.inputs.seed);
        let placings = machine.race(&entrants, self.calibration, by)?;
        for (one, placing) in found.iter_mut().zip(&placings[1..]) {
            one.speedup = Some(placing.speedup);
            one.quiet_share = placing.quiet_share;
        }
        if table.by == PrecisionObjective::Latency {
            return Ok((found, None));
        }
        let energies = self.energies((&table.key, "confirmed"), &encoded, None, machine)?;
        let mut each = energies.iter().map(|energy| energy.per_inference_uj);
        let given_uj = each.next();
        found.iter_mut().zip(each).for_each(|(one, energy)| one.energy_uj = Some(energy));
        Ok((found, given_uj))
    }
}

/// Assignments that are measured: the best few that keep the predictions, the best of all, so that
/// the ledger says what could be had, and the last, all layers in float.
fn worth_racing(forms: &[(MeasuredAssignment, Vec<u8>)]) -> BTreeSet<usize> {
    let keeping = (0..forms.len()).filter(|at| forms[*at].0.acceptable);
    keeping.take(CONFIRMED).chain([0, forms.len().saturating_sub(1)]).collect()
}

/// Asks up to [`ASKED`] of so many assignments, of which the fastest has the number 0, whether they are
/// acceptable: that one, and those of a search in halves for the fastest that is, as if all slower ones
/// were too; then its neighbours on both sides, because they need not be.
fn around_the_limit<T>(
    count: usize,
    ask: impl Fn(usize) -> Result<(bool, T), CompressError>,
) -> Result<BTreeMap<usize, T>, CompressError> {
    let mut asked = BTreeMap::new();
    let (mut low, mut high) = (0, count);
    let mut at = 0;
    while low < high {
        let (acceptable, found) = ask(at)?;
        asked.insert(at, found);
        match acceptable {
            true => high = at,
            false => low = at + 1,
        }
        at = low.midpoint(high);
    }
    let near = |distance: usize| [Some(high + distance), high.checked_sub(distance + 1)];
    for at in (0..count).flat_map(near).flatten().filter(|at| *at < count) {
        if asked.len() < ASKED && !asked.contains_key(&at) {
            asked.insert(at, ask(at)?.1);
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_found_and_its_neighbours_are_asked() {
        for (count, first) in [(0, 0), (1, 0), (1, 1), (3, 1), (16, 9), (48, 0), (48, 31), (48, 48)]
        {
            let asked = around_the_limit(count, |at| Ok((at >= first, at))).unwrap();
            assert_eq!(asked.len(), count.min(ASKED));
            assert!(count == 0 || asked.contains_key(&0));
            for near in [first.saturating_sub(1), first, first + 1, first + 2] {
                assert!(near >= count || asked.contains_key(&near), "{near} of {count}");
            }
        }
    }
}
