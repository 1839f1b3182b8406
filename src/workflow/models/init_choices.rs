//! Choices of a new study from its model and data: task, output and scores, and what images need; each
//! with the reason as a comment.

use super::output_scores;
use crate::evaluate::task_output;
use paring_agent::arrays::{Array, Dim, InputNeed};
use paring_agent::engine::{DimensionBindings, ModelSignature, ModelSource, tensor_facts};
use paring_core::schema::ScoreKind;
use paring_data::{Dataset, DatasetRules, ImageSurvey};
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names of classes that are written out.
const MOST_CLASSES: usize = 1_000;

/// The lines of `[task]`.
pub(super) fn task_lines(
    model: &Path,
    graph: &Graph,
    signature: &ModelSignature,
    labels: Option<&Dataset>,
) -> String {
    let batch = signature.fixed_batch().unwrap_or(1);
    let dims = signature.sizes(&BTreeMap::new(), batch).unwrap_or_default();
    let (source, bindings) = (ModelSource::File(model), DimensionBindings { batch, dims: &dims });
    let outputs = &signature.outputs;
    let (output, sure) = match task_output(source, bindings, outputs, None) {
        Ok(output) => (output, true),
        Err(_) => (0, false),
    };
    let name = outputs.get(output).map_or("", String::as_str);
    let facts = tensor_facts(source, bindings).unwrap_or_default();
    let shape = facts.get(name).map(|fact| fact.shape.as_slice());
    let (kind, reason) = kind(labels, shape);
    let mut text = format!("kind = \"{kind}\"{reason}\n");
    text += match output_scores(graph, name) {
        ScoreKind::Probabilities => {
            "scores = \"probabilities\"            # as the last node gives; or \"logits\"\n"
        }
        _ => {
            "scores = \"logits\"                   # no softmax at the end; or \"probabilities\"\n"
        }
    };
    if outputs.len() > 1 {
        let why = if sure { "the only one of floats" } else { "cannot be told; one" };
        text += &format!("output = {}        # {why} of {}\n", quoted(name), outputs.join(", "));
    }
    text
}

/// The kind of task that the labels are about, and why.
fn kind(labels: Option<&Dataset>, shape: Option<&[usize]>) -> (&'static str, String) {
    let scores = shape.filter(|shape| shape.len() == 2).map(|shape| shape[1]);
    let because = |words: String| format!("             # {words}");
    let usual = ("classification", String::new());
    let Some(data) = labels.filter(|data| data.labelled) else { return usual };
    match &data.targets {
        Some(Array::Bool(_)) => ("multilabel", because("labels are sets of yes and no".into())),
        Some(Array::F32(_) | Array::F64(_)) => {
            ("regression", because("labels are numbers with fractions".into()))
        }
        Some(_) => usual,
        None if scores == Some(1) && data.labels.iter().all(|label| matches!(label, 0 | 1)) => {
            ("scores", because("one score a sample, labels 0 and 1".into()))
        }
        None => usual,
    }
}

/// The lines of `[data]` about names of classes and images; empty of other data.
pub(super) fn data_lines(
    data: &Path,
    signature: &ModelSignature,
    labels: Option<&Dataset>,
) -> String {
    let mut text = String::new();
    let Some(own) = labels else { return text };
    if (2..=MOST_CLASSES).contains(&own.class_names.len()) {
        let names: Vec<String> = own.class_names.iter().map(|name| quoted(name)).collect();
        text += &format!(
            "classes = [{}]    # in the order of their letters; correct it where the model's is another\n",
            names.join(", ")
        );
    }
    let [need] = signature.inputs.as_slice() else { return text };
    let files: Vec<PathBuf> = own.files.iter().map(|file| data.join(file)).collect();
    if let (Some(side), false) = (image_side(need), files.is_empty())
        && let Some(survey) = ImageSurvey::of(&files, side.channels)
    {
        text += &image_lines(&survey, side);
    }
    text
}

/// Channels, and height and width where they are fixed.
#[derive(Clone, Copy)]
struct ImageSide {
    channels: usize,
    size: Option<(usize, usize)>,
}

fn image_side(need: &InputNeed) -> Option<ImageSide> {
    let [_, a, b, c] = need.dims.as_slice() else { return None };
    let fixed = |dim: &Dim| match dim {
        Dim::Fixed(n) => Some(*n),
        Dim::Symbol(_) => None,
    };
    let channel = |dim: &Dim| fixed(dim).filter(|n| matches!(n, 1 | 3));
    let (channels, height, width) = match (channel(a), channel(c)) {
        (Some(channels), _) => (channels, b, c),
        (None, Some(channels)) => (channels, a, b),
        (None, None) => return None,
    };
    Some(ImageSide { channels, size: fixed(height).zip(fixed(width)) })
}

fn image_lines(survey: &ImageSurvey, side: ImageSide) -> String {
    let list = |numbers: &[f64]| {
        let each: Vec<String> = numbers.iter().map(|number| format!("{number:.3}")).collect();
        format!("[{}]", each.join(", "))
    };
    let ((least_w, least_h), (most_w, most_h)) = (survey.smallest, survey.largest);
    let sizes = match survey.smallest == survey.largest {
        true => format!("{least_w}x{least_h}"),
        false => format!("{least_w}x{least_h} to {most_w}x{most_h}"),
    };
    let mut text = format!(
        "# {} images looked at: {sizes}, {} of them coloured. How the model's training resized and normalized\n\
         # them is in no file; where `paring run` finds a baseline that guesses, it is here that it went wrong:\n",
        survey.images, survey.coloured
    );
    if let Some((height, width)) = side.size {
        let (h, w) = (height as u32, width as u32);
        let fits = survey.smallest == (w, h) && survey.largest == (w, h);
        let comment = if fits { "# " } else { "" };
        text += &format!(
            "{comment}resize = [{height}, {width}]             # or one number, the shorter side, with `crop`\n"
        );
    }
    text += &format!(
        "# mean = {}    # of these images; write what the training used\n",
        list(&survey.mean)
    );
    text += &format!("# std = {}\n", list(&survey.std));
    if side.channels == 3 {
        text += "# mean = [0.485, 0.456, 0.406]    # ImageNet's, if the model was trained with them\n\
                 # std = [0.229, 0.224, 0.225]\n\
                 # channels = \"bgr\"                # where the training read images with OpenCV\n";
    }
    text
}

/// Labels of the data, as far as they can be read; what is wrong with them `paring run` says.
pub(super) fn labels_of(data: &Path, signature: &ModelSignature) -> Option<Dataset> {
    Dataset::labels_alone(data, &signature.inputs, &DatasetRules::default()).ok()
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_images_need_is_proposed_and_what_no_file_tells_is_said() {
        let survey = ImageSurvey {
            images: 3,
            smallest: (40, 30),
            largest: (64, 48),
            coloured: 3,
            mean: vec![0.5, 0.25, 0.125],
            std: vec![0.1, 0.2, 0.3],
        };
        let text = image_lines(&survey, ImageSide { channels: 3, size: Some((32, 32)) });
        assert!(text.starts_with("# 3 images looked at: 40x30 to 64x48, 3 of them coloured."));
        assert!(text.contains("\nresize = [32, 32] "), "{text}");
        assert!(text.contains("\n# mean = [0.500, 0.250, 0.125]"), "{text}");
        let same = ImageSurvey { smallest: (32, 32), largest: (32, 32), ..survey };
        let text = image_lines(&same, ImageSide { channels: 3, size: Some((32, 32)) });
        assert!(text.contains("\n# resize = [32, 32] "), "{text}");
    }
}
