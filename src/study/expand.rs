//! From typed variants to recipes: sweeps multiplied out, every name checked.

use super::file::{OneOrMany, StepSection, VariantSection};
use super::step::parse;
use crate::pipeline::{BASELINE, Recipe};
use paring_agent::engine::{self, TRANSFORMS};
use paring_compress::Step;
use paring_core::schema::{EngineOptions, Sha256Hex};
use std::collections::BTreeSet;
use std::path::Path;

/// The recipes of all variants in order.
///
/// # Errors
/// For a person: names the variant and the key.
pub(super) fn recipes(variants: &[VariantSection], folder: &Path) -> Result<Vec<Recipe>, String> {
    let mut known = BTreeSet::from([BASELINE.to_string()]);
    let mut recipes: Vec<Recipe> = Vec::new();
    for variant in variants {
        for (name, steps) in sweep(variant)? {
            check_name(&name)?;
            let parent = variant.from.clone().unwrap_or_else(|| BASELINE.into());
            if !known.contains(&parent) {
                let all = known.iter().cloned().collect::<Vec<_>>().join("`, `");
                return Err(format!(
                    "variant `{name}` is made from `{parent}`, which no earlier variant is called; known are `{all}`"
                ));
            }
            if !known.insert(name.clone()) {
                return Err(format!("two variants are called `{name}`"));
            }
            let steps = match &variant.import {
                Some(path) => imported(variant, &folder.join(path)).map(|step| vec![step]),
                None => steps.iter().map(parse).collect::<Result<_, _>>(),
            };
            let steps = steps.map_err(|problem| format!("variant `{name}`: {problem}"))?;
            let options = options(&name, variant)?;
            recipes.push(Recipe { name, parent, steps, options });
        }
    }
    Ok(recipes)
}

/// A model that another tool made of the baseline.
fn imported(variant: &VariantSection, path: &Path) -> Result<Step, String> {
    if !variant.steps.is_empty() || variant.from.is_some() {
        let how = "give further steps to a variant that is made `from` it";
        return Err(format!("`import` stands alone, beside `engine` at most; {how}"));
    }
    let sha256 = Sha256Hex::of_file(path).map_err(|e| format!("import {}: {e}", path.display()))?;
    Ok(Step::Import { path: path.to_path_buf(), sha256 })
}

/// File names are made from it.
fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(format!(
            "variant name `{name}` must be made of letters, digits, `-`, `_` and `.`"
        ));
    }
    Ok(())
}

/// What a variant asks of the engine; `None` for what its parent asks.
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

/// Most variants of a study: a sweep over several lists multiplies.
const MOST_VARIANTS: usize = 10_000;
/// Longest name of a variant before a sweep completes it; file names are made from names.
const LONGEST_NAME: usize = 200;

/// One name and list of steps for every combination of the values that are lists.
fn sweep(variant: &VariantSection) -> Result<Vec<(String, Vec<StepSection>)>, String> {
    if variant.name.len() > LONGEST_NAME {
        let start: String = variant.name.chars().take(40).collect();
        return Err(format!("variant name `{start}…` is longer than {LONGEST_NAME} bytes"));
    }
    let mut all = vec![(variant.name.clone(), Vec::new())];
    for step in &variant.steps {
        let combinations = combinations(step).saturating_mul(all.len());
        if combinations > MOST_VARIANTS {
            let name = &variant.name;
            return Err(format!(
                "variant `{name}` sweeps over {combinations} combinations, more than {MOST_VARIANTS}"
            ));
        }
        let mut forms = vec![(Vec::new(), step.clone())];
        spread(&mut forms, "ratio", |s| &mut s.ratio);
        spread(&mut forms, "count", |s| &mut s.count);
        spread(&mut forms, "score", |s| &mut s.score);
        spread(&mut forms, "macs", |s| &mut s.macs);
        spread(&mut forms, "latency", |s| &mut s.latency);
        spread(&mut forms, "pattern", |s| &mut s.pattern);
        spread(&mut forms, "criterion", |s| &mut s.criterion);
        spread(&mut forms, "recover", |s| &mut s.recover);
        spread(&mut forms, "allocate", |s| &mut s.allocate);
        spread(&mut forms, "calibration", |s| &mut s.calibration);
        spread(&mut forms, "per", |s| &mut s.per);
        spread(&mut forms, "round", |s| &mut s.round);
        spread(&mut forms, "on", |s| &mut s.on);
        let keys = forms.first().into_iter().flat_map(|(labels, _)| labels);
        for (key, _) in keys {
            if !variant.name.contains(&format!("{{{key}}}")) {
                return Err(format!(
                    "variant `{}` sweeps over `{key}`, so its name must contain `{{{key}}}`",
                    variant.name
                ));
            }
        }
        let with = |(name, steps): (String, Vec<StepSection>)| {
            let made = forms.iter().map(move |(labels, form)| {
                let named = labels.iter().fold(name.clone(), |name, (key, value)| {
                    name.replace(&format!("{{{key}}}"), value)
                });
                (named, steps.iter().cloned().chain([form.clone()]).collect::<Vec<_>>())
            });
            made.collect::<Vec<_>>()
        };
        all = all.into_iter().flat_map(with).collect();
    }
    Ok(all)
}

/// How many forms a step has.
fn combinations(step: &StepSection) -> usize {
    fn of<T: Clone>(field: &Option<OneOrMany<T>>) -> usize {
        field.as_ref().map_or(1, |values| values.values().len().max(1))
    }
    let counts = [
        of(&step.ratio),
        of(&step.count),
        of(&step.score),
        of(&step.macs),
        of(&step.latency),
        of(&step.pattern),
        of(&step.criterion),
        of(&step.recover),
        of(&step.allocate),
        of(&step.calibration),
        of(&step.per),
        of(&step.round),
        of(&step.on),
    ];
    counts.into_iter().fold(1, usize::saturating_mul)
}

type Form = (Vec<(&'static str, String)>, StepSection);

/// Replaces each form by one for every value of a key that is a list, labelled with the value.
fn spread<T: Clone + ToString>(
    forms: &mut Vec<Form>,
    key: &'static str,
    field: fn(&mut StepSection) -> &mut Option<OneOrMany<T>>,
) {
    *forms = std::mem::take(forms)
        .into_iter()
        .flat_map(|(labels, mut step)| {
            let values = field(&mut step).as_ref().map_or_else(Vec::new, OneOrMany::values);
            if !matches!(field(&mut step), Some(OneOrMany::Many(_))) || values.is_empty() {
                return vec![(labels, step)];
            }
            let each = values.into_iter().map(|value| {
                let (mut labels, mut form) = (labels.clone(), step.clone());
                labels.push((key, value.to_string()));
                *field(&mut form) = Some(OneOrMany::One(value));
                (labels, form)
            });
            each.collect()
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Recipe>, String> {
        #[derive(serde::Deserialize)]
        struct Only {
            variant: Vec<VariantSection>,
        }
        recipes(&toml::from_str::<Only>(text).unwrap().variant, Path::new(""))
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(of(text).unwrap_err(), expected);
    }

    #[test]
    fn a_list_makes_one_variant_a_value() {
        let made = of("[[variant]]\nname = \"p{ratio}\"\nsteps = [{ prune = \"channels\", ratio = [0.1, 0.5] }]").unwrap();
        assert_eq!(made.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["p0.1", "p0.5"]);
        assert_eq!(made[1].steps[0].to_string(), "prune channels, ratio 0.5, criterion l1");
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
            "variant `a`: `ratio` must be above 0 and below 1, it is 1",
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
            "variant `a`: cannot quantize to `int3`; known are `int8`, `int8-dynamic`, `int8-weights`, `int4-weights` and `f16`",
        );
        refused(
            "[[variant]]\nname = \"a\"\nengine = [\"fast\"]",
            "variant `a`: unknown engine option `fast`; known are `conv_nhwc`, `f32_to_f16`, `block_quant`, `vzeroupper`",
        );
    }
}
