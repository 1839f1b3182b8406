"""Readers of pruned channels that a criterion cannot look into, and cuts in front of them."""

import numpy as np

from case import Case
from network import Network, uniform

NOT_SEEN = r"cannot judge it: its reader"
# Stored matrices, though not where the criterion looks: to deny them is no true reason.
STORED_ELSEWHERE = r"^(?!.*no stored matrix).*reader"
ORDER = {"LSTM": 4, "GRU": 3, "RNN": 1}


def dense(reader, dead):
    """A layer of eight neurons, every second dead on request, and what reads them."""
    net = Network(31)
    x = net.input("x", ["N", 12])
    hidden = net.relu(net.gemm(x, 12, 8, dead=dead, name="g1"))
    last, seen = READERS[reader](net, hidden)
    net.output(net.node("Identity", [last], "y", "end"), ["N", 6])
    return net.model(), [("g1.w@0", name, axis, nothing) for name, axis, nothing in seen]


def plain(net, hidden, bias=(6,), **attributes):
    w, b = net.store(net.weights(6, 8), "w2"), net.store(net.weights(*bias), "b2")
    made = net.node("Gemm", [hidden, w, b], name="g2/Gemm", transB=1, **attributes)
    return made, [("w2", 1, 0)]


def transposed(net, hidden):
    w, b = net.store(net.weights(8, 6), "w2"), net.store(net.weights(6), "b2")
    turned = net.node("Transpose", [hidden], perm=[1, 0])
    return net.node("Gemm", [turned, w, b], name="g2/Gemm", transA=1), [("w2", 0, 0)]


def deep(net, hidden):
    axis = net.store([1], dtype=np.int64)
    row = net.node("Unsqueeze", [hidden, axis])
    product = net.node("MatMul", [row, net.store(net.weights(1, 8, 6), "w2")], name="g2/MatMul")
    return net.node("Squeeze", [product, axis]), [("w2", 1, 0)]


def dequantized(net, hidden):
    stored = net.rng.integers(-127, 128, (6, 8))
    w = [net.store(stored, "w2", np.int8), net.store(np.float32(0.01))]
    weights = net.node("DequantizeLinear", w)
    b = net.store(net.weights(6))
    return net.node("Gemm", [hidden, weights, b], name="g2/Gemm", transB=1), [("w2", 1, 0)]


def qdq(net, hidden):
    """Weights and activations behind pairs of QuantizeLinear and DequantizeLinear."""
    grid = [net.store(np.float32(0.02)), net.store(3, dtype=np.int8)]
    narrow = net.node("DequantizeLinear", [net.node("QuantizeLinear", [hidden, *grid]), *grid])
    return dequantized(net, narrow)


def einsum(net, hidden):
    w = net.store(net.weights(8, 6), "w2")
    return net.node("Einsum", [hidden, w], name="g2/Einsum", equation="nc,co->no"), [("w2", 0, 0)]


def left_operand(net, hidden):
    """Stored weights on the left of the product."""
    w = net.store(net.weights(6, 8), "w2")
    turned = net.node("Transpose", [hidden], perm=[1, 0])
    product = net.node("MatMul", [w, turned], name="g2/MatMul")
    return net.node("Transpose", [product], perm=[1, 0]), [("w2", 1, 0)]


def recurrent(operator):
    def build(net, hidden):
        axis = net.store([0], dtype=np.int64)
        gates = ORDER[operator] * 6
        row = net.node("Unsqueeze", [hidden, axis])
        w = net.store(net.weights(1, gates, 8, scale=0.5), "w2")
        r = net.store(net.weights(1, gates, 6, scale=0.5))
        state = net.node(operator, [row, w, r], ["", "state"], f"{operator}", hidden_size=6)
        del state
        return net.node("Squeeze", ["state", axis]), [("w2", 2, 0)]

    return build


READERS = {
    "Gemm": plain,
    "bias [1, N]": lambda net, hidden: plain(net, hidden, (1, 6)),
    "bias []": lambda net, hidden: plain(net, hidden, ()),
    "alpha 0.5": lambda net, hidden: plain(net, hidden, alpha=0.5),
    "beta 0.5": lambda net, hidden: plain(net, hidden, beta=0.5),
    "transA": transposed,
    "3-D weights": deep,
    "weights behind DequantizeLinear": dequantized,
    "QDQ": qdq,
    "Einsum": einsum,
    "weights on the left": left_operand,
    "LSTM": recurrent("LSTM"),
    "GRU": recurrent("GRU"),
    "RNN": recurrent("RNN"),
}


def cases():
    x = {"x": uniform(31, 100, 12)}
    data = ("prune wanda", "prune activation", "prune obs")
    for reader in READERS:
        known = reader in ("Gemm", "bias [1, N]", "bias []", "alpha 0.5", "beta 0.5")
        may = {} if known else {step: NOT_SEEN for step in data}
        if reader in ("transA", "weights on the left"):
            may = {step: STORED_ELSEWHERE for step in data}
        if reader == "Einsum":
            may = {"*": "Einsum"}
        model, _ = dense(reader, dead=True)
        steps = ("prune l1", *data)
        yield Case(f"reader {reader}, half dead", model, x, None, steps, may, dead=True)
        model, readers = dense(reader, dead=False)
        steps = ("prune l1", "prune random", *data)
        yield Case(
            f"reader {reader}, none dead",
            model,
            x,
            None,
            steps,
            may,
            readers=tuple(readers),
            verbs=("restore",),
        )
