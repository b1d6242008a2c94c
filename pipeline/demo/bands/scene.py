"""What a band model has to know about an image: which material each pixel shows, and where."""

from dataclasses import dataclass

from pipeline.types import Float32, UInt8


@dataclass(frozen=True)
class Scene:
    """A visible image with its material maps.

    The maps are soft, in [0, 1], float32 (h, w), and sum to 1 in each pixel.

    Attributes:
        rgb: the visible image, uint8 (h, w, 3).
        skin: bare skin: face, ears, neck, limbs.
        hair: hair of head and beard.
        brows: eyebrows.
        lips: lips, tongue and the inside of the mouth.
        eyes: what is seen between the lids.
        glasses: lenses and rims.
        cloth: clothes, hats, shoes, jewellery.
        background: everything that is no person.
        face_uv: float32 (h, w, 2), coordinates in the canonical face's texture, in [0, 1], v down;
            NaN off the face. None where no face is seen.
        head_xyxy: box of the head's visible face, pixels, float; None where it is not known.
        relief: float32 (h, w) in [-1, 1], what a surface's form does to its heat: hollows, which
            see warm skin, are above 0; edges seen at a grazing angle, which emit less, below.
            None where only the image's lightness tells of form.
    """

    rgb: UInt8
    skin: Float32
    hair: Float32
    brows: Float32
    lips: Float32
    eyes: Float32
    glasses: Float32
    cloth: Float32
    background: Float32
    face_uv: Float32 | None = None
    head_xyxy: tuple[float, float, float, float] | None = None
    relief: Float32 | None = None


MATERIALS = ("skin", "hair", "brows", "lips", "eyes", "glasses", "cloth", "background")
"""Names of the material maps, in one order."""
