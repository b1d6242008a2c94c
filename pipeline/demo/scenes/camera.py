"""Where a camera sees what: level, at a height above a flat ground."""

from dataclasses import dataclass

from pipeline.types import Band


@dataclass(frozen=True)
class Camera:
    """A camera that looks level over flat ground.

    Attributes:
        width_px, height_px: of the frame.
        focal_px: focal length, pixels.
        above_m: height above the ground.
        horizon_px: row of the horizon; it may lie outside the frame.
        near_m, far_m: between these distances people walk.
    """

    width_px: int
    height_px: int
    focal_px: float
    above_m: float
    horizon_px: float
    near_m: float
    far_m: float

    def scale_at(self, distance_m: float) -> float:
        """Return pixels per metre at a distance."""
        return self.focal_px / distance_m

    def ground_xy(self, across_m: float, distance_m: float) -> tuple[float, float]:
        """Return where a point of the ground is seen, pixels."""
        scale = self.scale_at(distance_m)
        x = (self.width_px - 1) / 2 + across_m * scale
        return x, self.horizon_px + self.above_m * scale


FAR = Camera(960, 540, 43_000.0, 5.2, 70.0, 478.0, 560.0)
"""A visible camera with a long lens, 500 m away."""
NEAR = Camera(640, 512, 4_400.0, 2.7, 42.0, 26.5, 37.0)
"""An infra-red camera, 30 m away."""

CAMERAS = {
    "VIS-500m": (Band.VIS, FAR),
    "SWIR-30m": (Band.SWIR, NEAR),
    "MWIR-30m": (Band.MWIR, NEAR),
    "LWIR-30m": (Band.LWIR, NEAR),
}
"""Band and camera by folder of media, as in IJB-MDF."""
