//! Networks of which it is known what each channel does, and studies of them.

use ndarray::{Array1, Array2, Array3, Array4, Axis};
use ndarray_npy::NpzWriter;
use paring::arrays::Dtype;
use paring::attribution::{
    AblationOptions, AblationStudy, EvaluatedSamples, GroupLevel, correct_multiple_tests, narrate,
    resample_calibration,
};
use paring::catalog::Calibration;
use paring::compress::DecisionRule;
use paring::engine::ModelSource;
use paring::evaluate::{GroundTruth, Predictor};
use paring::graph::{self, DimensionSize, Graph, Node, Weights};
use paring::pipeline::{
    BaselineEstimates, EvaluationSetup, Folders, RecipeContext, RecipeInputs, RunRecords,
    TrialMachines, rehearse,
};
use paring::schema::{ConditionRules, EngineOptions, Explanation, FlipCounts, Sha256Hex, TaskKind};
use paring::stats;
use paring::study::{self, Study, StudyInputs};
use rand::RngExt;
use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Two layers lose the one channel that carries a class, each another class; nothing else matters.
    Classes,
    /// One layer loses both channels of a class, others one of two, under noise.
    Channels,
    /// One layer has a weight that makes all its others too small for eight bits.
    Quantizer,
    /// One layer is a hundred times as large.
    Slow,
}

const CLASSES: usize = 4;
/// Pixels of an image along either side.
const SIDE: usize = 3;
/// Channels of a layer: two a class, and four that carry nothing.
const WIDTH: usize = 12;
const LAYERS: usize = 4;
const SAMPLES: usize = 160;

/// A study of a network with something planted.
pub struct Case {
    _folder: tempfile::TempDir,
    study: Study,
    loaded: StudyInputs,
    context: RecipeContext,
    /// What was planted in which layers: the share of samples that each costs.
    costs: BTreeMap<String, f64>,
    /// The layer that it was planted in.
    pub culprit: String,
    /// The class that is lost.
    pub class: usize,
}

fn layer(number: usize) -> String {
    format!("layer{number}")
}

/// Two channels carry a class, one where `single`.
fn carriers(class: usize, single: bool) -> Vec<usize> {
    if single { vec![class] } else { vec![class, CLASSES + class] }
}

impl Case {
    pub fn new(seed: u64, plant: Plant) -> Case {
        Case::of(seed, plant, TaskKind::Classification)
    }

    /// The same of another task: sets of classes, their strengths as numbers, the score of the class that
    /// is lost, the class of every pixel.
    pub fn of(seed: u64, plant: Plant, kind: TaskKind) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = stats::generator(seed, "planted");
        // What the first layer reads is never 0, as a planted weight's input has to be.
        let first = usize::from(plant == Plant::Quantizer);
        let (culprit, class) = (rng.random_range(first..LAYERS), rng.random_range(0..CLASSES));
        let graph = network(&mut rng, plant, culprit, (kind, class));
        graph.save(&folder.path().join("model.onnx")).unwrap();
        let labels = data(&mut rng, folder.path(), plant, (kind, class));
        let other = (culprit + 1 + rng.random_range(0..LAYERS - 1)) % LAYERS;
        let mut removed: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut costs = BTreeMap::new();
        for l in 0..LAYERS {
            let spare = vec![2 * CLASSES + rng.random_range(0..2), 2 * CLASSES + 2];
            let mut gone = spare;
            let other_class = (class + 1) % CLASSES;
            let of = |class: usize| labels.iter().filter(|l| **l == class as i64).count() as f64;
            match plant {
                Plant::Classes if l == culprit || l == other => {
                    let class = if l == culprit { class } else { other_class };
                    gone.extend(carriers(class, true));
                    costs.insert(layer(l), -of(class) / SAMPLES as f64);
                }
                Plant::Channels if l == culprit => gone.extend(carriers(class, false)),
                Plant::Channels => gone.push(carriers(rng.random_range(0..CLASSES), false)[1]),
                _ => {}
            }
            removed.insert(l, gone);
        }
        let steps = match plant {
            Plant::Quantizer => "{ quantize = \"int8\" }".to_string(),
            Plant::Slow => "{ prune = \"channels\", ratio = 0.5, criterion = \"random\" }".into(),
            _ => "{ prune = \"channels\", count = 1, criterion = \"random\" }".into(),
        };
        let text = format!(
            "[study]\nname = \"planted\"\nowner = \"tests\"\n[model]\npath = \"model.onnx\"\n\
             [data]\npath = \"data.npz\"\n\
             splits = {{ calibrate = \"calibrate\", select = \"select\", report = \"report\" }}\n\
             slices = [\"room\"]\n[task]\nkind = \"{kind}\"\nscores = \"logits\"\n\
             [[variant]]\nname = \"variant\"\nsteps = [{steps}]\n"
        );
        let path = folder.path().join("study.toml");
        std::fs::write(&path, text).unwrap();
        let mut study = study::load(&path, paring::boards::FolderTrust::Withheld).unwrap();
        if matches!(plant, Plant::Classes | Plant::Channels) {
            freeze(&mut study, &removed);
        }
        let loaded = study::open(&study).unwrap();
        let context = context(&study, &loaded, folder.path());
        Case { _folder: folder, study, loaded, context, costs, culprit: layer(culprit), class }
    }

    /// What a group of this label costs, where that is known exactly.
    pub fn expected(&self, label: &str) -> f64 {
        let own = self.costs.iter().find(|(layer, _)| label.ends_with(layer.as_str()));
        own.map_or(0.0, |(_, cost)| *cost)
    }

    pub fn investigate(&self, level: GroupLevel, draws: u64) -> AblationStudy<'_> {
        let steps = &self.study.recipes[0].steps;
        let RecipeContext { records, inputs, .. } = &self.context;
        let done = rehearse(&records.owner, inputs, None, steps).unwrap();
        let pool = &self.loaded.splits.calibrate;
        let further = (1..draws).map(|draw| {
            let samples = resample_calibration(pool, None, pool.len(), draw);
            let calibration = Some(calibration(&self.loaded, &samples));
            RecipeInputs { calibration, seed: draw, ..inputs.clone() }
        });
        let further = further.collect();
        let report = &self.loaded.splits.report;
        let labels = report.iter().map(|s| self.loaded.data.labels[*s]).collect();
        let task = self.study.task.labelled_task.clone();
        let rooms = &self.loaded.data.columns["room"];
        let rooms = report.iter().map(|s| rooms[*s].clone()).collect();
        let slices = BTreeMap::from([("room".to_string(), rooms)]);
        let truth = EvaluatedSamples {
            task,
            labels,
            targets: self.targets(),
            slices,
            ..EvaluatedSamples::default()
        };
        let manner = AblationOptions {
            level,
            groups: 12,
            experiments: 400,
            time: Duration::from_secs(3600),
            seed: 1,
        };
        let options = EngineOptions::default();
        let subject = self.subject();
        let mut found =
            AblationStudy::begin(&done, &options, &self.context, further, subject, truth, &manner)
                .unwrap();
        found.explore(&manner, &mut |_| ()).unwrap();
        found
    }

    /// What is right, where one class a sample does not say it.
    fn targets(&self) -> GroundTruth {
        let StudyInputs { data, splits, dims, output, .. } = &self.loaded;
        let task = &self.study.task.labelled_task;
        if task.is_by_class() {
            return GroundTruth::Classes;
        }
        let (source, options) = (ModelSource::File(&self.study.model), EngineOptions::default());
        let predictor =
            Predictor::load(source, self.loaded.batch, dims, &options, *output, task.scores);
        let predictor = predictor.unwrap().with_task(task.clone());
        predictor.answers(data, &splits.report, &|_| ()).unwrap().truth
    }

    /// Shapley values of the metric that counts most by label of the group, the most harmful first, and
    /// everything that is said.
    pub fn said(&self) -> (Vec<(String, f64)>, Vec<String>) {
        let found = self.investigate(GroupLevel::Layer, 1);
        let mut base = found.account("variant", &Sha256Hex::zeros());
        correct_multiple_tests(&mut base.effects, &mut base.interactions, &base.main.metric);
        let main = base.main.metric.clone();
        let worse = if main == "mse" { -1.0 } else { 1.0 };
        let label = |id: &String| {
            base.groups.iter().find(|g| g.id == *id).map(|g| g.label.clone()).unwrap()
        };
        let own = base.effects.iter().filter(|e| e.metric == main && e.of.is_none());
        let mut values: Vec<(String, f64)> =
            own.map(|e| (label(&e.group), worse * e.shapley.unwrap().value)).collect();
        values.sort_by(|a, b| a.1.total_cmp(&b.1));
        narrate(&mut base);
        (values, base.narrative.into_iter().map(|sentence| sentence.text).collect())
    }

    fn subject(&self) -> EvaluationSetup<'_> {
        EvaluationSetup {
            data: &self.loaded.data,
            samples: &self.loaded.splits.report,
            groups: None,
            fixed_class_shares: false,
            batch: self.loaded.batch,
            dims: &self.loaded.dims,
            output: self.loaded.output,
            task: &self.study.task.labelled_task,
            slices: &[],
        }
    }

    /// Everything that is found about the variant, without its words.
    pub fn explanation(&self) -> Explanation {
        let mut found = self.investigate(GroupLevel::Layer, 2);
        let accused = found.attribute_flips(&self.loaded.splits.report, true).unwrap();
        let links = found.links(&[]).unwrap();
        let times = found.times(Duration::from_millis(200)).unwrap();
        let base = found.account("variant", &Sha256Hex::zeros());
        Explanation {
            totals: base.totals.into_iter().chain(times.total).collect(),
            effects: [base.effects, times.effects].concat(),
            layers: times.layers,
            quiet_share: Some(times.quiet_share),
            flip_counts: FlipCounts::of(&accused.flips),
            flips: accused.flips,
            blame: accused.groups,
            components: accused.components,
            links,
            ..base
        }
    }
}

/// Puts the channels that go into the study's only step.
fn freeze(study: &mut Study, removed: &BTreeMap<usize, Vec<usize>>) {
    for step in &mut study.recipes[0].steps {
        if let paring::compress::Step::Prune(pruning) = step {
            let frozen = removed.iter().map(|(l, gone)| (layer(*l), gone.clone()));
            pruning.frozen = Some(frozen.collect());
        }
    }
}

fn calibration(loaded: &StudyInputs, samples: &[usize]) -> Calibration {
    Calibration {
        inputs: loaded.data.inputs_at(samples).unwrap(),
        labels: vec![],
        rule: None,
        batch: loaded.batch,
        dims: loaded.dims.clone(),
        sha256: loaded.data.sha256_of(samples),
    }
}

fn context(study: &Study, loaded: &StudyInputs, folder: &std::path::Path) -> RecipeContext {
    let folders = Folders::new(&folder.join("run"));
    RecipeContext {
        records: RunRecords { folders, owner: study.owner.clone() },
        inputs: RecipeInputs {
            model: study.model.clone(),
            dims: loaded.dims.clone(),
            batch: loaded.batch,
            calibration: Some(calibration(loaded, &loaded.splits.calibrate)),
            select: None,
            reading: DecisionRule::default(),
            seed: study.seed,
        },
        machines: TrialMachines {
            targets: Vec::new(),
            rules: study.timing.rules.clone(),
            conditions: ConditionRules::default(),
            energy: BTreeMap::new(),
            sysfs_root: None,
            replays: false,
        },
        estimates: BaselineEstimates::default(),
    }
}

/// Samples in which one feature of a class stands out, and some that belong to no split. Those of the
/// class that is lost were taken in the kitchen.
fn data(
    rng: &mut stats::SeededGenerator,
    folder: &std::path::Path,
    plant: Plant,
    (kind, lost): (TaskKind, usize),
) -> Vec<i64> {
    let noise = if plant == Plant::Channels { 0.5 } else { 0.2 };
    let all = SAMPLES + 40;
    let labels: Vec<i64> = (0..all).map(|_| rng.random_range(0..CLASSES as i64)).collect();
    let mut npz = NpzWriter::new(File::create(folder.join("data.npz")).unwrap());
    let room = labels.iter().map(|l| i64::from(*l == lost as i64)).collect::<Vec<_>>();
    npz.add_array("room", &Array1::from(room)).unwrap();
    if kind == TaskKind::Segmentation {
        let classes: Vec<i64> =
            (0..all * SIDE * SIDE).map(|_| rng.random_range(0..CLASSES as i64)).collect();
        let shape = (all, SIDE, SIDE);
        let x = Array4::from_shape_fn((all, SIDE, SIDE, CLASSES), |(s, y, x, c)| {
            let own = classes[(s * SIDE + y) * SIDE + x] == c as i64;
            f32::from(u8::from(own)) + noise * rng.random::<f32>()
        });
        npz.add_array("x", &x).unwrap();
        npz.add_array("labels", &Array3::from_shape_vec(shape, classes).unwrap()).unwrap();
    } else {
        let x = Array2::from_shape_fn((all, CLASSES), |(s, c)| {
            let own = if labels[s] == c as i64 { 1.0 } else { 0.0 };
            own + noise * rng.random::<f32>()
        });
        npz.add_array("x", &x).unwrap();
        let own = |c: usize| labels.iter().map(move |l| i64::from(*l == c as i64));
        match kind {
            TaskKind::Multilabel => {
                let of = |(s, c): (usize, usize)| i64::from(labels[s] == c as i64);
                npz.add_array("labels", &Array2::from_shape_fn((all, CLASSES), of)).unwrap();
            }
            // What the network gives without any loss, but for the weights' noise.
            TaskKind::Regression => {
                npz.add_array("labels", &x.mapv(|v| 2.0 * f64::from(v))).unwrap()
            }
            TaskKind::Scores => {
                npz.add_array("labels", &own(lost).collect::<Array1<i64>>()).unwrap();
            }
            _ => npz.add_array("labels", &Array1::from(labels.clone())).unwrap(),
        }
    }
    let range = |from: usize, to: usize| Array1::from((from as i64..to as i64).collect::<Vec<_>>());
    npz.add_array("report", &range(0, SAMPLES)).unwrap();
    npz.add_array("calibrate", &range(SAMPLES, SAMPLES + 30)).unwrap();
    npz.add_array("select", &range(SAMPLES + 30, all)).unwrap();
    npz.finish().unwrap();
    labels[..SAMPLES].to_vec()
}

/// Products one behind the other with Relus between, each class in channels of its own.
fn network(
    rng: &mut stats::SeededGenerator,
    plant: Plant,
    culprit: usize,
    (kind, lost): (TaskKind, usize),
) -> Graph {
    let mut graph = Graph::empty("planted", 13);
    let mut sizes = vec![DimensionSize::Symbol("N".into()), DimensionSize::Fixed(CLASSES)];
    if kind == TaskKind::Segmentation {
        sizes.splice(1..1, [DimensionSize::Fixed(SIDE), DimensionSize::Fixed(SIDE)]);
    }
    graph.add_input("x", Dtype::F32, &sizes);
    let wide = |l: usize| if plant == Plant::Slow && l == culprit { 1_200 } else { WIDTH };
    let single = plant == Plant::Classes;
    let spread = if plant == Plant::Channels { 0.15 } else { 0.0 };
    let (mut from, mut x) = (CLASSES, "x".to_string());
    for l in 0..LAYERS {
        let to = wide(l);
        let mut weights = Array2::<f32>::zeros((from, to));
        for class in 0..CLASSES {
            let before = if l == 0 { vec![class] } else { carriers(class, single) };
            for i in &before {
                for o in carriers(class, single) {
                    let noise = spread * (rng.random::<f32>() - 0.5);
                    weights[(*i, o)] = (1.0 + noise) / before.len() as f32;
                }
            }
        }
        if plant == Plant::Quantizer && l == culprit {
            // Nothing ever reaches the last channels, and nobody reads them.
            weights[(from - 1, to - 1)] = 4_000.0;
        }
        x = product(&mut graph, &x, &layer(l), &weights, true);
        from = to;
    }
    let mut weights = Array2::<f32>::zeros((from, CLASSES));
    for class in 0..CLASSES {
        carriers(class, single).into_iter().for_each(|i| weights[(i, class)] = 1.0);
    }
    if kind == TaskKind::Scores {
        weights = weights.select(Axis(1), &[lost]);
    }
    let logits = product(&mut graph, &x, "head", &weights, false);
    let behind = |op: &str, input: &[&str]| Node {
        name: format!("head/{op}"),
        op_type: op.into(),
        input: input.iter().map(|i| (*i).to_string()).collect(),
        output: vec!["y".into()],
        ..Node::default()
    };
    match kind {
        // A class is there from half of what it usually gives on.
        TaskKind::Multilabel => {
            graph.set_weights("head.bias", Weights::f32(&[CLASSES], &[-1.25; CLASSES]));
            graph.add_node(behind("Add", &[&logits, "head.bias"]));
            graph.add_output("y");
        }
        TaskKind::Segmentation => {
            let mut turned = behind("Transpose", &[&logits]);
            graph::set_ints(&mut turned, "perm", vec![0, 3, 1, 2]);
            graph.add_node(turned);
            graph.add_output("y");
        }
        _ => graph.add_output(&logits),
    }
    graph
}

fn product(graph: &mut Graph, x: &str, name: &str, weights: &Array2<f32>, relu: bool) -> String {
    let (rows, columns) = weights.dim();
    let values: Vec<f32> = weights.iter().copied().collect();
    let (w, y) = (format!("{name}.weight"), format!("{name}.out"));
    graph.set_weights(&w, Weights::f32(&[rows, columns], &values));
    let mut node = |op: &str, input: Vec<String>, output: String| {
        graph.add_node(Node {
            name: format!("{name}/{op}"),
            op_type: op.into(),
            input,
            output: vec![output],
            ..Node::default()
        });
    };
    node("MatMul", vec![x.into(), w], y.clone());
    if !relu {
        return y;
    }
    let active = format!("{name}.relu");
    node("Relu", vec![y], active.clone());
    active
}
