//! An investigation of one variant: its groups of decisions, the draws it is repeated on, and the
//! experiments that were done.

use super::decision_groups::{GroupLevel, groups, pieces, recipe, unreplayable};
use super::evaluated_samples::EvaluatedSamples;
use super::experiment_plan::ExperimentPlan;
use super::experiment_progress::ExperimentProgress;
use super::experiment_table::ExperimentTable;
use super::exploration::explore;
use crate::attribution::shapley::GroupCoalition;
use crate::pipeline::{
    EvaluationSetup, ExperimentRequest, ExperimentRunner, Folders, PipelineError, RecipeContext,
    RecipeInputs, RecordedStep, rehearse,
};
use paring_compress::Step;
use paring_core::schema::{
    CostTable, DecisionGroup, EngineOptions, ExperimentPredictions, Forecast, ReplayedDecision,
    Sha256Hex,
};
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rules of an ablation study.
#[derive(Clone, Copy, Debug)]
pub struct AblationOptions {
    /// Granularity of the groups.
    pub level: GroupLevel,
    /// The most groups.
    pub groups: usize,
    /// Experiments in all that may be done, whether found or made.
    pub experiments: usize,
    /// Time that may be spent.
    pub time: Duration,
    /// Seeds the orders of joining.
    pub seed: u64,
}

/// A variant under investigation.
#[derive(Debug)]
pub struct AblationStudy<'a> {
    /// Its groups of decisions; engine options last, where it has its own.
    pub groups: Vec<DecisionGroup>,
    /// The experiments that are planned.
    pub plan: ExperimentPlan,
    /// Progress of the experiments.
    pub explored: ExperimentProgress,
    /// Results of the experiments.
    pub table: ExperimentTable,
    /// Experiments that were made now rather than found.
    pub made: usize,
    /// Time of one experiment.
    pub each: Duration,
    /// Draws of calibration samples on which the recipe was done, the study's own first.
    draws: Vec<RecipeOnDraw<'a>>,
    further: FurtherDraws<'a>,
    options: EngineOptions,
    /// Position of the group that is the engine options.
    optional: Option<usize>,
}

/// Draws of calibration samples on which the recipe was not done yet, and what it takes to do it.
#[derive(Debug)]
struct FurtherDraws<'a> {
    inputs: VecDeque<RecipeInputs>,
    /// The recipe as further draws repeat it.
    steps: Vec<Step>,
    owner: String,
    costs: Option<CostTable>,
    folders: Folders,
    subject: EvaluationSetup<'a>,
}

/// The recipe on one draw of calibration samples.
#[derive(Debug)]
struct RecipeOnDraw<'a> {
    laboratory: ExperimentRunner<'a>,
    done: Vec<RecordedStep>,
    pieces: Vec<Vec<(usize, ReplayedDecision)>>,
}

impl<'a> AblationStudy<'a> {
    /// Groups what the variant's steps decided: `done` is what was done on the study's own draw of
    /// calibration samples. On a `further` one they are repeated when its first experiment is asked for.
    /// `truth` is of the subject's samples.
    ///
    /// # Errors
    /// [`PipelineError`] where a step cannot be repeated.
    pub fn begin(
        done: &[RecordedStep],
        options: &EngineOptions,
        context: &RecipeContext,
        further: Vec<RecipeInputs>,
        subject: EvaluationSetup<'a>,
        truth: EvaluatedSamples,
        manner: &AblationOptions,
    ) -> Result<Self, PipelineError> {
        let own = !options.transforms.is_empty();
        let mut groups = groups(done, manner.level, manner.groups.saturating_sub(own.into()));
        let optional = own.then_some(groups.len());
        groups.extend(own.then(|| engine(options)));
        let draws = 1 + further.len();
        let pairs = pairs(groups.len(), manner.experiments, draws);
        let plan = ExperimentPlan::new(groups.len(), pairs, manner.seed);
        let settled = |d: &RecordedStep| {
            let made: Vec<ReplayedDecision> =
                d.decisions.iter().filter_map(|(_, d)| d.piece()).collect();
            d.step.settled(&made).map_err(|source| unreplayable(d, source))
        };
        let steps: Vec<_> = done.iter().map(settled).collect::<Result<_, _>>()?;
        let RecipeContext { records, inputs, estimates, .. } = context;
        let further = FurtherDraws {
            inputs: further.into(),
            steps,
            owner: records.owner.clone(),
            costs: estimates.costs.clone(),
            folders: records.folders.clone(),
            subject,
        };
        let own = further.open(&groups, (*inputs).clone(), done.to_vec())?;
        let table = ExperimentTable { truth, draws: vec![Default::default(); draws] };
        Ok(AblationStudy {
            groups,
            plan,
            explored: ExperimentProgress::default(),
            table,
            made: 0,
            each: Duration::ZERO,
            draws: vec![own],
            further,
            options: options.clone(),
            optional,
        })
    }

    /// Seconds of one experiment on this machine: of the variant itself, which is asked in any case.
    ///
    /// # Errors
    /// Those of the experiment.
    pub fn time_of_one(&mut self) -> Result<Duration, PipelineError> {
        let all = GroupCoalition::full(self.groups.len());
        self.ask(0, &[all])?;
        let found = self.table.experiment(0, all);
        let took = found.and_then(|own| Some(own.made_s? + own.asked_s?)).unwrap_or(0.0);
        Ok(Duration::try_from_secs_f64(took).unwrap_or(Duration::MAX))
    }

    /// The most groups whose effects can be told in so much time, where an experiment takes `each`, and
    /// the experiments that all of them need.
    pub fn affordable_groups(&self, each: Duration, time: Duration) -> (usize, usize) {
        let needed = |count: usize| {
            let plan = ExperimentPlan::new(count, 1, 0);
            let order: Vec<usize> = (0..count).collect();
            let sets = [plan.base(&order), plan.sets(0)].concat();
            sets.into_iter().collect::<BTreeSet<_>>().len()
        };
        let takes = |count: usize| each.as_secs_f64() * needed(count) as f64;
        let fits = |count: &usize| takes(*count) <= time.as_secs_f64();
        let most = (1..=self.groups.len()).rev().find(fits).unwrap_or(1);
        (most, needed(self.groups.len()))
    }

    /// Does the planned experiments as far as time and number allow; `heard` is told after each batch
    /// how many are done.
    ///
    /// # Errors
    /// Those of the experiments.
    pub fn explore(
        &mut self,
        manner: &AblationOptions,
        heard: &mut dyn FnMut(usize),
    ) -> Result<(), PipelineError> {
        let (plan, order, draws) = (self.plan.clone(), self.order(), self.table.draws.len());
        let begun = Instant::now();
        let spent = std::cell::Cell::new((0usize, 0usize));
        let afford = &mut |count: usize| {
            let (all, made) = spent.get();
            let each = begun.elapsed().div_f64(made.max(1) as f64);
            // The recipe on a further draw takes as long as an experiment.
            let time = begun.elapsed() + each.mul_f64(count as f64 + 1.0);
            all + count <= manner.experiments && (made == 0 || time <= manner.time)
        };
        let mut run = |draw: usize, sets: &[GroupCoalition]| -> Result<(), PipelineError> {
            let before = self.made;
            self.ask(draw, sets)?;
            let (all, made) = spent.get();
            spent.set((all + sets.len(), made + self.made - before));
            heard(all + sets.len());
            Ok(())
        };
        let found = explore(&plan, draws, &order, afford, &mut run)?;
        self.each = begun.elapsed().div_f64(self.made.max(1) as f64);
        self.table.draws.truncate(found.draws);
        self.explored = found;
        self.recognise_exactness(draws);
        Ok(())
    }

    /// Takes what was sampled for exact where all sets of groups came up on every one of the `wanted`
    /// draws: more time would change nothing.
    fn recognise_exactness(&mut self, wanted: usize) {
        let Some(all) = self.plan.all() else { return };
        if self.table.draws.iter().any(|known| known.len() < all) {
            return;
        }
        self.explored.exact = true;
        self.explored.leave_two_out = true;
        self.explored.cut_short = self.table.draws.len() < wanted;
    }

    /// Does the experiments of some sets on a draw, and puts them into the table.
    ///
    /// # Errors
    /// Those of the experiments.
    pub fn ask(&mut self, draw: usize, sets: &[GroupCoalition]) -> Result<(), PipelineError> {
        while self.draws.len() <= draw
            && let Some(inputs) = self.further.inputs.pop_front()
        {
            self.draws.push(self.further.rehearsed(&self.groups, inputs)?);
        }
        let known = &self.table.draws[draw];
        let sets: Vec<GroupCoalition> =
            sets.iter().copied().filter(|set| !known.contains_key(set)).collect();
        let count = self.groups.len();
        // What a person may want to open or measure: each alone, all but each, and the ends.
        let ends = |set: &GroupCoalition| draw == 0 && (set.len() <= 1 || set.len() + 1 >= count);
        let wanted: Vec<ExperimentRequest> =
            sets.iter().map(|set| self.wanted(draw, *set, ends(set))).collect::<Result<_, _>>()?;
        let laboratory = &mut self.draws[draw].laboratory;
        let before = laboratory.made();
        let found = laboratory.run(&wanted)?;
        self.made += laboratory.made() - before;
        self.table.draws[draw].extend(sets.into_iter().zip(found));
        Ok(())
    }

    fn wanted(
        &self,
        draw: usize,
        set: GroupCoalition,
        keep: bool,
    ) -> Result<ExperimentRequest, PipelineError> {
        let RecipeOnDraw { done, pieces, .. } = &self.draws[draw];
        let has_options = self.optional.is_some_and(|group| set.contains(group));
        let options = if has_options { self.options.clone() } else { EngineOptions::default() };
        Ok(ExperimentRequest { steps: recipe(done, pieces, set)?, options, keep })
    }

    /// True if a group takes components out, rather than narrowing layers.
    pub(crate) fn removes(&self, group: usize) -> bool {
        self.pieces_of(group).iter().any(|(_, piece)| piece.components.len() > 1)
    }

    /// Decisions that a group keeps of each step, on the study's own draw.
    pub(crate) fn pieces_of(&self, group: usize) -> &[(usize, ReplayedDecision)] {
        let draw = self.draws.first();
        draw.and_then(|d| d.pieces.get(group)).map_or(&[], Vec::as_slice)
    }

    /// Answers of the variant with some components of a group restored, for each of `restored`.
    ///
    /// # Errors
    /// Those of the experiments.
    pub(crate) fn without(
        &mut self,
        group: usize,
        restored: &[BTreeSet<String>],
    ) -> Result<Vec<ExperimentPredictions>, PipelineError> {
        let Some(draw) = self.draws.first_mut() else { return Ok(vec![]) };
        let all = GroupCoalition::full(self.groups.len());
        let wanted: Vec<ExperimentRequest> = restored
            .iter()
            .map(|ids| {
                let mut pieces = draw.pieces.clone();
                for (_, piece) in &mut pieces[group] {
                    piece.components.retain(|c| !ids.contains(&c.id));
                }
                // A piece of which nothing is left would be a change of precision.
                pieces[group].retain(|(_, piece)| !piece.components.is_empty());
                let steps = recipe(&draw.done, &pieces, all)?;
                Ok(ExperimentRequest { steps, options: self.options.clone(), keep: false })
            })
            .collect::<Result<_, PipelineError>>()?;
        let before = draw.laboratory.made();
        let found = draw.laboratory.run(&wanted)?;
        self.made += draw.laboratory.made() - before;
        Ok(found.into_iter().map(|experiment| experiment.answers).collect())
    }

    /// True if the replay of all decisions gives the run's file, which lies at `path`, byte for byte,
    /// and in how many answers the two differ.
    ///
    /// # Errors
    /// Where the file cannot be read or run.
    pub fn replay(&self, path: &Path, file: &Sha256Hex) -> Result<(bool, usize), PipelineError> {
        let all = GroupCoalition::full(self.groups.len());
        let (Some(again), Some(draw)) = (self.table.experiment(0, all), self.draws.first()) else {
            return Ok((false, 0));
        };
        if again.file_sha256 == *file {
            return Ok((true, 0));
        }
        let bytes = std::fs::read(path).map_err(|source| PipelineError::File {
            doing: "read",
            path: path.to_path_buf(),
            source,
        })?;
        let name = path.display().to_string();
        let given = draw.laboratory.answers(&name, &bytes, &self.options)?;
        let pairs = given.classes.iter().zip(&again.answers.classes);
        Ok((false, pairs.filter(|(a, b)| a != b).count()))
    }

    /// The laboratory of the study's own draw.
    pub fn laboratory(&mut self) -> Option<&mut ExperimentRunner<'a>> {
        self.draws.first_mut().map(|draw| &mut draw.laboratory)
    }

    /// Groups, the largest expected effects first; of those without, the order of application.
    fn order(&self) -> Vec<usize> {
        let expected = |group: &DecisionGroup| {
            let own = group.expected.iter().filter(|f| f.metric == Forecast::OUTPUT_ERROR);
            own.map(|f| f.delta.abs()).sum::<f64>()
        };
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by(|a, b| expected(&self.groups[*b]).total_cmp(&expected(&self.groups[*a])));
        order
    }
}

impl<'a> FurtherDraws<'a> {
    /// The recipe on a draw, of which everything was `done`.
    fn open(
        &self,
        groups: &[DecisionGroup],
        inputs: RecipeInputs,
        done: Vec<RecordedStep>,
    ) -> Result<RecipeOnDraw<'a>, PipelineError> {
        let laboratory = ExperimentRunner::open(&self.folders, inputs, self.subject)?;
        Ok(RecipeOnDraw { laboratory, pieces: pieces(groups, &done), done })
    }

    /// Does the recipe on a draw.
    fn rehearsed(
        &self,
        groups: &[DecisionGroup],
        inputs: RecipeInputs,
    ) -> Result<RecipeOnDraw<'a>, PipelineError> {
        let done = rehearse(&self.owner, &inputs, self.costs.as_ref(), &self.steps)?;
        self.open(groups, inputs, done)
    }
}

/// Pairs of orders that so many experiments leave room for on every draw, beside the base and all but
/// each two; at least one.
fn pairs(groups: usize, experiments: usize, draws: usize) -> usize {
    let leave_two_out = groups * groups.saturating_sub(1) / 2;
    let left = (experiments.saturating_sub(leave_two_out) / draws).saturating_sub(2 * groups + 2);
    (left / (2 * groups.saturating_sub(1)).max(1)).max(1)
}

/// Engine options as a group of their own.
fn engine(options: &EngineOptions) -> DecisionGroup {
    DecisionGroup {
        id: "engine".into(),
        label: format!("engine options {}", options.label()),
        parts: vec![],
        step: format!("engine {}", options.label()),
        operation: "engine options".into(),
        criterion: None,
        decisions: vec![],
        components: vec![],
        layers: vec![],
        expected: vec![],
    }
}
