//! What every choice costs the answers, and the best few assignments end to end.

use super::{Bench, module};
use crate::compress::{self, Answers, Assignment, CompressError, Prices, Scheme};
use crate::graph::Graph;
use crate::pipeline::machine::{Failure, Machine};
use crate::pipeline::race::Entrant;
use crate::record::{Confirmed, Objective, PrecisionTable, Sensitivity};
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

impl Bench<'_> {
    /// What every choice that is not hopeless costs the answers, alone and left out.
    pub(super) fn sensitivity(
        &self,
        table: &PrecisionTable,
    ) -> Result<Vec<Sensitivity>, CompressError> {
        let mut tries: Vec<(&String, Scheme)> = Vec::new();
        let (costs, hopeless) = match table.by {
            Objective::Latency => (&table.layers_ns, HOPELESS),
            Objective::Bytes => (&table.layers_bytes, 1.0),
        };
        for (layer, costs) in costs {
            let float = costs.get(Scheme::F32.name()).copied().unwrap_or(0.0);
            let worth = |scheme: &Scheme| {
                costs.get(scheme.name()).is_some_and(|cost| *cost <= float * hopeless)
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

    /// The best few assignments by whatever the choice goes by, better than all layers in float.
    fn assignments(&self, table: &PrecisionTable, timed: &Prices) -> Vec<Assignment> {
        let bytes = table.bytes();
        // A conversion is a node without weights.
        let nothing = |_: usize| 0.0;
        let prices = match table.by {
            Objective::Latency => *timed,
            Objective::Bytes => {
                Prices { layers: &bytes, quantize: &nothing, dequantize: &nothing, ..*timed }
            }
        };
        let float = compress::predicted(&self.graph, &self.facts, &prices, &BTreeMap::new());
        let mut tried = compress::assignments(&self.graph, &self.facts, &prices);
        tried.retain(|a| a.predicted_ns < float.predicted_ns);
        tried.truncate(CONFIRMED);
        tried
    }

    /// The best few assignments, end to end beside the graph as given.
    pub(super) fn confirmed(
        &self,
        given: &Graph,
        table: &PrecisionTable,
        machine: &mut Machine,
    ) -> Result<Vec<Confirmed>, Failure> {
        let (layers, errors) = (table.prices(), table.errors());
        let (quantize, dequantize) = (table.quantize(), table.dequantize());
        let prices = Prices {
            layers: &layers,
            quantize: &quantize,
            dequantize: &dequantize,
            errors: &errors,
        };
        let float = BTreeMap::new();
        let timed = |layers: &BTreeMap<String, Scheme>| {
            compress::predicted(&self.graph, &self.facts, &prices, layers)
        };
        let as_float = timed(&float);
        let mut tried = self.assignments(table, &prices);
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
            let file = graph.encode();
            let bytes = file.len() as u64;
            encoded.push(file);
            let names = narrow.iter().map(|(l, s)| (l.clone(), s.name().to_string()));
            found.push(Confirmed {
                layers: names.collect(),
                predicted_ns: timed(&assignment.layers).predicted_ns,
                bytes,
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
        let by = (&self.context.rules, self.context.seed);
        let placings = machine.race(&entrants, self.calibration, by)?;
        for (one, placing) in found.iter_mut().zip(&placings[1..]) {
            one.speedup = Some(placing.speedup);
            one.quiet_share = placing.quiet_share;
        }
        Ok(found)
    }
}
