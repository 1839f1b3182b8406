"""Files that compute the same as a model, or the same in integers: made by the tools that people use."""

import copy

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

LEVELS = {
    "ONNX Runtime, basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "ONNX Runtime, extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
}


def optimised(path, level, out):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(out)
    options.log_severity_level = 4
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def simplified(path, out):
    import onnxsim

    model, checked = onnxsim.simplify(onnx.load(path))
    if not checked:
        raise ValueError("onnxsim does not vouch for it")
    onnx.save(model, out)


def renamed(path, out):
    """Numbers instead of names, commutative operands swapped, Identity nodes put in."""
    model = onnx.load(path)
    kept = {v.name for v in [*model.graph.input, *model.graph.output]}
    names = {"": ""}

    def number(name):
        return name if name in kept else names.setdefault(name, f"t{len(names)}")

    graph = model.graph
    bodies = any(a.type in (5, 10) for n in graph.node for a in n.attribute)
    if bodies:
        raise ValueError("it has bodies of control flow")
    for tensor in graph.initializer:
        tensor.name = number(tensor.name)
    for place, node in enumerate(graph.node):
        node.name = f"n{place}"
        node.input[:] = [number(i) for i in node.input]
        node.output[:] = [number(o) for o in node.output]
        if node.op_type in ("Add", "Mul"):
            node.input[:] = list(reversed(node.input))
    del graph.value_info[:]
    made = []
    for place, node in enumerate(list(graph.node)):
        made.append(node)
        if place % 7 == 3 and node.output[0] not in kept and len(node.output) == 1:
            output = node.output[0]
            node.output[0] = output + "c"
            made.append(helper.make_node("Identity", [output + "c"], [output], name=f"i{place}"))
    del graph.node[:]
    graph.node.extend(made)
    onnx.save(model, out)


def half_weights(path, out):
    """Weights in half floats behind a Cast."""
    model = onnx.load(path)
    casts = []
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32 and array.ndim > 1 and array.size > 16:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), name + ".half"))
            casts.append(helper.make_node("Cast", [name + ".half"], [name], to=onnx.TensorProto.FLOAT))
    if not casts:
        raise ValueError("no weights among its initializers")
    nodes = [*casts, *copy.deepcopy(list(model.graph.node))]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, out)


class Reader(CalibrationDataReader):
    """Seeded random inputs."""

    def __init__(self, path):
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(5)
        self.rows = iter([{i.name: self.draw(i, rng) for i in session.get_inputs()} for _ in range(8)])

    @staticmethod
    def draw(need, rng):
        shape = [d if isinstance(d, int) else 1 for d in need.shape]
        if "float" in need.type:
            return rng.uniform(-1, 1, shape).astype(np.float32)
        return rng.integers(0, 2, shape).astype(np.int64 if "int64" in need.type else np.int32)

    def get_next(self):
        return next(self.rows, None)


def quantized(path, out, form, per_channel, folder):
    """ONNX Runtime's static quantization of the folded model."""
    folded = folder / "folded.onnx"
    optimised(path, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, folded)
    kind = QuantType.QUInt8 if form == QuantFormat.QOperator else QuantType.QInt8
    quantize_static(
        folded, out, Reader(folded), quant_format=form, per_channel=per_channel,
        activation_type=kind, weight_type=QuantType.QInt8,
    )


def made(path, folder):
    """Names, what is expected, and files; the reason where a tool refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    ways = {name: ("same", lambda o, level=level: optimised(path, level, o)) for name, level in LEVELS.items()}
    ways["onnxsim"] = ("same", lambda o: simplified(path, o))
    ways["renamed, operands swapped"] = ("same", lambda o: renamed(path, o))
    ways["f16 weights behind Cast"] = ("quantized", lambda o: half_weights(path, o))
    ways["QDQ of the folded model"] = ("quantized", lambda o: quantized(path, o, QuantFormat.QDQ, True, folder))
    ways["QOperator of the folded model"] = ("quantized", lambda o: quantized(path, o, QuantFormat.QOperator, False, folder))
    for place, (name, (expected, make)) in enumerate(ways.items()):
        out = folder / f"{place}.onnx"
        try:
            make(out)
            yield name, expected, out, None
        except Exception as error:
            yield name, expected, None, str(error).splitlines()[0][:100]
