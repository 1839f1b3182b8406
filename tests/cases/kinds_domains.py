"""Operators of foreign domains under standard names, and functions that a model brings with it."""

import numpy as np
import onnx
from onnx import helper

from case import ALL, Case, removed_count
from judge import ok, refused, wrong
from kinds_names import NO_WIDE_PRODUCT
from network import Network, images, uniform

FOREIGN = r"acme|Swirl"


def network(kind):
    """A small network; `kind` says how `x · sigmoid(1.5 x)` behind the first layer is written."""
    net = Network(61)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.conv(x, 3, 8, name="c1", pads=[1] * 4)
    hidden = ACTIVATIONS[kind](net, hidden)
    hidden = net.relu(net.conv(hidden, 8, 6, name="c2"))
    net.output(net.gemm(net.pooled(hidden), 6, 5, name="fc", output="y"), ["N", 5])
    return net


def ordinary(net, hidden):
    steep = net.node("Mul", [hidden, net.store(1.5)])
    return net.node("Mul", [hidden, net.node("Sigmoid", [steep])])


def function(net, name, nodes, attributes=(), defaults=(), imports=(("", 17),)):
    made = helper.make_function(
        "acme",
        name,
        ["v"],
        ["w"],
        nodes,
        [helper.make_opsetid(d, n) for d, n in imports],
        attributes=list(attributes),
        attribute_protos=list(defaults),
    )
    net.functions.append(made)
    net.domains["acme"] = 1


def sigmoid_nodes(steepness):
    """Body of `v · sigmoid(steepness v)`."""
    return [
        steepness,
        helper.make_node("Mul", ["v", "s"], ["steep"], name="steep"),
        helper.make_node("Sigmoid", ["steep"], ["gate"], name="gate"),
        helper.make_node("Mul", ["v", "gate"], ["w"], name="out"),
    ]


def fixed_steepness():
    return helper.make_node("Constant", [], ["s"], value_float=1.5)


def given_steepness(name="steepness"):
    node = helper.make_node("Constant", [], ["s"])
    node.attribute.append(
        onnx.AttributeProto(name="value_float", ref_attr_name=name, type=onnx.AttributeProto.FLOAT)
    )
    return node


def local(net, hidden):
    function(net, "Relu", sigmoid_nodes(fixed_steepness()))
    return net.node("Relu", [hidden], domain="acme", name="act")


def with_attribute(net, hidden):
    function(net, "Relu", sigmoid_nodes(given_steepness()), ["steepness"])
    return net.node("Relu", [hidden], domain="acme", name="act", steepness=1.5)


def with_default(net, hidden):
    default = helper.make_attribute("steepness", 1.5)
    function(net, "Relu", sigmoid_nodes(given_steepness()), defaults=[default])
    return net.node("Relu", [hidden], domain="acme", name="act")


def nested(net, hidden):
    """A function that calls another of the same domain and hands its attribute on."""
    function(net, "Gate", sigmoid_nodes(given_steepness()), ["steepness"])
    call = helper.make_node("Gate", ["v"], ["inner"], name="call", domain="acme")
    call.attribute.append(
        onnx.AttributeProto(name="steepness", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    )
    end = helper.make_node("Identity", ["inner"], ["w"], name="end")
    function(net, "Relu", [call, end], ["slope"], imports=(("", 17), ("acme", 1)))
    return net.node("Relu", [hidden], domain="acme", name="act", slope=1.5)


ACTIVATIONS = {
    "ordinary": ordinary,
    "a function": local,
    "a function with an attribute": with_attribute,
    "a function with a default": with_default,
    "nested functions": nested,
}


def layer_function(inlined):
    """A whole layer as a function that is called twice with weights of each call."""
    net = Network(62)
    x = net.input("x", ["N", 12])
    nodes = [
        helper.make_node("Gemm", ["v", "weight", "bias"], ["hidden"], name="gemm", transB=1),
        helper.make_node("Relu", ["hidden"], ["w"], name="relu"),
    ]
    if not inlined:
        made = helper.make_function(
            "acme", "Linear", ["v", "weight", "bias"], ["w"], nodes, [helper.make_opsetid("", 17)]
        )
        net.functions.append(made)
        net.domains["acme"] = 1
    for layer in ("first", "second"):
        wide = 12 if layer == "first" else 8
        stored = [
            net.store(net.weights(8, wide), f"{layer}.w"),
            net.store(net.weights(8), f"{layer}.b"),
        ]
        if inlined:
            x = net.relu(net.node("Gemm", [x, *stored], name=f"{layer}/Gemm", transB=1))
        else:
            x = net.node("Linear", [x, *stored], domain="acme", name=layer)
    net.output(net.gemm(x, 8, 6, name="fc", output="y"), ["N", 6])
    return net.model()


def undefined(operator):
    """An operator of a domain that nobody knows, without a function."""

    def rows(program, folder):
        net = Network(63)
        x = net.input("x", ["N", 3, 8, 8])
        net.domains["acme"] = 1
        hidden = net.conv(x, 3, 8, name="c1", pads=[1] * 4)
        hidden = net.node(operator, [hidden], domain="acme", name="odd")
        net.output(net.gemm(net.pooled(hidden), 8, 5, name="fc", output="y"), ["N", 5])
        folder.mkdir(parents=True)
        onnx.save(net.model(check=False), folder / "model.onnx")
        feeds = images(63)
        np.savez(folder / "data.npz", x=feeds, labels=np.arange(len(feeds)) % 5)
        steps = ("prune l1", "int8", "dynamic", "qdq")
        made = program.compress(folder, steps, 'scores = "logits"')
        right = "refused: names acme"
        for step, variant in made.items():
            if variant.file is None and variant.code == 2:
                yield refused(rows.kind, step, right, variant.reason, FOREIGN)
            elif variant.file is None:
                yield wrong(rows.kind, step, right, f"exit code {variant.code}", variant.reason)
            elif step == "prune l1":
                yield pruned_beside(rows.kind, step, variant)
            elif operator == "Swirl":
                yield ok(rows.kind, step, "beside it", "made")
            else:
                yield wrong(rows.kind, step, right, "made")
        answer = program(
            "eval", "model.onnx", "--data", "data.npz", "--scores", "logits", cwd=folder
        )
        if answer.code == 2:
            yield refused(rows.kind, "eval", right, answer.words, FOREIGN)
        else:
            yield wrong(rows.kind, "eval", right, f"exit code {answer.code}", answer.words)

    rows.kind = f"undefined acme.{operator}"
    return rows


def pruned_beside(kind, step, variant):
    """Nothing may be cut through an operator that nobody knows."""
    if removed_count(variant) == 0:
        return ok(kind, step, "nothing cut through it", "nothing removed")
    return wrong(kind, step, "nothing cut through it", f"{removed_count(variant)} removed")


def cases():
    image = {"x": images(61)}
    twin = network("ordinary").model()
    may = {"int4": f"{NO_WIDE_PRODUCT}|{FOREIGN}", "*": FOREIGN}
    for kind in list(ACTIVATIONS)[1:]:
        label = f"acme.Relu as {kind}"
        yield Case(label, network(kind).model(), image, twin, ALL, may)
    flat = {"x": uniform(62, 60, 12)}
    label = "a layer as a function, called twice"
    yield Case(label, layer_function(False), flat, layer_function(True), ALL, may)
    yield undefined("Relu")
    yield undefined("Swirl")
