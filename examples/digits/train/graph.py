"""Writes ONNX graphs by hand, with the names a person would give: `module/Op`, `module.weight`."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Nodes and initializers of one graph, in order."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def constant(self, name, array):
        """An initializer; gives its name."""
        self.initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(self, op, module, inputs, **attributes):
        """A node `module/op` with one output `module.op`; gives the output's name."""
        output = f"{module}.{op.lower()}"
        name = f"{module}/{op}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def classify(self, features, head):
        """The last layer and the probabilities, which are the graph's output."""
        weights = [self.constant(f"head.{part}", head[part]) for part in ("weight", "bias")]
        self.node("Softmax", "head", [self.node("Gemm", "head", [features, *weights])], axis=1)
        self.nodes[-1].output[0] = "probs"

    def save(self, path, name):
        """Checks the graph, infers its shapes with a symbolic batch, and writes it."""
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])
        probs = helper.make_tensor_value_info("probs", TensorProto.FLOAT, ["N", 10])
        graph = helper.make_graph(self.nodes, name, [image], [probs], self.initializers)
        model = helper.make_model(
            graph,
            producer_name="paring train-digits",
            ir_version=8,
            opset_imports=[helper.make_opsetid("", 17)],
        )
        model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)
