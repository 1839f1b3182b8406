"""Sessions of ONNX Runtime whose products of bytes are exact on every processor."""

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


def session(path, options, check=False):
    """A session of a model file, which must load as it stands; `check` holds it to onnx.checker too."""
    found = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    if onnx is None:
        return found
    model = onnx.load(path)
    if check:
        onnx.checker.check_model(model)
    if not any(node.op_type in BYTES for node in model.graph.node):
        return found
    return ort.InferenceSession(unsigned(model), options, providers=["CPUExecutionProvider"])
