"""Classes that ONNX Runtime predicts: model, .npz and input name in, one JSON list out.

A fourth word, `plain`, has it run the file as it stands, without its own fusions.
"""

import json
import sys

import numpy as np
import onnxruntime as ort

from exact import session

model, data, name = sys.argv[1:4]
options = ort.SessionOptions()
options.log_severity_level = 3
if "plain" in sys.argv[4:]:
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
runs = session(model, options)
samples = np.load(data)[name]
# One at a time: dynamic quantization takes its scale from all that it is given at once.
scores = [runs.run(None, {name: samples[i : i + 1]})[0][0] for i in range(len(samples))]
print(json.dumps(np.argmax(scores, axis=1).tolist()))
