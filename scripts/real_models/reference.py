"""ONNX Runtime without graph optimisations: the answers that everything is held against."""

import numpy as np
import onnx
import onnxruntime as ort

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


# Slots of the quantized weights and of their zero point.
WEIGHTS = {"QLinearConv": (3, 5), "QLinearMatMul": (3, 5), "ConvInteger": (1, 3), "MatMulInteger": (1, 3)}


def unsigned(path):
    """The same model with unsigned weights: its bytes, or the path of one that multiplies no bytes.

    Products of unsigned by signed bytes saturate at 16 bits in ONNX Runtime on x86 processors without
    VNNI; those of unsigned bytes are exact everywhere. (w + 128) - (zero + 128) is the same weight.
    """
    model, changed = onnx.load(str(path)), False
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        slots = WEIGHTS.get(node.op_type)
        tensor = stored.get(node.input[slots[0]]) if slots else None
        if tensor is None or tensor.data_type != onnx.TensorProto.INT8:
            continue
        changed = True
        had = stored.get(node.input[slots[1]]) if len(node.input) > slots[1] else None
        zero = onnx.numpy_helper.to_array(had) if had else np.zeros((), np.int8)
        for slot, values in zip(slots, (onnx.numpy_helper.to_array(tensor), zero)):
            name = f"{node.name}/unsigned.{slot}"
            raised = (values.astype(np.int16) + 128).astype(np.uint8)
            model.graph.initializer.append(onnx.numpy_helper.from_array(raised, name))
            node.input.extend([""] * (slot + 1 - len(node.input)))
            node.input[slot] = name
    return model.SerializeToString() if changed else path


def session(path):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = path if isinstance(path, bytes) else str(path)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def answers(model, arrays, whole, output):
    """What a model answers in one output, sample by sample, with the axis of samples first."""
    running = session(model)
    names = [given.name for given in running.get_inputs()]
    batch = running.get_inputs()[0].shape[0]
    batch = batch if isinstance(batch, int) and batch > 0 else 1
    count = len(next(iter(arrays.values())))
    found = []
    for start in range(0, count - batch + 1, batch):
        rows = {n: np.asarray(arrays[n][start]) if n in whole else arrays[n][start : start + batch] for n in names}
        found.append(running.run([output], rows)[0])
    return np.stack(found) if found and found[0].shape[:1] != (batch,) else np.concatenate(found)


def problem(path, full):
    """What the ONNX checker or ONNX Runtime says against a file; `None` where they take it."""
    try:
        onnx.checker.check_model(str(path), full_check=full)
    except Exception as error:  # The checker raises what its C++ part throws.
        return f"checker: {first_line(error)}"
    try:
        session(path)
    except Exception as error:
        return f"ONNX Runtime: {first_line(error)}"
    return None


def first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:400]


def decibels(reference, other):
    """Signal over noise of `other` against `reference`, in decibels."""
    reference, other = np.asarray(reference, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    noise = float(((reference - other) ** 2).sum())
    signal = float(((reference - reference.mean()) ** 2).sum()) or float((reference**2).sum())
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal > 0 else float("-inf")
