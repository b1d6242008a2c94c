"""Params of the stage ``weights``."""

from pipeline.params.base import Section


class WeightsParams(Section):
    """Which weight files may be used."""

    commercial_only: bool
