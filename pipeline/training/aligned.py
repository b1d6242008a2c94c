"""What trainings on aligned crops share: how these are aligned, and what is left of a training."""

from collections.abc import Collection
from typing import Any

from pipeline.errors import StageError
from pipeline.params.load import section_values
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.loop import Run
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.recogniser import Recogniser

_TEMPLATES = {"dmfr": "dmfr137x169"}
"""Of crops that are aligned beside that of ``align``, by their column."""


def check_alignment(samples: SampleSet, trained: Trained) -> None:
    """Refuse samples that are aligned otherwise than what a network was trained on.

    Raises:
        StageError: template or size differ.
    """
    theirs = template_of(samples)
    if theirs != trained.template or samples.hw != tuple(trained.crop_hw):
        ours = f"{trained.crop_hw[0]}×{trained.crop_hw[1]} pixels aligned by {trained.template}"
        raise StageError(
            f"{trained.name} was trained on crops of {ours}, these have {samples.hw[0]}×"
            f"{samples.hw[1]} and are aligned by {theirs}: expected the same; set `align` to match"
        )


def template_of(samples: SampleSet) -> str:
    """Return the alignment template of what is read of samples by default.

    Raises:
        StageError: they have several.
    """
    if (column := samples.images[0]) in _TEMPLATES:
        return _TEMPLATES[column]
    found = sorted({str(name) for name in samples.column("template")})
    if len(found) > 1:
        raise StageError(
            f"samples are aligned by {' and '.join(found)}: expected one template; run `align` and "
            "the stages after it again"
        )
    return found[0]


def subjects_of(dataset: str, samples: SampleSet) -> set[str]:
    """Return the subjects of samples as ``<data set>/<subject>``."""
    return {f"{dataset}/{subject}" for subject in samples.subject_ids.tolist()}


def trained_network(
    name: str,
    backbone: str,
    method: Recogniser,
    samples: SampleSet,
    subjects: Collection[str],
    key: str,
) -> Trained:
    """Describe a method's network for its file.

    Args:
        name: what the training is called, as ``Trained`` says.
        backbone: name of its backbone in ``training.backbones``.
        method: after the training.
        samples: that it trained on, or of whose size and template they would be.
        subjects: all who were trained on.
        key: what the training depended on.
    """
    return Trained(
        name,
        backbone,
        samples.hw,
        template_of(samples),
        section_values(method.params),
        key,
        sorted(subjects),
        method.network.state_dict(),
    )


def described(samples: SampleSet, run: Run) -> dict[str, Any]:
    """Return a training's metrics: what it saw, and its last losses."""
    return {
        "faces": len(samples),
        "subjects": len(set(samples.subject_ids.tolist())),
        "simulated": samples.simulated,
        "loss": run.curve[-1] if run.curve else {},
    }
