"""Formats: operator sets 7 to 22, old files, shapes that are stored in other ways than usual."""

import numpy as np
import onnx
from onnx import helper

from case import Case
from kinds_names import NO_WIDE_PRODUCT
from network import SMALL_CNN_READERS, Network, images, small_cnn

PRECISIONS = (
    "prune l1",
    "int8",
    "int8 channel",
    "dynamic",
    "weights",
    "weights channel",
    "qdq",
    "qdq channel",
    "int4",
)
OLD = r"operator set|opset|version"


def opset(version):
    """The same small network under every operator set."""
    ir_version = (
        3 if version < 9 else {9: 4, 10: 5, 11: 6, 12: 7}.get(version, 8 if version < 19 else 10)
    )
    net = small_cnn(71, opset=version, ir_version=ir_version)
    model = net.model(check=False)
    if ir_version == 3:
        # Stored values are inputs too in files of this age.
        for stored in model.graph.initializer:
            kind = helper.make_tensor_value_info(stored.name, stored.data_type, list(stored.dims))
            model.graph.input.append(kind)
    onnx.checker.check_model(model)
    return model


def opset_refusals(version):
    """What an operator set has no form for, and the word that a refusal has to say."""
    may = {"int4": NO_WIDE_PRODUCT}
    if version < 10:
        may |= {step: OLD for step in PRECISIONS if not step.startswith("prune")}
        may["int4"] += "|" + NO_WIDE_PRODUCT
    elif version == 10:
        may |= {"dynamic": OLD, "weights channel": OLD, "qdq channel": OLD}
    elif version < 13:
        may |= {"weights channel": OLD, "qdq channel": OLD}
    return may


def resized(axes=None, sizes=None, scales=None, batch="N", version=18):
    """Half-dead channels in front of a Resize."""
    net = Network(72, opset=version)
    x = net.input("x", [batch, 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, dead=True, name="c1", pads=[1] * 4))
    attributes = {"axes": axes} if axes else {}
    if sizes:
        inputs = [hidden, "", "", net.store(sizes, dtype=np.int64)]
    else:
        inputs = [hidden, "", net.store(scales)]
    how = dict(coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    hidden = net.node("Resize", inputs, name="up/Resize", mode="nearest", **how, **attributes)
    flat = net.pooled(net.relu(net.conv(hidden, 8, 6, dead=True, name="c2")))
    net.output(net.gemm(flat, 6, 5, name="fc", output="y"), [batch, 5])
    return net.model()


def expanded(shape, where):
    """Half-dead channels behind or in front of an Expand with a short stored shape."""
    net = Network(73)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, dead=True, name="c1", pads=[1] * 4))
    stored = net.store(shape, dtype=np.int64)
    if where == "activation":
        hidden = net.node(
            "Expand", [net.node("GlobalAveragePool", [hidden]), stored], name="up/Expand"
        )
    else:
        gain = net.store(np.linspace(0.5, 1.5, 8).reshape(8, 1, 1))
        hidden = net.node("Mul", [hidden, net.node("Expand", [gain, stored], name="up/Expand")])
    flat = net.pooled(net.relu(net.conv(hidden, 8, 6, dead=True, name="c2")))
    net.output(net.gemm(flat, 6, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def reshaped(how):
    """Half-dead channels in front of a Reshape whose shape is stored, half stored or computed."""
    net = Network(74)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, dead=True, name="c1", pads=[1] * 4))
    pooled = net.node("AveragePool", [hidden], kernel_shape=[4, 4], strides=[4, 4])
    whole = {"0, -1": [0, -1], "-1, width": [-1, 32], "0, 0, -1": [0, 0, -1]}
    if how in whole:
        flat = net.node("Reshape", [pooled, net.store(whole[how], dtype=np.int64)])
    elif how == "computed":
        shape = net.node("Shape", [pooled])
        batch = net.node("Gather", [shape, net.store([0], dtype=np.int64)], axis=0)
        target = net.node("Concat", [batch, net.store([-1], dtype=np.int64)], axis=0)
        flat = net.node("Reshape", [pooled, target])
    else:
        shape = net.node("Shape", [pooled])
        parts = [
            net.node("Gather", [shape, net.store([k], dtype=np.int64)], axis=0) for k in range(4)
        ]
        width = net.node("Mul", [net.node("Mul", [parts[1], parts[2]]), parts[3]])
        flat = net.node("Reshape", [pooled, net.node("Concat", [parts[0], width], axis=0)])
    if how == "0, 0, -1":
        flat = net.node("Flatten", [net.node("ReduceMean", [flat], axes=[2], keepdims=0)])
    width = 8 if how == "0, 0, -1" else 32
    net.output(net.gemm(flat, width, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def cases():
    feeds = {"x": images(71)}
    for version in range(7, 23):
        yield Case(
            f"operator set {version}",
            opset(version),
            feeds,
            None,
            PRECISIONS,
            opset_refusals(version),
            readers=SMALL_CNN_READERS,
            floor_db=25,
        )
    steps, may = ("prune l1", "prune obs+ls", "int8", "prune, int8"), {}
    for kind, how in {
        "axes and sizes": dict(axes=[2, 3], sizes=[16, 16]),
        "negative axes and sizes": dict(axes=[-2, -1], sizes=[16, 16]),
        "axes in another order": dict(axes=[3, 2], sizes=[24, 16]),
        "axes and scales": dict(axes=[2, 3], scales=[2.0, 2.0]),
        "sizes of all axes": dict(sizes=[1, 8, 16, 16], batch=1),
        "all axes, another order": dict(axes=[0, 2, 3, 1], sizes=[1, 16, 16, 8], batch=1),
        "scales of all axes": dict(scales=[1.0, 1.0, 2.0, 2.0]),
    }.items():
        batch = 1 if how.get("batch") == 1 else None
        # The engine lays such sizes out wrongly and says so; what needs no engine works.
        may = {what: "up/Resize" for what in (*steps[1:], "eval")} if kind.startswith("all") else {}
        yield Case(
            f"Resize: {kind}", resized(**how), feeds, None, steps, may, dead=True, batch=batch
        )
    may = {}
    for shape, where in (
        ([8, 8], "activation"),
        ([8, 8, 8], "activation"),
        ([1, 1, 8, 8], "activation"),
        ([8, 8], "factor"),
        ([8, 8, 8], "factor"),
        ([1], "factor"),
    ):
        yield Case(
            f"Expand to {shape}: {where}",
            expanded(shape, where),
            feeds,
            None,
            steps,
            may,
            dead=True,
        )
    for how in ("0, -1", "-1, width", "0, 0, -1", "computed", "all computed"):
        yield Case(f"Reshape: {how}", reshaped(how), feeds, None, steps, may, dead=True)
