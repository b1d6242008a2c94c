"""Every row of the papers' tables, trained with several seeds. Not part of the default run."""

from pipeline.process import begin

begin()
