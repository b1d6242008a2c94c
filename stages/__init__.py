"""One thin module per stage of ``dvc.yaml``: read, map, write. ``run`` is what they share."""

from pipeline.process import begin

begin()
