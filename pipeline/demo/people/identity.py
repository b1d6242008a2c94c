"""Who a procedural person is: shape, skin, hair, eyes, clothes; drawn by a seed and a name."""

from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from pipeline.demo.people.anny import macro_weights
from pipeline.rng import rng_for
from pipeline.types import Float32

SIDED, WHOLE = True, False
_SPREAD = 0.5
"""Scale of the deviations below: beyond 0.6 faces turn to caricatures."""

# (name, what stands for −1 and for +1, standard deviation, whether it exists for l and r).
_AXES: tuple[tuple[str, str, str, float, bool], ...] = (
    *(("head/head-" + n, lo, hi, sd, WHOLE) for n, lo, hi, sd in (
        ("fat", "decr", "incr", 0.45), ("scale-depth", "decr", "incr", 0.35),
        ("scale-horiz", "decr", "incr", 0.45), ("scale-vert", "decr", "incr", 0.12),
        ("back-scale-depth", "decr", "incr", 0.4), ("angle", "in", "out", 0.35))),
    *(("forehead/forehead-" + n, lo, hi, sd, WHOLE) for n, lo, hi, sd in (
        ("nubian", "decr", "incr", 0.4), ("scale-vert", "decr", "incr", 0.2),
        ("temple", "decr", "incr", 0.5), ("trans", "backward", "forward", 0.45))),
    *(("chin/chin-" + n, "decr", "incr", sd, WHOLE) for n, sd in (
        ("bones", 0.5), ("cleft", 0.35), ("height", 0.5), ("jaw-drop", 0.45),
        ("prognathism", 0.4), ("prominent", 0.5), ("width", 0.5))),
    *(("nose/nose-" + n, lo, hi, sd, WHOLE) for n, lo, hi, sd in (
        ("base", "down", "up", 0.3), ("compression", "compress", "uncompress", 0.35),
        ("curve", "concave", "convex", 0.55), ("flaring", "decr", "incr", 0.5),
        ("greek", "decr", "incr", 0.45), ("hump", "decr", "incr", 0.55),
        ("nostrils-angle", "down", "up", 0.45), ("nostrils-width", "decr", "incr", 0.45),
        ("point", "down", "up", 0.35), ("point-width", "decr", "incr", 0.5),
        ("scale-depth", "decr", "incr", 0.35), ("scale-horiz", "decr", "incr", 0.5),
        ("scale-vert", "decr", "incr", 0.3), ("septumangle", "decr", "incr", 0.4),
        ("trans", "backward", "forward", 0.2), ("trans", "down", "up", 0.2),
        ("volume", "decr", "incr", 0.4), ("width1", "decr", "incr", 0.5),
        ("width2", "decr", "incr", 0.5), ("width3", "decr", "incr", 0.5))),
    *(("mouth/mouth-" + n, lo, hi, sd, WHOLE) for n, lo, hi, sd in (
        ("angles", "down", "up", 0.35), ("cupidsbow", "decr", "incr", 0.5),
        ("cupidsbow-width", "decr", "incr", 0.5), ("lowerlip-ext", "down", "up", 0.3),
        ("lowerlip-height", "decr", "incr", 0.5), ("lowerlip-volume", "decr", "incr", 0.55),
        ("lowerlip-width", "decr", "incr", 0.4), ("philtrum-volume", "decr", "incr", 0.5),
        ("scale-depth", "decr", "incr", 0.4), ("scale-horiz", "decr", "incr", 0.35),
        ("scale-vert", "decr", "incr", 0.4), ("trans", "backward", "forward", 0.2),
        ("trans", "down", "up", 0.25),
        ("upperlip-height", "decr", "incr", 0.5), ("upperlip-volume", "decr", "incr", 0.55),
        ("upperlip-width", "decr", "incr", 0.4), ("laugh-lines", "in", "out", 0.4))),
    *(("eyebrows/eyebrows-" + n, lo, hi, sd, WHOLE) for n, lo, hi, sd in (
        ("angle", "down", "up", 0.5), ("trans", "backward", "forward", 0.45))),
    ("eyebrows/eyebrows-trans", "down", "up", 0.4, WHOLE),
    *(("neck/neck-" + n, "decr", "incr", 0.35, WHOLE) for n in (
        "scale-horiz", "scale-depth", "scale-vert", "double")),
    *(("cheek/cheek-" + n, lo, hi, sd, SIDED) for n, lo, hi, sd in (
        ("bones", "decr", "incr", 0.55), ("inner", "decr", "incr", 0.5),
        ("trans", "down", "up", 0.4), ("volume", "decr", "incr", 0.5))),
    *(("eyes/eye-" + n, lo, hi, sd, SIDED) for n, lo, hi, sd in (
        ("bag", "decr", "incr", 0.4), ("corner1", "down", "up", 0.45),
        ("corner2", "down", "up", 0.45), ("epicanthus", "in", "out", 0.5),
        ("eyefold", "down", "up", 0.4), ("eyefold-angle", "down", "up", 0.4),
        ("height1", "decr", "incr", 0.4), ("height2", "decr", "incr", 0.35),
        ("height3", "decr", "incr", 0.4), ("push1", "in", "out", 0.4),
        ("push2", "in", "out", 0.4), ("scale", "decr", "incr", 0.45))),
    ("eyes/eye-trans", "down", "up", 0.4, SIDED),
    ("eyes/eye-trans", "in", "out", 0.45, SIDED),
    *(("ears/ear-" + n, lo, hi, sd, SIDED) for n, lo, hi, sd in (
        ("flap", "decr", "incr", 0.4), ("lobe", "decr", "incr", 0.5),
        ("rot", "backward", "forward", 0.35), ("scale", "decr", "incr", 0.4),
        ("scale-vert", "decr", "incr", 0.4), ("wing", "decr", "incr", 0.45))),
)  # fmt: skip
_MEANS = {
    ("mouth/mouth-trans", "backward"): -0.55, ("mouth/mouth-scale-depth", "decr"): 0.7,
    ("mouth/mouth-scale-horiz", "decr"): 0.75, ("mouth/mouth-scale-vert", "decr"): 0.25,
    ("mouth/mouth-upperlip-width", "decr"): 0.25, ("mouth/mouth-lowerlip-height", "decr"): 0.15,
    ("mouth/mouth-angles", "down"): 0.1,
    ("nose/nose-trans", "backward"): 0.5, ("nose/nose-scale-depth", "decr"): 0.35,
    ("nose/nose-curve", "concave"): 0.35, ("nose/nose-scale-horiz", "decr"): 0.2,
    ("nose/nose-point", "down"): 0.2, ("nose/nose-width3", "decr"): 0.2,
    ("nose/nose-greek", "decr"): 0.15,
    ("head/head-scale-vert", "decr"): 0.55, ("head/head-scale-horiz", "decr"): 0.35,
    ("eyes/eye-trans", "down"): -0.3, ("eyes/eye-trans", "in"): 0.25,
    ("eyes/eye-height3", "decr"): 0.3,
    ("chin/chin-prominent", "decr"): -0.2, ("chin/chin-prognathism", "decr"): 0.15,
    ("chin/chin-height", "decr"): 0.25, ("eyes/eye-bag", "decr"): 0.3,
    ("forehead/forehead-trans", "backward"): 0.3, ("cheek/cheek-volume", "decr"): 0.2,
    ("neck/neck-scale-vert", "decr"): 0.35,
}  # fmt: skip
"""Where the mesh's mean face differs from people's, whom the canonical face and the mesh network's
points on photographs stand for: its mouth is narrow, flat and too far in front, its nose short."""
_OUTLINES = (
    "diamond",
    "invertedtriangular",
    "oval",
    "rectangular",
    "round",
    "square",
    "triangular",
)
_ASYMMETRIES = tuple(
    f"asym/asym-{part}-{number}"
    for part, count in (
        ("brown", 2),
        ("cheek", 2),
        ("eye", 8),
        ("jaw", 3),
        ("mouth", 2),
        ("nose", 4),
    )
    for number in range(1, count + 1)
)


@dataclass(frozen=True)
class Skin:
    """Colour and detail of skin; all in [0, 1] but ``seed``."""

    melanin: float
    blood: float
    mottle: float
    freckles: float
    pores: float
    gloss: float
    lips: float
    stubble: float
    beard: float
    wrinkles: float
    moles: int
    seed: int


@dataclass(frozen=True)
class Hair:
    """A hair style: see ``pipeline.demo.people.hair``."""

    style: str
    melanin: float
    red: float
    grey: float
    volume: float
    wave: float
    hairline: float
    parting: float
    brow_thick: float
    brow_arch: float
    brow_dark: float
    seed: int


@dataclass(frozen=True)
class Identity:
    """A procedural person.

    Attributes:
        subject_id: its name.
        macros: the values of ``macro_weights``.
        shape: strengths of detail targets by name.
        skin, hair: see there.
        iris: hue class and depth of the iris: 0 dark brown, 1 pale blue.
        iris_green: 0 to 1, towards green and hazel.
        garment: ``crew``, ``scoop``, ``vee`` or ``turtle``.
        glasses: form of the spectacles that this person owns, a number in [0, 1].
        mirrored: left and right are exchanged in all textures.
    """

    subject_id: str
    macros: dict[str, float]
    shape: dict[str, float]
    skin: Skin
    hair: Hair
    iris: float
    iris_green: float
    glasses: float
    mirrored: bool = False

    @property
    def strengths(self) -> dict[str, float]:
        """All targets' strengths."""
        return macro_weights(**self.macros) | self.shape

    @property
    def vector(self) -> Float32:
        """The parameters as numbers, in one order for all identities: float32 (n,)."""
        values = [self.macros[name] for name in sorted(self.macros)]
        values += [self.shape.get(name, 0.0) for name in _target_names()]
        for part in (self.skin, self.hair):
            known: dict[str, Any] = asdict(part)
            values += [float(v) for k, v in sorted(known.items()) if k not in ("seed", "style")]
        return np.array([*values, self.iris, self.iris_green, self.glasses], np.float32)

    def mirror(self) -> "Identity":
        """Return the person as a mirror shows it."""
        shape = {_other_side(name): value for name, value in self.shape.items()}
        hair = replace(self.hair, parting=-self.hair.parting)
        return replace(self, shape=shape, hair=hair, mirrored=not self.mirrored)


def draw_identity(seed: int, subject_id: str) -> Identity:
    """Draw a person; equal arguments give an equal person, whoever else there is."""
    rng = rng_for(seed, f"{subject_id}/identity")
    male = float(rng.random() < 0.5)
    ancestry = rng.dirichlet((0.35, 0.35, 0.35))
    age_years = float(np.clip(rng.gamma(4.0, 6.0) + 17.0, 18.0, 78.0))
    macros = {
        "male": float(np.clip(male + (0.5 - male) * 0.3 * rng.random(), 0.0, 1.0)),
        "age": float(np.interp(age_years, (18, 25, 78), (0.42, 0.5, 0.95))),
        "muscle": float(np.clip(rng.normal(0.5, 0.18), 0.0, 1.0)),
        "weight": float(np.clip(rng.normal(0.55, 0.2), 0.1, 1.0)),
        "height": 0.5,
        "proportions": float(np.clip(rng.normal(0.6, 0.2), 0.0, 1.0)),
        **{k: float(v) for k, v in zip(("african", "asian", "caucasian"), ancestry, strict=True)},
    }
    shape = _draw_shape(rng)
    african, asian, caucasian = (macros[k] for k in ("african", "asian", "caucasian"))
    melanin = 0.80 * african + 0.24 * asian + 0.12 * caucasian + rng.normal(0.0, 0.09)
    old = float(np.clip((age_years - 32) / 40, 0.0, 1.0))
    fair = caucasian * (1.0 - african)
    skin = Skin(
        melanin=float(np.clip(melanin, 0.03, 0.95)),
        blood=float(np.clip(rng.normal(0.5, 0.2), 0.0, 1.0)),
        mottle=float(rng.uniform(0.3, 1.0)),
        freckles=float(np.clip(rng.normal(0.6 * fair - 0.15, 0.35), 0.0, 1.0)),
        pores=float(rng.uniform(0.3, 1.0)),
        gloss=float(rng.uniform(0.2, 0.9)),
        lips=float(np.clip(rng.normal(0.45 + 0.25 * (1 - male), 0.2), 0.1, 1.0)),
        stubble=male * float(np.clip(rng.normal(0.35, 0.3), 0.0, 1.0)),
        beard=male * float(rng.random() < 0.22) * float(rng.uniform(0.6, 1.0)),
        wrinkles=old * float(rng.uniform(0.6, 1.0)),
        moles=int(rng.poisson(2.2)),
        seed=int(rng.integers(2**31)),
    )
    hair = _draw_hair(rng, male > 0.5, african, fair, old)
    blue = float(np.clip(rng.normal(0.75 * fair - 0.05, 0.25), 0.0, 1.0))
    return Identity(
        subject_id=subject_id,
        macros=macros,
        shape=shape,
        skin=skin,
        hair=hair,
        iris=blue,
        iris_green=float(rng.random() * min(1.0, 2.5 * blue)),
        glasses=float(rng.random()),
    )


def _draw_shape(rng: np.random.Generator) -> dict[str, float]:
    shape: dict[str, float] = {}
    for name, low, high, deviation, sided in _AXES:
        mean = _MEANS.get((name, low), 0.0)
        value = float(np.clip(rng.normal(mean, _SPREAD * deviation), -0.9, 0.9))
        both = [value, value]
        if sided:
            both = [float(np.clip(value + rng.normal(0.0, 0.03), -1, 1)) for _ in "lr"]
        folder, _, stem = name.partition("/")
        for side, strength in zip("lr", both, strict=True):
            start = f"{folder}/{side}-{stem}" if sided else name
            shape[f"{start}-{high if strength > 0 else low}"] = abs(strength)
    for name, share in zip(_OUTLINES, rng.dirichlet((0.25,) * len(_OUTLINES)), strict=True):
        shape[f"head/head-{name}"] = float(0.4 * share)
    for name in _ASYMMETRIES:
        strength = float(np.clip(rng.normal(0.0, 0.1), -0.3, 0.3))
        shape[f"{name}-{'l' if strength > 0 else 'r'}"] = abs(strength)
    return shape


def _draw_hair(
    rng: np.random.Generator, male: bool, african: float, fair: float, old: float
) -> Hair:
    styles = (
        {"short": 0.36, "crop": 0.22, "side": 0.18, "bald": 0.08, "afro": 0.06, "swept": 0.1}
        if male
        else {"long": 0.3, "bob": 0.22, "tied": 0.2, "side": 0.06, "afro": 0.07, "fringe": 0.15}
    )
    names, shares = list(styles), np.array(list(styles.values()))
    if african > 0.5:
        shares = shares * np.array(
            [3.0 if name in ("afro", "crop", "tied") else 0.6 for name in names]
        )
    else:
        shares = shares * np.array([0.15 if name == "afro" else 1.0 for name in names])
    pale = float(np.clip(rng.beta(1.2, 1.6), 0, 1)) * fair
    return Hair(
        style=str(rng.choice(names, p=shares / shares.sum())),
        melanin=float(np.clip(1.0 - pale, 0.08, 1.0)),
        red=float(fair * (rng.random() < 0.2) * rng.uniform(0.4, 1.0)),
        grey=float(old**1.5 * rng.random() * 0.9),
        volume=float(rng.uniform(0.2, 1.0)),
        wave=float(np.clip(rng.normal(0.35 + 0.5 * african, 0.25), 0.0, 1.0)),
        hairline=float(np.clip(rng.normal(0.0, 0.4) + (0.6 * old if male else 0.0), -1.0, 1.0)),
        parting=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 1.0)),
        brow_thick=float(np.clip(rng.normal(0.6 if male else 0.4, 0.2), 0.1, 1.0)),
        brow_arch=float(np.clip(rng.normal(0.0, 0.5), -1.0, 1.0)),
        brow_dark=float(rng.uniform(0.75, 1.0)),
        seed=int(rng.integers(2**31)),
    )


@cache
def _target_names() -> tuple[str, ...]:
    names: list[str] = []
    for name, low, high, _, sided in _AXES:
        folder, _, stem = name.partition("/")
        starts = [f"{folder}/{side}-{stem}" for side in "lr"] if sided else [name]
        names += [f"{start}-{end}" for start in starts for end in (low, high)]
    names += [f"head/head-{name}" for name in _OUTLINES]
    names += [f"{name}-{side}" for name in _ASYMMETRIES for side in "lr"]
    return tuple(sorted(names))


def _other_side(name: str) -> str:
    folder, _, stem = name.partition("/")
    for here, there in (("l", "r"), ("r", "l")):
        if stem.startswith(f"{here}-"):
            return f"{folder}/{there}-{stem[2:]}"
        if folder == "asym" and stem.endswith(f"-{here}"):
            return f"{folder}/{stem[:-1]}{there}"
    return name
