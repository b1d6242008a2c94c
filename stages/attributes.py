"""Stage ``attributes``: pose, sharpness, light, quality, embedding and DMFR's crop of each face."""

from functools import partial

from pipeline.recognition.rows import attribute_rows
from pipeline.report.attributes import attribute_metrics, quality_sheet
from pipeline.schemas.attributes import ATTRIBUTES
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Describe the faces of a data set."""
    params = stage.params.attributes
    output = stage.map(
        stage.source("align"),
        ATTRIBUTES,
        partial(attribute_rows, params, stage.weight("sface")),
        params={"attributes": params},
        batch_rows=params.batch_rows,
    )
    stage.write_metrics(attribute_metrics(output))
    quality_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("attributes", run)
