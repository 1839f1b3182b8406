"""Where a model's data lies, and how its dimensions are called."""

import numpy as np
import onnx
from onnx import helper

from case import Case
from judge import ok, wrong
from kinds_names import NO_WIDE_PRODUCT
from network import Network, images, small_cnn, tensor, uniform, value

STEPS = ("prune l1", "int8", "prune, int8", "weights channel")


def outside(kind):
    """Half-dead channels; stored values as initializers, Constants, or of branches."""
    net = Network(81)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, dead=True, name="c1", pads=[1] * 4))
    pooled = net.node("GlobalAveragePool", [hidden])
    if kind == "branches":
        bodies = {}
        for which, factor in (("then", 2.0), ("else", 0.5)):
            name = f"{which}.factor"
            mul = helper.make_node("Mul", [pooled, name], [f"{which}.out"], name=which)
            shape = [value(f"{which}.out", ["a", "b", "c", "d"])]
            stored = [tensor(name, np.full((1, 8, 1, 1), factor))]
            bodies[f"{which}_branch"] = helper.make_graph(
                [mul], which, [], shape, initializer=stored
            )
        pooled = net.node("If", [net.store(True, dtype=bool)], "chosen", "choose", **bodies)
    net.output(net.gemm(net.node("Flatten", [pooled]), 8, 5, name="fc", output="y"), ["N", 5])
    if kind == "constants":
        constants = [
            helper.make_node("Constant", [], [t.name], name=f"of.{t.name}", value=t)
            for t in net.stored
        ]
        net.nodes, net.stored = constants + net.nodes, []
    return net.model()


def place(kind):
    """Writes a model with its data beside it, in a folder below, or in a file each."""

    def write(model, folder):
        location = {"subfolder": "weights/all.data"}.get(kind, "model.data")
        (folder / "weights").mkdir(exist_ok=True)
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        together = kind != "file each"
        onnx.save_model(
            copy,
            folder / "model.onnx",
            save_as_external_data=True,
            all_tensors_to_one_file=together,
            location=location if together else None,
            size_threshold=0,
            convert_attribute=kind in ("constants", "branches"),
        )

    return write


def moved(program, folder):
    """A run whose folder, model and data go elsewhere before the baseline is restored."""
    import shutil

    right, kind = "the baseline", moved.kind
    here, run = folder / "here", folder / "there" / "deep" / "run"
    here.mkdir(parents=True)
    model = outside("initializers")
    place("subfolder")(model, here)
    np.savez(here / "data.npz", x=images(81), labels=np.arange(60) % 5)
    from program import STEPS as WORDS, STUDY

    variants = f'[[variant]]\nname = "p"\nsteps = [{WORDS["prune l1"]}]\n'
    text = STUDY.format(
        model="here/model.onnx",
        model_keys="",
        task='scores = "logits"',
        data="here/data.npz",
        variants=variants,
    )
    (folder / "study.toml").write_text(text)
    answer = program("compress", folder / "study.toml", "--quiet", "--out", run, cwd="/")
    if answer.code != 0:
        yield wrong(kind, "compress", right, f"exit {answer.code}", answer.words)
        return
    shutil.move(run, folder / "moved")
    shutil.rmtree(here)
    answer = program("restore", folder / "moved", "--variant", "p", "--all", cwd="/tmp")
    if answer.code != 0:
        yield wrong(kind, "restore", right, f"exit {answer.code}", answer.words)
        return
    yield same_as(kind, folder / "moved" / "restored" / "p.all.onnx", model)


def same_as(kind, path, model):
    from judge import answers, gap

    feeds = {"x": images(81)}
    original = path.with_name("original.onnx")
    onnx.save(model, original)
    distance = gap(answers(original, feeds), answers(path, feeds))
    made = ok if distance <= 1e-6 else wrong
    return made(kind, "restore", "the baseline", f"gap {distance:.0e}")


moved.kind = "external data, run directory moved, model gone"


def named_batch(name):
    """The small network with its batch axis called `name`; None for nothing at all."""
    model = small_cnn(82).model()
    for one in [*model.graph.input, *model.graph.output]:
        axis = one.type.tensor_type.shape.dim[0]
        axis.Clear()
        if name is not None:
            axis.dim_param = name
    return model


def two_inputs(names):
    """Two inputs with dimensions of their own beside the batch."""
    net = Network(83)
    a, b = net.input("a", ["N", "s", 4]), net.input("b", ["N", "t", 4])
    parts = []
    for x, name in ((a, "ga"), (b, "gb")):
        w = net.store(net.weights(4, 8), f"{name}.w")
        hidden = net.relu(net.node("MatMul", [x, w], name=f"{name}/MatMul"))
        parts.append(net.node("ReduceMean", [hidden], axes=[1], keepdims=0))
    last = net.gemm(net.node("Concat", parts, axis=1), 16, 5, name="fc", output="y")
    net.output(last, ["N", 5])
    model = net.model()
    for one, name in zip(model.graph.input, names):
        for axis in (0, 1):
            dimension = one.type.tensor_type.shape.dim[axis]
            if name is None or axis == 1:
                dimension.Clear()
            if name:
                dimension.dim_param = name if axis == 1 else "N"
    return model


def fixed_batch():
    net = Network(84)
    x = net.input("x", [2, 12])
    hidden = net.relu(net.gemm(x, 12, 8, dead=True, name="g1"))
    net.output(net.gemm(hidden, 8, 6, name="g2", output="y"), [2, 6])
    return net.model()


def cases():
    feeds = {"x": images(81)}
    for kind in ("subfolder", "file each", "constants", "branches"):
        model = outside(kind)
        may = {"prune l1": "If", "prune, int8": "If"} if kind == "branches" else {}
        yield Case(
            f"external data: {kind}", model, feeds, model, STEPS, may, dead=True, place=place(kind)
        )
    yield moved
    twin = small_cnn(82).model()
    may = {"int4": NO_WIDE_PRODUCT}
    for name in ("?", "", None, "p2o.DynamicDimension.0", "batch size", "-1", "unk__6"):
        kind = f"batch axis called {'nothing' if name is None else repr(name)}"
        yield Case(kind, named_batch(name), {"x": images(82)}, twin, STEPS, may)
    two = {"a": uniform(83, 60, 6, 4), "b": uniform(84, 60, 9, 4)}
    twin = two_inputs(["s", "t"])
    for names in ([None, None], ["?", "?"], ["p2o.DynamicDimension.0", "p2o.DynamicDimension.1"]):
        kind = f"two inputs, axes called {', '.join('nothing' if n is None else n for n in names)}"
        yield Case(
            kind, two_inputs(names), two, twin, (*STEPS, "dynamic"), may, verbs_read_data=True
        )
    twin_steps = ("prune l1", "prune obs+ls", "int8", "dynamic", "weights channel", "qdq")
    for keys in ("", "batch = 2"):
        kind = f"fixed batch of 2, study says {keys or 'nothing'}"
        yield Case(
            kind,
            fixed_batch(),
            {"x": uniform(85, 60, 12)},
            None,
            twin_steps,
            dead=True,
            batch=2,
            model_keys=keys,
        )
