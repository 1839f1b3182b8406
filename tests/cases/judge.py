"""Verdicts: a made file against the original in ONNX Runtime, and words against what they must name.

Owns distances and rows of the table; makes no models and calls no program.
"""

import re
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, numpy_helper

ort.set_default_logger_severity(4)

EXACT = 1e-5
NARROW = {TensorProto.INT8, TensorProto.UINT8, TensorProto.INT4, TensorProto.UINT4}


@dataclass
class Row:
    """One line of the table."""

    kind: str
    step: str
    right: str
    found: str
    verdict: str
    detail: str = ""


def ok(kind, step, right, found):
    return Row(kind, step, right, found, "ok")


def wrong(kind, step, right, found, detail=""):
    return Row(kind, step, right, found, "WRONG", detail)


def refused(kind, step, right, reason, truth):
    """A refusal: right where the reason names what `truth`, a pattern, asks for."""
    if truth and re.search(truth, reason, re.IGNORECASE):
        return Row(kind, step, right, "not made", f"REFUSED({short(reason)})", reason)
    note = f"a message that says /{truth}/" if truth else "no refusal"
    return Row(kind, step, right, f"refused, expected {note}", "WRONG", reason)


def short(text, most=70):
    """One line; what every refusal of a step begins with is left out."""
    text = re.sub(r"^make variant `[^`]*`, step `[^`]*`: ", "", " ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"


def session(model):
    """ONNX Runtime on a file or model as it stands, without optimisations of its own."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    given = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(given, options, providers=["CPUExecutionProvider"])


# Positions of the stored weights and of their zero points, by integer operator.
WEIGHTS = {
    "QLinearConv": (3, 5),
    "QLinearMatMul": (3, 5),
    "ConvInteger": (1, 3),
    "MatMulInteger": (1, 3),
}


def unsigned(model):
    """The model with signed weights of integer products written as unsigned ones.

    Both mean the same. On x86 processors without VNNI, ONNX Runtime's products of unsigned by
    signed bytes saturate at 16 bits; those of unsigned by unsigned bytes are exact.
    """
    stored = {t.name: t for t in model.graph.initializer}
    moved = False
    for node in model.graph.node:
        weight, zero = WEIGHTS.get(node.op_type, (None, None))
        if node.domain or weight is None or weight >= len(node.input):
            continue
        tensor = stored.get(node.input[weight])
        given = stored.get(node.input[2]) if len(node.input) > 2 else None
        if tensor is None or tensor.data_type != TensorProto.INT8:
            continue
        # There are no products of signed by unsigned bytes.
        if given is not None and given.data_type == TensorProto.INT8:
            continue
        node.input.extend([""] * (zero + 1 - len(node.input)))
        held = stored.get(node.input[zero])
        nothing = numpy_helper.to_array(held) if held is not None else np.zeros((), np.int8)
        for position, content in ((weight, numpy_helper.to_array(tensor)), (zero, nothing)):
            name = f"unsigned.{len(model.graph.initializer)}"
            shifted = (content.astype(np.int16) + 128).astype(np.uint8)
            model.graph.initializer.append(numpy_helper.from_array(shifted, name))
            node.input[position] = name
        moved = True
    return model if moved else None


def answers(path, feeds, batch=None):
    """All outputs, in order; `batch` samples at a time, else all at once."""
    exact = unsigned(onnx.load(str(path)))
    run = session(exact.SerializeToString() if exact is not None else path)
    inputs = {i.name: feeds[i.name] for i in run.get_inputs() if i.name in feeds}
    count = len(next(iter(inputs.values())))
    step = batch or count
    parts = []
    for start in range(0, count - step + 1, step):
        parts.append(run.run(None, {n: a[start : start + step] for n, a in inputs.items()}))
    return [np.concatenate([np.atleast_1d(p[k]) for p in parts]) for k in range(len(parts[0]))]


def sqnr(expected, found):
    """Signal over error power in dB, the worst output counting; infinite where they are equal.

    Signal is what differs from sample to sample: a constant that is right proves little.
    """
    worst = np.inf
    for e, f in zip(expected, found, strict=True):
        if e.shape != f.shape:
            raise ValueError(f"shape {list(f.shape)} instead of {list(e.shape)}")
        e, f = np.asarray(e, np.float64), np.asarray(f, np.float64)
        if not np.isfinite(f).all():
            return -np.inf
        error = ((e - f) ** 2).sum()
        if error > 0:
            signal = ((e - e.mean(0)) ** 2).sum()
            worst = min(worst, 10 * np.log10(max(signal, 1e-30) / error))
    return worst


def gap(expected, found):
    """Largest difference over the largest magnitude, the worst output counting."""
    worst = 0.0
    for e, f in zip(expected, found, strict=True):
        if e.shape != f.shape:
            raise ValueError(f"shape {list(f.shape)} instead of {list(e.shape)}")
        e, f = np.asarray(e, np.float64), np.asarray(f, np.float64)
        if not np.isfinite(f).all():
            return np.inf
        worst = max(worst, np.abs(e - f).max() / max(np.abs(e).max(), 1e-12))
    return worst


def invalid(path):
    """What is wrong with a file by the rules of the format and of ONNX Runtime, if anything."""
    try:
        onnx.checker.check_model(str(path))
    except Exception as error:
        return "onnx.checker: " + short(str(error), 200)
    try:
        session(path)
    except Exception as error:
        return "ONNX Runtime: " + short(str(error), 200)
    return duplicate_names(onnx.load(str(path), load_external_data=False))


def duplicate_names(model):
    """A name that two nodes, two tensors, or a tensor and an initializer have, if there is one."""

    def walk(graph, seen):
        stored = [t.name for t in graph.initializer]
        given = {i.name for i in graph.input}
        made = [o for node in graph.node for o in node.output if o]
        for name in [*stored, *(i for i in given if i not in stored), *made]:
            if name in seen:
                return f"tensor name `{name}` is taken twice"
            seen.add(name)
        for node in graph.node:
            for attribute in node.attribute:
                for body in [attribute.g, *attribute.graphs]:
                    found = walk(body, set(seen)) if body.node else None
                    if found:
                        return found
        return None

    return walk(model.graph, set())


def narrow_weights(model):
    """How many stored matrices and filters are in integers."""
    stored = list(model.graph.initializer)
    stored += [a.t for n in model.graph.node if n.op_type == "Constant" for a in n.attribute]
    return sum(t.data_type in NARROW and len(t.dims) >= 2 for t in stored)


def zeroed(model, readers, removed):
    """The model with zeros where the removed components are read.

    `readers` says of a cut initializer which other one reads its components along which axis, and
    the value that counts as zero there.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    stored = {t.name: t for t in copy.graph.initializer}
    touched = 0
    for key, kept in removed.items():
        for producer, reader, axis, nothing in readers:
            if key != producer:
                continue
            content = numpy_helper.to_array(stored[reader]).copy()
            gone = [i for i in range(content.shape[axis]) if i not in set(kept)]
            index = [slice(None)] * content.ndim
            index[axis] = gone
            content[tuple(index)] = nothing
            stored[reader].CopyFrom(numpy_helper.from_array(content, reader))
            touched += len(gone)
    return copy, touched
