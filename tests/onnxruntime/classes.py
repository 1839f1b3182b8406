"""Classes that ONNX Runtime predicts: model, .npz and input name in, one JSON list out."""

import json
import sys

import numpy as np
import onnxruntime as ort

model, data, name = sys.argv[1:]
options = ort.SessionOptions()
options.log_severity_level = 3
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
scores = session.run(None, {name: np.load(data)[name]})[0]
print(json.dumps(scores.argmax(axis=1).tolist()))
