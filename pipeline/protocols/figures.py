"""Published sizes of the official protocols, to verify a copy with.

A key is ``enroll``, ``probe`` or ``train`` (samples), ``enroll templates``, ``probe templates``,
``genuine`` or ``impostor``; its numbers are one for the whole protocol, or one for each fold, None
where that one is not known.
"""

Figures = dict[str, tuple[int | None, ...]]

_TEN = 10

PROTOCOL_FIGURES: dict[str, dict[str, Figures]] = {
    # Counted by the authors of bob.db.cbsr_nir_vis_2 on the official lists.
    "casia_nir_vis2": {
        "view1": {"enroll": (358,), "probe": (6123,), "train": (8750,)},
        "view2": {
            "enroll": (358,) * _TEN,
            "probe": (6208, 6232, 6210, 6055, 6204, 6191, 6247, 6222, 6162, 6245),
        },
    },
    "buaa_visnir": {"50_100_v1": {"enroll": (100,), "probe": (900,), "train": (900,)}},
    "oulu_casia_nirvis": {"20_20_v1": {"enroll": (960,), "probe": (960,), "train": (1920,)}},
    # Counted by the authors of bob.db.ijba on the official lists; for split 10 they give split 1's
    # number, though its list is longer. Galleries of 167 subjects (4276 faces in split 1) and 1806
    # probe templates are those of JANUS CS2, a larger protocol on the same images.
    "ijba": {
        "identification": {
            "enroll": (3000, 3261, 2661, 2894, 2920, 2451, 2912, 3106, 2594, None),
        },
        "verification": {
            "enroll": (4260, 4765, 3995, 4458, 4216, 3875, 4137, 4556, 3922, None),
        },
    },
    "ijbc": {
        "verification": {
            "enroll templates": (3531,),
            "probe templates": (19593,),
            "genuine": (19557,),
            "impostor": (15638932,),
        },
    },
    "ijbb": {
        "verification": {
            "enroll templates": (1845,),
            "probe templates": (10270,),
            "genuine": (10270,),
            "impostor": (8000000,),
        },
    },
    "bin_packs": {
        name: {"genuine": (pairs // 2,), "impostor": (pairs // 2,)}
        for name, pairs in (
            *(("lfw", 6000), ("agedb_30", 6000), ("calfw", 6000), ("cplfw", 6000)),
            *(("cfp_ff", 7000), ("cfp_fp", 7000)),
        )
    },
    "lfw": {"view2": {"genuine": (300,) * _TEN, "impostor": (300,) * _TEN}},
    "cfp": {name: {"genuine": (350,) * _TEN, "impostor": (350,) * _TEN} for name in ("ff", "fp")},
    "ytf": {"ten_folds": {"genuine": (250,) * _TEN, "impostor": (250,) * _TEN}},
    "megaface": {"official": {"probe": (3530,)}},
    "llcm": {
        "all_to_sampled_vis_to_ir": {"probe": (8680,)},
        "all_to_sampled_ir_to_vis": {"probe": (7166,)},
    },
    "sysu_mm01": {"all_single_agw": {"probe": (3803,) * _TEN, "enroll": (301,) * _TEN}},
    "regdb": {
        name: {"enroll": (2060,) * _TEN, "probe": (2060,) * _TEN, "train": (4120,) * _TEN}
        for name in ("visible_to_thermal", "thermal_to_visible")
    },
}
"""By reader and protocol."""
