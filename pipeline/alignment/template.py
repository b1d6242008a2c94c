"""The alignment template that params choose."""

from pipeline.ops.templates import ALIGNMENT_TEMPLATES, AlignmentTemplate, template_from_points
from pipeline.params.align import AlignParams


def template_of(params: AlignParams) -> AlignmentTemplate:
    """Return the template that the params of ``align`` choose, built in or the user's own."""
    return template_named(params.template, params)


def template_named(name: str, params: AlignParams) -> AlignmentTemplate:
    """Return a template by its name, built in or one of ``align.templates``."""
    if own := params.templates.get(name):
        return template_from_points(name, (own.height_px, own.width_px), own.landmarks_xy)
    return ALIGNMENT_TEMPLATES[name]
