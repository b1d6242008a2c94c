"""A face, and what the stages make of it."""

from functools import cache

import numpy as np

from crossband import networks
from pipeline.errors import StageError
from pipeline.ops.codec import as_rgb, decode
from pipeline.ops.templates import ALIGNMENT_TEMPLATES
from pipeline.types import FACE_PARTS, HEAT_BANDS, Float32, Row, UInt8

_MOST_JITTER = 3.0
_MOST_DEG = 90.0
"""A head is turned by no more."""


class Face:
    """A face of an image; each method does what a stage does, with the params that ship.

    That is the stage of its name; ``mask`` does what ``masks`` does, ``turn`` ``poses``; ``embed``
    says itself what it does.

    Attributes:
        box_xyxy: float32 (4,), pixels of the image.
        landmarks_xy: float32 (5, 2): eye on the image's left, the other eye, nose tip, mouth
            corners.
        mesh_xyz: float32 (468, 3).
        pose_deg: float32 (3,): yaw, pitch, roll.
        score: of the detector, 0 to 1.
    """

    def __init__(self, row: Row) -> None:
        """Take a row of the stage ``detect`` with one face."""
        (face,) = row["faces"]
        self._row = row
        self.box_xyxy: Float32 = face["box_xyxy"]
        self.landmarks_xy: Float32 = face["landmarks_xy"]
        self.mesh_xyz: Float32 = face["mesh_xyz"]
        self.pose_deg: Float32 = face["pose_deg"]
        self.score = float(face["score"])
        self._aligned, self._parsed = cache(self._align), cache(self._parse)

    def __reduce__(self) -> tuple[type["Face"], tuple[Row]]:
        return Face, (self._row,)  # what was computed of it stays where it was

    def __repr__(self) -> str:
        x0, y0, x1, y1 = self.box_xyxy
        return f"<Face {x1 - x0:.0f}×{y1 - y0:.0f} at ({x0:.0f}, {y0:.0f}), score {self.score:.2f}>"

    def align(self, template: str = "arcface144") -> UInt8:
        """Warp the face into an alignment template.

        Args:
            template: a name of ``pipeline.ops.templates.ALIGNMENT_TEMPLATES``: ``arcface112``,
                ``arcface144``, ``lightcnn144``, ``dmfr137x169`` or ``facexlib512``.

        Returns:
            The crop, of the template's size.

        Raises:
            StageError: no such template; the face is too small or cut by the image's border.
        """
        return decode(self._aligned(template)["image"]["bytes"])

    def parse(self, template: str = "arcface144") -> UInt8:
        """Label each pixel of the aligned crop.

        Returns:
            (h, w), classes of ``pipeline.types.FaceClass``; left and right are the subject's.

        Raises:
            StageError: see ``align``.
        """
        return decode(self._parsed(template)["labels"]["bytes"])

    def parts(self) -> dict[str, UInt8]:
        """Cut out eyes, nose and mouth.

        Returns:
            Crops by name of ``pipeline.types.FACE_PARTS``; what is not found is left out.

        Raises:
            StageError: see ``align``.
        """
        (outcome,) = networks.parts()([self._parsed("arcface144")])
        made = networks.only_row(outcome)
        return {part: decode(made[part]["bytes"]) for part in FACE_PARTS if made.get(part)}

    def mask(
        self,
        design: str = "surgical_blue",
        *,
        fit: str = "proper",
        jitter: float = 0.0,
        seed: int = 0,
        template: str = "arcface144",
    ) -> UInt8:
        """Put a mask on.

        Args:
            design: one that ``crossband mask-design --list`` names.
            fit: ``proper``, ``below_nose`` or ``chin``.
            jitter: 0 exactly in place, 1 as unevenly as people wear them, up to 3.
            seed: of the unevenness.
            template: of the aligned crop.

        Returns:
            The aligned crop, masked; other pixels are those of ``align``.

        Raises:
            ReaderError: no such design.
            StageError: see ``align``; no such fit, another jitter, a negative seed, or the mesh
                does not fit the face.
        """
        from pipeline.synthesis.masks.files import load_design
        from pipeline.synthesis.masks.fit import place
        from pipeline.synthesis.masks.rows import FaceToMask

        if not 0.0 <= jitter <= _MOST_JITTER:
            raise StageError(f"jitter {jitter:g}: expected 0 to {_MOST_JITTER:g}")
        if seed < 0:
            raise StageError(f"seed {seed}: expected 0 or more")
        try:
            chosen = load_design(design, {})
            placement = place(chosen, fit, jitter, np.random.default_rng(seed))
        except ValueError as error:
            raise StageError(str(error)) from error
        (outcome,) = networks.reconstruct()([self._parsed(template)])
        face = FaceToMask.of_row(networks.only_row(outcome))
        return face.mask(chosen, placement, loops=True).crop.image

    def turn(
        self, yaw_deg: float = 0.0, pitch_deg: float = 0.0, *, template: str = "arcface144"
    ) -> UInt8:
        """Turn the head.

        Args:
            yaw_deg: added to its yaw, -90 to 90; positive to the subject's left.
            pitch_deg: added to its pitch, -90 to 90; positive up.
            template: of the aligned crop.

        Returns:
            The aligned crop of the turned face.

        Raises:
            StageError: see ``align``; a wider angle, or the mesh has no extent.
        """
        from pipeline.synthesis.poses.rows import FacePoser

        for name, angle in (("yaw_deg", yaw_deg), ("pitch_deg", pitch_deg)):
            if not abs(angle) <= _MOST_DEG:
                raise StageError(f"{name} {angle:g}: expected -{_MOST_DEG:g} to {_MOST_DEG:g}")
        row = self._parsed(template)
        try:
            made = FacePoser.of_row(row).turned(
                yaw_deg,
                pitch_deg,
                template=ALIGNMENT_TEMPLATES[template],
                network=None,
                jpeg_quality=networks.default_params().poses.context_jpeg_quality,
            )
        except ValueError as error:
            raise StageError(f"the face cannot be turned: {error}") from error
        return decode(made["image"]["bytes"])

    def degrade(self, *, seed: int = 0) -> UInt8:
        """Lower the quality as air, lens, sensor and codec do.

        Args:
            seed: draws how much of each.

        Returns:
            The aligned crop (``arcface144``), degraded.

        Raises:
            StageError: the face is too small or cut by the image's border, or a negative seed.
        """
        from pipeline.synthesis.degrade.frame import frame_of_face
        from pipeline.synthesis.degrade.photometric import degrade_photometric, draw_degradation
        from pipeline.synthesis.degrade.rows import quality_row

        if seed < 0:
            raise StageError(f"seed {seed}: expected 0 or more")
        params = networks.default_params()
        row, rng = self._aligned("arcface144"), np.random.default_rng(seed)
        context, warp = decode(row["context"]["bytes"]), row["context_warp_2x3"]
        frame = frame_of_face(context, warp, row["source_hw"], params.train_degrader.frame_px)
        drawn = draw_degradation(params.degrade.photometric, rng)
        made = degrade_photometric(frame, drawn, rng, heat=row["band"] in HEAT_BANDS)
        quality = params.degrade.context_jpeg_quality
        return decode(quality_row(row, "photometric", frame, made, quality)["image"]["bytes"])

    def embed(self) -> Float32:
        """Embed the face by SFace, from the crop ``arcface112`` of the image itself.

        The stage ``attributes`` does so where ``align.template`` is ``arcface112``. Of other
        templates it has no more than the context crop, so that its embeddings differ a little, by a
        cosine of about 0.99; of faces as small as aligned crops, 0.91 to 0.98.

        Returns:
            float32 (128,); its norm tells the quality, its direction the identity.

        Raises:
            StageError: see ``align``.
        """
        crop = as_rgb(self.align("arcface112"))
        embedding: Float32 = networks.sface().embed(crop[None])[0]
        return embedding

    def similarity(self, other: "Face") -> float:
        """Compare with another face: the cosine of both embeddings.

        Returns:
            -1 to 1, higher for one person. No threshold holds for all images: OpenCV publishes for
            SFace 0.36 on LFW, 0.28 across ages and 0.21 across poses, all in visible light. For
            other bands an evaluation on images like yours tells it.

        Raises:
            StageError: see ``align``, of either face.

        Reference:
            OpenCV, DNN-based face detection and recognition, the table of its models.
        """
        one, two = self.embed(), other.embed()
        return float(one @ two / (np.linalg.norm(one) * np.linalg.norm(two)))

    def _align(self, template: str) -> Row:
        from pipeline.alignment.rows import align_rows

        if template not in ALIGNMENT_TEMPLATES:
            raise StageError(f"template {template!r} is none of {sorted(ALIGNMENT_TEMPLATES)}")
        params = networks.default_params().align.model_copy(update={"template": template})
        (outcome,) = align_rows(params)([self._row])
        return networks.only_row(outcome)

    def _parse(self, template: str) -> Row:
        aligned = self._aligned(template)  # knows whether there is such a template
        (outcome,) = networks.parse(template)([aligned])
        return networks.only_row(outcome)
