"""The alignment template that params choose."""

from pipeline.ops.templates import ALIGNMENT_TEMPLATES, AlignmentTemplate, template_from_points
from pipeline.params.align import AlignParams


def template_of(params: AlignParams) -> AlignmentTemplate:
    """Return the template that the params of ``align`` choose, built in or the user's own."""
    if own := params.templates.get(params.template):
        return template_from_points(
            params.template, (own.height_px, own.width_px), own.landmarks_xy
        )
    return ALIGNMENT_TEMPLATES[params.template]
