"""Images, and the faces found or known in them."""

from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from crossband import networks
from crossband.faces import Face
from pipeline.errors import ReaderError, StageError
from pipeline.ops.boxes import areas, boxes_about
from pipeline.ops.codec import decode_foreign, encode_png
from pipeline.ops.containers import UndecodableError
from pipeline.ops.templates import FIVE_POINT_TEMPLATES
from pipeline.readers.files import read_file
from pipeline.readers.listing import listed_row
from pipeline.schemas.ingest import INGEST
from pipeline.store import image_columns
from pipeline.types import Band, Float32, Rejected, Row, UInt8


class Image:
    """An image in one band.

    Attributes:
        pixels: uint8 (h, w, 3) RGB or (h, w), upright.
        band: of the image.
    """

    def __init__(self, pixels: UInt8, band: str = Band.VIS) -> None:
        """Take an array for an image; see ``open`` for files.

        Raises:
            ReaderError: the array is none of an image.
            StageError: no such band.
        """
        grey_or_rgb = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if pixels.dtype != np.uint8 or not grey_or_rgb or not pixels.size:
            raise ReaderError(
                f"expected uint8 of (h, w, 3) or (h, w), found {pixels.dtype} {pixels.shape}; "
                "`open` takes the path of a file as it is, 16 bits and transparency included"
            )
        self.pixels, self.band = pixels, _band_of(band)

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"<Image {width}×{height}, {self.band}>"

    @cached_property
    def row(self) -> Row:
        """The image as the stage ``ingest`` has it."""
        data, hw = encode_png(self.pixels), (self.pixels.shape[0], self.pixels.shape[1])
        known = listed_row("", "library", sample_id="image", band=str(self.band))
        return dict.fromkeys(INGEST.names) | known | image_columns(data, hw, "image.png")

    @cached_property
    def faces(self) -> list[Face]:
        """The faces found in it, the largest first; an empty list where there is none.

        ``rejected`` says why there is none. A crop so tight that none is found, or a face whose
        landmarks are known, is taken by ``face``.
        """
        found = self._detected
        if isinstance(found, Rejected):
            return []
        boxes = np.stack([face["box_xyxy"] for face in found["faces"]])
        order = np.argsort(-areas(boxes), kind="stable")
        return [Face(found | {"faces": [found["faces"][index]]}) for index in order]

    @property
    def rejected(self) -> str | None:
        """Why no face was found, in the words of ``crossband rejected``; None if one was.

        For example ``no_face: yunet found no face with a score of 0.7 or more in it``.
        """
        found = self._detected
        return networks.words_of(found) if isinstance(found, Rejected) else None

    @cached_property
    def _detected(self) -> Row | Rejected:
        ((outcome,),) = networks.detect()([self.row])
        return outcome

    def face(self, landmarks: str | ArrayLike) -> Face:
        """Take a face that is known, without looking for it.

        Args:
            landmarks: (5, 2), pixels of the image, in the order of ``Face.landmarks_xy``; or, of an
                image that is an aligned crop, the name of its alignment template: ``arcface112``,
                ``arcface144`` or ``facexlib512``.

        Returns:
            The face; its box is that of its mesh, its score 1.

        Raises:
            StageError: no such template, the image has another size than its crops, or the
                landmarks are not five points that span a face.
        """
        known = self._landmarks(landmarks)
        box = np.concatenate([known.min(axis=0), known.max(axis=0)])
        row = self.row | {"truth_landmarks_xy": known, "truth_box_xyxy": box}
        (outcome,) = networks.take_known()([row])
        made = networks.only_row(outcome)
        (face,) = made["faces"]
        (face["box_xyxy"],) = boxes_about(face["mesh_xyz"][None])
        return Face(made | {"faces": [face]})

    def _landmarks(self, given: str | ArrayLike) -> Float32:
        hw = self.pixels.shape[:2]
        if isinstance(given, str):
            template = FIVE_POINT_TEMPLATES.get(given)
            if template is None:
                known = [*FIVE_POINT_TEMPLATES]
                raise StageError(f"template {given!r} is none of {known}, which place five points")
            if hw != template.hw:
                raise StageError(
                    f"an image of {hw[1]}×{hw[0]} pixels: expected {template.hw[1]}×"
                    f"{template.hw[0]}, a crop aligned by {given}; give the landmarks themselves"
                )
            return np.array(template.landmarks_xy, np.float32)
        try:
            points = np.asarray(given, np.float32)
        except (TypeError, ValueError):  # text, or lists of several lengths
            points = np.empty(0, np.float32)
        if points.shape != (5, 2) or not np.isfinite(points).all() or not np.ptp(points, 0).all():
            raise StageError(f"landmarks {given}: expected five (x, y) that span a face, finite")
        return points


def open(source: str | Path | UInt8, band: str = "VIS") -> Image:
    """Open an image.

    Args:
        source: a file of any format that the stage ``ingest`` reads, or an array, uint8 (h, w, 3)
            RGB or (h, w).
        band: ``VIS``, ``NIR``, ``SWIR``, ``MWIR`` or ``LWIR``.

    Returns:
        The image, upright, in 8 bits.

    Raises:
        ReaderError: there is no such file, it is no image, or the array or object is none.
        StageError: no such band.
    """
    known = _band_of(band)
    if isinstance(source, np.ndarray):
        return Image(source, known)
    if not isinstance(source, str | PathLike):
        raise ReaderError(
            f"expected a path or an array, found {type(source).__name__}: for a Pillow image "
            'pass `numpy.asarray(image.convert("RGB"))`'
        )
    params = networks.default_params().ingest
    try:
        decoded = decode_foreign(
            read_file(Path(source)),
            max_pixels=int(params.max_megapixels * 1e6),
            tone_percentiles=params.tone_percentiles,
        )
    except OSError as error:
        raise ReaderError(f"{source}: {error.strerror}") from error
    except UndecodableError as error:
        raise ReaderError(f"{source}: {error.reason}: {error}") from error
    return Image(decoded.image, known)


def _band_of(name: str) -> Band:
    if name not in [*Band]:
        raise StageError(f"band {name!r} is none of {[str(each) for each in Band]}")
    return Band(name)
