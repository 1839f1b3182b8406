"""Checks of the Python package on a run with the variants `cut` and `sparse`; needs numpy and onnx alone."""
import sys

import numpy
import onnx
from onnx import numpy_helper

import paring

run, original = paring.load_run(sys.argv[1]), onnx.load(sys.argv[2])
assert run.variants == ["baseline", "cut", "sparse"], run.variants


def tensors(model):
    return {own.name: numpy_helper.to_array(own) for own in model.graph.initializer}


whole = tensors(original)
for variant in ("cut", "sparse"):
    made = paring.apply_kept_indices(whole, run, variant)
    expected = tensors(onnx.load(run.model(variant)))
    shortened = 0
    for name, array in expected.items():
        if name not in made:
            continue  # stored shapes
        # Without recovery the variant's weights are the original's, cut.
        numpy.testing.assert_array_equal(made[name], array, err_msg=f"{variant}: {name}")
        shortened += made[name].shape != whole[name].shape
    assert shortened >= 3, shortened
    cut = tensors(paring.apply_kept_indices(original, run, variant))
    assert all(numpy.array_equal(cut[name], made[name]) for name in cut)
zeros = sum(int((array == 0).sum()) for array in made.values())
assert zeros > sum(int((array == 0).sum()) for array in whole.values()), zeros
assert all(numpy.array_equal(whole[name], tensors(original)[name]) for name in whole), "the original is untouched"

for model, error, words in [
    ({}, KeyError, "has no tensor"),
    ({name: array[:1] for name, array in whole.items()}, ValueError, "of the original"),
]:
    try:
        paring.apply_kept_indices(model, run, "cut")
    except error as found:
        assert words in str(found), found
    else:
        raise AssertionError(f"{words}: nothing was raised")
try:
    run.lineage("../cut")
except ValueError:
    pass
else:
    raise AssertionError("a path is no variant")
from paring.run import read_csv  # noqa: E402

rows = read_csv(run.folder / "results.csv") if (run.folder / "results.csv").exists() else {}
print(f"variants {', '.join(run.variants)} cut alike; {len(rows)} columns of results")
