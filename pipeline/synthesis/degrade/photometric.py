"""The photometric chain: atmosphere, lens, movement, sensor, codec.

The order is light's own: turbulence bends it, the lens and the exposure spread it, the sensor
samples it coarsely and adds noise, the codec quantises what the sensor read, and the result is
scaled back up. Optics work on linear light; images of heat show theirs without a camera's gamma.
"""

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from pipeline.ops.codec import as_rgb, decode, encode_jpeg
from pipeline.ops.colour import channels_apart
from pipeline.params.degrade import PhotometricParams
from pipeline.types import Float32, UInt8

_GAMMA, _NO_GAMMA = 2.2, 1.0
_LINEAR: dict[float, Float32] = {
    gamma: ((np.arange(256) / 255) ** gamma).astype(np.float32) for gamma in (_GAMMA, _NO_GAMMA)
}
_SMALLEST_PX = 0.05
"""Blur and tilt below this are left out: they would change no pixel."""
_MANY_SCALES = 20
"""In a frame that holds so many of the tilts' lengths their mean is next to nothing."""


@dataclass(frozen=True)
class Degradation:
    """What happens to one image.

    Attributes:
        turbulence_px: root mean square of the air's shifts of the pixels, along each axis.
        turbulence_scale_px: standard deviation of the blur that makes the tilts smooth.
        defocus_px: radius of the lens's disc of confusion.
        motion_px: length of the straight movement during the exposure.
        motion_deg: its direction, [0, 180), clockwise from the right.
        downscale: pixels of the image for each pixel of the sensor, along each axis.
        shot_noise: standard deviation of photon noise at full scale, of full scale.
        read_noise: standard deviation of the sensor's own noise, of full scale.
        jpeg_quality: 1 to 100.
    """

    turbulence_px: float
    turbulence_scale_px: float
    defocus_px: float
    motion_px: float
    motion_deg: float
    downscale: float
    shot_noise: float
    read_noise: float
    jpeg_quality: int

    def columns(self) -> dict[str, float]:
        """Return the values by name, for a row."""
        return asdict(self)


def draw_degradation(ranges: PhotometricParams, rng: np.random.Generator) -> Degradation:
    """Draw what happens to one image."""

    def draw(limits: tuple[float, float]) -> float:
        return float(rng.uniform(*limits))

    return Degradation(
        turbulence_px=draw(ranges.turbulence_px),
        turbulence_scale_px=ranges.turbulence_scale_px,
        defocus_px=draw(ranges.defocus_px),
        motion_px=draw(ranges.motion_px),
        motion_deg=draw((0.0, 180.0)),
        downscale=draw(ranges.downscale),
        shot_noise=draw(ranges.shot_noise),
        read_noise=draw(ranges.read_noise),
        jpeg_quality=int(rng.integers(*ranges.jpeg_quality, endpoint=True)),
    )


def degrade_photometric(
    image: UInt8, degradation: Degradation, rng: np.random.Generator, *, heat: bool = False
) -> UInt8:
    """Degrade an image.

    Args:
        image: uint8 (h, w) or (h, w, 3); one whose channels are alike stays without colours.
        degradation: what happens to it.
        rng: source of the air's tilts and of the sensor's noise.
        heat: whether the image is one of ``HEAT_BANDS``.

    Returns:
        uint8 of the same shape.
    """
    if image.ndim == 3 and not channels_apart(image):  # one sensor's value, stored three times
        grey = np.ascontiguousarray(image[..., 0])
        return as_rgb(degrade_photometric(grey, degradation, rng, heat=heat))
    hw = image.shape[0], image.shape[1]
    gamma = _NO_GAMMA if heat else _GAMMA
    light: Float32 = _LINEAR[gamma][image]
    if degradation.turbulence_px >= _SMALLEST_PX:
        light = _bend(light, degradation, rng)
    if degradation.defocus_px >= _SMALLEST_PX:
        light = _spread(light, disc_kernel(degradation.defocus_px))
    if degradation.motion_px >= _SMALLEST_PX:
        light = _spread(light, line_kernel(degradation.motion_px, degradation.motion_deg))
    sampled_hw = (
        max(1, round(hw[0] / degradation.downscale)),
        max(1, round(hw[1] / degradation.downscale)),
    )
    if sampled_hw != hw:
        sampled = cv2.resize(light, sampled_hw[::-1], interpolation=cv2.INTER_AREA)
        light = np.asarray(sampled, np.float32)
    # A large kernel is applied by its spectrum, which leaves black a little below 0.
    variance = degradation.read_noise**2 + degradation.shot_noise**2 * np.maximum(light, 0.0)
    noise = np.sqrt(variance) * rng.standard_normal(light.shape, dtype=np.float32)
    encoded = np.power(np.clip(light + noise, 0.0, 1.0), np.float32(1 / gamma)) * np.float32(255)
    sensed: UInt8 = np.rint(encoded).astype(np.uint8)
    sensed = decode(encode_jpeg(sensed, degradation.jpeg_quality))
    if sampled_hw != hw:
        sensed = np.asarray(cv2.resize(sensed, hw[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
    return sensed


def disc_kernel(radius_px: float) -> Float32:
    """Return a disc of this radius with a soft rim, float32 (k, k), sum 1."""
    half = int(np.ceil(radius_px)) + 1
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    kernel = np.clip(radius_px + 0.5 - np.hypot(rows, columns), 0.0, 1.0)
    disc: Float32 = (kernel / kernel.sum()).astype(np.float32)
    return disc


def line_kernel(length_px: float, angle_deg: float) -> Float32:
    """Return a straight path of even speed, float32 (k, k), sum 1.

    Args:
        length_px: its length.
        angle_deg: its direction, clockwise from the right as seen.
    """
    half = int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.float64)
    steps = np.linspace(-0.5, 0.5, max(2, 8 * half)) * length_px
    x = half + steps * np.cos(np.radians(angle_deg))
    y = half + steps * np.sin(np.radians(angle_deg))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = (1 - np.abs(x - left - dx)) * (1 - np.abs(y - top - dy))
            np.add.at(kernel, (top + dy, left + dx), weight)
    line: Float32 = (kernel / kernel.sum()).astype(np.float32)
    return line


def _spread(light: Float32, kernel: Float32) -> Float32:
    blurred = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, np.float32)


def _bend(light: Float32, degradation: Degradation, rng: np.random.Generator) -> Float32:
    """Shift each pixel by a smooth random field, as air of uneven density does."""
    height, width = light.shape[:2]
    scale = degradation.turbulence_scale_px
    tilts = rng.standard_normal((height, width, 2), dtype=np.float32)
    smooth = cv2.GaussianBlur(tilts, (0, 0), scale, borderType=cv2.BORDER_REFLECT_101)
    # Else the frame moves as a whole too, and what it moves by counts like any other shift.
    mean = 0.0 if min(height, width) >= _MANY_SCALES * scale else float(np.square(smooth.mean()))
    root_mean_square = float(np.sqrt(np.square(np.std(smooth)) + mean))
    shift = smooth * (degradation.turbulence_px / max(root_mean_square, 1e-12))
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    bent = cv2.remap(
        light,
        (columns + shift[..., 0]).astype(np.float32),
        (rows + shift[..., 1]).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(bent, np.float32)
