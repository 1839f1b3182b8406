"""Structured pruning by onnxsim, of every coupling that paring prunes, and what onnxsim has to recover."""

import onnx
import onnxsim


def copied(model):
    return onnx.ModelProto.FromString(model.SerializeToString())


def global_pooling(model):
    """The model with every AveragePool as a GlobalAveragePool, which onnxsim follows channels through, and
    the nodes as they were. Their windows change no channel."""
    model, pools = copied(model), {}
    for node in model.graph.node:
        if node.op_type == "AveragePool":
            pools[node.output[0]] = copied_node(node)
            node.op_type = "GlobalAveragePool"
            del node.attribute[:]
    return model, pools


def copied_node(node):
    own = onnx.NodeProto()
    own.CopyFrom(node)
    return own


def with_pools(model, pools):
    model = copied(model)
    for node in model.graph.node:
        own = pools.get(node.output[0])
        if own is not None:
            node.op_type = own.op_type
            node.attribute.extend(own.attribute)
    return model


def pruned(model, batch, ratio):
    """Variants by name: by norms, by norms and inputs, and that with the ridge regression of
    `apply_pruning_finetune`. Without global pooling onnxsim leaves the last coupling alone."""
    folded, _ = onnxsim.simplify(model)
    given, pools = global_pooling(folded)
    samples = [batch]
    norms = onnxsim.apply_structured_pruning(given, sparsity=ratio)
    wanda = onnxsim.apply_structured_wanda_pruning(given, calibration_data=samples, sparsity=ratio)
    ridge = onnxsim.apply_pruning_finetune(given, wanda, calibration_data=samples)
    found = {"onnxsim, norms": norms, "onnxsim, wanda": wanda, "the same, ridge regression": ridge}
    return {name: with_pools(variant, pools) for name, variant in found.items()}, folded


def blockwise(folded, variant, batch):
    """The variant after `apply_block_finetune` of the last layer: blocks that reach into pruned convolutions
    are refused, because their widths are taken for the baseline's."""
    reshaped = [with_reshape(model) for model in (folded, variant)]
    last = next(node for node in reshaped[0].graph.node if node.op_type == "Softmax").input[0]
    first = next(node for node in reshaped[0].graph.node if last in node.output).input[0]
    tuned = onnxsim.apply_block_finetune(
        *reshaped, first, last, calibration_data=[batch], num_iterations=500, learning_rate=1e-2, batch_size=32,
        teacher_forced_inputs=False,
    )
    result = copied(variant)
    values = {tensor.name: tensor for tensor in tuned.graph.initializer}
    for tensor in result.graph.initializer:
        tensor.CopyFrom(values[tensor.name])
    return result


def with_reshape(model):
    model = copied(model)
    for node in model.graph.node:
        if node.op_type == "Flatten":
            node.op_type = "Reshape"
            del node.attribute[:]
            node.input.append("flatten/shape")
            shape = onnx.helper.make_tensor("flatten/shape", onnx.TensorProto.INT64, [2], [0, -1])
            model.graph.initializer.append(shape)
    return model
