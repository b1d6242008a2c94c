"""Stage ``parts``: left eye, right eye, nose and mouth of each face: masks, boxes and crops."""

from functools import partial

from pipeline.parsing.part_rows import part_rows
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.ground_truth_figure import ground_truth_figure
from pipeline.report.parts import parts_metrics
from pipeline.schemas.parts import PARTS
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Cut the parts of a data set's faces."""
    params = stage.params.parts
    output = stage.map(
        stage.source("parse"), PARTS, partial(part_rows, params), params={"parts": params}
    )
    metrics = parts_metrics(output)
    stage.write_metrics(metrics)
    ground_truth_figure("parts", metrics, stage.report("figures", ".png"))
    contact_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("parts", run)
