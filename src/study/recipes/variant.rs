//! `[[variant]]`: recipes with their names, parents, steps and engine options.

use super::step_error::RecipeError;
use super::step_table::StepTable;
use super::sweep::sweep;
use crate::pipeline::{BASELINE, Recipe};
use paring_agent::engine::{self, TRANSFORMS};
use paring_compress::Step;
use paring_core::schema::{EngineOptions, Sha256Hex};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A variant: what it is made from, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct VariantSection {
    /// Letters, digits, `-`, `_` and `.`; with `{key}` in braces for every key of its steps that is a list.
    name: String,
    /// The earlier variant it is made from; default `baseline`.
    #[serde(default)]
    from: Option<String>,
    /// The recipe, in order.
    #[serde(default)]
    steps: Vec<StepTable>,
    /// An ONNX file that another tool made of the baseline.
    #[serde(default)]
    import: Option<PathBuf>,
    /// Engine options: `conv_nhwc`, `f32_to_f16`, `block_quant`, `vzeroupper`; default: the parent's.
    #[serde(default)]
    engine: Option<Vec<String>>,
    /// Instruction-set tiers that the engine must do without; default: the parent's.
    #[serde(default)]
    without_isa: Option<Vec<String>>,
}

/// The recipes of all variants in order. Paths in them are relative to `folder`.
///
/// # Errors
/// [`RecipeError`] names the variant and the key.
pub(in crate::study) fn recipes(
    variants: &[VariantSection],
    folder: &Path,
) -> Result<Vec<Recipe>, RecipeError> {
    let mut known = BTreeSet::from([BASELINE.to_string()]);
    let mut recipes: Vec<Recipe> = Vec::new();
    for variant in variants {
        let swept = match &variant.import {
            Some(path) => {
                vec![(variant.name.clone(), vec![imported(variant, &folder.join(path))?])]
            }
            None => sweep(&variant.name, &variant.steps)?,
        };
        for (name, steps) in swept {
            check_name(&name)?;
            let parent = variant.from.clone().unwrap_or_else(|| BASELINE.into());
            if !known.contains(&parent) {
                let all = known.iter().cloned().collect::<Vec<_>>().join("`, `");
                return Err(format!(
                    "variant `{name}` is made from `{parent}`, which no earlier variant is called; known are `{all}`"
                )
                .into());
            }
            if !known.insert(name.clone()) {
                return Err(format!("two variants are called `{name}`").into());
            }
            let options = options(&name, variant)?;
            recipes.push(Recipe { name, parent, steps, options });
        }
    }
    Ok(recipes)
}

/// A model that another tool made of the baseline.
fn imported(variant: &VariantSection, path: &Path) -> Result<Step, String> {
    let name = &variant.name;
    if !variant.steps.is_empty() || variant.from.is_some() {
        let how = "give further steps to a variant that is made `from` it";
        return Err(format!(
            "variant `{name}`: `import` stands alone, beside `engine` at most; {how}"
        ));
    }
    let sha256 = Sha256Hex::of_file(path)
        .map_err(|e| format!("variant `{name}`: import {}: {e}", path.display()))?;
    Ok(Step::Import { path: path.to_path_buf(), sha256 })
}

/// Refuses a name that cannot be a file's.
fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(format!(
            "variant name `{name}` must be made of letters, digits, `-`, `_` and `.`"
        ));
    }
    Ok(())
}

/// Engine options of a variant; `None` for those of its parent.
fn options(name: &str, variant: &VariantSection) -> Result<Option<EngineOptions>, String> {
    if variant.engine.is_none() && variant.without_isa.is_none() {
        return Ok(None);
    }
    let of = |key: &Option<Vec<String>>| key.clone().unwrap_or_default();
    let (transforms, without_isa) = (of(&variant.engine), of(&variant.without_isa));
    if let Some(unknown) = transforms.iter().find(|t| !TRANSFORMS.contains(&t.as_str())) {
        return Err(format!(
            "variant `{name}`: unknown engine option `{unknown}`; known are `{}`",
            TRANSFORMS.join("`, `")
        ));
    }
    let known = engine::tiers();
    if let Some(unknown) = without_isa.iter().find(|tier| !known.contains(&tier.as_str())) {
        return Err(format!(
            "variant `{name}`: unknown instruction-set tier `{unknown}`; known are `{}`",
            known.join("`, `")
        ));
    }
    Ok(Some(EngineOptions { transforms, without_isa }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Recipe>, String> {
        #[derive(serde::Deserialize)]
        struct Only {
            variant: Vec<VariantSection>,
        }
        let variants = toml::from_str::<Only>(text).unwrap().variant;
        recipes(&variants, Path::new(""))
            .map_err(|error| error.of_study(Path::new("study.toml"), text).to_string())
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let message = of(text).unwrap_err();
        assert_eq!(message.strip_prefix("study.toml:").unwrap().trim_start(), expected);
    }

    #[test]
    fn a_list_makes_one_variant_a_value() {
        let made = of("[[variant]]\nname = \"p{ratio}\"\nsteps = [{ prune = \"channels\", ratio = [0.1, 0.5] }]").unwrap();
        assert_eq!(made.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["p0.1", "p0.5"]);
        assert_eq!(made[1].steps[0].to_string(), "prune channels, ratio 0.5, criterion l1");
    }

    #[test]
    fn unknown_keys_of_steps_are_named_with_line_and_nearest() {
        refused(
            "[[variant]]\nname = \"v\"\nsteps = [{ prune = \"channels\", rato = 0.5 }]",
            "3: unknown key `rato`; did you mean `ratio`?",
        );
        refused(
            "[[variant]]\nname = \"v\"\n[[variant.steps]]\nquantise = \"int8\"",
            "4: unknown key `quantise`; did you mean `quantize`?",
        );
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        refused(
            "[[variant]]\nname = \"a\"\nfrom = \"b\"",
            "variant `a` is made from `b`, which no earlier variant is called; known are `baseline`",
        );
        refused(
            "[[variant]]\nname = \"a\"\n[[variant]]\nname = \"a\"",
            "two variants are called `a`",
        );
        refused(
            "[[variant]]\nname = \"a/b\"",
            "variant name `a/b` must be made of letters, digits, `-`, `_` and `.`",
        );
        refused(
            "[[variant]]\nname = \"a\"\nsteps = [{ prune = \"channels\", ratio = 1.0 }]",
            "3: variant `a`: `ratio` must be above 0 and below 1, it is 1",
        );
        refused(
            "[[variant]]\nname = \"a\"\nsteps = [{ prune = \"channels\", ratio = [0.1, 0.2] }]",
            "variant `a` sweeps over `ratio`, so its name must contain `{ratio}`",
        );
        let ratios = vec!["0.1"; 101].join(",");
        let step = format!("{{ prune = \"channels\", ratio = [{ratios}], score = [{ratios}] }}");
        refused(
            &format!("[[variant]]\nname = \"{{ratio}}\"\nsteps = [{step}]"),
            "variant `{ratio}` sweeps over 10201 combinations, more than 10000",
        );
        let long = "a".repeat(201);
        refused(
            &format!("[[variant]]\nname = \"{long}\""),
            &format!("variant name `{}…` is longer than 200 bytes", "a".repeat(40)),
        );
        refused(
            "[[variant]]\nname = \"a\"\nsteps = [{ quantize = \"int3\" }]",
            "3: variant `a`: cannot quantize to `int3`; known are `int8`, `int8-dynamic`, `int8-weights`, `int4-weights` and `f16`",
        );
        refused(
            "[[variant]]\nname = \"a\"\nengine = [\"fast\"]",
            "variant `a`: unknown engine option `fast`; known are `conv_nhwc`, `f32_to_f16`, `block_quant`, `vzeroupper`",
        );
    }

    #[test]
    fn keys_of_other_steps_and_odd_values_are_named_with_their_line() {
        for (step, expected) in [
            (
                "prune = \"weights\", count = 3",
                "`count` belongs to pruning channels or heads and pruning layers or blocks, not to `prune = \"weights\"`; known there are `ratio`, `score`, `pattern`, `criterion`, `recover`, `layers`, `protect`",
            ),
            (
                "prune = \"channels\", ratio = 0.5, calibration = \"mse\"",
                "`calibration` belongs to steps with `quantize`, not to `prune = \"channels\"`; known there are `ratio`, `count`, `score`, `macs`, `latency`, `on`, `criterion`, `recover`, `allocate`, `multiple`, `layers`, `protect`, `lossy`",
            ),
            (
                "quantize = \"f16\", per = \"channel\"",
                "`per` belongs to `quantize = \"int8\"`, `quantize = \"int8-dynamic\"` and `quantize = \"int8-weights\"`, not to `quantize = \"f16\"`; known there are `layers`, `protect`",
            ),
            (
                "prune = \"heads\", count = 1, recover = \"bias\"",
                "`recover` is `none`, `mean`, `statistics`, `least-squares` or `distill`, not `bias`",
            ),
            (
                "prune = \"channels\", ratio = \"half\"",
                "`ratio`: invalid type: string \"half\", expected f64",
            ),
            ("tune = \"all\"", "`tune` is true or \"lossless\", not \"all\""),
            ("layers = \"a\"", "a step has one of `prune`, `quantize`, `distill` and `tune`"),
        ] {
            let text = format!("[[variant]]\nname = \"a\"\nsteps = [{{ {step} }}]");
            refused(&text, &format!("3: variant `a`: {expected}"));
        }
    }
}
