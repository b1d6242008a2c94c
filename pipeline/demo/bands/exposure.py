"""From a scene to its images in the simulated bands: band models, sensors, exposure."""

from collections.abc import Callable, Sequence

from pipeline.demo.bands.emissive import lwir_signal, mwir_signal
from pipeline.demo.bands.planes import Planes, sample_scene
from pipeline.demo.bands.reflective import nir_signal, swir_signal
from pipeline.demo.bands.scene import Scene
from pipeline.demo.bands.sensor import Sensor
from pipeline.demo.bands.traits import SubjectTraits
from pipeline.rng import rng_for
from pipeline.types import Band, Float32, UInt8

BAND_MODELS: dict[Band, Callable[[Planes, SubjectTraits], Float32]] = {
    Band.NIR: nir_signal,
    Band.SWIR: swir_signal,
    Band.MWIR: mwir_signal,
    Band.LWIR: lwir_signal,
}
"""Band models by band."""

SENSORS: dict[Band, Sensor] = {
    Band.NIR: Sensor(800, psf_px=0.5, shot=0.018, read=0.005, column=0.0, shading=0.0),
    Band.SWIR: Sensor(640, psf_px=0.6, shot=0.014, read=0.009, column=0.002, shading=0.0),
    Band.MWIR: Sensor(640, psf_px=0.7, shot=0.0, read=0.006, column=0.0015, shading=0.004),
    Band.LWIR: Sensor(384, psf_px=0.9, shot=0.0, read=0.009, column=0.004, shading=0.008),
}
"""Sensors by band: a silicon camera of 800 columns, an InGaAs and a cooled InSb camera of 640
and an uncooled microbolometer of 384; the figures are typical of such cameras, not of a product."""

FINEST_PX = max(sensor.max_side_px for sensor in SENSORS.values())
"""A scene finer than this (longer side) gains nothing."""


def simulate_bands(
    scene: Scene,
    bands: Sequence[Band],
    traits: SubjectTraits,
    seed: int,
    image_id: str,
    hw: tuple[int, int],
) -> dict[Band, UInt8]:
    """Simulate bands of an image.

    Args:
        scene: the visible image and its materials.
        bands: bands of ``BAND_MODELS``.
        traits: the subject's.
        seed: with ``image_id`` and the band it fixes the sensor's noise.
        image_id: unique name of the image.
        hw: height and width of the results; the scene may be coarser.

    Returns:
        By band uint8 (h, w), grey.
    """
    scene_hw = scene.rgb.shape[0], scene.rgb.shape[1]
    sampled: dict[tuple[int, int], Planes] = {}
    images: dict[Band, UInt8] = {}
    for band in bands:
        sensor = SENSORS[band]
        grid_hw = sensor.grid_hw(scene_hw)
        if grid_hw not in sampled:
            sampled[grid_hw] = sample_scene(scene, grid_hw)
        signal = BAND_MODELS[band](sampled[grid_hw], traits)
        rng = rng_for(seed, f"{image_id}/{band}/noise")
        images[band] = sensor.expose(signal, hw, rng)
    return images
