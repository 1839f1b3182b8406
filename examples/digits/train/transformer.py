"""A small transformer encoder over 16 patches of 2x2 pixels."""

import jax
import jax.numpy as jnp
import numpy as np

from graph import Builder

TOKENS, PATCH, WIDTH, HIDDEN, LAYERS, EPSILON = 16, 4, 64, 128, 2, 1e-5
HEADS = 4
HEAD_WIDTH = WIDTH // HEADS
DENSE = {f"attn.{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "out")}
DENSE |= {"mlp.up": (WIDTH, HIDDEN), "mlp.down": (HIDDEN, WIDTH)}


def init(key):
    """Random weights; this network has no running statistics."""
    shapes = {"patch": (PATCH, WIDTH), "head": (WIDTH, 10)}
    shapes |= {f"encoder.{i}.{name}": shape for i in range(LAYERS) for name, shape in DENSE.items()}
    key, sub = jax.random.split(key)
    params = {"position": jax.random.normal(sub, (1, TOKENS, WIDTH)) * 0.02}
    for name, (rows, columns) in shapes.items():
        key, sub = jax.random.split(key)
        weight = jax.random.normal(sub, (rows, columns)) * (1 / rows) ** 0.5
        params[name] = {"weight": weight, "bias": jnp.zeros(columns)}
    norms = [f"encoder.{i}.{name}" for i in range(LAYERS) for name in ("norm1", "norm2")] + ["norm"]
    params |= {name: {"scale": jnp.ones(WIDTH), "bias": jnp.zeros(WIDTH)} for name in norms}
    return params, {}


def dense(params, name, x):
    """A layer with weights [in, out]."""
    return x @ params[name]["weight"] + params[name]["bias"]


def norm(params, name, x):
    """LayerNormalization over the width."""
    centred = x - x.mean(-1, keepdims=True)
    x = centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    return x * params[name]["scale"] + params[name]["bias"]


def attention(params, name, x):
    """Every token looks at every token, in HEADS independent ways."""

    def split(part):
        y = dense(params, f"{name}.{part}", x)
        return y.reshape(-1, TOKENS, HEADS, HEAD_WIDTH).transpose(0, 2, 1, 3)

    q, k, v = split("q"), split("k"), split("v")
    weights = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) / HEAD_WIDTH**0.5)
    y = (weights @ v).transpose(0, 2, 1, 3).reshape(-1, TOKENS, WIDTH)
    return dense(params, f"{name}.out", y)


def forward(params, stats, x, training):
    """Logits; there are no statistics, and training computes the same."""
    x = x.reshape(-1, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4).reshape(-1, TOKENS, PATCH)
    x = dense(params, "patch", x) + params["position"]
    for i in range(LAYERS):
        layer = f"encoder.{i}"
        x = x + attention(params, f"{layer}.attn", norm(params, f"{layer}.norm1", x))
        y = dense(params, f"{layer}.mlp.up", norm(params, f"{layer}.norm2", x))
        x = x + dense(params, f"{layer}.mlp.down", jax.nn.gelu(y, approximate=False))
    return dense(params, "head", norm(params, "norm", x).mean(1)), stats


class Writer(Builder):
    """The pieces that every layer repeats; every use has its own constants, as exporters write."""

    def __init__(self, params):
        super().__init__()
        self.params = params

    def reshape(self, name, x, shape):
        """Keeps the batch (0 copies it) and gives the rest this shape."""
        return self.node("Reshape", name, [x, self.constant(f"{name}.shape", np.array([0, *shape]))])

    def scalar(self, op, name, x, value):
        """`op` of the tensor and one number."""
        return self.node(op, name, [x, self.constant(f"{name}.scalar", np.float32(value))])

    def dense(self, name, x):
        """MatMul and Add."""
        p = self.params[name]
        x = self.node("MatMul", name, [x, self.constant(f"{name}.weight", p["weight"])])
        return self.node("Add", name, [x, self.constant(f"{name}.bias", p["bias"])])

    def norm(self, name, x):
        """LayerNormalization over the width."""
        parts = [self.constant(f"{name}.{part}", self.params[name][part]) for part in ("scale", "bias")]
        return self.node("LayerNormalization", name, [x, *parts], axis=-1, epsilon=EPSILON)

    def attention(self, name, x):
        """The keys are transposed once, straight into what the scores multiply by."""

        def split(part, perm):
            y = self.dense(f"{name}.{part}", x)
            y = self.reshape(f"{name}.{part}", y, [TOKENS, HEADS, HEAD_WIDTH])
            return self.node("Transpose", f"{name}.{part}", [y], perm=perm)

        q, k, v = split("q", [0, 2, 1, 3]), split("k", [0, 2, 3, 1]), split("v", [0, 2, 1, 3])
        scores = self.node("MatMul", f"{name}.scores", [q, k])
        scores = self.scalar("Div", f"{name}.scores", scores, HEAD_WIDTH**0.5)
        weights = self.node("Softmax", f"{name}.scores", [scores], axis=-1)
        y = self.node("MatMul", f"{name}.mix", [weights, v])
        y = self.node("Transpose", f"{name}.mix", [y], perm=[0, 2, 1, 3])
        return self.dense(f"{name}.out", self.reshape(f"{name}.mix", y, [TOKENS, WIDTH]))

    def gelu(self, name, x):
        """x (1 + erf(x / sqrt 2)) / 2, in five nodes: opset 17 has no Gelu."""
        y = self.node("Erf", name, [self.scalar("Div", f"{name}.root", x, 2**0.5)])
        y = self.node("Mul", name, [x, self.scalar("Add", f"{name}.one", y, 1.0)])
        return self.scalar("Mul", f"{name}.half", y, 0.5)


def export(params, stats, path):
    """Writes the graph in the form that PyTorch's exporter gives attention and GELU."""
    g = Writer(jax.tree.map(np.asarray, params))
    x = g.reshape("patch.grid", "image", [4, 2, 4, 2])
    x = g.node("Transpose", "patch.grid", [x], perm=[0, 1, 3, 2, 4])
    x = g.dense("patch", g.reshape("patch.tokens", x, [TOKENS, PATCH]))
    x = g.node("Add", "position", [x, g.constant("position", g.params["position"])])
    for i in range(LAYERS):
        layer = f"encoder.{i}"
        y = g.attention(f"{layer}.attn", g.norm(f"{layer}.norm1", x))
        x = g.node("Add", f"{layer}.attn", [x, y])
        y = g.gelu(f"{layer}.mlp.gelu", g.dense(f"{layer}.mlp.up", g.norm(f"{layer}.norm2", x)))
        x = g.node("Add", f"{layer}.mlp", [x, g.dense(f"{layer}.mlp.down", y)])
    x = g.node("ReduceMean", "pool", [g.norm("norm", x)], axes=[1], keepdims=0)
    g.classify(x, g.params["head"])
    g.save(path, "digits_transformer")
