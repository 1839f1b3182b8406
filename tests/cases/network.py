"""Small ONNX networks, written node by node with seeded weights.

Owns the making of models; knows nothing of the program that is tried on them.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, UINT8, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.BOOL,
)


def value(name, shape, dtype=FLOAT):
    """Type and shape of an input or output."""
    return helper.make_tensor_value_info(name, dtype, shape)


def tensor(name, content, dtype=np.float32):
    """A stored tensor."""
    return numpy_helper.from_array(np.asarray(content, dtype=dtype), name)


class Network:
    """A graph under construction; names may be given, so that hostile ones can be."""

    def __init__(self, seed=1, opset=17, ir_version=8):
        self.rng = np.random.default_rng(seed)
        self.opset, self.ir_version = opset, ir_version
        self.nodes, self.stored = [], []
        self.inputs, self.outputs = [], []
        self.domains, self.functions = {}, []
        self.counter = 0

    def fresh(self, stem="t"):
        self.counter += 1
        return f"{stem}{self.counter}"

    def input(self, name, shape, dtype=FLOAT):
        self.inputs.append(value(name, shape, dtype))
        return name

    def output(self, name, shape, dtype=FLOAT):
        self.outputs.append(value(name, shape, dtype))
        return name

    def store(self, content, name=None, dtype=np.float32):
        """An initializer's name."""
        name = name or self.fresh("k")
        self.stored.append(tensor(name, content, dtype))
        return name

    def weights(self, *shape, scale=None):
        """Normal numbers that keep the variance of what they are multiplied with."""
        fan = max(1, int(np.prod(shape[1:])))
        drawn = self.rng.standard_normal(shape) * (scale or 1 / np.sqrt(fan))
        return drawn.astype(np.float32)

    def node(self, operator, inputs, output=None, name=None, domain="", **attributes):
        """A node's first output; `output` may be a list of names."""
        outputs = output if isinstance(output, list) else [output or self.fresh()]
        name = self.fresh(operator) if name is None else name
        made = helper.make_node(operator, inputs, outputs, name=name, domain=domain, **attributes)
        self.nodes.append(made)
        return outputs[0]

    def conv(self, x, wide, out, size=3, dead=False, name=None, bias=True, **attributes):
        """A convolution; with `dead`, every second filter is zero, bias included."""
        w = self.weights(out, wide, *([size] * attributes.pop("rank", 2)))
        b = self.weights(out, scale=0.3)
        if dead:
            w[::2], b[::2] = 0, 0
        name = name or self.fresh("conv")
        inputs = [x, self.store(w, f"{name}.w")] + ([self.store(b, f"{name}.b")] if bias else [])
        return self.node("Conv", inputs, f"{name}.out", f"{name}/Conv", **attributes)

    def gemm(self, x, wide, out, dead=False, name=None, output=None, **attributes):
        """A product with weights stored as `[out, wide]` and a bias."""
        w, b = self.weights(out, wide), self.weights(out, scale=0.3)
        if dead:
            w[::2], b[::2] = 0, 0
        name = name or self.fresh("gemm")
        inputs = [x, self.store(w, f"{name}.w"), self.store(b, f"{name}.b")]
        return self.node(
            "Gemm", inputs, output or f"{name}.out", f"{name}/Gemm", transB=1, **attributes
        )

    def relu(self, x):
        return self.node("Relu", [x])

    def pooled(self, x):
        """Means over the image, flat."""
        return self.node("Flatten", [self.node("GlobalAveragePool", [x])])

    def graph(self, name="network"):
        return helper.make_graph(
            self.nodes, name, self.inputs, self.outputs, initializer=self.stored
        )

    def model(self, check=True):
        domains = {"": self.opset, **self.domains}
        made = helper.make_model(
            self.graph(),
            opset_imports=[helper.make_opsetid(d, v) for d, v in domains.items()],
            ir_version=self.ir_version,
            functions=self.functions,
        )
        if check:
            onnx.checker.check_model(made)
        return made


def images(seed=1, samples=60, channels=3, side=8):
    """Noise around a level of each image and channel, so that means over images differ too."""
    rng = np.random.default_rng(seed)
    levels = rng.uniform(-1, 1, (samples, channels, 1, 1))
    noise = rng.uniform(-0.5, 0.5, (samples, channels, side, side))
    return (levels + noise).astype(np.float32)


def uniform(seed, *shape):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def small_cnn(seed=1, dead=False, **kinds):
    """Two convolutions, Relu between them, and a classifier of five."""
    net = Network(seed, **kinds)
    x = net.input("x", ["N", 3, 8, 8])
    hidden = net.relu(net.conv(x, 3, 8, dead=dead, name="c1", pads=[1] * 4))
    flat = net.pooled(net.relu(net.conv(hidden, 8, 6, name="c2")))
    net.output(net.gemm(flat, 6, 5, name="fc", output="y"), ["N", 5])
    return net


SMALL_CNN_READERS = (("c1.w@0", "c2.w", 1, 0), ("c2.w@0", "fc.w", 1, 0))


def small_mlp(seed=1, dead=False, **kinds):
    """Two products and a Relu."""
    net = Network(seed, **kinds)
    x = net.input("x", ["N", 12])
    hidden = net.relu(net.gemm(x, 12, 8, dead=dead, name="g1"))
    net.output(net.gemm(hidden, 8, 6, name="g2", output="y"), ["N", 6])
    return net
