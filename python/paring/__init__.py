"""Reads what the program ``paring`` writes. The program itself comes with this package, as a script."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("paring")
except PackageNotFoundError:  # used from a checkout, without installing it
    __version__ = "unknown"
