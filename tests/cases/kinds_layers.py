"""Layers: broadcast biases, factors, transposed operands, biases out of range, shared parameters."""

import numpy as np

from case import ALL, INTEGER, Case
from kinds_names import NO_WIDE_PRODUCT
from kinds_readers import STORED_ELSEWHERE
from network import Network, images, tensor, uniform

NO_PRODUCT = {"int4": NO_WIDE_PRODUCT}


def broadcast_bias(shape, full=None):
    """A product of eight outputs whose bias is 0.7 in the given shape."""
    net = Network(21)
    x = net.input("x", ["N", 12])
    w1, b1 = net.store(net.weights(12, 8), "w1"), net.store(np.full(full or shape, 0.7), "b1")
    hidden = net.relu(net.node("Gemm", [x, w1, b1], "a", "g1/Gemm"))
    net.output(net.gemm(hidden, 8, 6, name="g2", output="y"), ["N", 6])
    return net.model()


def column_bias(split):
    """A batch of two and a bias of one number a sample; `split` adds it by a node of its own."""
    net = Network(22)
    x = net.input("x", [2, 12])
    w1, b1 = net.store(net.weights(12, 8), "w1"), net.store([[0.7], [-0.4]], "b1")
    if split:
        hidden = net.node("Add", [net.node("Gemm", [x, w1], name="g1/Gemm"), b1])
    else:
        hidden = net.node("Gemm", [x, w1, b1], "a", "g1/Gemm")
    net.output(net.gemm(net.relu(hidden), 8, 6, name="g2", output="y"), [2, 6])
    return net.model()


def factors(alpha, beta, trans_a, trans_b, folded):
    """A product with all that Gemm allows; `folded` writes the same with nothing of it."""
    net = Network(23)
    x = net.input("x", ["N", 12])
    hidden = net.relu(net.gemm(x, 12, 8, name="g0"))
    w, b = net.weights(8, 6), net.weights(6)
    if folded:
        inputs = [
            hidden,
            net.store(w * np.float32(alpha), "w"),
            net.store(b * np.float32(beta), "b"),
        ]
        last = net.node("Gemm", inputs, "y", "g1/Gemm")
    else:
        if trans_a:
            hidden = net.node("Transpose", [hidden], perm=[1, 0])
        inputs = [hidden, net.store(w.T if trans_b else w, "w"), net.store(b, "b")]
        kinds = dict(alpha=alpha, beta=beta, transA=trans_a, transB=trans_b)
        last = net.node("Gemm", inputs, "y", "g1/Gemm", **kinds)
    net.output(last, ["N", 6])
    return net.model()


def large_bias(tiny):
    """A convolution with biases near one; the filters at `tiny` are 1e-7 of their size."""
    net = Network(24)
    x = net.input("x", ["N", 3, 8, 8])
    w = net.weights(6, 3, 3, 3)
    w[tiny] *= 1e-7
    b = net.store([1.5, -0.8, 0.3, 0.9, -1.2, 2.0], "c1.b")
    hidden = net.relu(net.node("Conv", [x, net.store(w, "c1.w"), b], "c1", "c1/Conv", pads=[1] * 4))
    hidden = net.node("Concat", [hidden, x], axis=1)
    flat = net.pooled(net.conv(hidden, 9, 5, name="c2"))
    net.output(net.node("Identity", [flat], "y"), ["N", 5])
    return net.model()


def masks(shared):
    """Two convolutions of one output each, normalised; their parameters shared or copied."""
    net = Network(25)
    x = net.input("x", ["N", 3, 8, 8])
    made = {}

    def one(number, owner):
        if not shared:
            return net.store([number], f"{owner}.{net.fresh()}")
        if number not in made:
            made[number] = net.store([number], f"shared.{len(made)}")
        return made[number]

    outputs = []
    for owner, scale in (("m1", 1.5), ("m2", 1.5)):
        w = net.store(net.weights(1, 3, 3, 3), f"{owner}.w")
        conv = net.node("Conv", [x, w, one(0.25, owner)], name=f"{owner}/Conv", pads=[1] * 4)
        parameters = [one(n, owner) for n in (scale, 0.25, 0.25, 1.5)]
        normal = net.node("BatchNormalization", [conv, *parameters], name=f"{owner}/Norm")
        outputs.append(net.node("Sigmoid", [normal]))
    both = net.node("Concat", [*outputs, x], axis=1)
    hidden = net.relu(net.conv(both, 5, 8, name="c3"))
    net.output(net.gemm(net.pooled(hidden), 8, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def shared_weights(shared):
    """One weight and one bias read by two layers, in one of them as the other way round."""
    net = Network(26)
    x = net.input("x", ["N", 8])
    w, b = net.weights(8, 8), net.weights(8)
    names = [(net.store(w, "w"), net.store(b, "b"))] * 2
    if not shared:
        names = [names[0], (net.store(w, "w2"), net.store(b, "b2"))]
    first = net.relu(net.node("Gemm", [x, *names[0]], name="a/Gemm", transB=1))
    second = net.relu(net.node("Gemm", [first, *names[1]], name="b/Gemm"))
    net.output(net.gemm(second, 8, 6, name="fc", output="y"), ["N", 6])
    return net.model()


def constants(form):
    """Weights, shapes and factors in Constant nodes of the given attribute forms, or stored."""
    net = Network(27)
    x = net.input("x", ["N", 3, 8, 8])

    def constant(content, dtype=np.float32, **attribute):
        if form == "stored":
            return net.store(content, dtype=dtype)
        return net.node("Constant", [], **attribute)

    def tensor_constant(content, dtype=np.float32):
        return constant(content, dtype, value=tensor("", content, dtype))

    w, b = net.weights(8, 3, 3, 3), net.weights(8)
    hidden = net.node(
        "Conv", [x, tensor_constant(w), tensor_constant(b)], name="c1/Conv", pads=[1] * 4
    )
    factor = constant(np.float32(1.5), value_float=1.5)
    hidden = net.relu(net.node("Mul", [hidden, factor]))
    pooled = net.node("GlobalAveragePool", [hidden])
    flat = net.node("Reshape", [pooled, constant([0, -1], np.int64, value_ints=[0, -1])])
    floats = [0.5, 1.0, 1.5, 2.0, -0.5, -1.0, -1.5, 0.25]
    flat = net.node("Mul", [flat, constant(floats, value_floats=floats)])
    last = constant(np.int64(1), np.int64, value_int=1)
    chosen = net.node(
        "Concat",
        [
            flat,
            net.node(
                "Gather",
                [flat, net.node("Unsqueeze", [last, net.store([0], dtype=np.int64)])],
                axis=1,
            ),
        ],
        axis=1,
    )
    net.output(net.gemm(chosen, 9, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def cases():
    x12, image = {"x": uniform(21, 200, 12)}, {"x": images(24)}
    twin = broadcast_bias([8])
    for shape in ([], [1], [1, 1], [1, 8]):
        kind = f"Gemm bias of shape {shape}"
        yield Case(kind, broadcast_bias(shape), x12, twin, (*ALL, "dynamic channel"), NO_PRODUCT)
    one_each = {"*": "not one value an output"}
    pairs = dict(feeds=x12, steps=ALL, refusable=one_each, batch=2, model_keys="batch = 2")
    yield Case("Gemm bias of shape [N, 1]", column_bias(False), twin=column_bias(True), **pairs)
    for alpha, beta, a, b in (
        (0.5, 1.0, 0, 1),
        (2.0, 0.25, 0, 0),
        (1.0, 1.0, 1, 1),
        (0.5, 2.0, 1, 0),
    ):
        model, twin = (factors(alpha, beta, a, b, folded) for folded in (False, True))
        kind = f"Gemm alpha {alpha:g} beta {beta:g} transA {a} transB {b}"
        may = {"*": "it transposes its input"} if a else {}
        may["prune obs+ls"] = STORED_ELSEWHERE if a else None
        yield Case(kind, model, x12, twin, ALL, {**may, "int4": "four-bit weights|transposes"})
    steps = (*INTEGER, "qdq channel", "dynamic channel", "gptq")
    for kind, tiny in (("three channels", slice(0, 3)), ("whole layer", slice(0, 6))):
        left = {step: "bias" for step in steps}
        model = large_bias(tiny)
        yield Case(f"bias beyond int32: {kind}", model, image, None, steps, left, floor_db=25)
    yield Case(
        "shared one-element parameters", masks(True), image, masks(False), refusable=NO_PRODUCT
    )
    x8 = {"x": uniform(26, 60, 8)}
    # The rows that one layer makes are the inputs of the other; its own outputs are the model's.
    bound = {**NO_PRODUCT, "prune l1": "input of the model", "prune obs+ls": "input of the model"}
    models = dict(model=shared_weights(True), twin=shared_weights(False))
    readers = (("w@0", "w", 0, 0),)
    yield Case("shared weights and bias", feeds=x8, refusable=bound, readers=readers, **models)
    by_position = {**NO_PRODUCT, "prune l1": "by position", "prune obs+ls": "by position"}
    models = dict(model=constants("nodes"), twin=constants("stored"), refusable=by_position)
    yield Case("Constant nodes of all forms", feeds={"x": images(27)}, **models)
