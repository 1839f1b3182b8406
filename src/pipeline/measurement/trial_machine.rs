//! Machines that models are tried on: this process, or the agent of a board.

use super::paired_speedup::{PairedSpeedup, TrialForm, paired_speedups};
use super::remote_jobs::RemoteName;
use crate::pipeline::{PipelineError, TrialMachines, replace_json};
use paring_agent::arrays::Array;
use paring_agent::engine::{
    AnalysedModel, CLEAR_UPPER_HALVES, DimensionBindings, EngineError, InferencePlan, ModelSource,
    PlanProfile,
};
use paring_agent::measure::read_journal;
use paring_boards::{Board, LocalAgent, RemotePrediction, Target, TargetError, TargetSession};
use paring_compress::CompressError;
use paring_compress::catalog::Calibration;
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    BlockRecord, ConfidenceInterval, EngineOptions, Job, NodeProfile, SampleRules,
    TargetEnvironment,
};
use paring_core::stats;
use paring_data::DataError;
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Profiles that models of a pattern take in turn.
const TURNS: usize = 8;
/// Runs of each.
const RUNS: usize = 4;
/// Rounds on a board, where every form is loaded anew by a process of its own.
const ROUNDS: usize = 5;

/// A machine that runs small networks.
pub(in crate::pipeline) enum TrialMachine<'a, 'b> {
    /// This one, in this process.
    Here,
    /// A board.
    Board(&'a mut Board<'b>),
}

/// The reason that a trial was not made.
pub(in crate::pipeline) enum TrialFailure {
    /// It was not made, or the engine here refuses it.
    Step(CompressError),
    /// The engine there refuses it, in its words.
    Rejected(String),
    /// The machine is not to be had.
    Gone(TargetError),
}

/// The reason that a step's measurements were not made.
pub(in crate::pipeline) enum StepFailure {
    /// Something of the step.
    Step(CompressError),
    /// The target.
    Target(TargetError),
}

impl From<TrialFailure> for StepFailure {
    fn from(failure: TrialFailure) -> StepFailure {
        match failure {
            TrialFailure::Step(error) => StepFailure::Step(error),
            TrialFailure::Gone(error) => StepFailure::Target(error),
            TrialFailure::Rejected(said) => {
                let (what, status) =
                    ("run a form of the model".into(), "the engine refuses".into());
                StepFailure::Target(TargetError::Failed { what, status, message: said })
            }
        }
    }
}

impl StepFailure {
    /// For a person: `failed` knows the variant and its step.
    pub(in crate::pipeline) fn of(
        self,
        target: &str,
        failed: &dyn Fn(CompressError) -> PipelineError,
    ) -> PipelineError {
        match self {
            StepFailure::Step(source) => failed(source),
            StepFailure::Target(source) => PipelineError::Target { target: target.into(), source },
        }
    }
}

impl TrialMachines {
    /// The target of a name, if the study has it.
    pub(in crate::pipeline) fn named(&self, target: &str) -> Option<&Target> {
        self.targets.iter().find(|known| known.name == target)
    }

    /// True of a target that may have upper halves of registers to clear.
    pub(in crate::pipeline) fn clears_on(&self, target: &str) -> bool {
        match self.named(target).and_then(|known| known.profile.triple.as_deref()) {
            Some(triple) => triple.starts_with("x86_64"),
            None => cfg!(target_arch = "x86_64"),
        }
    }

    /// Does something on one of the study's targets: in this process where that is this machine.
    pub(in crate::pipeline) fn on<T>(
        &self,
        target: &str,
        act: impl FnOnce(&mut TrialMachine) -> Result<T, TrialFailure>,
    ) -> Result<T, StepFailure> {
        let Some(known) = self.named(target) else {
            return match target {
                "host" => Ok(act(&mut TrialMachine::Here)?),
                other => {
                    Err(StepFailure::Target(TargetError::UnknownStudyTarget(other.to_string())))
                }
            };
        };
        let mut heard = |_| ();
        let mut site = TargetSession::open(known, None, &mut heard).map_err(StepFailure::Target)?;
        Ok(act(&mut TrialMachine::of(&mut site))?)
    }
}

impl From<CompressError> for TrialFailure {
    fn from(error: CompressError) -> TrialFailure {
        TrialFailure::Step(error)
    }
}

impl From<EngineError> for TrialFailure {
    fn from(error: EngineError) -> TrialFailure {
        TrialFailure::Step(error.into())
    }
}

impl TrialFailure {
    fn there(error: TargetError) -> TrialFailure {
        match error {
            TargetError::Failed { message, .. } => TrialFailure::Rejected(message),
            other => TrialFailure::Gone(other),
        }
    }
}

/// A node of the optimised graph: its name, its kernels, and its time in nanoseconds.
pub(in crate::pipeline) struct NodeRun {
    pub(in crate::pipeline) name: String,
    pub(in crate::pipeline) kernels: Vec<String>,
    pub(in crate::pipeline) time_ns: f64,
}

impl NodeRun {
    /// True of a product: a node with kernels.
    pub(in crate::pipeline) fn multiplies(&self) -> bool {
        !self.kernels.is_empty()
    }
}

/// The outputs of a narrow network, and the nodes of the float one and of itself.
pub(in crate::pipeline) struct NetworkAnswer {
    pub(in crate::pipeline) outputs: Vec<f64>,
    pub(in crate::pipeline) float: Vec<NodeRun>,
    pub(in crate::pipeline) own: Vec<NodeRun>,
}

impl<'a, 'b> TrialMachine<'a, 'b> {
    /// The machine that a site is.
    pub(in crate::pipeline) fn of(site: &'a mut TargetSession<'b>) -> TrialMachine<'a, 'b> {
        match site.board() {
            Ok(board) => TrialMachine::Board(board),
            Err(_) => TrialMachine::Here,
        }
    }

    /// Environment of the machine, its power sensors as they are under `sysfs_root`.
    pub(in crate::pipeline) fn probe(
        &mut self,
        sysfs_root: Option<&Path>,
    ) -> Result<TargetEnvironment, TrialFailure> {
        let found = match self {
            TrialMachine::Here => LocalAgent.probe(sysfs_root),
            TrialMachine::Board(board) => board.deploy(&[]).and_then(|_| board.probe(sysfs_root)),
        };
        found.map_err(TrialFailure::Gone)
    }

    /// Has the agent measure what the journal in `folder` lacks of a job of the run at `root` whose
    /// files lie there; gives the journal.
    pub(in crate::pipeline) fn run(
        &mut self,
        job: &Job,
        folder: &ConfinedPath,
        root: &Path,
    ) -> Result<Vec<BlockRecord>, TrialFailure> {
        let (path, journal) = (folder.join("job.json"), folder.join("blocks.jsonl"));
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            |source| TrialFailure::Gone(TargetError::File { doing: "write", path, source })
        };
        let written = replace_json(&path, job).map_err(std::io::Error::other);
        written.map_err(failed(&path))?;
        let done = match self {
            TrialMachine::Here => LocalAgent.run(&path, &journal, &mut |_| ()),
            TrialMachine::Board(board) => {
                let name = RemoteName::of(folder, root, true).map_err(std::io::Error::other);
                let name = name.map_err(failed(folder))?;
                board.run(&name.remote(job, folder, &journal))
            }
        };
        done.map_err(TrialFailure::Gone)?;
        read_journal(&journal).map_err(|e| failed(&journal)(std::io::Error::other(e)))
    }

    /// Runs a narrow network on the first samples, and times it beside the float one.
    pub(in crate::pipeline) fn answer(
        &mut self,
        float: &Graph,
        narrow: &Graph,
        calibration: &Calibration,
    ) -> Result<NetworkAnswer, TrialFailure> {
        // As measured precisions are run.
        let transforms = vec![CLEAR_UPPER_HALVES.to_string()];
        let options = EngineOptions { transforms, ..EngineOptions::default() };
        let outputs = match self {
            TrialMachine::Here => {
                let plan = loaded(narrow, &options, calibration)?;
                plan.run(&plan.inputs(&calibration.first())?)?.iter().flatten().copied().collect()
            }
            TrialMachine::Board(board) => predicted(board, narrow, calibration)?,
        };
        let outputs = outputs.into_iter().map(f64::from).collect();
        let within = Duration::from_secs(60);
        let both = self.profiles(&[float, narrow], &options, calibration, (TURNS, within))?;
        let mut both = both.into_iter();
        let [float, own] = [both.next(), both.next()].map(Option::unwrap_or_default);
        Ok(NetworkAnswer { outputs, float, own })
    }

    /// Times of the nodes of several models that take turns: so many, or fewer within the time.
    pub(in crate::pipeline) fn profiles(
        &mut self,
        graphs: &[&Graph],
        options: &EngineOptions,
        calibration: &Calibration,
        (turns, within): (usize, Duration),
    ) -> Result<Vec<Vec<NodeRun>>, TrialFailure> {
        if let TrialMachine::Board(board) = self {
            let (_folder, paths) = saved(graphs)?;
            let models: Vec<_> = paths.iter().map(|path| (path.as_path(), options)).collect();
            let found = board.profile_nodes(&models, &calibration.first(), calibration.batch);
            return Ok(found.map_err(TrialFailure::there)?.into_iter().map(nodes).collect());
        }
        let arrays = calibration.first();
        let plans = graphs.iter().map(|graph| {
            let plan = loaded(graph, options, calibration)?;
            let inputs = plan.inputs(&arrays)?;
            Ok((plan, inputs, NodeTimesByName::default()))
        });
        let mut plans = plans.collect::<Result<Vec<_>, EngineError>>()?;
        let begun = Instant::now();
        for turn in 0..turns {
            if turn >= 3 && begun.elapsed() > within {
                break;
            }
            for (plan, inputs, times) in &mut plans {
                times.add(&plan.profile(inputs, RUNS)?);
            }
        }
        Ok(plans.into_iter().map(|(plan, _, times)| times.nodes(&plan)).collect())
    }

    /// Speedups of several forms of a model over the first. On a board each is run by a process of
    /// its own, round after round: the interval is from the slowest round to the fastest.
    pub(in crate::pipeline) fn race(
        &mut self,
        entrants: &[TrialForm],
        calibration: &Calibration,
        (rules, seed): (&SampleRules, u64),
    ) -> Result<Vec<PairedSpeedup>, TrialFailure> {
        let TrialMachine::Board(board) = self else {
            return Ok(paired_speedups(entrants, calibration, rules, seed)?);
        };
        let folder = tempfile::tempdir().map_err(unwritten)?;
        let mut paths = Vec::new();
        for (index, entrant) in entrants.iter().enumerate() {
            let path = folder.path().join(format!("{index}.onnx"));
            std::fs::write(&path, entrant.bytes).map_err(unwritten)?;
            paths.push(path);
        }
        let forms = paths.iter().zip(entrants);
        let models: Vec<_> = forms.map(|(path, e)| (path.as_path(), e.options)).collect();
        let mut ratios = vec![Vec::new(); entrants.len()];
        for _ in 0..ROUNDS {
            let found = board.profile_nodes(&models, &calibration.first(), calibration.batch);
            let found = found.map_err(TrialFailure::there)?;
            let first = found.first().map_or(1.0, |profile| profile.plain_ns);
            for (own, profile) in ratios.iter_mut().zip(&found) {
                own.push(first / profile.plain_ns.max(1.0));
            }
        }
        Ok(ratios.iter().map(|own| placed(own)).collect())
    }
}

fn placed(ratios: &[f64]) -> PairedSpeedup {
    let at = |pick: fn(f64, f64) -> f64, from: f64| ratios.iter().copied().fold(from, pick);
    let value = stats::median(ratios).unwrap_or(1.0);
    let speedup = ConfidenceInterval { value, low: at(f64::min, value), high: at(f64::max, value) };
    // Nobody watches a board for quiet rounds here.
    PairedSpeedup { speedup, quiet_share: 0.0 }
}

fn unwritten(error: std::io::Error) -> TrialFailure {
    let path = "a model".into();
    TrialFailure::Gone(TargetError::File { doing: "write", path, source: error })
}

/// Models as files, and the folder that keeps them.
fn saved(graphs: &[&Graph]) -> Result<(tempfile::TempDir, Vec<PathBuf>), TrialFailure> {
    let folder = tempfile::tempdir().map_err(unwritten)?;
    let mut paths = Vec::new();
    for (index, graph) in graphs.iter().enumerate() {
        let path = folder.path().join(format!("{index}.onnx"));
        graph.save(&path).map_err(CompressError::from)?;
        paths.push(path);
    }
    Ok((folder, paths))
}

fn loaded(
    graph: &Graph,
    options: &EngineOptions,
    calibration: &Calibration,
) -> Result<InferencePlan, EngineError> {
    let bytes = graph.encode();
    let bindings = DimensionBindings { batch: calibration.batch, dims: &calibration.dims };
    AnalysedModel::load(ModelSource::Bytes(graph.name(), &bytes), bindings)?.optimise(options)
}

/// Times by node, over several profiles.
#[derive(Default)]
struct NodeTimesByName(BTreeMap<String, Vec<f64>>);

impl NodeTimesByName {
    fn add(&mut self, profile: &PlanProfile) {
        for node in &profile.nodes {
            let times = node.times_ns.iter().map(|t| t.as_f64());
            self.0.entry(node.node.name.clone()).or_default().extend(times);
        }
    }

    fn nodes(&self, plan: &InferencePlan) -> Vec<NodeRun> {
        let one = |node: paring_agent::engine::OptimisedNode| {
            let times = self.0.get(&node.name).map(Vec::as_slice).unwrap_or_default();
            let time_ns = stats::median(times).unwrap_or(0.0);
            NodeRun { name: node.name, kernels: node.kernels, time_ns }
        };
        plan.nodes().into_iter().map(one).collect()
    }
}

/// The first output of a model on a board, for the first samples.
fn predicted(
    board: &mut Board,
    graph: &Graph,
    calibration: &Calibration,
) -> Result<Vec<f32>, TrialFailure> {
    let (_folder, paths) = saved(&[graph])?;
    let (arrays, options) = (calibration.first(), EngineOptions::default());
    let asked = RemotePrediction {
        model: &paths[0],
        options: &options,
        dims: &calibration.dims,
        batch: calibration.batch,
        output: 0,
    };
    let rows = |positions: &[usize]| -> Result<BTreeMap<String, Array>, DataError> {
        Ok(arrays.iter().map(|(name, array)| (name.clone(), array.take(positions))).collect())
    };
    let found = board.predict(&asked, calibration.batch, &rows, &mut |_| ());
    Ok(found.map_err(TrialFailure::there)?.iter().copied().collect())
}

fn nodes(profile: NodeProfile) -> Vec<NodeRun> {
    let one = |node: paring_core::schema::NodeTime| NodeRun {
        name: node.name,
        kernels: node.kernels,
        time_ns: node.own_ns,
    };
    profile.nodes.into_iter().map(one).collect()
}
