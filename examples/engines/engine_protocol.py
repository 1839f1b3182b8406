"""The program's side of paring's engine protocol (docs/engines.md): JSON lines on stdin and stdout.

An engine gives three functions to `serve`; everything that it prints itself goes to stderr, because a line
on standard output that is no answer fails the block.
"""
import json
import math
import os
import struct
import sys
import time
import traceback

import numpy as np

PROTOCOL = 1
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
         "I8": "i1", "U8": "u1", "BOOL": "?"}


def read_inputs(path):
    """The arrays of a safetensors file by name: shape [samples, ...]."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    header.pop("__metadata__", None)
    arrays = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        flat = np.frombuffer(body[begin:end], dtype=np.dtype(TYPES[tensor["dtype"]]))
        arrays[name] = flat.reshape(tensor["shape"])
    return arrays


def said(output):
    """An output as the protocol says it: null for an entry that is no finite number."""
    values = np.asarray(output)
    flat = values.astype(np.float64).ravel().tolist()
    return {"shape": list(values.shape), "values": [v if math.isfinite(v) else None for v in flat]}


def serve(engine, version, options, load):
    """Answers requests until the agent says `end` or is gone.

    `load(request, arrays)` loads the model at request["model"] for request["threads"] threads and gives two
    functions: `prepare(arrays of one inference)` -> anything, and `infer(prepared)` -> list of outputs in the
    model's order. Only `infer` is timed.
    """
    # What libraries print to standard output goes to stderr from here on, also from C.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(kind, **fields):
        answers.write(json.dumps({"answer": kind, **fields}) + "\n")
        answers.flush()

    answer("hello", protocol=PROTOCOL, engine=engine, version=version, options=options)
    arrays, prepare, infer, cycle, turn = {}, None, None, [], 0
    clock = time.perf_counter_ns

    def taken(samples):
        return prepare({name: array[samples] for name, array in arrays.items()})

    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["request"] == "end":
                return
            if request["request"] == "load":
                arrays = read_inputs(request["inputs"])
                begun = clock()
                prepare, infer = load(request, arrays)
                load_ns = clock() - begun
                cycle = [taken(samples) for samples in request["batches"]]
                answer("loaded", load_ns=load_ns)
            elif request["request"] == "run":
                samples_ns = []
                for _ in range(request["count"]):
                    turn = (turn + 1) % len(cycle)
                    prepared = cycle[turn]
                    begun = clock()
                    infer(prepared)
                    samples_ns.append(clock() - begun)
                answer("ran", samples_ns=samples_ns)
            elif request["request"] == "answer":
                outputs = infer(taken(request["samples"]))
                answer("answered", outputs=[said(output) for output in outputs])
            else:
                answer("failed", reason=f"unknown request {request['request']}")
        except Exception as error:  # the agent says it to the user
            traceback.print_exc()
            answer("failed", reason=f"{type(error).__name__}: {error}")
