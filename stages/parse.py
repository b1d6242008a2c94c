"""Stage ``parse``: a label map for each aligned face, in the frame of its crop."""

from functools import partial

from pipeline.alignment.template import template_of
from pipeline.parsing.rows import parse_rows
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.ground_truth_figure import ground_truth_figure
from pipeline.report.parse import parse_metrics
from pipeline.schemas.parse import PARSE
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Parse the faces of a data set."""
    params, template = stage.params.parse, template_of(stage.params.align)
    output = stage.map(
        stage.source("align"),
        PARSE,
        partial(parse_rows, params, template, stage.weight("bisenet_r18")),
        params={"parse": params, "align.template": template.values()},
        batch_rows=params.batch_rows,
    )
    metrics = parse_metrics(output)
    stage.write_metrics(metrics)
    ground_truth_figure("parse", metrics, stage.report("figures", ".png"))
    contact_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("parse", run)
