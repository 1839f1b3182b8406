"""LiteRT (TensorFlow Lite) beside tract: `command = ["python3", "litert_engine.py", "--model", "m.tflite"]`
with `variants = ["NAME"]`, because a .tflite file stands for one variant.

Needs ai-edge-litert and numpy. The model is one that you converted yourself: what paring gives is the ONNX
file, which LiteRT does not read. Inputs are matched by name, else by position; `--nhwc` turns inputs with
channels first into channels last, which is how converters lay images out.
"""
import argparse
import os
from importlib.metadata import version

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from engine_protocol import serve


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="the .tflite file")
    parser.add_argument("--nhwc", action="store_true", help="inputs of four axes have their channels last")
    return parser.parse_args()


def quantized(array, detail):
    """An array in the type of a model's input: floats by the input's scale where that is an integer."""
    scale, zero_point = detail["quantization"]
    if scale and np.issubdtype(array.dtype, np.floating) and np.issubdtype(detail["dtype"], np.integer):
        limits = np.iinfo(detail["dtype"])
        array = np.clip(np.round(array / scale) + zero_point, limits.min, limits.max)
    return np.ascontiguousarray(array.astype(detail["dtype"]))


def dequantized(array, detail):
    scale, zero_point = detail["quantization"]
    return (array.astype(np.float32) - zero_point) * scale if scale else array


def loader(options):
    def load(request, arrays):
        interpreter = Interpreter(model_path=options.model, num_threads=request["threads"])
        inputs, batch = interpreter.get_input_details(), len(request["batches"][0])
        by_name = {name for name in arrays}
        exact = all(detail["name"] in by_name for detail in inputs)
        names = [d["name"] if exact else name for d, name in zip(inputs, arrays)]
        for detail in inputs:
            interpreter.resize_tensor_input(detail["index"], [batch, *detail["shape"][1:]])
        interpreter.allocate_tensors()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()

        def prepare(sample):
            prepared = []
            for detail, name in zip(inputs, names):
                array = sample[name]
                if options.nhwc and array.ndim == 4:
                    array = array.transpose(0, 2, 3, 1)
                prepared.append((detail["index"], quantized(array, detail)))
            return prepared

        class Outputs:
            """Outputs of the last inference, which are copied only when somebody looks at them."""

            def __iter__(self):
                return (dequantized(interpreter.get_tensor(d["index"]), d) for d in outputs)

        def infer(prepared):
            for index, array in prepared:
                interpreter.set_tensor(index, array)
            interpreter.invoke()
            return Outputs()

        return prepare, infer

    return load


def main():
    options = arguments()
    said = os.path.basename(options.model) + (" nhwc" if options.nhwc else "")
    serve("litert", version("ai-edge-litert"), said, loader(options))


main()
