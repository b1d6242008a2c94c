"""What a trained network comes from: people and their images' licences, other networks, the code.

Nothing of a network's file tells licences: they are those of the project's rows and weight files
when it is asked. No date and no name of a person is part of it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import StageError
from pipeline.store.files import data_folder
from pipeline.store.shards import ShardFolder
from pipeline.training.engine.trained import Trained, load_trained, network_path
from pipeline.weights.registry import WeightFile

UNKNOWN = "unknown"
"""Licence of what names none, as exports of rows have it."""
PRETRAINING = "pretraining"
"""The method of a backbone that no method trained further."""
NUMBERS = ("steps", "seed")
"""Params that are told apart from the others."""
TEACHER = "sface"
"""Whose embeddings a pretraining of faces learns from, by its name in ``weights.yaml``."""
_STARTS = {
    "train_nir_vis": "pretrain_nir_vis",
    "train_dmfr": "pretrain_nir_vis",
    "train_bodies": "pretrain_bodies",
}
"""Sections whose trainings start from an entry of another one."""
_STAGES = ("align", "attributes", "parts", "crop_bodies")
"""Stages that have rows of single people, with what the images' licences are."""


@dataclass(frozen=True)
class Images:
    """The images of a data set's people who trained a network, as the project has them.

    Attributes:
        subjects: people who were trained on.
        gone: those of them of whom no image is there.
        images: number of images by band, of the bands that were trained on.
        made: number of them that a program made.
        licences: number of them by licence.
    """

    subjects: int
    gone: int
    images: Mapping[str, int]
    made: int
    licences: Mapping[str, int]


@dataclass(frozen=True)
class Behind:
    """A network that another one was made from.

    Attributes:
        name: as ``weights.yaml`` has it, or what else tells which one it is.
        role: ``teacher`` or ``start``.
        licence: of its file.
        commercial: whether that, and the terms of its training data, permit commercial use; None
            where nobody knows.
    """

    name: str
    role: str
    licence: str = UNKNOWN
    commercial: bool | None = None


@dataclass(frozen=True)
class Origin:
    """What a network comes from.

    Attributes:
        images: by data set.
        networks: those that it was made from.
        synthesis: what made further images of these, that were trained on, too.
        revision: git revision of the project that exports it, None outside of a repository.
        crossband: version of the program that does.
    """

    images: Mapping[str, Images] = field(default_factory=dict)
    networks: Sequence[Behind] = ()
    synthesis: Sequence[str] = ()
    revision: str | None = None
    crossband: str | None = None

    @property
    def licences(self) -> list[str]:
        """All licences that apply, each once."""
        found = {name for of in self.images.values() for name in of.licences}
        if any(of.gone for of in self.images.values()):
            found.add(UNKNOWN)
        return sorted(found | {network.licence for network in self.networks})

    @property
    def made(self) -> str:
        """How many of the images a program made: ``all``, ``some``, ``none`` or ``unknown``."""
        images = sum(sum(of.images.values()) for of in self.images.values())
        made = sum(of.made for of in self.images.values())
        if not images:
            return UNKNOWN
        if 0 < made < images:
            return "some"
        if any(of.gone for of in self.images.values()):
            return UNKNOWN
        return "all" if made else "none"


def origin_of(
    section: str,
    trained: Trained,
    weights: Mapping[str, WeightFile],
    *,
    revision: str | None,
    crossband: str,
) -> Origin:
    """Look up what a network of this project comes from.

    Args:
        section: of ``params.yaml`` that it is an entry of.
        trained: the network.
        weights: of ``weights.yaml``.
        revision: see ``Origin``.
        crossband: likewise.
    """
    trainings = list(_trainings(section, trained))
    people: dict[str, set[str]] = {}
    for subject in trained.subjects:
        dataset, _, name = subject.partition("/")
        people.setdefault(dataset, set()).add(name)
    ran = [params for params in trainings if params and params.get("steps")]
    images = {name: _images(name, known, _bands(ran)) for name, known in sorted(people.items())}
    networks = [each for params in trainings for each in _networks(params, weights)]
    synthesis = sorted({name for params in ran for name in _synthesis(params)})
    return Origin(images, networks, synthesis, revision, crossband)


def described(trained: Trained, origin: Origin) -> dict[str, str]:
    """Return what files of a network say of it, in the same order for the same network."""
    told = {
        "name": trained.name,
        "method": method_of(trained),
        "backbone": trained.backbone,
        "template": trained.template,
        "params": _json(dict(trained.params)),
        "key": trained.key,
        "trained_on": _json({name: asdict(of) for name, of in origin.images.items()}),
        "made_from": _json([asdict(network) for network in origin.networks]),
        "licences": _json(origin.licences),
        "images_made_by_a_program": origin.made,
        "synthesis": _json(list(origin.synthesis)),
    }
    told |= {name: str(trained.params[name]) for name in NUMBERS if name in trained.params}
    program = {"revision": origin.revision, "crossband": origin.crossband}
    told |= {name: value for name, value in program.items() if value is not None}
    return dict(sorted(told.items()))


def method_of(trained: Trained) -> str:
    """Return the method that trained a network."""
    return str(trained.params.get("kind", PRETRAINING))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _trainings(section: str, trained: Trained) -> Iterator[Mapping[str, Any] | None]:
    """Yield the params of a training and of those that it goes on from; None of a lost one."""
    yield trained.params
    if (start := _STARTS.get(section)) is None:
        return
    path = network_path(start, str(trained.params.get("pretrained")))
    yield load_trained(path).params if path.is_file() else None


def _networks(
    params: Mapping[str, Any] | None, weights: Mapping[str, WeightFile]
) -> Iterator[Behind]:
    """Yield what a training was made from, beside images."""
    if params is None:
        yield Behind("a pretrained network that is no longer there", "start")
        return
    if (checkpoint := params.get("checkpoint")) is not None:
        yield Behind(f"a file of sha256 {checkpoint['sha256']}", "start")
    if params.get("steps") and params.get("distil_weight"):
        file = weights.get(TEACHER)
        known = (file.licence, file.commercial) if file else ()
        yield Behind(TEACHER, "teacher", *known)


def _synthesis(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the stage, or the generators, whose images a training takes beside a data set's."""
    if (rows := params.get("second_rows", "parts")) != "parts":
        yield rows
    if "ratio" in params and params["ratio"][1]:
        yield from params["generators"]


def _bands(trainings: Sequence[Mapping[str, Any]]) -> set[str] | None:
    """Return the bands that trainings name, None where one takes all, or none is known."""
    found: set[str] = set()
    for params in trainings:
        if "band" in params:
            found.add(params["band"])
        elif "bands" in params:
            found.update(params["bands"])
        else:
            return None
    return found or None


def _images(dataset: str, people: set[str], bands: set[str] | None) -> Images:
    """Count the images of people, of the first stage that has any of them."""
    for stage in _STAGES:
        try:
            folder = ShardFolder.open(data_folder() / dataset / stage)
        except StageError:
            continue
        rows = folder.table(["subject_id", "band", "simulated", "licence"])
        rows = rows.filter(pc.is_in(rows["subject_id"], pa.array(sorted(people), pa.string())))
        if bands is not None:
            rows = rows.filter(pc.is_in(rows["band"], pa.array(sorted(bands), pa.string())))
        if not len(rows):
            continue
        there = set(rows["subject_id"].to_pylist())
        by_licence = Counter(name or UNKNOWN for name in rows["licence"].to_pylist())
        return Images(
            len(people),
            len(people - there),
            dict(sorted(Counter(rows["band"].to_pylist()).items())),
            sum(map(bool, rows["simulated"].to_pylist())),
            dict(sorted(by_licence.items())),
        )
    return Images(len(people), len(people), {}, 0, {})
