//! The change of predictions on a target, link by link: graph rewrite, quantization, engine, device.

use super::estimate::shared;
use super::{Coalition, Investigation};
use crate::compress::simulated;
use crate::graph::Graph;
use crate::pipeline::PipelineError;
use crate::record::{Answers, Interval, Link};

impl Investigation<'_> {
    /// The links that there are: from the float baseline over the variant without its narrowing and
    /// the variant with integers simulated in float, to the variant on this machine and, with the
    /// answers of a target, there.
    ///
    /// # Errors
    /// Those of the experiments, and where a graph cannot be rewritten.
    pub fn links(&mut self, target: Option<(&str, &Answers)>) -> Result<Vec<Link>, PipelineError> {
        let all = Coalition::full(self.groups.len());
        let narrow = |g: &usize| self.pieces_of(*g).iter().any(|(_, p)| p.components.is_empty());
        let cuts = |g: &usize| !self.pieces_of(*g).is_empty() && !narrow(g);
        let groups = 0..self.groups.len();
        let rewritten = groups.clone().filter(cuts).fold(Coalition::EMPTY, Coalition::with);
        let narrows = groups.clone().any(|g| narrow(&g));
        self.ask(0, &[rewritten])?;
        let mut stops: Vec<(&str, String, Answers)> = Vec::new();
        let mut stop = |cause, name: &str, answers: Option<&Answers>| {
            stops.extend(answers.map(|a| (cause, name.to_string(), a.clone())));
        };
        stop("", "float baseline", self.table.answers(0, Coalition::EMPTY));
        if !rewritten.is_empty() {
            stop("graph rewrite", "variant in float", self.table.answers(0, rewritten));
        }
        if rewritten != all {
            let simulation = if narrows { self.simulation(all)? } else { None };
            let mut stop = |cause, name: &str, answers: Option<&Answers>| {
                stops.extend(answers.map(|a| (cause, name.to_string(), a.clone())));
            };
            stop("quantization", "integers simulated in float", simulation.as_ref());
            // What needed no simulation changed with the numbers' format alone.
            let computed = simulation.is_some() || !narrows;
            let cause = if computed { "engine" } else { "quantization" };
            stop(cause, "variant on this machine", self.table.answers(0, all));
        }
        stops.extend(
            target.map(|(name, answers)| ("device", format!("variant on {name}"), answers.clone())),
        );
        let links = stops.windows(2).map(|pair| self.link(&pair[0], &pair[1]));
        Ok(links.collect())
    }

    /// Answers of a set's variant with integers simulated in float; `None` where it has no integers.
    fn simulation(&mut self, set: Coalition) -> Result<Option<Answers>, PipelineError> {
        let Some(experiment) = self.table.experiment(0, set).cloned() else { return Ok(None) };
        let Some(laboratory) = self.laboratory() else { return Ok(None) };
        let path = laboratory.file(&experiment.file_sha256);
        let failed =
            |source| PipelineError::Graph { variant: "the simulated variant".into(), source };
        let graph = Graph::load(&path).map_err(failed)?;
        let Some(simulated) = simulated(&graph).map_err(failed)? else { return Ok(None) };
        let options = &experiment.options;
        laboratory.answers("the simulated variant", &simulated.encode(), options).map(Some)
    }

    fn link(&self, from: &(&str, String, Answers), to: &(&str, String, Answers)) -> Link {
        let truth = &self.table.truth;
        let right = |a: &Answers, s: usize| f64::from(a.classes[s] == Some(truth.labels[s]));
        let count = truth.labels.len();
        let shares: Vec<f64> = (0..count).map(|s| right(&to.2, s) - right(&from.2, s)).collect();
        let flips = (0..count).filter(|s| from.2.classes[*s] != to.2.classes[*s]).count();
        let nothing = Interval { value: 0.0, low: 0.0, high: 0.0 };
        let accuracy = shared(&[shares], truth.groups.as_deref(), 0.0).map_or(nothing, |e| e.own);
        Link {
            cause: to.0.into(),
            between: [from.1.clone(), to.1.clone()],
            flips,
            samples: count,
            accuracy,
        }
    }
}
