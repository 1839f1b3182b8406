"""Holds models against ONNX Runtime and, where it is installed, onnx.checker.

A folder with NETWORK.inputs.json, NETWORK.STEP.onnx and NETWORK.STEP.json (the engine's answers, and
the share of their power that may differ) in; a JSON list of faults out.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime as ort

from exact import session

options = ort.SessionOptions()
options.log_severity_level = 4
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
options.intra_op_num_threads = 1


def answers(path, arrays):
    runs = session(path, options, check=True)
    count = len(next(iter(arrays.values())))
    found = []
    for sample in range(count):
        one = {name: array[sample : sample + 1] for name, array in arrays.items()}
        found += [np.asarray(o, np.float64).ravel() for o in runs.run(None, one)]
    return np.concatenate(found)


folder = pathlib.Path(sys.argv[1])
faults = []
inputs = {}
for path in sorted(folder.glob("*.inputs.json")):
    arrays = json.loads(path.read_text())
    inputs[path.name.removesuffix(".inputs.json")] = {
        name: np.array(a["values"], np.float32).reshape(a["shape"]) for name, a in arrays.items()
    }
for path in sorted(folder.glob("*.*.onnx")):
    name = path.name.removesuffix(".onnx")
    said = json.loads(path.with_name(name + ".json").read_text())
    try:
        found = answers(path, inputs[name.split(".")[0]])
    except Exception as error:
        faults.append(f"{name}: {str(error).splitlines()[0][:300]}")
        continue
    expected = np.array(said["answers"], np.float64)
    if found.shape != expected.shape:
        faults.append(f"{name}: {found.shape} answers instead of {expected.shape}")
        continue
    apart = ((found - expected) ** 2).sum() / max((found**2).sum(), 1e-12)
    if not apart <= said["tolerance"]:
        faults.append(f"{name}: differs from the engine by {apart:.1e}, {said['tolerance']:.1e} allowed")
print(json.dumps(faults))
