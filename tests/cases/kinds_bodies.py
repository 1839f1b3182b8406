"""Bodies of If, Loop and Scan that read tensors and stored values of the graph around them."""

import numpy as np
from onnx import helper

from case import Case
from kinds_names import NO_WIDE_PRODUCT
from network import BOOL, INT64, Network, images, uniform, value

BODY = r"body|branch|If|Loop|Scan"
FOUR = ["a", "b", "c", "d"]


def body(name, reads, depth, factor):
    """A branch that multiplies what it reads by what it reads; `depth` wraps it in further Ifs."""
    if depth == 0:
        node = helper.make_node("Mul", [reads, factor], [f"{name}.out"], name=f"{name}.mul")
        nodes = [node]
    else:
        inner = {
            f"{which}_branch": body(f"{name}.{which}", reads, depth - 1, factor)
            for which in ("then", "else")
        }
        nodes = [helper.make_node("If", ["flag"], [f"{name}.out"], name=f"{name}.if", **inner)]
    shape = FOUR if reads in ("c1.out", "normal") else ["a", "b"]
    return helper.make_graph(nodes, name, [], [value(f"{name}.out", shape)])


def stored_for_branch(depth=0, with_if=True):
    """Stored factors that only a branch reads; the twin multiplies in the graph itself."""
    net = Network(41)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, name="c1", pads=[1] * 4))
    net.node("Identity", [net.pooled(net.relu(net.conv(hidden, 8, 6, name="c2")))], "feat", "feat")
    for which in ("then", "else"):
        net.store(1 + 0.3 * net.weights(1, 6), f"{which}.factor")
    net.store(True, "flag", dtype=bool)
    if with_if:
        bodies = {f"{b}_branch": body(b, "feat", depth, f"{b}.factor") for b in ("then", "else")}
        chosen = net.node("If", ["flag"], "chosen", "choose", **bodies)
    else:
        chosen = net.node("Mul", ["feat", "then.factor"])
    net.output(net.gemm(chosen, 6, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def activation_for_branch(reads, depth=0, with_if=True):
    """A branch that reads an activation which folding or cutting would change."""
    net = Network(42)
    x = net.input("x", ["N", 3, 8, 8])
    conv = net.conv(x, 3, 8, dead=True, name="c1", pads=[1] * 4)
    scale, shift = np.linspace(0.5, 2, 8), net.weights(8)
    shift[::2] = 0
    parameters = [net.store(v) for v in (scale, shift, np.zeros(8), np.linspace(0.7, 1.4, 8))]
    normal = net.node("BatchNormalization", [conv, *parameters], "normal", "bn")
    pooled = net.node("GlobalAveragePool", [net.relu(normal)])
    (
        net.store(2.0, "then.factor"),
        net.store(0.5, "else.factor"),
        net.store(True, "flag", dtype=bool),
    )
    if with_if:
        bodies = {f"{b}_branch": body(b, reads, depth, f"{b}.factor") for b in ("then", "else")}
        chosen = net.node("If", ["flag"], "chosen", "choose", **bodies)
    else:
        chosen = net.node("Mul", [reads, "then.factor"])
    total = net.node("Add", [pooled, net.node("GlobalAveragePool", [chosen])])
    net.output(net.gemm(net.node("Flatten", [total]), 8, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def loop(outer):
    """A Loop of three turns whose body reads a stored factor and, with `outer`, an activation."""
    net = Network(43)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, name="c1", pads=[1] * 4))
    net.node("Identity", [net.pooled(hidden)], "feat", "feat")
    net.store(1 + 0.1 * net.weights(1, 8), "loop.factor")
    source = "feat" if outer else "state.in"
    nodes = [
        helper.make_node("Identity", ["go.in"], ["go.out"], name="again"),
        helper.make_node("Mul", [source, "loop.factor"], ["scaled"], name="scale"),
        helper.make_node("Add", ["state.in", "scaled"], ["state.out"], name="sum"),
    ]
    inputs = [value("turn", [], INT64), value("go.in", [], BOOL), value("state.in", ["a", "b"])]
    outputs = [value("go.out", [], BOOL), value("state.out", ["a", "b"])]
    turns = helper.make_graph(nodes, "turns", inputs, outputs)
    count, go = net.store(3, dtype=np.int64), net.store(True, dtype=bool)
    last = net.node("Loop", [count, go, "feat"], "looped", "loop", body=turns)
    net.output(net.gemm(last, 8, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def scan():
    """A Scan over time whose body multiplies by weights that are stored outside."""
    net = Network(44)
    x = net.input("x", ["N", 3, 10])
    hidden = net.relu(net.conv(x, 3, 8, name="c1", rank=1, pads=[1, 1]))
    steps = net.node("Transpose", [hidden], perm=[2, 0, 1])
    first = net.node("ReduceMean", [steps], axes=[0], keepdims=0)
    net.store(net.weights(8, 8), "scan.w")
    nodes = [
        helper.make_node("MatMul", ["state.in", "scan.w"], ["product"], name="product"),
        helper.make_node("Add", ["product", "step"], ["sum"], name="sum"),
        helper.make_node("Tanh", ["sum"], ["state.out"], name="tanh"),
        helper.make_node("Identity", ["state.out"], ["each"], name="each"),
    ]
    inputs = [value("state.in", None), value("step", None)]
    outputs = [value("state.out", None), value("each", None)]
    turn = helper.make_graph(nodes, "turn", inputs, outputs)
    attributes = dict(body=turn, num_scan_inputs=1)
    net.node("Scan", [first, steps], ["state", "all"], "scan", **attributes)
    net.output(net.gemm("state", 8, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def cases():
    image = {"x": images(41)}
    may = {"int4": NO_WIDE_PRODUCT}
    fewer = {**may, "prune l1": BODY, "prune obs+ls": BODY}
    readers = (("c1.w@0", "c2.w", 1, 0),)
    for depth in range(3):
        kind = f"stored value read in a branch, depth {depth + 1}"
        models = dict(model=stored_for_branch(depth), twin=stored_for_branch(with_if=False))
        yield Case(kind, feeds=image, refusable=fewer, readers=readers, **models)
    for reads in ("c1.out", "normal"):
        for depth in range(2):
            kind = f"activation {reads} read in a branch, depth {depth + 1}"
            model = activation_for_branch(reads, depth)
            twin = activation_for_branch(reads, with_if=False)
            yield Case(kind, model, image, twin, refusable=fewer, dead=True)
    engine = {**may, "*": r"Loop|Scan|body|operator"}
    yield Case("stored value read in a Loop", loop(False), image, None, refusable=engine)
    yield Case("activation read in a Loop", loop(True), image, None, refusable=engine)
    yield Case(
        "stored weights read in a Scan",
        scan(),
        {"x": uniform(44, 60, 3, 10)},
        None,
        refusable=engine,
    )
