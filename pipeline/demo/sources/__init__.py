"""What each source of the stage ``sample`` makes: OpenPeople, procedural people, scenes.

Each module of ``SOURCES`` has ``WEIGHTS``, what it opens by names of ``weights.yaml``. Those that
make images of one person each have ``plan(params, find)``, which returns a ``Plan``; ``scenes``
has ``make_scenes``. ``pretraining`` are procedural people of another data set.
"""

SOURCES: dict[str, str] = {
    "openpeople": "pipeline.demo.sources.openpeople",
    "procedural": "pipeline.demo.sources.procedural",
    "pretraining": "pipeline.demo.sources.procedural",
    "scenes": "pipeline.demo.sources.scenes",
}
"""Modules by the name of their section under ``sample`` in ``params.yaml``, loaded on demand."""
