"""Trains a graph of distillation with ONNX Runtime's training: Adam, cosine schedule, inputs mixed, moved
and made noisy as paring does by default, the teacher asked about the same inputs.

Usage: train_with_onnxruntime.py FOLDER SEED SAMPLES
Reads training.onnx, teacher.onnx and inputs.npz in the folder, writes weights.npz.
"""

import importlib.machinery
import sys
from pathlib import Path
from unittest.mock import MagicMock

# The package imports PyTorch for optimizers of PyTorch's modules, which are not used here.
torch = MagicMock(__version__="2.0.0", __spec__=importlib.machinery.ModuleSpec("torch", None))
torch.optim.Optimizer = object
sys.modules.update({"torch": torch, "torch.optim": torch.optim})

import numpy
import onnx
import onnxruntime
from onnxruntime.training import artifacts
from onnxruntime.training.api import CheckpointState, Module, Optimizer

from distillation_graph import CONSTANTS, softened

BATCH, RATE, WARM_UP = 32, 1e-3, 0.05


def batches(inputs, samples, seed):
    """Half of the samples mixed with another, all moved by at most two frames and made noisy."""
    rng = numpy.random.default_rng(seed)
    spread = inputs.std()
    for _ in range(samples // BATCH):
        own, other = rng.choice(len(inputs), BATCH, replace=False), rng.choice(len(inputs), BATCH)
        share = numpy.where(rng.random(BATCH) < 0.5, rng.random(BATCH), 1.0)
        share = share.reshape(-1, *[1] * (inputs.ndim - 1)).astype(numpy.float32)
        mixed = share * inputs[own] + (1 - share) * inputs[other]
        for sample in mixed:
            sample[:] = moved(sample, rng.integers(-2, 3), axis=1)
        yield mixed + rng.normal(0, 0.1 * spread, mixed.shape).astype(numpy.float32)


def moved(sample, by, axis):
    """Moved along an axis, the edge repeated."""
    places = numpy.clip(numpy.arange(sample.shape[axis]) - by, 0, sample.shape[axis] - 1)
    return numpy.take(sample, places, axis)


def main(folder, seed, samples):
    folder, seed, samples = Path(folder), int(seed), int(samples)
    inputs = numpy.load(folder / "inputs.npz")["inputs"]
    graph = onnx.load(folder / "training.onnx")
    floats = [t.name for t in graph.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    weights = [name for name in floats if name not in CONSTANTS]
    artifacts.generate_artifacts(
        graph, requires_grad=weights, frozen_params=CONSTANTS, optimizer=artifacts.OptimType.AdamW,
        artifact_directory=str(folder),
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    state = CheckpointState.load_checkpoint(str(folder / "checkpoint"))
    module = Module(str(folder / "training_model.onnx"), state, session_options=options)
    optimizer = Optimizer(str(folder / "optimizer_model.onnx"), module)
    teacher = onnxruntime.InferenceSession(str(folder / "teacher.onnx"), options, providers=["CPUExecutionProvider"])
    name = teacher.get_inputs()[0].name
    module.train()
    updates = samples // BATCH
    for update, batch in enumerate(batches(inputs, samples, seed)):
        warm = min(1.0, (update + 1) / (WARM_UP * updates))
        optimizer.set_learning_rate(RATE * warm * 0.5 * (1 + numpy.cos(numpy.pi * update / updates)))
        module(batch, softened(teacher.run(None, {name: batch})[0]))
        optimizer.step()
        module.lazy_reset_grad()
    numpy.savez(folder / "weights.npz", **{own: state.parameters[own].data for own in weights})


main(*sys.argv[1:])
