"""Holds models against ONNX Runtime and, where it is installed, onnx.checker.

A folder with NETWORK.inputs.json, NETWORK.STEP.onnx and NETWORK.STEP.json (the engine's answers, and
the share of their power that may differ) in; a JSON list of faults out.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime as ort

try:
    import onnx
    from onnx import numpy_helper
except ImportError:
    onnx = None

# Slots of the weights of products of bytes, and of their zero points.
BYTES = {
    "ConvInteger": (1, 3),
    "MatMulInteger": (1, 3),
    "QLinearConv": (3, 5),
    "QLinearMatMul": (3, 5),
}

options = ort.SessionOptions()
options.log_severity_level = 4
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
options.intra_op_num_threads = 1


def unsigned(model):
    """The same function with weights in unsigned bytes.

    On x86 without VNNI ONNX Runtime's products of unsigned by signed bytes saturate at 16 bits; those of
    unsigned bytes alone are exact.
    """
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for number, node in enumerate(model.graph.node):
        w, z = BYTES.get(node.op_type, (None, None))
        if w is None or node.input[w] not in stored:
            continue
        weights = numpy_helper.to_array(stored[node.input[w]])
        if weights.dtype != np.int8:
            continue
        given = node.input[z] if len(node.input) > z and node.input[z] else None
        zero = numpy_helper.to_array(stored[given]) if given else np.zeros((), np.int8)
        names = [f"unsigned {number} weights", f"unsigned {number} zero"]
        for name, values in zip(names, [weights, zero]):
            values = (values.astype(np.int32) + 128).astype(np.uint8)
            model.graph.initializer.append(numpy_helper.from_array(values, name))
        while len(node.input) <= z:
            node.input.append("")
        node.input[w], node.input[z] = names
    return model.SerializeToString()


def answers(path, arrays):
    model = str(path)
    if onnx is not None:
        loaded = onnx.load(path)
        onnx.checker.check_model(loaded)
        ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        model = unsigned(loaded)
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    count = len(next(iter(arrays.values())))
    found = []
    for sample in range(count):
        one = {name: array[sample : sample + 1] for name, array in arrays.items()}
        found += [np.asarray(o, np.float64).ravel() for o in session.run(None, one)]
    return np.concatenate(found)


folder = pathlib.Path(sys.argv[1])
faults = []
inputs = {}
for path in sorted(folder.glob("*.inputs.json")):
    arrays = json.loads(path.read_text())
    inputs[path.name.removesuffix(".inputs.json")] = {
        name: np.array(a["values"], np.float32).reshape(a["shape"]) for name, a in arrays.items()
    }
for path in sorted(folder.glob("*.*.onnx")):
    name = path.name.removesuffix(".onnx")
    said = json.loads(path.with_name(name + ".json").read_text())
    try:
        found = answers(path, inputs[name.split(".")[0]])
    except Exception as error:
        faults.append(f"{name}: {str(error).splitlines()[0][:300]}")
        continue
    expected = np.array(said["answers"], np.float64)
    if found.shape != expected.shape:
        faults.append(f"{name}: {found.shape} answers instead of {expected.shape}")
        continue
    apart = ((found - expected) ** 2).sum() / max((found**2).sum(), 1e-12)
    if not apart <= said["tolerance"]:
        faults.append(f"{name}: differs from the engine by {apart:.1e}, {said['tolerance']:.1e} allowed")
print(json.dumps(faults))
