"""A convolutional network with a plain, a depthwise-separable, a residual and a concatenating part."""

import jax
import jax.numpy as jnp
import numpy as np

from graph import Builder

# module: input channels, output channels, kernel, groups, stride
CONVS = {
    "stem": (1, 32, 3, 1, 1),
    "plain": (32, 48, 3, 1, 1),
    "block1.dw": (48, 48, 3, 48, 1),
    "block1.pw": (48, 64, 1, 1, 1),
    "res1.a": (64, 64, 3, 1, 2),
    "res1.skip": (64, 64, 1, 1, 2),
    "res1.b": (64, 64, 3, 1, 1),
    "res2.a": (64, 32, 3, 1, 1),
    "res2.b": (32, 64, 3, 1, 1),
    "branch.left": (64, 32, 1, 1, 1),
    "branch.right": (64, 32, 3, 1, 1),
}
EPSILON, MOMENTUM = 1e-5, 0.95


def init(key):
    """Random weights, and running statistics of the normalisations."""
    params, stats = {}, {}
    for name, (cin, cout, k, groups, _) in CONVS.items():
        key, sub = jax.random.split(key)
        fan_in = cin // groups * k * k
        weight = jax.random.normal(sub, (cout, cin // groups, k, k)) * (2 / fan_in) ** 0.5
        params[name] = {"weight": weight, "scale": jnp.ones(cout), "bias": jnp.zeros(cout)}
        stats[name] = {"mean": jnp.zeros(cout), "var": jnp.ones(cout)}
    # A bias before a normalisation changes nothing, but exporters leave such ones behind.
    params["stem"]["conv_bias"] = jnp.zeros(CONVS["stem"][1])
    key, sub = jax.random.split(key)
    params["head"] = {"weight": jax.random.normal(sub, (64, 10)) * 0.1, "bias": jnp.zeros(10)}
    return params, stats


def forward(params, stats, x, training):
    """Logits, and the statistics after this batch."""
    new = {}

    def conv(name, x, relu=True):
        p, (_, _, k, groups, stride) = params[name], CONVS[name]
        pad = [(k // 2, k // 2)] * 2
        x = jax.lax.conv_general_dilated(
            x, p["weight"], (stride, stride), pad, feature_group_count=groups
        )
        if "conv_bias" in p:
            x = x + p["conv_bias"][:, None, None]
        mean, var = stats[name]["mean"], stats[name]["var"]
        if training:
            batch = x.mean((0, 2, 3)), x.var((0, 2, 3))
            new[name] = {
                "mean": MOMENTUM * mean + (1 - MOMENTUM) * batch[0],
                "var": MOMENTUM * var + (1 - MOMENTUM) * batch[1],
            }
            mean, var = batch
        factor = p["scale"] / jnp.sqrt(var + EPSILON)
        x = x * factor[:, None, None] + (p["bias"] - mean * factor)[:, None, None]
        return jax.nn.relu(x) if relu else x

    x = conv("plain", conv("stem", x))
    x = conv("block1.pw", conv("block1.dw", x))
    x = jax.nn.relu(conv("res1.b", conv("res1.a", x), relu=False) + conv("res1.skip", x, relu=False))
    x = jax.nn.relu(conv("res2.b", conv("res2.a", x), relu=False) + x)
    x = jnp.concatenate([conv("branch.left", x), conv("branch.right", x)], axis=1)
    x = x.mean((2, 3))
    return x @ params["head"]["weight"] + params["head"]["bias"], new


def export(params, stats, path):
    """Writes the graph as it was trained, normalisations unfolded."""
    g = Builder()
    params, stats = jax.tree.map(np.asarray, (params, stats))

    def conv(name, x, relu=True):
        p, s, (_, _, k, groups, stride) = params[name], stats[name], CONVS[name]
        inputs = [x, g.constant(f"{name}.weight", p["weight"])]
        if "conv_bias" in p:
            inputs.append(g.constant(f"{name}.bias", p["conv_bias"]))
        window = {"kernel_shape": [k, k], "strides": [stride, stride], "pads": [k // 2] * 4}
        x = g.node("Conv", name, inputs, group=groups, **window)
        parts = {"scale": p["scale"], "bias": p["bias"], "mean": s["mean"], "var": s["var"]}
        inputs = [x] + [g.constant(f"{name}.bn.{part}", array) for part, array in parts.items()]
        x = g.node("BatchNormalization", name, inputs, epsilon=EPSILON)
        return g.node("Relu", name, [x]) if relu else x

    x = conv("plain", conv("stem", "image"))
    x = conv("block1.pw", conv("block1.dw", x))
    skip = conv("res1.skip", x, relu=False)
    y = conv("res1.b", conv("res1.a", x), relu=False)
    x = g.node("Relu", "res1", [g.node("Add", "res1", [y, skip])])
    y = conv("res2.b", conv("res2.a", x), relu=False)
    x = g.node("Relu", "res2", [g.node("Add", "res2", [y, x])])
    x = g.node("Concat", "branch", [conv("branch.left", x), conv("branch.right", x)], axis=1)
    x = g.node("Flatten", "flatten", [g.node("GlobalAveragePool", "pool", [x])])
    g.classify(x, params["head"])
    g.save(path, "digits_cnn")
