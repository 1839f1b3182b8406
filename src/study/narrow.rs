//! From the words of a quantize or tune step to a step.

use super::file::{StepSection, TuneWord};
use super::step::one;
use paring_compress::{Form, Format, Granularity, Quantization, RangeRule, Rounding, Step};

/// Keys of a quantize step alone, as they are called in messages.
pub(super) const KEYS: &str =
    "`calibration`, `per`, `equalize`, `correct`, `round`, `form` and `depthwise`";

/// Whether a step has keys of a quantize step.
pub(super) fn narrows(step: &StepSection) -> bool {
    step.calibration.is_some()
        || step.per.is_some()
        || step.round.is_some()
        || step.form.is_some()
        || step.equalize
        || step.correct.is_some()
        || step.depthwise
}

/// Whether a step has keys of a prune step alone.
fn prunes(step: &StepSection) -> bool {
    let amounts = step.ratio.is_some()
        || step.count.is_some()
        || step.score.is_some()
        || step.macs.is_some()
        || step.latency.is_some();
    let judges = step.criterion.is_some() || step.recover.is_some() || step.pattern.is_some();
    amounts || judges || step.allocate.is_some() || step.multiple.is_some() || step.lossy
}

/// What a tune step means: it has no other keys, as nothing about it is a matter of taste.
pub(super) fn tune(step: &StepSection) -> Result<Step, String> {
    match &step.tune {
        Some(TuneWord::Plain(true)) => {}
        Some(TuneWord::Word(word)) if word == "lossless" => {}
        Some(TuneWord::Word(word)) => {
            return Err(format!("`tune` is true or \"lossless\", not \"{word}\""));
        }
        _ => return Err("`tune` is true or \"lossless\"; leave the step out otherwise".into()),
    }
    let others = step.prune.is_some() || step.quantize.is_some() || step.layers.is_some();
    if others || step.by.is_some() || prunes(step) || narrows(step) || !step.protect.is_empty() {
        return Err("a tune step has no other key but `on`".into());
    }
    Ok(Step::Tune { on: one(&step.on).unwrap_or_else(|| "host".into()) })
}

/// What a quantize step means.
pub(super) fn quantize(step: &StepSection, format: &str) -> Result<Step, String> {
    let format = match format {
        "int8" => Format::Int8,
        "int8-dynamic" => Format::Int8Dynamic,
        "int8-weights" => Format::Int8Weights,
        "int4-weights" => Format::Int4Weights,
        "f16" => Format::F16,
        other => {
            return Err(format!(
                "cannot quantize to `{other}`; known are `int8`, `int8-dynamic`, `int8-weights`, `int4-weights` and `f16`"
            ));
        }
    };
    if prunes(step) {
        return Err(format!(
            "a quantize step has the keys {KEYS}, `layers`, `on`, `by` and `protect`, no others"
        ));
    }
    let measured = step.layers.as_deref() == Some("measured");
    let on = one(&step.on);
    if (on.is_some() || step.by.is_some()) && !measured {
        return Err("`on` and `by` belong to `layers = \"measured\"`".into());
    }
    if measured && format != Format::Int8 {
        return Err(
            "`layers = \"measured\"` belongs to `quantize = \"int8\"`; it tries the others too"
                .into(),
        );
    }
    fits(step, format)?;
    let weights = match one(&step.per).as_deref() {
        None | Some("tensor") => Granularity::Tensor,
        Some("channel") => Granularity::Channel,
        Some(other) => return Err(format!("`per` is `tensor` or `channel`, not `{other}`")),
    };
    Ok(Step::Quantize(Quantization {
        ranges: ranges(step)?,
        equalize: step.equalize,
        // Biases cost next to nothing on the target, and more candidates keep the predictions.
        correct: step.correct.unwrap_or(measured),
        rounding: rounding(step)?,
        form: form(step)?,
        depthwise: step.depthwise,
        layers: step.layers.clone().filter(|_| !measured),
        protect: step.protect.clone(),
        measured,
        on: on.unwrap_or_else(|| "host".into()),
        by: step.by.unwrap_or_default(),
        ..Quantization::new(format, weights)
    }))
}

/// Keys that mean nothing in a format.
fn fits(step: &StepSection, format: Format) -> Result<(), String> {
    let only = |given: bool, key: &str, of: &str| match given {
        true => Err(format!("`{key}` belongs to `quantize = \"{of}\"`")),
        false => Ok(()),
    };
    if format != Format::Int8 {
        only(step.calibration.is_some(), "calibration", "int8")?;
        only(step.form.is_some(), "form", "int8")?;
        only(step.depthwise && format != Format::Int8Dynamic, "depthwise", "int8")?;
    }
    if format == Format::Int4Weights || format == Format::F16 {
        only(step.per.is_some(), "per", "int8")?;
    }
    let weights = step.equalize || step.correct == Some(true) || step.round.is_some();
    only(format == Format::F16 && weights, "equalize`, `correct` and `round", "int8")
}

fn ranges(step: &StepSection) -> Result<RangeRule, String> {
    match one(&step.calibration).as_deref() {
        None | Some("minmax") => Ok(RangeRule::MinMax),
        Some("percentile") => Ok(RangeRule::Percentile),
        Some("entropy") => Ok(RangeRule::Entropy),
        Some("mse") => Ok(RangeRule::Mse),
        Some("auto") => Ok(RangeRule::Auto),
        Some(other) => Err(format!(
            "`calibration` is `minmax`, `percentile`, `entropy`, `mse` or `auto`, not `{other}`"
        )),
    }
}

fn rounding(step: &StepSection) -> Result<Rounding, String> {
    match one(&step.round).as_deref() {
        None | Some("nearest") => Ok(Rounding::Nearest),
        Some("gptq") => Ok(Rounding::Gptq),
        Some(other) => Err(format!("`round` is `nearest` or `gptq`, not `{other}`")),
    }
}

fn form(step: &StepSection) -> Result<Form, String> {
    match step.form.as_deref() {
        None | Some("operators") => Ok(Form::Operators),
        Some("qdq") => Ok(Form::Qdq),
        Some(other) => Err(format!("`form` is `operators` or `qdq`, not `{other}`")),
    }
}
