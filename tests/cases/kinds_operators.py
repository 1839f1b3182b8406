"""Operators that the engine lacks, weights that come through other nodes, and outputs of odd types."""

import json

import numpy as np
import onnx

from case import ALL, Case, Trial
from judge import answers, ok, refused, sqnr, wrong
from kinds_names import NO_WIDE_PRODUCT
from network import INT64, UINT8, Network, images, uniform
from program import read_safetensors

NO_PRODUCT = {"int4": NO_WIDE_PRODUCT}
COMPUTED = "computed, not stored|does not weigh each channel by stored"


def lp_pool(net, x):
    return net.node("LpPool", [x], "odd", "odd/LpPool", kernel_shape=[2, 2], p=2, strides=[2, 2])


def crop(net, x):
    size = net.store([6, 6], dtype=np.int64)
    return net.node("CenterCropPad", [x, size], "odd", "odd/CenterCropPad", axes=[2, 3])


def roi_align(net, x):
    """Channels go through; whole images as regions need a batch of one."""
    regions = net.store([[0, 0, 7, 7]]), net.store([0], dtype=np.int64)
    kinds = dict(output_height=4, output_width=4, spatial_scale=1.0)
    return net.node("RoiAlign", [x, *regions], "odd", "odd/RoiAlign", **kinds)


LACKING = {"LpPool": lp_pool, "CenterCropPad": crop, "RoiAlign": roi_align}


def lacking(operator):
    """A network with an operator behind its last convolution that the engine may not have."""
    net = Network(91, opset=18)
    batch = 1 if operator == "RoiAlign" else "N"
    x = net.input("x", [batch, 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, dead=True, name="c1", pads=[1] * 4))
    hidden = net.relu(net.conv(hidden, 8, 8, dead=True, name="c2", pads=[1] * 4))
    flat = net.pooled(LACKING[operator](net, hidden))
    net.output(net.gemm(flat, 8, 5, name="fc", output="y"), [batch, 5])
    return net.model()


def routed_weights(direct):
    """Depthwise and dense filters that reach their layers through Reshape and Transpose."""
    net = Network(92)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, name="c1", pads=[1] * 4))
    deep, dense = net.weights(8, 1, 3, 3), net.weights(6, 8, 3, 3)
    if direct:
        names = net.store(deep, "dw.w"), net.store(dense, "c2.w")
    else:
        stored = net.store(np.ascontiguousarray(deep.transpose(2, 3, 0, 1)), "dw.w")
        turned = net.node("Reshape", [stored, net.store([3, 3, 1, 8], dtype=np.int64)])
        turned = net.node("Transpose", [turned], perm=[3, 2, 0, 1])
        other = net.store(np.ascontiguousarray(dense.transpose(2, 3, 1, 0)), "c2.w")
        names = turned, net.node("Transpose", [other], perm=[3, 2, 0, 1])
    bias = net.store(net.weights(8), "dw.b"), net.store(net.weights(6), "c2.b")
    hidden = net.node("Conv", [hidden, names[0], bias[0]], name="dw/Conv", group=8, pads=[1] * 4)
    hidden = net.node("Conv", [net.relu(hidden), names[1], bias[1]], name="c2/Conv")
    net.output(net.gemm(net.pooled(net.relu(hidden)), 6, 5, name="fc", output="y"), ["N", 5])
    return net.model()


def leaky():
    """Products wide enough for four-bit blocks, with PRelu and a product of two activations."""
    net = Network(93)
    x = net.input("x", ["N", 64])
    hidden = x
    for name, wide in (("g1", 64), ("g2", 96)):
        w = net.store(net.weights(wide, 96).astype(np.float32) / 3, f"{name}.w")
        hidden = net.node("MatMul", [hidden, w], name=f"{name}/MatMul")
        slope = net.store(np.abs(net.weights(96)), f"{name}.slope")
        hidden = net.node("PRelu", [hidden, slope], name=f"{name}/PRelu")
    net.output(net.gemm(hidden, 96, 6, name="fc", output="y"), ["N", 6])
    return net.model()


def with_label_output():
    """Class numbers beside probabilities, cast to 64 bits, as exporters of other families write them."""
    net = Network(98)
    x = net.input("x", ["N", 12])
    hidden = net.relu(net.gemm(x, 12, 8, name="g1"))
    scores = net.node(
        "Softmax", [net.gemm(hidden, 8, 6, name="g2")], "probabilities", "softmax", axis=1
    )
    best = net.node("ArgMax", [scores], axis=1, keepdims=0)
    classes = net.store([3, 1, 4, 0, 5, 2], "classes", np.int64)
    label = net.node("ArrayFeatureExtractor", [classes, best], domain="ai.onnx.ml")
    net.domains["ai.onnx.ml"] = 1
    label = net.node("Reshape", [label, net.store([-1], dtype=np.int64)])
    net.node("Cast", [label], "label", "cast", to=INT64)
    net.output("label", ["N"], INT64), net.output("probabilities", ["N", 6])
    return net.model()


def valid_blocks(program, folder):
    """Blocks of a model whose first output is whole numbers: the same answers each time."""
    folder.mkdir(parents=True)
    onnx.save(with_label_output(), folder / "model.onnx")
    np.savez(folder / "data.npz", x=uniform(94, 60, 12))
    words = ["bench", "model.onnx", "--data", "data.npz", "--blocks", 2, "--solo-ms", 20]
    words += ["--paired-ms", 20, "--json", "--quiet", "--out", folder / "bench"]
    answer = program(*words, cwd=folder)
    right = "valid blocks"
    if answer.code != 0:
        yield wrong(valid_blocks.kind, "bench", right, f"exit {answer.code}", answer.words)
        return
    [row] = json.loads(answer.out)["rows"]
    # A busy machine may make blocks invalid too; only an answer that differs counts here.
    reasons = [r for r in row["invalid_reasons"] if "answer" in r or "output" in r or "digest" in r]
    made = wrong if reasons else ok
    yield made(valid_blocks.kind, "bench", right, "; ".join(reasons) or "valid")


valid_blocks.kind = "label output of whole numbers"


def narrow_output():
    """Probabilities that leave the model in eight bits."""
    net = Network(95)
    x = net.input("x", ["N", 12])
    hidden = net.relu(net.gemm(x, 12, 8, name="g1"))
    scores = net.node("Softmax", [net.gemm(hidden, 8, 6, name="g2")], axis=1)
    scale, zero = net.store(np.float32(1 / 256)), net.store(0, dtype=np.uint8)
    net.node("QuantizeLinear", [scores, scale, zero], "y", "quantize")
    net.output("y", ["N", 6], UINT8)
    return net.model()


def judged_in_float(program, folder):
    """Eight-bit probabilities are judged as what they stand for."""
    folder.mkdir(parents=True)
    model = narrow_output()
    onnx.save(model, folder / "model.onnx")
    feeds = {"x": uniform(95, 60, 12)}
    [y] = answers(folder / "model.onnx", feeds)
    np.savez(folder / "data.npz", labels=y.argmax(1).astype(np.int64), **feeds)
    out, right = folder / "answers", "probabilities of 0 to 1"
    words = ["eval", "model.onnx", "--data", "data.npz", "--predictions", out]
    answer = program(*words, cwd=folder)
    if answer.code == 2:
        yield refused(judged_in_float.kind, "eval", right, answer.words, "quantized|uint8|u8")
        return
    if answer.code != 0:
        yield wrong(judged_in_float.kind, "eval", right, f"exit {answer.code}", answer.words)
        return
    values = read_safetensors(out / "model.scores.safetensors")["values"]
    db = sqnr([y / 256], [values])
    made = ok if db > 40 else wrong
    yield made(judged_in_float.kind, "eval", right, f"largest {values.max():g}, {db:.0f} dB")


judged_in_float.kind = "probabilities in eight bits"


def sequence(time_first):
    """Scores for every step of a sequence: `[T, 1, C]` or `[N, T, C]`."""
    net = Network(96)
    batch = 1 if time_first else "N"
    x = net.input("x", [batch, 3, 10])
    hidden = net.relu(net.conv(x, 3, 8, name="c1", rank=1, pads=[1, 1]))
    order = [2, 0, 1] if time_first else [0, 2, 1]
    turned = net.node("Transpose", [hidden], perm=order)
    w, b = net.store(net.weights(8, 6), "fc.w"), net.store(net.weights(6), "fc.b")
    net.node("Add", [net.node("MatMul", [turned, w], name="fc/MatMul"), b], "y", "fc/Add")
    net.output("y", [10, 1, 6] if time_first else ["N", 10, 6])
    return net.model()


def sequences(time_first):
    """Fidelity of a sequence's scores, without labels."""

    def rows(program, folder):
        case = Case(rows.kind, sequence(time_first), {"x": uniform(96, 60, 3, 10)}, batch=1)
        case.steps, case.task = (
            ("prune l1", "int8", "dynamic"),
            'kind = "scores"\nscores = "logits"',
        )
        case.readers = (("c1.w@0", "fc.w", 0, 0),)
        trial = Trial(case, program, folder)
        trial.write_data = lambda where: np.savez(where / "data.npz", **case.feeds)
        return trial.run()

    rows.kind = f"sequence output {'[T, 1, C]' if time_first else '[N, T, C]'}, no labels"
    return rows


def cases():
    image = {"x": images(91)}
    work = ("prune l1", "weights channel", "weights")
    for operator in LACKING:
        batch = 1 if operator == "RoiAlign" else None
        may = {"eval": operator}
        kind = f"the engine may lack {operator}"
        yield Case(kind, lacking(operator), image, None, work, may, dead=True, batch=batch)
    image = {"x": images(92)}
    twin = routed_weights(True)
    yield Case(
        "weights through Reshape and Transpose",
        routed_weights(False),
        image,
        twin,
        ALL,
        {**NO_PRODUCT, "*": COMPUTED},
    )
    wide = {"x": uniform(93, 60, 64)}
    readers = (("g1.w@1", "g2.w", 0, 0), ("g2.w@1", "fc.w", 1, 0))
    steps, kind = (*ALL, "weights"), "PRelu beside four-bit weights"
    yield Case(kind, leaky(), wide, None, steps, readers=readers, floor_db=15)
    flat = {"x": uniform(94, 60, 12)}
    steps = ("prune l1", "int8", "dynamic", "qdq")
    kind, task = "label output beside probabilities", 'scores = "probabilities"'
    yield Case(
        kind,
        with_label_output(),
        flat,
        None,
        steps,
        task=task,
        output="probabilities",
        readers=(("g1.w@0", "g2.w", 1, 0),),
        verbs=("catalog", "restore"),
    )
    yield valid_blocks
    yield judged_in_float
    yield sequences(True)
    yield sequences(False)
