"""Images and networks that the tests of bodies share."""

import importlib.util
from pathlib import Path

import cv2
import pytest
import torch

ASSETS = Path(importlib.util.find_spec("ultralytics").origin).parent / "assets"


@pytest.fixture(scope="session")
def bus():
    """ultralytics' image of four people before a bus, RGB."""
    return cv2.cvtColor(cv2.imread(str(ASSETS / "bus.jpg")), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def one_thread():
    """As in a worker; torch's own number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
