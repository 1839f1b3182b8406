"""Judges backward graphs: onnx.checker, ONNX Runtime, and central differences of the forward graph in
64-bit floats by onnx's reference evaluator.
Usage: reference.py FOLDER    reads NAME.forward.onnx, NAME.onnx, NAME.npz (inputs, weights of the
loss as `WEIGHTS`, and ours as `OURS/OUTPUT`); writes FOLDER/judged.json"""
import json
import math
import pathlib
import sys

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

STEP = 1e-5
PLACES = 10
draw = numpy.random.default_rng(5)


class Erf(OpRun):
    """In 64 bits; the evaluator's own has 32."""

    op_domain = ""

    def _run(self, x):
        return (numpy.vectorize(math.erf, otypes=[numpy.float64])(x),)


def doubled(model):
    """The model with 64-bit floats in place of 32-bit ones, its float tensors as inputs, and these."""
    values = {}
    for tensor in list(model.graph.initializer):
        if tensor.data_type == TensorProto.FLOAT:
            values[tensor.name] = numpy_helper.to_array(tensor).astype(numpy.float64)
            model.graph.initializer.remove(tensor)
            shape = list(values[tensor.name].shape)
            model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, TensorProto.DOUBLE, shape))
    for value in list(model.graph.input) + list(model.graph.output):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    return model, values


def differences(path, inputs, weights, gradients, forward):
    """The largest deviation of the gradients from central differences, relative to their norms; None
    where the evaluator has other outputs than ONNX Runtime and we have."""
    model, values = doubled(onnx.load(path))
    values.update({name: v.astype(numpy.float64) if v.dtype == numpy.float32 else v for name, v in inputs.items()})
    evaluator = ReferenceEvaluator(model, new_ops=[Erf])
    if not numpy.allclose(evaluator.run(["y"], values)[0], forward, rtol=1e-4, atol=1e-4):
        return None
    loss = lambda: float((evaluator.run(["y"], values)[0] * weights).sum())
    worst = 0.0
    for target, gradient in gradients.items():
        start = values[target]
        places = draw.permutation(start.size)[:PLACES]
        for place in places:
            sides = []
            for sign in (1, -1):
                values[target] = start.copy()
                values[target].flat[place] += sign * STEP
                sides.append(loss())
            values[target] = start
            slope = (sides[0] - sides[1]) / (2 * STEP)
            scale = numpy.abs(gradient).max() + 1e-2
            worst = max(worst, float(abs(slope - gradient.flat[place]) / scale))
    return worst


def judged(path, name):
    """What the three say of one backward graph."""
    stored = dict(numpy.load(path / f"{name}.npz"))
    ours = {key[5:]: value for key, value in stored.items() if key.startswith("OURS/")}
    inputs = {key: value for key, value in stored.items() if not key.startswith("OURS/") and key != "WEIGHTS"}
    model = onnx.load(path / f"{name}.onnx")
    verdict = {"name": name, "checker": None, "runtime": None, "differences": None}
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as refusal:
        verdict["checker"] = str(refusal)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        outputs = [output.name for output in session.get_outputs()]
        theirs = dict(zip(outputs, session.run(outputs, inputs)))
        far = lambda a, b: float(numpy.abs(a - b).max() / (numpy.abs(b).max() + 1e-2)) if a.size else 0.0
        same = all(theirs[key].shape == value.shape for key, value in ours.items())
        verdict["runtime"] = max(far(theirs[key], value) for key, value in ours.items()) if same else None
    except Exception as refusal:
        verdict["checker"] = f"{verdict['checker']}; ONNX Runtime: {refusal}"
    suffix = "/gradient"
    gradients = {key[: -len(suffix)]: value for key, value in ours.items() if key.endswith(suffix)}
    forward = path / f"{name}.forward.onnx"
    known = {input.name: inputs[input.name] for input in onnx.load(forward).graph.input}
    verdict["differences"] = differences(forward, known, stored["WEIGHTS"], gradients, ours["y"])
    return verdict


folder = pathlib.Path(sys.argv[1])
names = sorted(file.name[: -len(".forward.onnx")] for file in folder.glob("*.forward.onnx"))
(folder / "judged.json").write_text(json.dumps([judged(folder, name) for name in names]))
