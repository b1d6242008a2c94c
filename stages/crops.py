"""Stage ``crops``: the faces of a data set once more, warped into another template."""

from functools import partial

from pipeline.alignment.rows import align_rows
from pipeline.alignment.template import template_of
from pipeline.report.align import align_metrics
from pipeline.report.contact_sheet import contact_sheet
from pipeline.schemas.align import ALIGN
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Align the faces of an entry's data set; all but the template is as ``align`` has it."""
    entry = stage.entry(stage.params.crops)
    params = stage.params.align.model_copy(update={"template": entry.template})
    stage = stage.on(entry.dataset)
    output = stage.map(
        stage.source("detect"),
        ALIGN,
        partial(align_rows, params),
        params={"align": params, "align.template": template_of(params).values()},
    )
    stage.write_metrics(align_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("crops", run)
