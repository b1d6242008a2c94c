"""People in an image."""

from dataclasses import dataclass
from pathlib import Path

from crossband import networks
from crossband.images import Image, open
from pipeline.bodies.crops import crop_body
from pipeline.types import Float32, UInt8


@dataclass(frozen=True)
class Body:
    """A person in an image.

    Attributes:
        image: where it is.
        box_xyxy: float32 (4,), pixels of the image.
        score: of the detector, 0 to 1.
        keypoints_xy: float32 (17, 2) in COCO's order, or None where the network has none.
        keypoint_scores: float32 (17,), or None.
    """

    image: Image
    box_xyxy: Float32
    score: float
    keypoints_xy: Float32 | None
    keypoint_scores: Float32 | None

    def crop(self) -> UInt8:
        """Cut the person out, as ``crop_bodies`` does with the params that ship.

        Returns:
            uint8 (h, w, 3), of a grey image (h, w); ``height_px`` and ``width_px`` of the params.
        """
        params = networks.default_params().crop_bodies
        cut = crop_body(
            self.image.pixels,
            self.box_xyxy,
            (params.height_px, params.width_px),
            policy=params.policy,
            margin_fraction=params.margin_fraction,
            interpolation=params.interpolation,
        )
        return cut.image


def bodies(image: Image | str | Path | UInt8) -> list[Body]:
    """Find people.

    Args:
        image: of ``open``, or what it takes.

    Returns:
        Those the detector finds, the surest first; an empty list where there is nobody.

    Raises:
        ReaderError: see ``open``.
    """
    shown = image if isinstance(image, Image) else open(image)
    (outcome,) = networks.detect_bodies()([shown.row])
    found = networks.only_row(outcome)["bodies"]
    made = [
        Body(
            shown,
            each["box_xyxy"],
            float(each["score"]),
            each["keypoints_xy"],
            each["keypoint_scores"],
        )
        for each in found
    ]
    return sorted(made, key=lambda body: -body.score)
