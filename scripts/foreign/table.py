"""The table of foreign training in METHODOLOGY.md. Called by scripts/foreign-training, which makes the
environments."""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from distillation_graph import distillation_graph
from onnxsim_pruning import blockwise, pruned

BATCH = 32
STUDY = """
[study]
name = "foreign training"
owner = "scripts/foreign-training"
[model]
path = "{model}"
[data]
path = "{data}"
splits = {{ calibrate = "calibrate", select = "select", report = "report" }}
[protocol]
seed = {seed}
probes = 0
[[variant]]
name = "least-squares"
steps = [{{ prune = "channels", ratio = {ratio}, criterion = "obs", recover = "least-squares" }}]
[[variant]]
name = "distill"
steps = [
  {{ prune = "channels", ratio = {ratio}, criterion = "obs", recover = "least-squares" }},
  {{ distill = true, epochs = {epochs} }},
]
"""


def parsed():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trainer")
    parser.add_argument("--paring")
    numbers = lambda kind: lambda text: [kind(part) for part in text.split(",")]
    parser.add_argument("--ratios", type=numbers(float), default=[0.125, 0.25, 0.375, 0.5])
    parser.add_argument("--seeds", type=numbers(int), default=[0, 1, 2])
    parser.add_argument("--samples", type=int, default=80_000, help="shown in training")
    return parser.parse_args()


def divided(labels, seed):
    """Two fifths, a tenth and a half of each class: indices for calibration, selection and the report."""
    rng, parts = numpy.random.default_rng(seed), ([], [], [])
    for label in numpy.unique(labels):
        own = rng.permutation(numpy.flatnonzero(labels == label))
        ends = [round(0.4 * len(own)), round(0.5 * len(own))]
        for part, some in zip(parts, numpy.split(own, ends)):
            part.extend(some)
    return [numpy.sort(numpy.array(part, numpy.int64)) for part in parts]


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Classifier:
    """A variant's answers and sizes."""

    def __init__(self, model):
        model = onnx.load(model) if isinstance(model, Path) else model
        self.session = session(model.SerializeToString())
        self.parameters = sum(int(numpy.prod(tensor.dims)) for tensor in model.graph.initializer)

    def classes(self, inputs):
        name = self.session.get_inputs()[0].name
        each = (self.session.run(None, {name: inputs[at : at + 50]})[0] for at in range(0, len(inputs), 50))
        return numpy.concatenate(list(each)).argmax(1)


def with_logits(model):
    """The model whose only output is what its Softmax reads."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    model.graph.node.remove(softmax)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(softmax.input[0], onnx.TensorProto.FLOAT, None))
    model.ir_version = 8
    return model


def trained(asked, variant, folded, inputs, classes, seed):
    """The variant trained by onnxruntime-training towards the baseline's answers."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        onnx.save(distillation_graph(variant, BATCH, classes), folder / "training.onnx")
        onnx.save(with_logits(folded), folder / "teacher.onnx")
        numpy.savez(folder / "inputs.npz", inputs=inputs)
        script = Path(__file__).parent / "train_with_onnxruntime.py"
        command = [asked.trainer, script, folder, str(seed), str(asked.samples)]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(f"{script.name} failed:\n{ran.stderr[-2000:]}")
        weights = numpy.load(folder / "weights.npz")
        result = onnx.ModelProto.FromString(variant.SerializeToString())
        for tensor in result.graph.initializer:
            if tensor.name in weights:
                values = weights[tensor.name].reshape(tensor.dims)
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        return result


def parings(asked, data, ratio, seed, epochs):
    """paring's variants."""
    with tempfile.TemporaryDirectory() as folder:
        study, out = Path(folder, "study.toml"), Path(folder, "run")
        filled = {"model": asked.model.resolve(), "data": data, "seed": seed, "ratio": ratio, "epochs": epochs}
        study.write_text(STUDY.format(**filled))
        command = [asked.paring, "compress", study, "--quiet", "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        names = {"least-squares": "paring, least squares", "distill": "paring, distilled"}
        return {label: Classifier(out / "variants" / f"{name}.onnx") for name, label in names.items()}


def cell(asked, model, stored, ratio, seed):
    """Points lost, parameters, and seconds of what trains, by way."""
    name = model.graph.input[0].name
    inputs, labels = stored[name].astype(numpy.float32), stored["labels"]
    calibrate, select, report = divided(labels, seed)
    known = inputs[numpy.concatenate([calibrate, select])]
    took = {}
    ways, folded = pruned(model, {name: known}, ratio)
    start = ways["onnxsim, wanda"]
    ways["the same, block fine-tuning"] = blockwise(folded, start, {name: known})
    found = {way: Classifier(variant) for way, variant in ways.items()}
    begun = time.time()
    last = "the same, trained by onnxruntime-training"
    found[last] = Classifier(trained(asked, start, folded, known, len(numpy.unique(labels)), seed))
    took[last] = time.time() - begun
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data.npz")
        numpy.savez(data, **{name: inputs}, labels=labels, calibrate=calibrate, select=select, report=report)
        begun = time.time()
        epochs = max(4, asked.samples // len(calibrate))
        found.update(parings(asked, data, ratio, seed, epochs))
        took["paring, distilled"] = time.time() - begun
    right = lambda variant: 100 * float((variant.classes(inputs[report]) == labels[report]).mean())
    before = right(Classifier(model))
    rows = {way: (before - right(variant), variant.parameters, took.get(way)) for way, variant in found.items()}
    print(json.dumps({"ratio": ratio, "seed": seed, "baseline": before, "ways": rows}), flush=True)
    return rows


def main():
    asked = parsed()
    model, stored = onnx.load(asked.model), numpy.load(asked.data)
    found = [[cell(asked, model, stored, ratio, seed) for ratio in asked.ratios] for seed in asked.seeds]
    print("| pruned and trained by | " + " | ".join(f"{100 * ratio:g} %" for ratio in asked.ratios) + " |")
    print("| --- " * (1 + len(asked.ratios)) + "|")
    for way in found[0][0]:
        cells = []
        for place in range(len(asked.ratios)):
            lost, parameters = [own[place][way][0] for own in found], found[0][place][way][1]
            spread = statistics.stdev(lost) if len(lost) > 1 else 0.0
            cells.append(f"{statistics.mean(lost):.1f} ± {spread:.1f} ({parameters} parameters)")
        print(f"| {way} | " + " | ".join(cells) + " |")


main()
