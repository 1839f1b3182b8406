"""Trains both models on what is not held out and writes data and models into a folder."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import cnn
import data
import transformer


def train(model, x, y, epochs, rate, seed):
    """Adam with a cosine schedule on augmented batches of 64; gives weights and statistics."""
    params, stats = model.init(jax.random.PRNGKey(seed))
    steps = epochs * (len(x) // 64)
    optimiser = optax.adamw(optax.cosine_decay_schedule(rate, steps), weight_decay=1e-3)
    state = optimiser.init(params)

    def loss(params, stats, x, y):
        logits, stats = model.forward(params, stats, x, True)
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
        for batch in order[: len(x) // 64 * 64].reshape(-1, 64):
            params, stats, state, value = step(params, stats, state, images[batch], y[batch])
        if epoch % 20 == 19:
            print(f"{model.__name__} epoch {epoch + 1}: loss {value:.3f}", flush=True)
    return params, stats


def main(folder):
    """Everything, from the bundled digits to the three files."""
    x, y, held_x, held_y = data.load()
    data.save(folder / "digits.npz", held_x, held_y)
    for model, name, epochs, rate in [
        (cnn, "digits_cnn", 60, 2e-3),
        (transformer, "digits_transformer", 300, 1e-3),
    ]:
        params, stats = train(model, x, y, epochs, rate, seed=7)
        model.export(params, stats, folder / f"{name}.onnx")
        logits, _ = model.forward(params, stats, jnp.asarray(held_x), False)
        accuracy = (np.asarray(logits).argmax(1) == held_y).mean()
        count = sum(leaf.size for leaf in jax.tree.leaves(params))
        print(f"{name}: {count} parameters, {accuracy:.4f} of {len(held_y)} held-out digits right")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
