//! The change of predictions on a target, link by link: graph rewrite, quantization, engine, device.

use crate::attribution::effects::BootstrapValues;
use crate::attribution::experiments::{AblationStudy, ExperimentMetric, ExperimentTable};
use crate::attribution::shapley::{CoalitionContrast, GroupCoalition};
use crate::pipeline::PipelineError;
use paring_compress::float_simulation;
use paring_core::schema::{DeploymentStage, Experiment, ExperimentPredictions};
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

/// Outputs of the variant on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardOutputs {
    /// Its name.
    pub target: String,
    /// Its answers.
    pub answers: ExperimentPredictions,
    /// Largest difference of a number from what this machine answers.
    pub largest_difference: f64,
}

/// A place on the way, and what led to it.
struct PredictionStage {
    cause: &'static str,
    name: String,
    answers: ExperimentPredictions,
}

/// All stops, as a table in which the baseline is the empty set and every other has a set of its own.
struct PredictionPath {
    table: ExperimentTable,
    main: ExperimentMetric,
    resamples: BTreeMap<ExperimentMetric, BootstrapValues>,
}

impl AblationStudy<'_> {
    /// The links that there are: from the float baseline over the variant without its narrowing and
    /// the variant with integers simulated in float to the variant on this machine, and from there to
    /// every board that was asked, each followed by the whole way to it.
    ///
    /// # Errors
    /// Those of the experiments, and where a graph cannot be rewritten.
    pub fn links(
        &mut self,
        boards: &[BoardOutputs],
    ) -> Result<Vec<DeploymentStage>, PipelineError> {
        let mut stops = self.stops()?;
        let here = stops.len().saturating_sub(1);
        stops.extend(boards.iter().map(|there| PredictionStage {
            cause: "device",
            name: format!("variant on {}", there.target),
            answers: there.answers.clone(),
        }));
        let Some(way) = self.way(&stops) else { return Ok(vec![]) };
        let mut links: Vec<DeploymentStage> =
            (0..here).map(|stop| way.link(&stops, stop, stop + 1, None)).collect();
        for (position, there) in boards.iter().enumerate() {
            let at = here + 1 + position;
            links.push(way.link(&stops, here, at, Some(there)));
            links.push(DeploymentStage {
                cause: "all".into(),
                ..way.link(&stops, 0, at, Some(there))
            });
        }
        Ok(links)
    }

    /// The stops up to this machine.
    fn stops(&mut self) -> Result<Vec<PredictionStage>, PipelineError> {
        let all = GroupCoalition::full(self.groups.len());
        let narrow = |g: &usize| self.pieces_of(*g).iter().any(|(_, p)| p.precision.is_some());
        let cuts = |g: &usize| !self.pieces_of(*g).is_empty() && !narrow(g);
        let groups = 0..self.groups.len();
        let rewritten =
            groups.clone().filter(cuts).fold(GroupCoalition::EMPTY, GroupCoalition::with);
        let narrows = groups.clone().any(|g| narrow(&g));
        self.ask(0, &[rewritten])?;
        let here = "variant on this machine";
        let mut stops: Vec<PredictionStage> = Vec::new();
        let mut stop = |cause, name: &str, answers: Option<&ExperimentPredictions>| {
            let answers = answers.cloned();
            stops.extend(answers.map(|answers| PredictionStage {
                cause,
                name: name.to_string(),
                answers,
            }));
        };
        stop("", "float baseline", self.table.answers(0, GroupCoalition::EMPTY));
        if !rewritten.is_empty() {
            let name = if rewritten == all { here } else { "variant in float" };
            stop("graph rewrite", name, self.table.answers(0, rewritten));
        }
        if rewritten != all {
            let simulation = if narrows { self.simulation(all)? } else { None };
            stop("quantization", "integers simulated in float", simulation.as_ref());
            // What needed no simulation changed with the numbers' format alone.
            let computed = simulation.is_some() || !narrows;
            let cause = if computed { "engine" } else { "quantization" };
            stop(cause, here, self.table.answers(0, all));
        }
        Ok(stops)
    }

    /// Answers of a set's variant with integers simulated in float; `None` where it has no integers.
    fn simulation(
        &mut self,
        set: GroupCoalition,
    ) -> Result<Option<ExperimentPredictions>, PipelineError> {
        let Some(experiment) = self.table.experiment(0, set).cloned() else { return Ok(None) };
        let Some(laboratory) = self.laboratory() else { return Ok(None) };
        let path = laboratory.file(&experiment.file_sha256);
        let failed =
            |source| PipelineError::Graph { variant: "the simulated variant".into(), source };
        let graph = Graph::load(&path).map_err(failed)?;
        let Some(simulated) = float_simulation(&graph).map_err(failed)? else { return Ok(None) };
        let options = &experiment.options;
        laboratory.answers("the simulated variant", &simulated.encode(), options).map(Some)
    }

    fn way(&self, stops: &[PredictionStage]) -> Option<PredictionPath> {
        let like = self.table.experiment(0, GroupCoalition::EMPTY)?;
        let each = stops.iter().enumerate().map(|(position, stop)| {
            let answers = stop.answers.clone();
            (set_of(position), Experiment { answers, ..like.clone() })
        });
        let (truth, draws) = (self.table.truth.clone(), vec![each.collect()]);
        let table = ExperimentTable { truth, draws };
        let main = table.truth.main();
        let sets: Vec<GroupCoalition> = (0..stops.len()).map(set_of).collect();
        let resamples = BootstrapValues::all(&table, std::slice::from_ref(&main), &sets);
        Some(PredictionPath { table, main, resamples })
    }
}

/// The set that stands for a stop.
fn set_of(position: usize) -> GroupCoalition {
    if position == 0 { GroupCoalition::EMPTY } else { GroupCoalition::of(position - 1) }
}

impl PredictionPath {
    fn link(
        &self,
        stops: &[PredictionStage],
        from: usize,
        to: usize,
        there: Option<&BoardOutputs>,
    ) -> DeploymentStage {
        let (before, after) = (&stops[from].answers.classes, &stops[to].answers.classes);
        let form = CoalitionContrast::difference(set_of(to), set_of(from));
        let resamples = self.resamples.get(&self.main);
        let found = self.table.estimate(&form, &self.main, 1, 0.0, resamples);
        let classes = before.iter().chain(after).any(Option::is_some);
        let flips = before.iter().zip(after).filter(|(a, b)| a != b).count();
        DeploymentStage {
            cause: stops[to].cause.into(),
            between: [stops[from].name.clone(), stops[to].name.clone()],
            target: there.map(|there| there.target.clone()),
            flips: classes.then_some(flips),
            samples: before.len(),
            metric: self.main.metric(),
            change: found.map(|estimate| estimate.own),
            // Only the last stretch is between two machines.
            largest_difference: there.filter(|_| from > 0).map(|there| there.largest_difference),
        }
    }
}
