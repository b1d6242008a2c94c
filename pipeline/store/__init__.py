"""Shards of rows: the one mechanism by which every stage keeps, reuses and resumes its work."""

from pipeline.store.columns import REJECTED, image_columns
from pipeline.store.executors import EXECUTORS, executor_from_environment
from pipeline.store.fingerprint import StageKey, code_sha256
from pipeline.store.listing import LazyRows, Listing
from pipeline.store.mapping import MapSummary, map_shards
from pipeline.store.nearby import is_shard_folder
from pipeline.store.selection import ChosenRows, select
from pipeline.store.shards import ShardFolder, shard_of
from pipeline.store.work import Executor

__all__ = [
    "EXECUTORS",
    "REJECTED",
    "Executor",
    "LazyRows",
    "Listing",
    "MapSummary",
    "ChosenRows",
    "ShardFolder",
    "StageKey",
    "code_sha256",
    "executor_from_environment",
    "image_columns",
    "is_shard_folder",
    "map_shards",
    "select",
    "shard_of",
]
