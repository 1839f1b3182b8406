//! Answers of `paring run` and `paring compress`, for people and as JSON.

use super::{ColumnArgs, GlobalOptions};
use crate::pipeline::Recipe;
use crate::report;
use crate::study::{QUICK_BLOCKS, Study};
use crate::workflow::{
    CompressResult, RunPlan, RunResult, TrainingEstimate, VariantFailure, VariantResult,
};
use paring_boards::Target;
use paring_core::error_chain::error_chain;
use paring_core::number_format::counted;
use paring_core::schema::{MissingReason, VariantRecord};
use paring_core::text::shell_word;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Prints what a run would do.
pub(super) fn print_plan(plan: &RunPlan, global: &GlobalOptions) {
    let RunPlan { study, blocks, estimate, training, energy, quick, .. } = plan;
    if global.json {
        let names: Vec<&str> = study.recipes.iter().map(|r| r.name.as_str()).collect();
        let energy =
            energy.iter().map(|(target, span)| json!({ "target": target, "s": span.as_secs() }));
        say!(
            "{:#}",
            json!({
                "study": study.name, "model": study.model, "data": study.data.path,
                "splits": {
                    "calibrate": plan.calibrate_samples, "select": plan.select_samples,
                    "report": plan.report_samples,
                },
                "variants": names, "recipes": study.recipes.iter().map(recipe_json).collect::<Vec<_>>(),
                "targets": study.targets.iter().map(|target| target_json(study, target)).collect::<Vec<_>>(),
                "regimes": study.regimes.iter().map(|r| r.name.to_string()).collect::<Vec<_>>(),
                "blocks": blocks, "estimate_s": estimate.as_secs(), "quick": quick,
                "training_estimate_s": training.iter().map(training_json).collect::<Vec<_>>(),
                "energy_estimate_s": energy.collect::<Vec<_>>(),
                "requirements": study.requirements(), "undecidable": plan.undecidable,
            })
        );
        return;
    }
    say!("study `{}`: {} on {}", study.name, study.model.display(), study.data.path.display());
    say!(
        "samples: {} to calibrate, {} to select, {} to report",
        plan.calibrate_samples,
        plan.select_samples,
        plan.report_samples
    );
    say!("variants, beside the baseline:");
    for recipe in &study.recipes {
        let steps = step_words(recipe);
        let steps = if steps.is_empty() { "no step".to_string() } else { steps.join("; ") };
        say!("  {:<20} from {:<12} {steps}", recipe.name, recipe.parent);
    }
    for regime in &study.regimes {
        say!("regime `{}`: evaluated on {} too", regime.name, regime.path.display());
    }
    training.iter().for_each(print_training);
    print_times(plan);
    print_requirements(plan);
    if *quick {
        say!("quick protocol: {QUICK_BLOCKS} blocks, no verdicts");
    }
}

/// Prints how long the blocks and the energy windows of each target take.
fn print_times(RunPlan { study, blocks, estimate, energy, .. }: &RunPlan) {
    for target in &study.targets {
        say!(
            "target `{}`: {} of fresh processes, about {} for a small model",
            target.name,
            counted(*blocks as u64, "block"),
            report::seconds(*estimate)
        );
    }
    for (target, span) in energy {
        say!(
            "energy on `{target}`: {} a variant, about {} more where it has a power sensor",
            counted(study.energy.windows, "window"),
            report::seconds(*span)
        );
    }
}

fn print_training((variant, time): &TrainingEstimate) {
    match time {
        Ok(time) => say!(
            "training of `{variant}`: an estimated {} on this machine, from a few updates of the baseline",
            report::seconds(*time)
        ),
        Err(why) => say!("training of `{variant}` will fail: {why}"),
    }
}

fn training_json((variant, time): &TrainingEstimate) -> Value {
    match time {
        Ok(time) => json!({ "variant": variant, "s": time.as_secs_f64() }),
        Err(why) => json!({ "variant": variant, "fails": why }),
    }
}

/// Prints the requirements, and those that no variant can pass.
fn print_requirements(plan: &RunPlan) {
    for requirement in plan.study.requirements() {
        say!("requirement: {requirement}");
    }
    for found in &plan.undecidable {
        say!("{}", report::undecidable_line(found));
    }
}

/// The steps of a recipe and its engine options, in the study's own words.
fn step_words(recipe: &Recipe) -> Vec<String> {
    let options = recipe.options.as_ref().map(|o| format!("engine {}", o.label()));
    recipe.steps.iter().map(ToString::to_string).chain(options).collect()
}

fn recipe_json(recipe: &Recipe) -> Value {
    json!({ "name": recipe.name, "from": recipe.parent, "steps": step_words(recipe) })
}

fn target_json(study: &Study, target: &Target) -> Value {
    json!({
        "name": target.name, "profile": target.profile.name,
        "address": target.transport.to_string(), "settings": study.settings(target),
    })
}

/// Prints what came of a run.
pub(super) fn print_result(
    result: &RunResult,
    took: Duration,
    global: &GlobalOptions,
    columns: ColumnArgs,
) {
    let rows = result.rows();
    if global.json {
        let failed: BTreeMap<&str, String> =
            result.failed_targets().map(|(target, error)| (target, error_chain(error))).collect();
        say!(
            "{:#}",
            json!({
                "out": result.run, "not_made": pairs(&result.not_made),
                "not_evaluated": pairs(&result.not_evaluated()), "failed_targets": failed,
                "manifest_sha256": result.manifest_sha256, "gate": result.gate,
                "regimes": report::regimes_json(&result.regimes),
                "measurements": rows.iter().map(|r| &r.measurement).collect::<Vec<_>>(),
            })
        );
        return;
    }
    super::say::table(&report::results_table(&rows, global.layout(columns)));
    if result.quick {
        say!("{}", report::quick_note(QUICK_BLOCKS));
    }
    if !rows.is_empty() {
        say!("{}", report::INTERVAL_LEVELS);
    }
    for line in report::regimes_text(&result.regimes) {
        say!("{line}");
    }
    if let Some(sentence) = result.gate.as_ref().and_then(report::gate_sentence) {
        let run = shell_word(&result.run.to_string_lossy()).into_owned();
        say!("{sentence}; `paring gate {run}` has every verdict");
    }
    let (took, out) = (report::seconds(took), result.run.display());
    let report = result.run.join("report.html");
    if report.exists() {
        say!("open {} in a browser", report.display());
    }
    // What earlier calls took is known to nobody.
    let since = if result.resumed { " since it was gone on with" } else { "" };
    let manifest = &result.manifest_sha256;
    say!("`{}` took {took}{since}; written to {out}; manifest {manifest}", result.study);
}

/// Prints the variants that were made.
pub(super) fn print_variants(result: &CompressResult, global: &GlobalOptions) {
    if global.json {
        let records: Vec<&VariantRecord> = result.variants.iter().map(|v| &v.record).collect();
        let evaluated = result.variants.iter().filter(|_| result.evaluated);
        let evaluations: Vec<_> = evaluated.map(|v| v.evaluation.as_ref().ok()).collect();
        say!(
            "{:#}",
            json!({
                "variants": records, "evaluations": evaluations,
                "regimes": report::regimes_json(&result.regimes),
                "not_made": pairs(&result.not_made),
                "not_evaluated": pairs(&result.not_evaluated()),
                "manifest_sha256": result.manifest_sha256,
            })
        );
        return;
    }
    for variant in &result.variants {
        print_variant(variant, result.evaluated);
    }
    for VariantFailure { variant, reason } in &result.not_made {
        say!("{variant:<20} not made: {reason}");
    }
    for line in report::regimes_text(&result.regimes) {
        say!("{line}");
    }
    say!("written to {}; manifest {}", result.run.display(), result.manifest_sha256);
}

/// Prints a variant: its size, its quality, what it left alone.
fn print_variant(VariantResult { record, evaluation, .. }: &VariantResult, evaluated: bool) {
    say!(
        "{:<20} {} removed, {}, {}, {}",
        record.name,
        counted(record.removed_count(), "component"),
        counted(record.params, "parameter"),
        counted(record.file_bytes, "byte"),
        record.precision()
    );
    match evaluation {
        Ok(found) => say!("{:<20} {}", "", report::evaluation_line(found)),
        Err(MissingReason(why)) if evaluated => say!("{:<20} not evaluated: {why}", ""),
        Err(_) => {}
    }
    for reason in &record.unexplained {
        say!("{:<20} answers differ more than its decisions explain: {reason}", "");
    }
    for refusal in &record.refusals {
        say!("{:<20} left `{}` alone: {}", "", refusal.what, refusal.reason);
    }
}

/// Failures as they stand in JSON: pairs of a name and a reason.
fn pairs(failures: &[VariantFailure]) -> Vec<Value> {
    failures.iter().map(|failure| json!([failure.variant, failure.reason])).collect()
}
