"""Trains both models on what is not held out and writes data and models into a folder."""

import sys
from pathlib import Path

import jax
import numpy as np
import optax

import check
import cnn
import data
import transformer

BATCH = 64


def train(model, x, y, epochs, rate, seed):
    """AdamW with a cosine schedule on augmented batches; gives weights and statistics."""
    params, stats = model.init(jax.random.PRNGKey(seed))
    batches = len(x) // BATCH
    schedule = optax.cosine_decay_schedule(rate, epochs * batches)
    optimiser = optax.adamw(schedule, weight_decay=1e-3)
    state = optimiser.init(params)

    def loss(params, stats, x, y):
        logits, stats = model.forward(params, stats, x, training=True)
        targets = optax.smooth_labels(jax.nn.one_hot(y, 10), 0.02)
        return optax.softmax_cross_entropy(logits, targets).mean(), stats

    @jax.jit
    def step(params, stats, state, x, y):
        (value, stats), gradient = jax.value_and_grad(loss, has_aux=True)(params, stats, x, y)
        updates, state = optimiser.update(gradient, state, params)
        return optax.apply_updates(params, updates), stats, state, value

    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order, images = rng.permutation(len(x)), data.augment(rng, x)
        for batch in order[: batches * BATCH].reshape(-1, BATCH):
            params, stats, state, value = step(params, stats, state, images[batch], y[batch])
        if epoch % 20 == 19:
            print(f"{model.__name__} epoch {epoch + 1}: loss {value:.3f}", flush=True)
    return params, stats


def main(folder):
    """Everything, from the bundled digits to the three files."""
    x, y, held_x, held_y = data.load()
    # From here on nothing sees the held-out part: the lengths of training are fixed beforehand.
    data.save(folder / "digits.npz", held_x, held_y)
    for model, epochs, rate in [(cnn, 60, 2e-3), (transformer, 300, 1e-3)]:
        params, stats = train(model, x, y, epochs, rate, seed=7)
        path = folder / f"digits_{model.__name__}.onnx"
        model.export(params, stats, path)
        logits, _ = model.forward(params, stats, x, training=False)
        check.agree(path, x, np.asarray(jax.nn.softmax(logits)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
