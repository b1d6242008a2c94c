"""Weight files: which there are, how they come, and that they are the ones their sha256 names."""

from pipeline.weights.fetcher import Fetched, fetch
from pipeline.weights.registry import PackageSource, UrlSource, WeightFile, load_registry
from pipeline.weights.table import status_rows, status_table
from pipeline.weights.verify import verified_file, verified_path

__all__ = [
    "Fetched",
    "PackageSource",
    "UrlSource",
    "WeightFile",
    "fetch",
    "load_registry",
    "status_rows",
    "status_table",
    "verified_file",
    "verified_path",
]
