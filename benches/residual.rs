//! Whether a residual addition of two tensors in int8 is faster in integers than in float: both
//! tensors are quantized, added in one of the forms, and the sum is dequantized; each form beside the
//! addition in float, paired, once its outputs are within a step of that one's.
//!
//! `factors` multiplies both sides by integers and divides their sum by a power of two; `merged` casts
//! to float and does without the zero points; `shared` has one scale for both sides, adds in int32 and
//! requantizes once.

#[path = "comparing/mod.rs"]
mod comparing;

use anyhow::{Context, ensure};
use comparing::Stage;
use ndarray::{ArrayD, IxDyn};
use paring::arrays::{Array, Dtype};
use paring::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring::graph::{DimensionSize, Graph, Node, Weights, set_int};
use paring::schema::{ConfidenceInterval, EngineOptions};
use paring::stats;
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Channels, and rows and columns: of ResNet-8 at its beginning and its end, of ResNet-50 at its
/// beginning.
const SHAPES: [[usize; 3]; 3] = [[16, 32, 32], [64, 8, 8], [256, 56, 56]];
const FORMS: [&str; 3] = ["factors", "merged", "shared"];
const BLOCKS: u32 = 9;
/// Scales of both sides.
const SCALES: [f32; 2] = [0.02, 0.03];
/// The sum's.
const OUTPUT_SCALE: f32 = 0.05;
/// Zero points of both sides; the sum is a Relu's, its zero point is 0.
const ZEROS: [u8; 2] = [120, 110];
const FLOAT: i64 = 1;
const UINT8: i64 = 2;
const INT32: i64 = 6;

fn main() -> anyhow::Result<()> {
    for shape in SHAPES {
        let mut draw = stats::generator(2, "inputs");
        let mut one = || {
            let dims = IxDyn(&[8, shape[0], shape[1], shape[2]]);
            Array::F32(ArrayD::from_shape_simple_fn(dims, || 4.0 * draw.random::<f32>() - 2.0))
        };
        let arrays = BTreeMap::from([("x".to_string(), one()), ("y".to_string(), one())]);
        for form in FORMS {
            let folder = tempfile::tempdir()?;
            let paths = ["float", form].map(|name| folder.path().join(format!("{name}.onnx")));
            let scales = if form == "shared" { [SCALES[0]; 2] } else { SCALES };
            Sum::new(shape, scales).write("float").save(&paths[0])?;
            Sum::new(shape, scales).write(form).save(&paths[1])?;
            let apart = apart(&paths, &arrays)?;
            ensure!(apart < 1.01 * OUTPUT_SCALE, "{form} is {apart} off, a step is {OUTPUT_SCALE}");
            let stage = Stage::with(folder.path(), arrays.clone(), &paths[0]);
            let pair = stage.paired(&paths[1], BLOCKS, None, 0)?.context("never quiet")?;
            let ConfidenceInterval { value, low, high, .. } = pair.speedup;
            println!(
                "{shape:?} {form:<8} {value:.3} [{low:.3}, {high:.3}] times as fast as in float"
            );
        }
    }
    Ok(())
}

/// How far the outputs of two models are apart at most.
fn apart(paths: &[PathBuf; 2], arrays: &BTreeMap<String, Array>) -> anyhow::Result<f32> {
    let outputs = |path: &PathBuf| -> anyhow::Result<Vec<f32>> {
        let bindings = DimensionBindings { batch: 8, dims: &BTreeMap::new() };
        let plan = AnalysedModel::load(ModelSource::File(path), bindings)?
            .optimise(&EngineOptions::default())?;
        Ok(plan.run(&plan.inputs(arrays)?)?.into_iter().flatten().collect())
    };
    let (float, other) = (outputs(&paths[0])?, outputs(&paths[1])?);
    Ok(float.iter().zip(&other).fold(0.0, |most, (f, o)| most.max((f - o).abs())))
}

/// A graph under construction.
struct Sum {
    graph: Graph,
    scales: [f32; 2],
    count: usize,
}

impl Sum {
    fn new([c, h, w]: [usize; 3], scales: [f32; 2]) -> Sum {
        let mut graph = Graph::empty("sum", 13);
        for input in ["x", "y"] {
            let sizes = [
                DimensionSize::Symbol("N".into()),
                DimensionSize::Fixed(c),
                DimensionSize::Fixed(h),
                DimensionSize::Fixed(w),
            ];
            graph.add_input(input, Dtype::F32, &sizes);
        }
        Sum { graph, scales, count: 0 }
    }

    fn write(mut self, form: &str) -> Graph {
        let ([sx, sy], sz) = (self.scales, OUTPUT_SCALE);
        let [zx, zy] = ZEROS.map(f32::from);
        let x = self.quantized("x", sx, zx);
        let y = self.quantized("y", sy, zy);
        let narrow = match form {
            "factors" => self.by_factors(&x, &y),
            "merged" => {
                let (x, y) = (self.cast(&x, FLOAT), self.cast(&y, FLOAT));
                let (x, y) = (self.with("Mul", &x, sx / sz), self.with("Mul", &y, sy / sz));
                let sum = self.node("Add", &[&x, &y]);
                let sum = self.with("Add", &sum, 0.5 - zx * sx / sz - zy * sy / sz);
                self.saturated(&sum)
            }
            "shared" => {
                let (x, y) = (self.cast(&x, INT32), self.cast(&y, INT32));
                let sum = self.node("Add", &[&x, &y]);
                let sum = self.cast(&sum, FLOAT);
                let sum = self.with("Mul", &sum, sx / sz);
                let sum = self.with("Add", &sum, 0.5 - (zx + zy) * sx / sz);
                self.saturated(&sum)
            }
            _ => {
                let (x, y) =
                    (self.dequantized(&x, sx, ZEROS[0]), self.dequantized(&y, sy, ZEROS[1]));
                let sum = self.node("Add", &[&x, &y]);
                self.quantized(&sum, sz, 0.0)
            }
        };
        let out = self.dequantized(&narrow, sz, 0);
        self.graph.add_output(&out);
        self.graph
    }

    /// Both sides times an integer, divided by 4,096 and rounded.
    fn by_factors(&mut self, x: &str, y: &str) -> String {
        const ONE: i32 = 4096;
        let [fx, fy] = self.scales.map(|scale| (scale / OUTPUT_SCALE * ONE as f32).round() as i32);
        let [zx, zy] = ZEROS.map(i32::from);
        let (x, y) = (self.cast(x, INT32), self.cast(y, INT32));
        let (x, y) = (self.with_integer("Mul", &x, fx), self.with_integer("Mul", &y, fy));
        let sum = self.node("Add", &[&x, &y]);
        let sum = self.with_integer("Add", &sum, ONE / 2 - fx * zx - fy * zy);
        let sum = self.with_integer("Max", &sum, 0);
        let sum = self.with_integer("Div", &sum, ONE);
        let sum = self.with_integer("Min", &sum, 255);
        self.cast(&sum, UINT8)
    }

    /// To bytes as paring writes it: a factor, the zero point, limits, and a cast that cuts off.
    fn quantized(&mut self, x: &str, scale: f32, zero: f32) -> String {
        let scaled = self.with("Mul", x, 1.0 / scale);
        let moved = self.with("Add", &scaled, zero + 0.5);
        self.saturated(&moved)
    }

    fn saturated(&mut self, x: &str) -> String {
        let below = self.with("Min", x, 255.0);
        let within = self.with("Max", &below, 0.0);
        self.cast(&within, UINT8)
    }

    fn dequantized(&mut self, x: &str, scale: f32, zero: u8) -> String {
        let (s, z) = (self.fresh(), self.fresh());
        self.graph.set_weights(&s, Weights::f32(&[], &[scale]));
        self.graph.set_weights(&z, Weights::u8(&[], &[zero]));
        self.node("DequantizeLinear", &[x, &s, &z])
    }

    fn with(&mut self, op: &str, x: &str, by: f32) -> String {
        let name = self.fresh();
        self.graph.set_weights(&name, Weights::f32(&[], &[by]));
        self.node(op, &[x, &name])
    }

    fn with_integer(&mut self, op: &str, x: &str, by: i32) -> String {
        let name = self.fresh();
        self.graph.set_weights(&name, Weights::i32(&[], &[by]));
        self.node(op, &[x, &name])
    }

    fn cast(&mut self, x: &str, to: i64) -> String {
        self.made("Cast", &[x], |node| set_int(node, "to", to))
    }

    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("t{}", self.count)
    }

    fn node(&mut self, op: &str, inputs: &[&str]) -> String {
        self.made(op, inputs, |_| {})
    }

    fn made(&mut self, op: &str, inputs: &[&str], attributes: impl FnOnce(&mut Node)) -> String {
        let output = self.fresh();
        let mut node = Node {
            name: output.clone(),
            op_type: op.into(),
            input: inputs.iter().map(|input| (*input).to_string()).collect(),
            output: vec![output.clone()],
            ..Node::default()
        };
        attributes(&mut node);
        self.graph.add_node(node);
        output
    }
}
