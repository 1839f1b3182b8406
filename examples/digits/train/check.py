"""Runs written models in onnxruntime: do they compute what was trained, and the README's figures."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime


def session(path):
    """The model on one thread, so that a check never disturbs what else the machine does."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def agree(path, images, expected):
    """Refuses a file whose probabilities are not those of the network that was trained."""
    (probs,) = session(path).run(None, {"image": images})
    np.testing.assert_allclose(probs, expected, atol=1e-4, err_msg=f"{path} computes something else")


def parameters(model):
    """Trained values, and running statistics of the normalisations."""
    tensors = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and t.dims]
    sizes = {t.name: int(np.prod(t.dims)) for t in tensors}
    running = sum(size for name, size in sizes.items() if name.endswith((".bn.mean", ".bn.var")))
    return sum(sizes.values()) - running, running


def macs(model):
    """Multiply-accumulates of one image in Conv, MatMul and Gemm."""
    graph = model.graph
    shapes = {t.name: list(t.dims) for t in graph.initializer}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        dims = value.type.tensor_type.shape.dim
        shapes[value.name] = [1 if d.dim_param else d.dim_value for d in dims]
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            inner = shapes[node.input[1]][1:]
        elif node.op_type in ("MatMul", "Gemm"):
            inner = shapes[node.input[0]][-1:]
        else:
            continue
        total += int(np.prod(shapes[node.output[0]]) * np.prod(inner))
    return total


def main(folder):
    """Prints one line a model; a batch of one must decide as the whole batch does."""
    arrays = np.load(folder / "digits.npz")
    images, labels = arrays["image"], arrays["labels"]
    for path in sorted(folder.glob("*.onnx")):
        model, run = onnx.load(path), session(path)
        (probs,) = run.run(None, {"image": images})
        single = np.concatenate([run.run(None, {"image": image[None]})[0] for image in images])
        np.testing.assert_allclose(single, probs, atol=1e-5)
        right = int((probs.argmax(1) == labels).sum())
        trained, running = parameters(model)
        print(
            f"{path.name}: {trained} parameters (and {running} running statistics), "
            f"{macs(model)} MACs, {right} of {len(labels)} held-out digits right"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
