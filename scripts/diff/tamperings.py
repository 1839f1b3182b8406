"""Changes to a model that change what it computes: each takes a model and gives it changed, or None
where it does not apply, and says what a person should be told."""

import copy

import numpy as np
from onnx import helper, numpy_helper


def initializers(model):
    return {t.name: t for t in model.graph.initializer}


def value(model, name):
    tensor = initializers(model).get(name)
    if tensor is not None:
        return numpy_helper.to_array(tensor)
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] == name and node.attribute[0].name == "value":
            return numpy_helper.to_array(node.attribute[0].t)
    return None


def store(model, name, array):
    """Replaces a value for all who read it."""
    fresh = numpy_helper.from_array(np.ascontiguousarray(array), name)
    tensor = initializers(model).get(name)
    if tensor is not None:
        tensor.CopyFrom(fresh)
        return
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] == name:
            node.attribute[0].t.CopyFrom(fresh)


def nodes(model, *ops):
    return [n for n in model.graph.node if n.op_type in ops]


def middle(items):
    return items[len(items) // 2] if items else None


def constant(op, slot, change, rank=None):
    """A change to a constant that the middle node of a kind reads in a slot."""

    def apply(model):
        fits = []
        for node in nodes(model, *([op] if isinstance(op, str) else op)):
            array = value(model, node.input[slot]) if len(node.input) > slot else None
            if array is not None and array.dtype == np.float32 and (rank is None or array.ndim in rank):
                fits.append((node, array))
        chosen = middle(fits)
        if chosen is None:
            return None
        store(model, chosen[0].input[slot], change(chosen[1].copy()).astype(np.float32))
        return model

    return apply


def one(array, factor=1.1):
    flat = array.reshape(-1)
    place = int(np.argmax(np.abs(flat)))
    flat[place] *= factor
    return array


def channel(array):
    array[0] = 0
    return array


def operand(change, least_rank):
    """A change to the constant operand of an addition, positions and biases of products."""

    def apply(model):
        fits = []
        for node in nodes(model, "Add"):
            for name in node.input:
                array = value(model, name)
                if array is not None and array.dtype == np.float32 and array.ndim >= least_rank and array.size > 1:
                    fits.append((name, array))
        if not fits:
            return None
        name, array = fits[0] if least_rank > 1 else middle(fits)
        changed = change(array.copy())
        if np.array_equal(changed, array):
            return None
        store(model, name, changed)
        return model

    return apply


def scalar(op, factor):
    def apply(model):
        for node in nodes(model, op):
            for name in node.input:
                array = value(model, name)
                if array is not None and array.dtype == np.float32 and array.size == 1:
                    store(model, name, array * np.float32(factor))
                    return model
        return None

    return apply


def operator(before, after, **attributes):
    def apply(model):
        node = middle(nodes(model, before))
        if node is None:
            return None
        node.op_type = after
        del node.attribute[:]
        node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
        return model

    return apply


def attribute(op, name, after):
    def apply(model):
        node = middle(nodes(model, op))
        if node is None:
            return None
        kept = [a for a in node.attribute if a.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, after)])
        return model

    return apply


def bypass(model, node, tensor):
    """Takes a node out and hands one of its inputs on."""
    output = node.output[0]
    model.graph.node.remove(node)
    for other in model.graph.node:
        for slot, name in enumerate(other.input):
            if name == output:
                other.input[slot] = tensor
    if any(o.name == output for o in model.graph.output):
        producer = next(n for n in model.graph.node if tensor in n.output)
        for other in model.graph.node:
            for slot, name in enumerate(other.input):
                if name == tensor:
                    other.input[slot] = output
        producer.output[list(producer.output).index(tensor)] = output
    return model


def removed(op):
    def apply(model):
        node = middle(nodes(model, op))
        if node is None or value(model, node.input[0]) is not None:
            return None
        return bypass(model, node, node.input[0])

    return apply


def without_residual(model):
    stored = {n for n in initializers(model)}
    for node in reversed(nodes(model, "Add")):
        computed = [i for i in node.input if i not in stored and value(model, i) is None]
        if len(computed) == 2:
            return bypass(model, node, computed[1])
    return None


def inserted_scale(model):
    node = middle(nodes(model, "Relu", "Softmax", "Gelu", "Erf", "Clip"))
    if node is None:
        return None
    model.graph.initializer.append(numpy_helper.from_array(np.float32(1.05), "scale.by"))
    scaled = helper.make_node("Mul", [node.input[0], "scale.by"], ["scaled"], name="inserted")
    place = list(model.graph.node).index(node)
    node.input[0] = "scaled"
    model.graph.node.insert(place, scaled)
    return model


def swapped_weights(model):
    seen = {}
    for node in nodes(model, "MatMul", "Gemm", "Conv"):
        array = value(model, node.input[1])
        if array is None or array.dtype != np.float32:
            continue
        key = (node.op_type, array.shape)
        if key in seen and not np.array_equal(seen[key][1], array):
            other, before = seen[key]
            store(model, other, array)
            store(model, node.input[1], before)
            return model
        seen[key] = (node.input[1], array)
    return None


def swapped_concat(model):
    for node in nodes(model, "Concat"):
        if len(node.input) == 2 and all(value(model, i) is None for i in node.input) and "hape" not in node.name:
            if any(n.op_type in ("Unsqueeze", "Gather", "Shape") for n in model.graph.node if n.output[0] in node.input):
                continue
            first, second = node.input
            node.input[0], node.input[1] = second, first
            return model
    return None


def other_classes(model):
    """The last layer gives its classes in another order."""
    node = (nodes(model, "Gemm") or [None])[-1]
    if node is None or len(node.input) < 3:
        return None
    weights, bias = value(model, node.input[1]), value(model, node.input[2])
    if weights is None or bias is None or bias.ndim != 1:
        return None
    turned = any(a.name == "transB" and a.i == 1 for a in node.attribute)
    order = np.roll(np.arange(len(bias)), 1)
    store(model, node.input[1], weights[order] if turned else weights[:, order])
    store(model, node.input[2], bias[order])
    return model


def table_row(model):
    for node in nodes(model, "Gather"):
        array = value(model, node.input[0])
        if array is not None and array.ndim == 2 and array.dtype == np.float32:
            array = array.copy()
            array[3] += 1
            store(model, node.input[0], array)
            return model
    return None


def quantization(slot, change):
    def apply(model):
        readers = [n for n in nodes(model, "QuantizeLinear") if value(model, n.input[0]) is None]
        node = middle(readers)
        if node is None:
            return None
        name = node.input[slot]
        before = value(model, name)
        fresh = "tampered." + name
        model.graph.initializer.append(numpy_helper.from_array(change(before), fresh))
        for other in nodes(model, "QuantizeLinear", "DequantizeLinear"):
            if len(other.input) > slot and other.input[slot] == name and other.input[0] in (node.input[0], node.output[0]):
                other.input[slot] = fresh
        return model

    return apply


WEIGHTED = ["Conv", "Gemm", "MatMul", "ConvTranspose"]
ALL = {
    "bias +5": constant(["Conv", "Gemm"], 2, lambda a: a + 5),
    "one bias +0.1": constant(["Conv", "Gemm"], 2, lambda a: a + 0.1 * (np.arange(a.size) == 0)),
    "bias of an addition +5": operand(lambda a: a + 5, 1),
    "positions rolled": operand(lambda a: np.roll(a, 1, axis=-2), 2),
    "weights × 1.1": constant(WEIGHTED, 1, lambda a: a * 1.1, rank=(2, 3, 4)),
    "one weight × 1.1": constant(WEIGHTED, 1, one, rank=(2, 3, 4)),
    "a row of weights zeroed": constant(WEIGHTED, 1, channel, rank=(2, 3, 4)),
    "weights negated": constant(WEIGHTED, 1, lambda a: -a, rank=(2, 3, 4)),
    "weights of two layers swapped": swapped_weights,
    "classes in another order": other_classes,
    "embedding of one token": table_row,
    "Relu → LeakyRelu": operator("Relu", "LeakyRelu", alpha=0.01),
    "Relu → Sigmoid": operator("Relu", "Sigmoid"),
    "Relu removed": removed("Relu"),
    "Sigmoid → Tanh": operator("Sigmoid", "Tanh"),
    "Erf → Tanh": operator("Erf", "Tanh"),
    "Gelu → Relu": operator("Gelu", "Relu"),
    "Softmax removed": removed("Softmax"),
    "Softmax axis": attribute("Softmax", "axis", 0),
    "Clip 6 → 4": constant("Clip", 2, lambda a: a * 0 + 4),
    "Clip removed": removed("Clip"),
    "HardSwish → Relu": operator("HardSwish", "Relu"),
    "LayerNormalization scale × 1.5": constant("LayerNormalization", 1, lambda a: a * 1.5),
    "LayerNormalization bias +1": constant("LayerNormalization", 2, lambda a: a + 1),
    "LayerNormalization epsilon": attribute("LayerNormalization", "epsilon", 0.1),
    "BatchNormalization mean +0.5": constant("BatchNormalization", 3, lambda a: a + 0.5),
    "BatchNormalization variance × 2": constant("BatchNormalization", 4, lambda a: a * 2),
    "BatchNormalization epsilon": attribute("BatchNormalization", "epsilon", 0.1),
    "InstanceNormalization scale": constant("InstanceNormalization", 1, lambda a: a * 2),
    "PRelu slope": constant("PRelu", 1, lambda a: a * 2),
    "LSTM recurrent weights": constant("LSTM", 2, lambda a: a * 1.1),
    "MaxPool → AveragePool": operator("MaxPool", "AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "attention scale (Div) × 2": scalar("Div", 2),
    "attention scale (Mul) × 2": scalar("Mul", 2),
    "scale inserted": inserted_scale,
    "residual connection removed": without_residual,
    "Concat operands swapped": swapped_concat,
    "quantization scale × 1.3": quantization(1, lambda a: (a * 1.3).astype(np.float32)),
    "quantization zero point +5": quantization(2, lambda a: (a.astype(np.int32) + (5 if a < 100 else -5)).astype(a.dtype)),
}


def tampered(model):
    """All that apply, by name."""
    for name, change in ALL.items():
        made = change(copy.deepcopy(model))
        if made is not None:
            yield name, made
