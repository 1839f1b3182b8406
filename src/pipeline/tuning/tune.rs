//! The tune step: what loses nothing is tried on its target, and what is faster there is taken.

use crate::pipeline::measurement::{StepFailure, TrialForm};
use crate::pipeline::{PipelineError, RecipeContext, read_json, replace_json};
use paring_agent::engine::{CLEAR_UPPER_HALVES, ENGINE};
use paring_agent::measure::PRACTICAL_MARGIN;
use paring_compress::{self, CompressError, DecisionDraft, DecisionRule, StepResult};
use paring_core::schema::{
    EngineOptions, OriginalIndices, RejectedAlternative, SCHEMA, Sha256Hex, TuneCandidate,
    TuneTable,
};
use paring_onnx::graph::Graph;
use serde_json::json;

/// Options that change nothing but the order of sums, beside those that the parent has.
const LAYOUTS: [&[&str]; 4] =
    [&[], &["conv_nhwc"], &[CLEAR_UPPER_HALVES], &["conv_nhwc", CLEAR_UPPER_HALVES]];

/// The graph and engine options after a tune step.
pub(in crate::pipeline) struct TunedGraph {
    pub(in crate::pipeline) made: StepResult,
    pub(in crate::pipeline) options: EngineOptions,
}

/// A form that is tried.
struct EngineForm {
    rewritten: bool,
    options: EngineOptions,
}

impl RecipeContext {
    /// Tries the forms of a graph, or takes what the run's table says of them; where the options are
    /// `fixed` with these alone.
    ///
    /// # Errors
    /// [`PipelineError`] names the variant.
    pub(in crate::pipeline) fn tune(
        &self,
        (variant, on): (&str, &str),
        graph: Graph,
        origins: OriginalIndices,
        (options, fixed): (&EngineOptions, bool),
    ) -> Result<TunedGraph, PipelineError> {
        let failed = |source: CompressError| PipelineError::Step {
            variant: variant.into(),
            step: "tune".into(),
            source: Box::new(source),
        };
        let calibration = self.inputs.calibration.as_ref();
        let calibration = calibration
            .ok_or_else(|| failed(CompressError::NoCalibration("proving that nothing changes")))?;
        let (rewritten, drafts) = paring_compress::lossless(&graph, calibration).map_err(failed)?;
        let key = tune_key(&graph, (options, fixed), &calibration.sha256, self.inputs.reading);
        let path = self.records.folders.costs(&format!("{on}.tune-{}", key.short()));
        let stored: Option<TuneTable> = read_json(&path);
        let table = match stored.filter(|table| table.key == key) {
            Some(table) => table,
            None if self.machines.replays => return Err(PipelineError::not_frozen(variant, on)),
            None => {
                let clears = self.machines.clears_on(on);
                let forms = forms(!drafts.is_empty(), (options, fixed), clears);
                let tried = self.tried(on, (&graph, &rewritten), options, forms);
                let tried = tried.map_err(|error| error.of(on, &failed))?;
                let (engine, target) = (ENGINE.to_string(), on.to_string());
                let table = TuneTable { schema: SCHEMA, target, engine, key, tried };
                replace_json(&path, &table)?;
                table
            }
        };
        let table_sha256 = Sha256Hex::of_record(&table).ok();
        let calibration_sha256 = Some(calibration.sha256.clone());
        let best = best_form(&table).filter(|tried| !tried.form.is_empty());
        let taken =
            |t: &TuneCandidate| best.is_some_and(|b| b.form == t.form && b.options == t.options);
        let others = table.tried.iter().filter(|t| !taken(t));
        let alternatives_rejected =
            others.map(|t| RejectedAlternative { what: words(t), why: verdict(t) }).collect();
        let (reason, uses) = match best {
            Some(tried) => (reason(tried), is_rewritten(tried)),
            None => ("nothing is faster beyond noise: the model stays as it is".into(), false),
        };
        let options = best.map_or_else(|| options.clone(), |tried| tried.options.clone());
        let choice = DecisionDraft {
            operation: "tune".into(),
            coupling: "the whole graph".into(),
            alternatives_rejected,
            calibration_sha256,
            table_sha256,
            reason,
            ..DecisionDraft::default()
        };
        let (graph, mut decisions) = if uses { (rewritten, drafts) } else { (graph, Vec::new()) };
        decisions.push(choice);
        Ok(TunedGraph { made: StepResult::new(graph, origins, decisions), options })
    }

    /// Proves every form against the graph as given, and measures those that pass on a target.
    fn tried(
        &self,
        on: &str,
        (graph, rewritten): (&Graph, &Graph),
        given: &EngineOptions,
        forms: Vec<EngineForm>,
    ) -> Result<Vec<TuneCandidate>, StepFailure> {
        let Some(calibration) = &self.inputs.calibration else { return Ok(Vec::new()) };
        let (plain, short) = (graph.encode(), rewritten.encode());
        let mut tried = Vec::new();
        for form in &forms {
            let own = if form.rewritten { rewritten } else { graph };
            let pair = ((graph, given), (own, &form.options));
            let found =
                paring_compress::agreement(pair.0, pair.1, calibration, self.inputs.reading);
            let found = found.map_err(StepFailure::Step)?;
            tried.push(TuneCandidate {
                form: if form.rewritten { "rewritten" } else { "as given" }.into(),
                options: form.options.clone(),
                apart: found.apart,
                flips: found.flips,
                samples: found.samples,
                lossless: found.lossless(),
                speedup: None,
                quiet_share: None,
            });
        }
        let mut entrants = vec![TrialForm { bytes: &plain, options: given }];
        let passed: Vec<usize> = (0..forms.len()).filter(|i| tried[*i].lossless).collect();
        entrants.extend(passed.iter().map(|i| TrialForm {
            bytes: if forms[*i].rewritten { &short } else { &plain },
            options: &forms[*i].options,
        }));
        let by = (&self.machines.rules, self.inputs.seed);
        let placings = self.machines.on(on, |machine| machine.race(&entrants, calibration, by))?;
        for (index, placing) in passed.iter().zip(&placings[1..]) {
            tried[*index].speedup = Some(placing.speedup);
            tried[*index].quiet_share = Some(placing.quiet_share);
        }
        Ok(tried)
    }
}

/// Everything that decides what is measured.
fn tune_key(
    graph: &Graph,
    (options, fixed): (&EngineOptions, bool),
    samples: &Sha256Hex,
    reading: DecisionRule,
) -> Sha256Hex {
    Sha256Hex::of_json(&json!({
        "graph": Sha256Hex::of(&graph.encode()),
        "options": options.label(),
        "fixed": fixed,
        "reading": reading,
        "samples": samples,
        "engine": ENGINE,
    }))
}

/// All forms but the one that is there already, and those with `CLEAR_UPPER_HALVES` where the target
/// `clears` nothing.
fn forms(rewrites: bool, (given, fixed): (&EngineOptions, bool), clears: bool) -> Vec<EngineForm> {
    let mut all: Vec<EngineOptions> = LAYOUTS
        .iter()
        .map(|names| EngineOptions {
            transforms: names.iter().map(|n| (*n).to_string()).collect(),
            ..given.clone()
        })
        .collect();
    if fixed {
        all.clear();
    }
    if !all.contains(given) {
        all.push(given.clone());
    }
    let graphs = if rewrites { vec![false, true] } else { vec![false] };
    let pairs = graphs.into_iter().flat_map(|rewritten| {
        all.iter().map(move |options| EngineForm { rewritten, options: options.clone() })
    });
    let clearing = |o: &EngineOptions| o.transforms.iter().any(|name| name == CLEAR_UPPER_HALVES);
    pairs
        .filter(|form| form.rewritten || form.options != *given)
        .filter(|form| clears || !clearing(&form.options))
        .collect()
}

/// The fastest of those that are faster beyond noise and lose nothing.
fn best_form(table: &TuneTable) -> Option<&TuneCandidate> {
    let sure = |t: &&TuneCandidate| {
        t.lossless && t.speedup.is_some_and(|s| s.low > 1.0 + PRACTICAL_MARGIN)
    };
    let by = |t: &TuneCandidate| t.speedup.map_or(0.0, |s| s.value);
    table.tried.iter().filter(sure).max_by(|a, b| by(a).total_cmp(&by(b)))
}

fn is_rewritten(tried: &TuneCandidate) -> bool {
    tried.form == "rewritten"
}

fn words(tried: &TuneCandidate) -> String {
    match tried.options.label() {
        label if label.is_empty() => format!("{}, no engine options", tried.form),
        label => format!("{}, engine {label}", tried.form),
    }
}

fn proof(tried: &TuneCandidate) -> String {
    format!(
        "outputs within {:.1e} of the largest, {} of {} samples predicted differently",
        tried.apart, tried.flips, tried.samples
    )
}

fn verdict(tried: &TuneCandidate) -> String {
    match tried.speedup {
        None => format!("not lossless: {}", proof(tried)),
        Some(s) => format!("{:.3} [{:.3}, {:.3}] times as fast", s.value, s.low, s.high),
    }
}

fn reason(tried: &TuneCandidate) -> String {
    format!(
        "{}: {} in paired bursts, {:.0} % of them quiet; {}",
        words(tried),
        verdict(tried),
        100.0 * tried.quiet_share.unwrap_or(0.0),
        proof(tried)
    )
}
