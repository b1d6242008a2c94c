"""Stage ``align``: the faces that count, each warped once into the template."""

from functools import partial

from pipeline.alignment.rows import align_rows
from pipeline.alignment.template import template_of
from pipeline.report.align import align_metrics, beside_known
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.ground_truth_figure import ground_truth_figure
from pipeline.schemas.align import ALIGN
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Align the faces of a data set."""
    params = stage.params.align
    output = stage.map(
        stage.source("detect"),
        ALIGN,
        partial(align_rows, params),
        params={"align": params, "align.template": template_of(params).values()},
    )
    metrics = align_metrics(output)
    stage.write_metrics(metrics)
    if params.face != "annotated" and (line := beside_known(metrics)):
        print(f"{stage.label}: {line}")
    ground_truth_figure("align", metrics, stage.report("figures", ".png"))
    contact_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("align", run)
