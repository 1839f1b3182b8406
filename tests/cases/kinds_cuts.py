"""Cuts in front of recurrent layers and of layers that are in integers or fused already."""

import numpy as np

from case import Case
from kinds_readers import NOT_SEEN, ORDER
from network import FLOAT, Network, images, uniform

STEPS = ("prune l1", "prune l2", "prune random", "prune obs", "dynamic", "weights channel")


def sequence(operator, direction="forward", layout_bias=False):
    """A convolution over time in front of a recurrent layer."""
    net = Network(51)
    x = net.input("x", ["N", 3, 10])
    hidden = net.relu(net.conv(x, 3, 8, name="c1", rank=1, pads=[1, 1]))
    steps = net.node("Transpose", [hidden], perm=[2, 0, 1])
    ways, gates = (2 if direction == "bidirectional" else 1), ORDER[operator] * 6
    stored = [net.store(net.weights(ways, gates, 8, scale=0.5), "w2")]
    stored.append(net.store(net.weights(ways, gates, 6, scale=0.5)))
    if layout_bias:
        stored.append(net.store(net.weights(ways, 2 * gates, scale=0.5)))
    net.node(
        operator, [steps, *stored], ["", "state"], operator, hidden_size=6, direction=direction
    )
    turned = net.node("Transpose", ["state"], perm=[1, 0, 2])
    net.output(
        net.gemm(net.node("Flatten", [turned]), 6 * ways, 5, name="fc", output="y"), ["N", 5]
    )
    return net.model(), [("c1.w@0", "w2", 2, 0)]


def integer(net, shape, name, unsigned=False, zero=0):
    drawn = net.rng.integers(0, 256, shape) if unsigned else net.rng.integers(-127, 128, shape)
    return net.store(drawn, name, np.uint8 if unsigned else np.int8)


def grid(net, scale, zero, dtype):
    return [net.store(np.float32(scale)), net.store(zero, dtype=dtype)]


def quantized_conv(unsigned_weights=False):
    """QuantizeLinear, QLinearConv, DequantizeLinear behind a convolution in float."""
    net, hidden = before_integers()
    given, w_zero = grid(net, 0.02, 5, np.uint8), 120 if unsigned_weights else 0
    narrow = net.node("QuantizeLinear", [hidden, *given])
    w = integer(net, (6, 8, 3, 3), "w2", unsigned_weights)
    w_grid = grid(net, 0.002, w_zero, np.uint8 if unsigned_weights else np.int8)
    made, bias = (
        grid(net, 0.03, 130, np.uint8),
        net.store(net.rng.integers(-500, 500, 6), dtype=np.int32),
    )
    inputs = [narrow, *given, w, *w_grid, *made, bias]
    out = net.node("QLinearConv", inputs, name="c2/QLinearConv")
    return classified(net, net.node("DequantizeLinear", [out, *made]), w_zero)


def narrowed(net, hidden, dynamic):
    """Eight bits named `q`, with the scale `q.scale` and zero point `q.zero`."""
    if dynamic:
        net.node("DynamicQuantizeLinear", [hidden], ["q", "q.scale", "q.zero"], "dynamic")
        return
    stored = [net.store(np.float32(0.02), "q.scale"), net.store(5, "q.zero", np.uint8)]
    net.node("QuantizeLinear", [hidden, *stored], "q", "static")


def integer_conv(dynamic):
    """ConvInteger behind a convolution in float."""
    net, hidden = before_integers()
    narrowed(net, hidden, dynamic)
    w = integer(net, (6, 8, 3, 3), "w2", unsigned=True)
    zero = net.store(128, dtype=np.uint8)
    out = net.node("ConvInteger", ["q", w, "q.zero", zero], name="c2/ConvInteger")
    scale = net.node("Mul", ["q.scale", net.store(np.float32(0.002))])
    return classified(net, net.node("Mul", [net.node("Cast", [out], to=FLOAT), scale]), 128)


def before_integers():
    net = Network(52)
    x = net.input("x", ["N", 3, 8, 8])
    return net, net.relu(net.conv(x, 3, 8, name="c1", pads=[1] * 4))


def classified(net, hidden, zero):
    net.output(net.gemm(net.pooled(hidden), 6, 5, name="fc", output="y"), ["N", 5])
    return net.model(), [("c1.w@0", "w2", 1, zero), ("w2@0", "fc.w", 1, 0)]


def integer_product(dynamic):
    """MatMulInteger behind a product in float."""
    net = Network(53)
    x = net.input("x", ["N", 12])
    hidden = net.relu(net.gemm(x, 12, 8, name="g1"))
    narrowed(net, hidden, dynamic)
    zero = net.store(3, dtype=np.int8)
    inputs = ["q", integer(net, (8, 6), "w2"), "q.zero", zero]
    out = net.node("MatMulInteger", inputs, name="g2/MatMulInteger")
    scale = net.node("Mul", ["q.scale", net.store(np.float32(0.002))])
    net.output(net.node("Mul", [net.node("Cast", [out], to=FLOAT), scale], "y"), ["N", 6])
    return net.model(), [("g1.w@0", "w2", 0, 3)]


def quantized_product():
    """QuantizeLinear, QLinearMatMul, DequantizeLinear behind a product in float."""
    net = Network(54)
    x = net.input("x", ["N", 12])
    hidden = net.relu(net.gemm(x, 12, 8, name="g1"))
    given, w_grid = grid(net, 0.02, 5, np.uint8), grid(net, 0.004, 120, np.uint8)
    made = grid(net, 0.03, 130, np.uint8)
    narrow = net.node("QuantizeLinear", [hidden, *given])
    inputs = [narrow, *given, integer(net, (8, 6), "w2", True), *w_grid, *made]
    out = net.node("QLinearMatMul", inputs, name="g2/QLinearMatMul")
    net.output(net.node("DequantizeLinear", [out, *made], "y"), ["N", 6])
    return net.model(), [("g1.w@0", "w2", 0, 120)]


def fused_conv():
    """A convolution and its Relu as one operator of another domain."""
    net, hidden = before_integers()
    net.domains["com.microsoft"] = 1
    w, b = net.store(net.weights(6, 8, 3, 3), "w2"), net.store(net.weights(6))
    attributes = dict(activation="Relu", kernel_shape=[3, 3])
    out = net.node(
        "FusedConv", [hidden, w, b], name="c2/FusedConv", domain="com.microsoft", **attributes
    )
    return classified(net, out, 0)


def cases():
    time, image, flat = uniform(51, 60, 3, 10), images(52), uniform(53, 60, 12)
    narrow = {step: r"float|integer|already|quantized" for step in ("dynamic", "weights channel")}
    for operator in ORDER:
        for direction in ("forward", "bidirectional"):
            model, readers = sequence(operator, direction, layout_bias=direction == "forward")
            kind = f"cut in front of {operator} {direction}"
            may = {"prune obs": NOT_SEEN}
            yield Case(kind, model, {"x": time}, None, STEPS, may, readers=tuple(readers))
    for operator, (model, readers), x in (
        ("QLinearConv", quantized_conv(), image),
        ("QLinearConv, weights uint8", quantized_conv(True), image),
        ("ConvInteger", integer_conv(False), image),
        ("MatMulInteger", integer_product(False), flat),
        ("ConvInteger, dynamic", integer_conv(True), image),
        ("MatMulInteger, dynamic", integer_product(True), flat),
        ("QLinearMatMul", quantized_product(), flat),
        ("FusedConv", fused_conv(), image),
    ):
        word = operator.split(",")[0]
        may = {**narrow, "prune obs": NOT_SEEN}
        if "dynamic" in operator:
            may |= {step: "DynamicQuantizeLinear" for step in STEPS[:4]}
        if word == "FusedConv":
            may = {what: "FusedConv" for what in ("*", "prune obs")}
        yield Case(
            f"cut in front of {operator}", model, {"x": x}, None, STEPS, may, readers=tuple(readers)
        )
