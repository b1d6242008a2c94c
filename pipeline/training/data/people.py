"""Who takes part in a training on people, by what is known of their images."""

from collections import Counter
from collections.abc import Sequence

from pipeline.errors import StageError
from pipeline.params.body_training import PeopleParams
from pipeline.rng import seed_for

_ORDER_SEED = 0
"""Of the order in which training subjects are taken: no training's own seed changes it."""


def who_takes_part(
    subjects: Sequence[str], bands: Sequence[str], params: PeopleParams
) -> tuple[list[str], dict[str, int]]:
    """Choose: first ``subjects`` of all, then who can be drawn.

    For domain-aware batches that is who has every band, for random ones who has two images.

    Args:
        subjects: (n,), of each image.
        bands: (n,), its band.
        params: of the training.

    Returns:
        Who is left, and how many are not, by reason.

    Raises:
        StageError: a band has no image at all, or too few people are left for a batch.
    """
    found = set(bands)
    if missing := [str(band) for band in params.bands if band not in found]:
        raise StageError(
            f"no training sample is in {' or '.join(missing)}: expected some in each of "
            f"bands; found {' '.join(sorted(found))}. Change bands or protocols"
        )
    names = sorted(set(subjects), key=lambda subject: seed_for(_ORDER_SEED, subject))
    skip, take = params.subjects.skip, params.subjects.take
    chosen = names[skip:] if take is None else names[skip : skip + take]
    left_out = {"not_chosen": len(names) - len(chosen)}
    pairs = list(zip(subjects, bands, strict=True))
    if params.sampler == "domain_aware":
        having = set(pairs)
        kept = [s for s in chosen if all((s, str(band)) in having for band in params.bands)]
        left_out["lacking_a_band"] = len(chosen) - len(kept)
    else:
        counts = Counter(subject for subject, band in pairs if band in params.bands)
        kept = [s for s in chosen if counts[s] > 1]
        left_out["lacking_a_second_image"] = len(chosen) - len(kept)
    if not kept:
        raise StageError(
            f"none of {len(names)} training subjects is left ({left_out}): expected some; "
            "change subjects, bands or sampler"
        )
    if params.steps and len(kept) < params.batch_subjects:
        raise StageError(
            f"{len(kept)} of {len(names)} training subjects can be drawn ({left_out}): "
            f"expected at least {params.batch_subjects}, as many as a batch has; "
            + (f"lower batch_subjects to {len(kept)}, or " if len(kept) > 1 else "")
            + "change subjects, bands, protocols or sampler, or add people to train"
        )
    return kept, left_out
