"""Reads what the program ``paring`` writes. The program itself comes with this package, as a script.

>>> import paring
>>> run = paring.load_run("run")                                # doctest: +SKIP
>>> run.results[["variant", "target", "latency_p50_ns"]]        # doctest: +SKIP
>>> state = paring.apply_kept_indices(model.state_dict(), run, "pruned")   # doctest: +SKIP

``load_run`` and ``apply_kept_indices`` need numpy; frames need pandas, and predictions pyarrow besides.
"""

from importlib.metadata import PackageNotFoundError, version

from .kept_indices import apply_kept_indices, read_safetensors
from .run import Run, load_run

try:
    __version__ = version("paring")
except PackageNotFoundError:  # used from a checkout, without installing it
    __version__ = "unknown"

__all__ = ["Run", "apply_kept_indices", "load_run", "read_safetensors"]
