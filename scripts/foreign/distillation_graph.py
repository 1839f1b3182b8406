"""A classifier with the divergence from given distributions as its only output: what a trainer of ONNX
graphs takes."""

import numpy
import onnx
from onnx import helper, numpy_helper

TEMPERATURE = 2.0
# What is no weight: names of constants.
CONSTANTS = ["distill/temperature", "distill/factor", "distill/shape"]


def distillation_graph(model, batch, classes):
    """T² times the cross entropy of softened distributions, for a fixed batch; Flatten as Reshape."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    temperature, factor, shape = CONSTANTS
    softmax = next(node for node in graph.node if node.op_type == "Softmax")
    logits = softmax.input[0]
    graph.node.remove(softmax)
    for node in graph.node:
        if node.op_type == "Flatten":
            node.op_type = "Reshape"
            del node.attribute[:]
            node.input.append(shape)
            graph.initializer.append(numpy_helper.from_array(numpy.array([batch, -1], numpy.int64), shape))
    for name, value in ((temperature, TEMPERATURE), (factor, -(TEMPERATURE**2) / batch)):
        graph.initializer.append(numpy_helper.from_array(numpy.array(value, numpy.float32), name))
    graph.node.extend([
        helper.make_node("Div", [logits, temperature], ["distill/soft"]),
        helper.make_node("Softmax", ["distill/soft"], ["distill/probabilities"], axis=-1),
        helper.make_node("Log", ["distill/probabilities"], ["distill/logarithm"]),
        helper.make_node("Mul", ["distill/logarithm", "target"], ["distill/product"]),
        helper.make_node("ReduceSum", ["distill/product"], ["distill/sum"], keepdims=0),
        helper.make_node("Mul", ["distill/sum", factor], ["loss"]),
    ])
    graph.input.append(helper.make_tensor_value_info("target", onnx.TensorProto.FLOAT, [batch, classes]))
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("loss", onnx.TensorProto.FLOAT, []))
    del graph.value_info[:]
    model.ir_version = 8
    return model


def softened(logits):
    logits = logits / TEMPERATURE
    shares = numpy.exp(logits - logits.max(1, keepdims=True))
    return (shares / shares.sum(1, keepdims=True)).astype(numpy.float32)
