"""Data: arrays as other programs store them, images as cameras write them, and no labels at all."""

import json

import numpy as np
import onnx

from judge import answers, ok, refused, short, sqnr, wrong
from network import FLOAT, UINT8, Network, small_mlp, uniform
from program import STEPS, STUDY, read_safetensors

SIDE = 8


def forms(x, labels):
    """Arrays by name, and the pattern of a true refusal; None where they have to be read."""
    broken = x.copy()
    broken[7] = np.nan
    yield "plain", dict(x=x, labels=labels), None
    yield "float64", dict(x=x.astype(np.float64), labels=labels), "f64|float64|64"
    yield "float16", dict(x=x.astype(np.float16), labels=labels), "f16|float16|f2"
    yield "big-endian", dict(x=x.astype(">f4"), labels=labels.astype(">i8")), "endian|byte order"
    yield "column-major", dict(x=np.asfortranarray(x), labels=labels), "column-major|Fortran"
    yield "column-major labels", dict(x=x, labels=np.asfortranarray(np.eye(6)[labels])), "labels"
    yield "labels uint16", dict(x=x, labels=labels.astype(np.uint16)), "labels"
    yield (
        "labels of objects",
        dict(x=x, labels=np.array(labels.tolist(), object)),
        "object|pickle|labels",
    )
    yield "labels of strings", dict(x=x, labels=labels.astype(str)), "labels"
    yield "a column of labels", dict(x=x, labels=labels[:, None]), "labels"
    yield "empty", dict(x=x[:0], labels=labels[:0]), "no samples|empty|0 samples"
    yield "not a number", dict(x=broken, labels=labels), "finite|NaN|not a number"
    yield "fewer labels", dict(x=x, labels=labels[:50]), "labels|samples"
    yield "another name", dict(input=x, labels=labels), "no array `x`|`x`"


def array_form(name, arrays, truth):
    """One form under every verb: all read it, or all refuse it for the same true reason."""

    def rows(program, folder):
        folder.mkdir(parents=True)
        onnx.save(small_mlp(101).model(), folder / "model.onnx")
        np.savez(folder / "data.npz", **arrays)
        variant = f'[[variant]]\nname = "v"\nsteps = [{STEPS["int8"]}]\n'
        keys = dict(model="model.onnx", model_keys="", task='scores = "logits"', data="data.npz")
        (folder / "study.toml").write_text(STUDY.format(variants=variant, **keys))
        data = ("--data", "data.npz")
        verbs = {
            "eval": (
                "eval",
                "model.onnx",
                *data,
                "--scores",
                "logits",
                "--predictions",
                folder / "answers",
            ),
            "compress": ("compress", "study.toml", "--quiet", "--out", folder / "run"),
            "profile": ("profile", "model.onnx", *data, "--quiet"),
            "catalog": ("catalog", "model.onnx", *data, "--probes", 0, "--quiet"),
            "diff": ("diff", "model.onnx", "model.onnx", *data),
        }
        # Verbs that need no labels do not look at them.
        free = "labels" in name and name != "fewer labels"
        read = []
        for verb, words in verbs.items():
            answer = program(*words, cwd=folder)
            right = "read" if truth is None else "read, or refused"
            if answer.code == 0:
                read.append(verb)
                yield ok(rows.kind, verb, right, "read")
            elif answer.code == 2:
                yield refused(rows.kind, verb, right, answer.words, truth)
            elif answer.code == 4 and verb == "profile" and "quiet" in answer.words:
                continue
            else:
                yield wrong(rows.kind, verb, right, f"exit {answer.code}", answer.words)
        if read and len(read) < len(verbs) and not free and name not in ("fewer labels",):
            missing = ", ".join(v for v in verbs if v not in read)
            yield wrong(rows.kind, "all verbs", "alike", f"refused by {missing} alone")
        if "eval" in read:
            yield eval_values(rows.kind, folder)

    rows.kind = f"arrays: {name}"
    return rows


def eval_values(kind, folder):
    values = read_safetensors(folder / "answers" / "model.scores.safetensors")["values"]
    expected = answers(folder / "model.onnx", {"x": uniform(101, 60, 12)})
    if len(values) != 60:
        return ok(kind, "values", "≥ 40 dB", "none")
    db = sqnr([log_softmax(expected[0])], [np.log(values)])
    return (ok if db >= 40 else wrong)(kind, "values", "≥ 40 dB", f"{db:.0f} dB")


def log_softmax(logits):
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def image_model(channels=3, dtype=FLOAT):
    net = Network(102)
    x = net.input("x", ["N", channels, SIDE, SIDE], dtype)
    if dtype != FLOAT:
        x = net.node("Mul", [net.node("Cast", [x], to=FLOAT), net.store(1 / 255)])
    net.output(
        net.gemm(net.node("Flatten", [x]), channels * SIDE**2, 4, name="fc", output="y"), ["N", 4]
    )
    return net.model()


def image_folder(folder, channels, dtype, write):
    """Images in a folder, and what a person sees on them as the model's input."""
    from PIL import Image, ImageOps

    pictures, table, seen = folder / "images", "file,label\n", []
    pictures.mkdir(parents=True)
    rng = np.random.default_rng(103)
    for k in range(12):
        pixels = np.kron(rng.integers(0, 256, (SIDE // 2, SIDE // 2, 3)), np.ones((2, 2, 1)))
        name = write(Image.fromarray(pixels.astype(np.uint8)), pictures, k)
        upright = ImageOps.exif_transpose(Image.open(pictures / name))
        array = np.asarray(upright.convert("RGB" if channels == 3 else "L"))
        seen.append(array.transpose(2, 0, 1) if channels == 3 else array[None])
        table += f"{name},{k % 4}\n"
    (pictures / "labels.csv").write_text(table)
    onnx.save(image_model(channels, dtype), folder / "model.onnx")
    stacked = np.stack(seen)
    return stacked if dtype == UINT8 else (stacked / 255).astype(np.float32)


def plain_png(image, folder, k):
    image.save(folder / f"{k}.png")
    return f"{k}.png"


def turned(orientation, suffix):
    def write(image, folder, k):
        from PIL import Image

        tags = Image.Exif()
        tags[0x0112] = orientation
        image.save(
            folder / f"{k}.{suffix}",
            exif=tags,
            **(dict(quality=100, subsampling=0) if suffix == "jpg" else {}),
        )
        return f"{k}.{suffix}"

    return write


def image_kind(label, channels=3, dtype=FLOAT, write=plain_png, truth=None):
    """Answers to a folder of images against those to the pixels that a person sees."""

    def rows(program, folder):
        seen = image_folder(folder, channels, dtype, write)
        words = ["eval", "model.onnx", "--data", "images", "--scores", "logits"]
        answer = program(*words, "--predictions", folder / "answers", cwd=folder)
        right = "≥ 38 dB"
        if answer.code == 2:
            yield refused(rows.kind, "eval", right, answer.words, truth)
            return
        if answer.code != 0:
            yield wrong(rows.kind, "eval", right, f"exit {answer.code}", answer.words)
            return
        values = read_safetensors(folder / "answers" / "model.scores.safetensors")["values"]
        expected = log_softmax(answers(folder / "model.onnx", {"x": seen})[0])
        db = sqnr([expected], [np.log(values)])
        said = truth and any(word in (answer.out + answer.err) for word in truth.split("|"))
        yield (ok if db >= 38 or said else wrong)(rows.kind, "eval", right, f"{db:.1f} dB")

    rows.kind = f"images: {label}"
    return rows


def without_labels(kind):
    """A study whose data have no labels: fidelity to the baseline alone."""

    def rows(program, folder):
        folder.mkdir(parents=True)
        onnx.save(small_mlp(101).model(), folder / "model.onnx")
        np.savez(folder / "data.npz", x=uniform(101, 60, 12))
        variant = f'[[variant]]\nname = "v"\nsteps = [{STEPS["int8"]}]\n'
        task = f'kind = "{kind}"\nscores = "logits"'
        keys = dict(model="model.onnx", model_keys="", task=task, data="data.npz")
        (folder / "study.toml").write_text(STUDY.format(variants=variant, **keys))
        words = ["compress", "study.toml", "--evaluate", "--quiet", "--out", folder / "run"]
        answer = program(*words, cwd=folder)
        right = "by fidelity"
        if answer.code != 0:
            yield wrong(
                rows.kind, "compress --evaluate", right, f"exit {answer.code}", answer.words
            )
            return
        quality = json.loads((folder / "run/predictions/v.quality.json").read_text())
        known = {name: m["value"] for name, m in quality["metrics"].items() if m.get("value")}
        told = ", ".join(f"{name} {found['value']:.3g}" for name, found in known.items())
        made = ok if {"agreement", "sqnr_db"} & set(known) else wrong
        yield made(rows.kind, "compress --evaluate", right, told or "no metric")

    rows.kind = f"no labels: {kind}"
    return rows


FAILING = [
    ("pattern that matches nothing", '{ prune = "channels", ratio = 0.5, layers = "nowhere*" }'),
    ("budget out of reach", '{ prune = "channels", macs = 0.01 }'),
]


def one_fails(label, step):
    """A variant that cannot be made, between two that can."""

    def rows(program, folder):
        folder.mkdir(parents=True)
        onnx.save(small_mlp(101).model(), folder / "model.onnx")
        x = uniform(101, 60, 12)
        np.savez(folder / "data.npz", x=x, labels=np.arange(60) % 6)
        steps = {"before": STEPS["prune l1"], "broken": step, "after": STEPS["int8"]}
        variants = "".join(f'[[variant]]\nname = "{n}"\nsteps = [{s}]\n' for n, s in steps.items())
        variants += f'[[variant]]\nname = "child"\nfrom = "broken"\nsteps = [{STEPS["int8"]}]\n'
        keys = dict(model="model.onnx", model_keys="", task='scores = "logits"', data="data.npz")
        (folder / "study.toml").write_text(STUDY.format(variants=variants, **keys))
        answer = program(
            "compress", "study.toml", "--json", "--quiet", "--out", folder / "run", cwd=folder
        )
        right = "others made, exit 2"
        try:
            said = json.loads(answer.out)
        except ValueError:
            yield wrong(rows.kind, "compress", right, f"exit {answer.code}", answer.words)
            return
        made = [v["name"] for v in said["variants"][1:]]
        failed = [name for name, _ in map(tuple, said["not_made"])]
        fine = (made, failed, answer.code) == (["before", "after"], ["broken", "child"], 2)
        shown = f"made {', '.join(made)}; not {', '.join(failed)}; exit {answer.code}"
        if fine:
            yield ok(rows.kind, "compress", right, shown)
        else:
            yield wrong(rows.kind, "compress", right, shown, answer.words)

    rows.kind = f"one variant fails: {label}"
    return rows


def many_reasons(program, folder):
    """Forty layers that stay as they are: one sentence, not forty clauses."""
    net = Network(104)
    hidden = net.input("x", ["N", 4, 8, 8])
    for k in range(40):
        w, b = net.store(net.weights(4, 1, 3, 3)), net.store(net.weights(4))
        inputs = [hidden, w, b]
        hidden = net.relu(net.node("Conv", inputs, name=f"b{k}/Conv", group=4, pads=[1] * 4))
    net.output(net.pooled(hidden), ["N", 4])
    folder.mkdir(parents=True)
    onnx.save(net.model(), folder / "model.onnx")
    x = np.random.default_rng(104).uniform(-1, 1, (40, 4, 8, 8)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, labels=np.arange(40) % 4)
    made = program.compress(folder, ("int8", "dynamic", "int4"), 'scores = "logits"')
    for step, variant in made.items():
        said = variant.reason or "; ".join(variant.left_alone)
        right = "refused in ≤ 400 characters"
        if variant.file is not None:
            yield wrong(many_reasons.kind, step, right, "made", short(said, 200))
        elif len(said) > 400:
            yield wrong(many_reasons.kind, step, right, f"{len(said)} characters", short(said, 200))
        else:
            yield refused(
                many_reasons.kind, step, right, said, "depthwise|integer kernel|no layer|product"
            )


many_reasons.kind = "forty layers left alone"


def cases():
    x = uniform(101, 60, 12)
    labels = np.arange(60) % 6
    for name, arrays, truth in forms(x, labels):
        yield array_form(name, arrays, truth)
    yield image_kind("colour")
    yield image_kind("grey from colour (ITU-R 601)", channels=1)
    for orientation, suffix in ((6, "jpg"), (3, "png"), (8, "jpg")):
        label = f"EXIF orientation {orientation}, {suffix}"
        yield image_kind(label, write=turned(orientation, suffix), truth="EXIF|orientation")
    yield image_kind("uint8 input", dtype=UINT8, truth=r"^(?!.*resize).*(uint8|element type)")
    for kind in ("classification", "multilabel", "regression", "scores"):
        yield without_labels(kind)
    for label, step in FAILING:
        yield one_fails(label, step)
    yield many_reasons
