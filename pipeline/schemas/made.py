"""Columns that every face which a program made of another has beside those of ``align``."""

from pipeline.store.columns import IMAGE, field, floats

DMFR = [
    field("dmfr", IMAGE, null=False, template="dmfr137x169"),
    field("dmfr_warp_2x3", floats(2, 3), null=False, map="source_to_dmfr"),
]
