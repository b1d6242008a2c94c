"""From a photograph to its simulated infra-red bands."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.demo.bands.appearance import Appearance
from pipeline.demo.bands.exposure import BAND_MODELS, FINEST_PX, simulate_bands
from pipeline.demo.bands.materials import Look, MaterialEstimator
from pipeline.demo.bands.traits import SubjectTraits, draw_traits
from pipeline.ops.reduction import reduce_to
from pipeline.types import Band, UInt8


class BandSimulator:
    """Simulates infra-red versions of photographs of one person each.

    Results depend on the image, the seed, the subject and the image's name only: a subject's
    vessels, temperatures and reflectances are the same in each of its images, a sensor's noise is
    new in each.

    Args:
        weights: the files of ``materials.WEIGHTS``, already verified.
        bands: which bands to make; VIS is the image itself and is ignored.
        seed: of traits and noise.

    Raises:
        WeightsError: a weight file is missing or holds another network.
    """

    def __init__(
        self, weights: Mapping[str, Path], *, bands: Sequence[Band] = tuple(Band), seed: int = 0
    ) -> None:
        self._estimator = MaterialEstimator(weights)
        self._bands = tuple(band for band in bands if band in BAND_MODELS)
        self._seed = seed
        self._traits: dict[str, SubjectTraits] = {}

    def look(self, rgb: UInt8) -> Look:
        """Look at an image once, for both its colours and its bands."""
        return self._estimator.look(reduce_to(rgb, FINEST_PX))

    def appearance(self, look: Look) -> Appearance:
        """Learn a person's colours from an image with a face, for others of the same session."""
        return self._estimator.learn(look)

    def simulate(
        self,
        rgb: UInt8,
        subject_id: str,
        image_id: str,
        appearance: Appearance | None = None,
        look: Look | None = None,
    ) -> dict[Band, UInt8]:
        """Simulate an image's bands.

        Args:
            rgb: uint8 (h, w, 3).
            subject_id: whose traits to use.
            image_id: unique name of the image.
            appearance: of the session; needed where no face is seen, helpful elsewhere.
            look: of this image, where it is at hand.

        Returns:
            uint8 (h, w) by band, in the order that the simulator was given.
        """
        look = look or self.look(rgb)
        scene = self._estimator.scene(look, self._estimator.learn(look, appearance))
        if subject_id not in self._traits:
            self._traits[subject_id] = draw_traits(self._seed, subject_id)
        traits = self._traits[subject_id]
        hw = rgb.shape[0], rgb.shape[1]
        return simulate_bands(scene, self._bands, traits, self._seed, image_id, hw)
