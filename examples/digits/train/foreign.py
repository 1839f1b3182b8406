"""Plays another tool: prunes the CNN, fine-tunes it, and writes it under names of its own.

Usage: foreign.py digits_cnn.onnx FOLDER SEED EPOCHS
Writes FOLDER/variant.onnx and FOLDER/truth.json: for each coupling the channels that it removed.
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np
import onnx
import optax
from onnx import numpy_helper

import cnn
import data
from train import BATCH

RATIO = 0.25
# What shares its channels: the first makes them; then layers that make or carry the same ones.
COUPLINGS = [
    ["stem"],
    ["plain", "block1.dw"],
    ["block1.pw"],
    ["res1.a"],
    ["res1.skip", "res1.b", "res2.b"],
    ["res2.a"],
    ["branch.left"],
    ["branch.right"],
]
READS = {
    "plain": ["stem"], "block1.pw": ["plain"], "res1.a": ["block1.pw"], "res1.skip": ["block1.pw"],
    "res1.b": ["res1.a"], "res2.a": ["res1.skip"], "res2.b": ["res2.a"],
    "branch.left": ["res1.skip"], "branch.right": ["res1.skip"],
    "head": ["branch.left", "branch.right"],
}  # fmt: skip


def load(path):
    """Weights and statistics as the training has them."""
    arrays = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    params, stats = cnn.init(jax.random.PRNGKey(0))
    for name in cnn.CONVS:
        params[name] = {"weight": arrays[f"{name}.weight"]}
        params[name] |= {part: arrays[f"{name}.bn.{part}"] for part in ("scale", "bias")}
        stats[name] = {part: arrays[f"{name}.bn.{part}"] for part in ("mean", "var")}
    params["stem"]["conv_bias"] = arrays["stem.bias"]
    params["head"] = {part: arrays[f"head.{part}"] for part in ("weight", "bias")}
    return params, stats


def prune(params, stats, seed):
    """Cuts the channels of the smallest norms, blurred a little; gives what went."""
    rng, kept, removed = np.random.default_rng(seed), {}, {}
    for coupling in COUPLINGS:
        norms = sum(np.abs(params[layer]["weight"]).sum((1, 2, 3)) for layer in coupling)
        order = np.argsort(norms * rng.uniform(0.7, 1.3, len(norms)))
        kept[coupling[0]] = np.sort(order[int(RATIO * len(norms)) :])
        removed[coupling[0]] = np.sort(order[: int(RATIO * len(norms))]).tolist()
    for coupling in COUPLINGS:
        for layer in coupling:
            for part in list(params[layer]):
                params[layer][part] = params[layer][part][kept[coupling[0]]]
            stats[layer] = {part: v[kept[coupling[0]]] for part, v in stats[layer].items()}
    for layer, sources in READS.items():
        starts = np.cumsum([0] + [len(kept[s]) + len(removed[s]) for s in sources])
        rows = np.concatenate([start + kept[s] for start, s in zip(starts, sources)])
        weight = params[layer]["weight"]
        params[layer]["weight"] = weight[rows] if layer == "head" else weight[:, rows]
    _, _, k, _, stride = cnn.CONVS["block1.dw"]
    width = len(kept["plain"])
    cnn.CONVS["block1.dw"] = (width, width, k, width, stride)
    return removed


def finetune(params, stats, x, y, epochs, seed):
    """Adam at a rate that tools recommend for it."""
    optimiser = optax.adam(1e-3)
    state = optimiser.init(params)

    def loss(params, stats, x, y):
        logits, stats = cnn.forward(params, stats, x, training=True)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), stats

    @jax.jit
    def step(params, stats, state, x, y):
        (_, stats), gradient = jax.value_and_grad(loss, has_aux=True)(params, stats, x, y)
        updates, state = optimiser.update(gradient, state, params)
        return optax.apply_updates(params, updates), stats, state

    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for batch in order[: len(x) // BATCH * BATCH].reshape(-1, BATCH):
            params, stats, state = step(params, stats, state, x[batch], y[batch])
    return params, stats


def anonymise(path):
    """Numbers instead of names, as some exporters write them."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    names = {}
    for node in model.graph.node:
        node.name = ""
        for names_of in (node.input, node.output):
            for i, name in enumerate(names_of):
                if name not in ("image", "probs"):
                    names_of[i] = names.setdefault(name, str(100 + len(names)))
    for tensor in model.graph.initializer:
        tensor.name = names[tensor.name]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main(model, folder, seed, epochs):
    """One variant."""
    params, stats = load(model)
    removed = prune(params, stats, seed)
    x, y, _, _ = data.load()
    params, stats = finetune(params, stats, x, y, epochs, seed)
    folder.mkdir(parents=True, exist_ok=True)
    cnn.export(params, stats, folder / "variant.onnx")
    anonymise(folder / "variant.onnx")
    (folder / "truth.json").write_text(json.dumps(removed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
