"""Replicas: small generated copies of data sets in their official layouts, for tests of readers.

Each function is named after a reader and writes, below a root, files and lists as the real data set
has them: names, separators, line ends, odd extensions and all. Images are 8 × 8 pixels of noise,
the same in each run. Docstrings say how much of what there is, so that tests can count exactly.
Nothing but tests imports this package.
"""

from pipeline.testing.ijb import ijb_insightface, ijba, ijbb, ijbc
from pipeline.testing.nir_vis import buaa_visnir, casia_nir_vis2, lamp_hq, oulu_casia_nirvis, tufts
from pipeline.testing.packs import bin_packs
from pipeline.testing.pairs import cfp, lfw, megaface, ytf
from pipeline.testing.recordio import recordio
from pipeline.testing.reid import llcm, regdb, sysu_mm01
from pipeline.testing.thermal import arl_vtf, mcxface, sf_tl54, speaking_faces, tfw, tufts_lists

__all__ = [
    "arl_vtf",
    "bin_packs",
    "buaa_visnir",
    "casia_nir_vis2",
    "cfp",
    "ijb_insightface",
    "ijba",
    "ijbb",
    "ijbc",
    "lamp_hq",
    "lfw",
    "llcm",
    "mcxface",
    "megaface",
    "oulu_casia_nirvis",
    "recordio",
    "regdb",
    "sf_tl54",
    "speaking_faces",
    "sysu_mm01",
    "tfw",
    "tufts",
    "tufts_lists",
    "ytf",
]
