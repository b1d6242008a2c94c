"""Imports ultralytics without its downloads, telemetry, installations, settings file and patches.

It decides all of this once, when it is imported, from the environment. Its import also puts its
own functions in the place of ``PIL.Image.open``, which then installs a package when it meets what
is no image, and of ``torch.save``; both are put back. Only parts below its
engine are used here (network loading, letterbox, NMS, trackers): callbacks such as the one that
writes into ``dvc.yaml`` are the engine's and never run.
"""

import importlib
import os
from functools import cache
from types import ModuleType

from PIL import Image

from pipeline.scratch import ScratchFolder

_QUIET = {
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    # Checkpoints are unpickled against a list of known classes, on top of the sha256.
    "ULTRALYTICS_SAFE_LOAD": "1",
}
_MODULES = (
    "ultralytics.utils",
    "ultralytics.data.augment",
    "ultralytics.data.utils",
    "ultralytics.engine.results",
    "ultralytics.nn.backends",
    "ultralytics.nn.tasks",
    "ultralytics.trackers.bot_sort",
    "ultralytics.trackers.byte_tracker",
    "ultralytics.utils.nms",
    "ultralytics.utils.ops",
)


@cache
def ultralytics_module(name: str) -> ModuleType:
    """Import a module of ultralytics.

    Args:
        name: dotted, with ``ultralytics`` in front; one of those that crossband uses.
    """
    if name not in _MODULES:
        raise ValueError(f"{name} is none of {list(_MODULES)}")
    import torch  # a second and a half: whoever labels without tracks never asks for ultralytics

    before = {key: os.environ.get(key) for key in (*_QUIET, "YOLO_CONFIG_DIR")}
    image_open, torch_save = Image.open, torch.save
    with ScratchFolder() as config:
        os.environ.update(_QUIET, YOLO_CONFIG_DIR=config)
        try:
            return importlib.import_module(name)
        finally:
            Image.open, torch.save = image_open, torch_save
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value
