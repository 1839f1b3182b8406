"""A small transformer encoder over 16 patches of 2x2 pixels."""

import jax
import jax.numpy as jnp
import numpy as np

from graph import Builder

TOKENS, PATCH, WIDTH, HEADS, HIDDEN, LAYERS, EPSILON = 16, 4, 64, 4, 128, 2, 1e-5
DENSE = {"attn.q": (WIDTH, WIDTH), "attn.k": (WIDTH, WIDTH), "attn.v": (WIDTH, WIDTH),
         "attn.out": (WIDTH, WIDTH), "mlp.up": (WIDTH, HIDDEN), "mlp.down": (HIDDEN, WIDTH)}


def init(key):
    """Random weights; this network has no running statistics."""
    shapes = {"patch": (PATCH, WIDTH), "head": (WIDTH, 10)}
    shapes |= {f"encoder.{i}.{name}": shape for i in range(LAYERS) for name, shape in DENSE.items()}
    params = {"position": jax.random.normal(key, (1, TOKENS, WIDTH)) * 0.02}
    for name, (rows, columns) in shapes.items():
        key, sub = jax.random.split(key)
        weight = jax.random.normal(sub, (rows, columns)) * (1 / rows) ** 0.5
        params[name] = {"weight": weight, "bias": jnp.zeros(columns)}
    norms = [f"encoder.{i}.{name}" for i in range(LAYERS) for name in ("norm1", "norm2")] + ["norm"]
    return params | {name: {"scale": jnp.ones(WIDTH), "bias": jnp.zeros(WIDTH)} for name in norms}, {}


def forward(params, stats, x, training):
    """Logits; statistics pass through."""
    dense = lambda name, x: x @ params[name]["weight"] + params[name]["bias"]

    def norm(name, x):
        centred = x - x.mean(-1, keepdims=True)
        x = centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
        return x * params[name]["scale"] + params[name]["bias"]

    split = lambda x: x.reshape(-1, TOKENS, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)
    x = x.reshape(-1, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4).reshape(-1, TOKENS, PATCH)
    x = dense("patch", x) + params["position"]
    for i in range(LAYERS):
        layer = f"encoder.{i}."
        y = norm(layer + "norm1", x)
        q, k, v = (split(dense(f"{layer}attn.{part}", y)) for part in "qkv")
        weights = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) / (WIDTH // HEADS) ** 0.5)
        y = (weights @ v).transpose(0, 2, 1, 3).reshape(-1, TOKENS, WIDTH)
        x = x + dense(layer + "attn.out", y)
        y = jax.nn.gelu(dense(layer + "mlp.up", norm(layer + "norm2", x)), approximate=False)
        x = x + dense(layer + "mlp.down", y)
    return dense("head", norm("norm", x).mean(1)), stats


class Writer(Builder):
    """The pieces that every layer repeats."""

    def __init__(self, params):
        super().__init__()
        self.params = params
        self.heads = self.constant("heads.shape", np.array([0, TOKENS, HEADS, WIDTH // HEADS]))
        self.merged = self.constant("merged.shape", np.array([0, TOKENS, WIDTH]))
        self.scalars = {name: self.constant(name, np.float32(value)) for name, value in
                        {"sqrt2": 2**0.5, "one": 1.0, "half": 0.5, "head_norm": (WIDTH // HEADS) ** 0.5}.items()}

    def dense(self, name, x):
        p = self.params[name]
        x = self.node("MatMul", name, [x, self.constant(f"{name}.weight", p["weight"])])
        return self.node("Add", name, [x, self.constant(f"{name}.bias", p["bias"])])

    def norm(self, name, x):
        p = self.params[name]
        inputs = [x, self.constant(f"{name}.scale", p["scale"]), self.constant(f"{name}.bias", p["bias"])]
        return self.node("LayerNormalization", name, inputs, axis=-1, epsilon=EPSILON)

    def attention(self, name, x):
        def split(part, permutation):
            y = self.node("Reshape", f"{name}.{part}", [self.dense(f"{name}.{part}", x), self.heads])
            return self.node("Transpose", f"{name}.{part}", [y], perm=permutation)

        q, k, v = split("q", [0, 2, 1, 3]), split("k", [0, 2, 3, 1]), split("v", [0, 2, 1, 3])
        scores = self.node("Div", f"{name}.scores", [self.node("MatMul", f"{name}.scores", [q, k]), self.scalars["head_norm"]])
        y = self.node("MatMul", f"{name}.mix", [self.node("Softmax", f"{name}.scores", [scores], axis=-1), v])
        y = self.node("Reshape", f"{name}.mix", [self.node("Transpose", f"{name}.mix", [y], perm=[0, 2, 1, 3]), self.merged])
        return self.dense(f"{name}.out", y)

    def gelu(self, name, x):
        y = self.node("Erf", name, [self.node("Div", name, [x, self.scalars["sqrt2"]])])
        y = self.node("Mul", name, [x, self.node("Add", name, [y, self.scalars["one"]])])
        return self.node("Mul", f"{name}.half", [y, self.scalars["half"]])


def export(params, stats, path):
    """Writes the graph in the form that PyTorch's exporter gives attention and GELU."""
    g = Writer(jax.tree.map(np.asarray, params))
    grid = g.constant("grid.shape", np.array([0, 4, 2, 4, 2]))
    tokens = g.constant("tokens.shape", np.array([0, TOKENS, PATCH]))
    x = g.node("Transpose", "patch.grid", [g.node("Reshape", "patch.grid", ["image", grid])], perm=[0, 1, 3, 2, 4])
    x = g.dense("patch", g.node("Reshape", "patch.tokens", [x, tokens]))
    x = g.node("Add", "position", [x, g.constant("position", np.asarray(params["position"]))])
    for i in range(LAYERS):
        layer = f"encoder.{i}"
        x = g.node("Add", f"{layer}.attn", [x, g.attention(f"{layer}.attn", g.norm(f"{layer}.norm1", x))])
        y = g.gelu(f"{layer}.mlp.gelu", g.dense(f"{layer}.mlp.up", g.norm(f"{layer}.norm2", x)))
        x = g.node("Add", f"{layer}.mlp", [x, g.dense(f"{layer}.mlp.down", y)])
    x = g.node("ReduceMean", "pool", [g.norm("norm", x)], axes=[1], keepdims=0)
    head = g.params["head"]
    weights = [g.constant("head.weight", head["weight"]), g.constant("head.bias", head["bias"])]
    g.node("Softmax", "head", [g.node("Gemm", "head", [x, *weights])], axis=1)
    g.rename_last("probs")
    g.save(path, "digits_transformer")
