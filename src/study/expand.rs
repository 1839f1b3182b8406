//! From typed variants to recipes: sweeps multiplied out, words turned into steps, every name checked.

use super::file::{StepSection, VariantSection};
use crate::compress::{Granularity, Step};
use crate::engine::TRANSFORMS;
use crate::pipeline::{BASELINE, Recipe};
use crate::record::EngineOptions;
use std::collections::BTreeSet;

/// The recipes of all variants in order.
///
/// # Errors
/// For a person: names the variant and the key.
pub(super) fn recipes(variants: &[VariantSection]) -> Result<Vec<Recipe>, String> {
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
            let steps = steps.iter().map(parse).collect::<Result<_, _>>();
            let steps = steps.map_err(|problem| format!("variant `{name}`: {problem}"))?;
            let options = variant.engine.as_ref().map(|transforms| engine(&name, transforms));
            recipes.push(Recipe { name, parent, steps, options: options.transpose()? });
        }
    }
    Ok(recipes)
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

fn engine(name: &str, transforms: &[String]) -> Result<EngineOptions, String> {
    match transforms.iter().find(|t| !TRANSFORMS.contains(&t.as_str())) {
        Some(unknown) => Err(format!(
            "variant `{name}`: unknown engine option `{unknown}`; known are `{}`",
            TRANSFORMS.join("`, `")
        )),
        None => Ok(EngineOptions { transforms: transforms.to_vec() }),
    }
}

/// One name and list of steps for every combination of the values that are lists.
fn sweep(variant: &VariantSection) -> Result<Vec<(String, Vec<StepSection>)>, String> {
    let mut all = vec![(variant.name.clone(), Vec::new())];
    for step in &variant.steps {
        let ratios = step.ratio.as_ref().map_or_else(Vec::new, |r| r.values());
        if ratios.len() < 2 {
            all.iter_mut()
                .for_each(|(_, steps): &mut (String, Vec<StepSection>)| steps.push(step.clone()));
            continue;
        }
        if !variant.name.contains("{ratio}") {
            return Err(format!(
                "variant `{}` sweeps over `ratio`, so its name must contain `{{ratio}}`",
                variant.name
            ));
        }
        let each = |(name, steps): (String, Vec<StepSection>)| {
            let made: Vec<(String, Vec<StepSection>)> = ratios
                .iter()
                .map(|ratio| {
                    let one = super::file::OneOrMany::One(*ratio);
                    let own = StepSection { ratio: Some(one), ..step.clone() };
                    let steps = steps.iter().cloned().chain([own]).collect();
                    (name.replace("{ratio}", &ratio.to_string()), steps)
                })
                .collect();
            made
        };
        all = all.into_iter().flat_map(each).collect();
    }
    Ok(all)
}

fn parse(step: &StepSection) -> Result<Step, String> {
    match (step.prune.as_deref(), step.quantize.as_deref()) {
        (Some("channels"), None) => prune(step),
        (Some(other), None) => Err(format!("cannot prune `{other}`; known is `channels`")),
        (None, Some("int8")) => quantize(step),
        (None, Some(other)) => Err(format!("cannot quantize to `{other}`; known is `int8`")),
        _ => Err("a step has either `prune` or `quantize`".into()),
    }
}

fn prune(step: &StepSection) -> Result<Step, String> {
    if step.calibration.is_some() || step.per.is_some() {
        return Err("`calibration` and `per` belong to a quantize step".into());
    }
    let ratio = step.ratio.as_ref().and_then(|r| r.values().first().copied());
    let ratio = ratio.ok_or("a prune step needs a `ratio`")?;
    if !(ratio > 0.0 && ratio < 1.0) {
        return Err(format!("`ratio` must be above 0 and below 1, it is {ratio}"));
    }
    let criterion = step.criterion.as_deref().unwrap_or("l1").parse()?;
    Ok(Step::PruneChannels { ratio, criterion })
}

fn quantize(step: &StepSection) -> Result<Step, String> {
    if step.ratio.is_some() || step.criterion.is_some() {
        return Err("`ratio` and `criterion` belong to a prune step".into());
    }
    match step.calibration.as_deref() {
        None | Some("minmax") => {}
        Some(other) => return Err(format!("unknown calibration `{other}`; known is `minmax`")),
    }
    let weights = match step.per.as_deref() {
        None | Some("tensor") => Granularity::Tensor,
        Some("channel") => Granularity::Channel,
        Some(other) => return Err(format!("`per` is `tensor` or `channel`, not `{other}`")),
    };
    Ok(Step::QuantizeInt8 { weights })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Recipe>, String> {
        #[derive(serde::Deserialize)]
        struct Only {
            variant: Vec<VariantSection>,
        }
        recipes(&toml::from_str::<Only>(text).unwrap().variant)
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
        refused(
            "[[variant]]\nname = \"a\"\nsteps = [{ quantize = \"int3\" }]",
            "variant `a`: cannot quantize to `int3`; known is `int8`",
        );
        refused(
            "[[variant]]\nname = \"a\"\nengine = [\"fast\"]",
            "variant `a`: unknown engine option `fast`; known are `conv_nhwc`, `f32_to_f16`, `block_quant`",
        );
    }
}
