"""Names: ones that the program would make itself, ones that two layers share, and none at all."""

import onnx
from onnx import helper

from case import ALL, Case, Trial
from network import Network, images, small_cnn, tensor, uniform, value


def modern_dense(values=("linear", "linear_1"), module="linear"):
    """Values named after operators and parameters after modules, as current exporters do."""
    net = Network(11)
    x = net.input("x", ["N", 64])
    w1, b1 = net.store(net.weights(8, 64), "fc1.weight"), net.store(net.weights(8), "fc1.bias")
    w2 = net.store(net.weights(8, 8), f"{module}.weight")
    b2 = net.store(net.weights(8) + 3, f"{module}.bias")
    first = net.node("Gemm", [x, w1, b1], values[0], f"node_{values[0]}", transB=1)
    hidden = net.node("Relu", [first], "relu", "node_relu")
    net.node("Gemm", [hidden, w2, b2], values[1], f"node_{values[1]}", transB=1)
    net.output(values[1], ["N", 8])
    return net.model()


def modern_conv(value_name="conv2d", module="conv2d", scale="input.scale"):
    """A convolution whose value bears the name of a depthwise module, and a stored `input.scale`."""
    net = Network(12)
    x = net.input("input", ["N", 3, 8, 8])
    stem = [
        net.store(net.weights(8, 3, 3, 3), "stem.weight"),
        net.store(net.weights(8), "stem.bias"),
    ]
    first = net.node("Conv", [x, *stem], value_name, "node_0", pads=[1] * 4)
    wide = [net.store(net.weights(8, 1, 3, 3), f"{module}.weight")]
    wide += [net.store(net.weights(8) + 2, f"{module}.bias")]
    second = net.node("Conv", [first, *wide], "second", "node_1", pads=[1] * 4, group=8)
    scaled = net.node("Mul", [x, net.store(4.0, scale)], "scaled", "node_2")
    flat = net.pooled(net.node("Concat", [net.relu(second), scaled], axis=1))
    net.output(net.gemm(flat, 11, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def two_products(names, seed=13):
    """Two products whose weights are of very different size, under the given node names."""
    net = Network(seed)
    x = net.input("x", ["N", 12])
    w1, w2 = net.store(net.weights(12, 8) * 20, "w1"), net.store(net.weights(8, 6) * 0.05, "w2")
    hidden = net.node("Relu", [net.node("MatMul", [x, w1], "a", names[0])], "r", "relu")
    product = net.node("MatMul", [hidden, w2], "b", names[1])
    net.node("Add", [product, net.store(net.weights(6), "bias")], "y", "add")
    net.output("y", ["N", 6])
    return net.model()


def counted_names(first):
    """Nodes named by counting operators, behind one whose name is `first`."""
    net = Network(14)
    x = net.input("x", ["N", 3, 8, 8])
    scaled = net.node("Mul", [x, net.store(0.5)], name=first)
    scaled = net.node("Mul", [scaled, net.store(3.0)], name="Mul_0")
    w1, b1 = net.store(net.weights(8, 3, 3, 3)), net.store(net.weights(8))
    w2, b2 = net.store(net.weights(5, 8, 3, 3)), net.store(net.weights(5))
    hidden = net.node("Conv", [scaled, w1, b1], name="Conv_1")
    hidden = net.node("Relu", [hidden], name="Relu_2")
    hidden = net.node("GlobalAveragePool", [net.node("Conv", [hidden, w2, b2], name="Conv_3")])
    net.output(net.node("Flatten", [hidden], "y", "flat"), ["N", 5])
    return net.model()


def nameless(model):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        node.name = ""
    return copy


def with_carriers(names, where):
    """A network that ends in products with stored factors, which bear `names` in one place.

    `where` is `initializer`, `tensor`, `node` or `body`; `ordinary` gives the twin.
    """
    net = Network(15)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, name="c1", pads=[1] * 4))
    flat = net.pooled(net.relu(net.conv(hidden, 8, 6, name="c2")))
    wide = net.relu(net.gemm(flat, 6, 32, name="fc1"))
    last = net.gemm(wide, 32, 5, name="fc2")
    if where in ("body", "ordinary body"):
        flag = net.store(True, "flag", dtype=bool)
        taken = names if where == "body" else [f"inner{k}" for k in range(len(names))]
        branches = {f"{b}_branch": branch(b, last, taken) for b in ("then", "else")}
        last = net.node("If", [flag], "chosen", "choose", **branches)
    else:
        for k, name in enumerate(names):
            at = {"initializer": f"factor{k}", "tensor": f"product{k}", "node": f"times{k}"}
            if where in at:
                at[where] = name
            factor = net.store(1 + 0.02 * (k % 5 - 2), at["initializer"])
            last = net.node("Mul", [last, factor], at["tensor"], at["node"])
    net.output(net.node("Identity", [last], "y", "end"), ["N", 5])
    return net.model()


def branch(which, last, names):
    """A body that multiplies by stored factors; its tensors bear `names`."""
    nodes, stored = [], []
    for k, name in enumerate(names if which == "then" else [f"else{k}" for k in range(2)]):
        stored.append(tensor(f"{which}.factor{k}", 1 + 0.02 * (k % 5 - 2)))
        nodes.append(helper.make_node("Mul", [last, stored[-1].name], [name], name=f"{which}{k}"))
        last = name
    return helper.make_graph(nodes, which, [], [value(last, ["a", "b"])], initializer=stored)


def names_made(program, folder):
    """Names of tensors and nodes that the program adds to the ordinary network."""
    model = with_carriers([], "ordinary")
    trial = Trial(Case("names", model, {"x": images(15)}, verbs=()), program, folder)
    trial.run()
    known, tensors, nodes = names_of(model), set(), set()
    for made, _ in trial.good:
        own = names_of(onnx.load(made.file))
        tensors |= own[0] - known[0]
        nodes |= own[1] - known[1]
    return sorted(tensors), sorted(nodes)


def names_of(model):
    graph = model.graph
    tensors = {t.name for t in graph.initializer} | {o for n in graph.node for o in n.output}
    return tensors, {n.name for n in graph.node}


def taken(where):
    """The names that the program makes, taken by the model beforehand."""

    def rows(program, folder):
        tensors, nodes = names_made(program, folder.with_name(folder.name + "-plain"))
        names = nodes if where == "node" else tensors
        ordinary = "ordinary body" if where == "body" else "ordinary"
        model, twin = with_carriers(names, where), with_carriers(names, ordinary)
        kind = f"{len(names)} made names taken: {where}"
        case = Case(kind, model, {"x": images(15)}, twin, refusable={"int4": NO_WIDE_PRODUCT})
        return Trial(case, program, folder).run()

    rows.kind = f"made names taken: {where}"
    return rows


NO_WIDE_PRODUCT = "four-bit weights"


def cases():
    x64, x12 = {"x": uniform(11, 40, 64)}, {"x": uniform(13, 60, 12)}
    ordinary = modern_dense(("first", "second"), "fc2")
    yield Case("value and module share a name", modern_dense(), x64, ordinary)
    plain = modern_conv("first", "wide", "factor")
    no_product = {"int4": NO_WIDE_PRODUCT}
    feeds = {"input": images(12)}
    yield Case(
        "value and module share a name: conv", modern_conv(), feeds, plain, refusable=no_product
    )
    steps = (*ALL, "weights", "gptq", "dynamic channel")
    twin = two_products(["first", "second"])
    for label, names in {
        "/blk/MatMul, /blk/MatMul_1": ["/blk/MatMul", "/blk/MatMul_1"],
        "none": ["", ""],
        "MatMul_1 first": ["MatMul_1", "MatMul"],
    }.items():
        model = two_products(names)
        yield Case(f"layer names: {label}", model, x12, twin, steps, {"int4": NO_WIDE_PRODUCT})
    twin = counted_names("first")
    feeds = {"x": images(14)}
    yield Case(
        "node without a name, Mul_0 taken", counted_names(""), feeds, twin, refusable=no_product
    )
    cnn = small_cnn(16).model()
    yield Case("no node has a name", nameless(cnn), {"x": images(16)}, cnn, refusable=no_product)
    for where in ("initializer", "tensor", "node", "body"):
        yield taken(where)
