"""FGSM and PGD on a backward graph, in numpy and ONNX Runtime: the accuracy that each leaves.
Usage: attacks.py BACKWARD.onnx MODEL.onnx DATA.npz INPUT OUTPUT STEPS STRENGTH…
Prints JSON: by norm and strength [clean, FGSM, PGD] as counts of right answers. The range is that of the
data; PGD starts from the samples, and a sample counts as mistaken at the first place that is."""
import json
import sys

import numpy
import onnxruntime

backward, model, data, name, output, steps, *strengths = sys.argv[1:]
steps, strengths = int(steps), [float(s) for s in strengths]
options = {"providers": ["CPUExecutionProvider"]}
gradients = onnxruntime.InferenceSession(backward, **options)
answers = onnxruntime.InferenceSession(model, **options)
stored = numpy.load(data)
images, labels = stored[name].astype(numpy.float32), stored["labels"].astype(numpy.int64)
low, high = images.min(), images.max()
span = high - low


def right(sample, label):
    return answers.run([output], {name: sample})[0].argmax(axis=1)[0] == label


def gradient(sample, label):
    fed = {name: sample, f"{output}/labels": numpy.array([label])}
    return gradients.run([f"{name}/gradient"], fed)[0].astype(numpy.float64)


def step(change, slope, norm, strength, length):
    if norm == "linf":
        return numpy.clip(change + length * numpy.sign(slope), -strength, strength)
    size = numpy.sqrt((slope**2).sum())
    change = change + (length * slope / size if size > 0 else 0)
    far = numpy.sqrt((change**2).sum())
    return change * (strength / far) if far > strength else change


def survives(sample, label, norm, strength, steps, length):
    change = numpy.zeros_like(sample, dtype=numpy.float64)
    for place in range(steps + 1):
        moved = numpy.clip(sample + change * span, low, high).astype(numpy.float32)
        if not right(moved, label):
            return False
        if place < steps:
            change = step(change, gradient(moved, label) * span, norm, strength, length)
            change = numpy.clip(change, (low - sample) / span, (high - sample) / span)
    return True


found = {}
for norm in ("linf", "l2"):
    for strength in strengths:
        counts = [0, 0, 0]
        for at, label in enumerate(labels):
            sample = images[at : at + 1]
            counts[0] += bool(right(sample, label))
            counts[1] += survives(sample, label, norm, strength, 1, strength)
            counts[2] += survives(sample, label, norm, strength, steps, 2.5 * strength / steps)
        found[f"{norm} {strength:g}"] = counts
print(json.dumps(found))
