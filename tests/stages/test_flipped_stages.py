"""Bits that flip in what stages left: the stages, run again in their order, make it as it was."""

from pathlib import Path

import numpy as np
import skimage.data

from pipeline.ops.codec import encode_png

CHAIN = ("ingest", "detect", "align", "parse", "parts", "attributes", "reconstruct", "masks")
LEARNT = ("train_degrader", "degrade")
TINY = {"crop_px": 32, "generator_channels": 4, "discriminator_channels": 4, "steps": 3}


def files():
    found = (path for path in Path("data/mine").rglob("*") if path.suffix in (".parquet", ".pt"))
    return {path: path.read_bytes() for path in sorted(found)}


def test_a_flip_in_any_file_is_mended_by_the_stage_that_wrote_it(workspace):
    astronaut = skimage.data.astronaut()[:300, 80:400]
    shown = (astronaut, astronaut[:, 4:], astronaut[..., 1], astronaut[4:, :, 1])
    for number, image in enumerate(shown):
        path = Path("images", f"s{number // 2}", f"{number}.png")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_png(np.ascontiguousarray(image)))
    workspace.need("yunet", "face_mesh_468", "bisenet_r18", "sface")
    workspace.edit(
        parse={"precision": "float32"},
        masks={"designs": ["surgical_blue", "kn95_white"]},
        train_degrader=TINY | {"threads": 1},
    )
    workspace.run(*CHAIN, *LEARNT)
    whole = files()
    assert len(whole) > 30
    random = np.random.default_rng(14)
    for path, data in whole.items():
        bit = int(random.integers(8 * len(data)))
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
    workspace.run(*CHAIN, *LEARNT)
    changed = [str(path) for path, data in files().items() if data != whole[path]]
    assert changed == []
    assert files().keys() == whole.keys()
