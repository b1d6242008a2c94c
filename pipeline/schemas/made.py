"""DMFR's crop, in what a training of it reads: real faces, and what programs made of them."""

from pipeline.store.columns import IMAGE, field, floats

DMFR = [
    field("dmfr", IMAGE, null=False, template="dmfr137x169"),
    field("dmfr_warp_2x3", floats(2, 3), null=False, map="source_to_dmfr"),
]
