"""Largest relative differences of pairs of models in ONNX Runtime.

A folder with NAME.masked.onnx and NAME.sliced.onnx in, one JSON object by name out. Inputs are
seeded; symbolic dimensions are 1 for the batch and 8 elsewhere.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime as ort

options = ort.SessionOptions()
options.log_severity_level = 3


def load(path):
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(session):
    rng = np.random.default_rng(1)
    arrays = {}
    for wanted in session.get_inputs():
        sizes = enumerate(wanted.shape)
        shape = [d if isinstance(d, int) else (1 if axis == 0 else 8) for axis, d in sizes]
        if "float" in wanted.type:
            arrays[wanted.name] = rng.normal(size=shape).astype(np.float32)
        else:
            arrays[wanted.name] = rng.integers(0, 2, size=shape).astype(np.int64)
    return arrays


found = {}
for masked in sorted(pathlib.Path(sys.argv[1]).glob("*.masked.onnx")):
    name = masked.name.removesuffix(".masked.onnx")
    session = load(masked)
    inputs = feed(session)
    expected = session.run(None, inputs)
    given = load(masked.with_name(f"{name}.sliced.onnx")).run(None, inputs)
    largest = max(max(float(np.abs(e).max()) for e in expected), 1e-6)
    differences = [float(np.abs(e - g).max()) for e, g in zip(expected, given)]
    found[name] = max(differences) / largest
print(json.dumps(found))
