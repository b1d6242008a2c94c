"""Protocols: from official lists, seeded splits or columns to the tables that everyone reads.

``OFFICIAL`` holds, by reader, what makes the protocols that belong to a data set; ``columns`` has
those that any data set can have. The tables themselves are in ``store.protocols``.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline.protocols import ijb, nir_vis, packed, pairs, reid, thermal
from pipeline.store.protocols import Protocol
from pipeline.types import Row

OFFICIAL: dict[str, Callable[[Path, Sequence[Row]], Iterator[Protocol]]] = {
    "casia_nir_vis2": nir_vis.casia,
    "buaa_visnir": nir_vis.buaa,
    "oulu_casia_nirvis": nir_vis.oulu,
    "lamp_hq": nir_vis.lamp,
    "ijba": ijb.ijba_splits,
    "ijbb": ijb.ijbb_protocols,
    "ijbc": ijb.ijbc_protocols,
    "ijb_insightface": packed.insightface_templates,
    "bin_packs": packed.bin_pairs,
    "lfw": pairs.lfw_views,
    "cfp": pairs.cfp_protocols,
    "ytf": pairs.ytf_pairs,
    "megaface": pairs.megaface_search,
    "llcm": reid.llcm,
    "sysu_mm01": reid.sysu,
    "regdb": reid.regdb_trials,
    "tufts": thermal.tufts_lists,
    "mcxface": thermal.mcxface_splits,
    "arl_vtf": thermal.arl_vtf_conditions,
}
"""From a data set's root and its reader's rows to its protocols, by reader."""

__all__ = ["OFFICIAL"]
