"""Too few people to train on: told before anything is built, with what to change."""

from pathlib import Path

import pytest
from face_rows import face_row
from short_params import BANDS, HSST

from pipeline.errors import StageError
from pipeline.params.train_nir_vis import FinetuneParams
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    template_table,
    train_table,
    write_protocol,
)
from pipeline.training.methods.nir_vis import NirVisMethod


def in_folds(*numbers):
    """Write a protocol whose fold n trains on so many of the people t0, t1 …, and make them."""
    nobody = template_table([])
    table = train_table(
        (fold, f"t{who}.{band}", f"t{who}")
        for fold, count in enumerate(numbers, start=1)
        for who in range(count)
        for band in BANDS
    )
    made = Protocol("VIS-NIR", Provenance.DERIVED, "", nobody, nobody, None, table)
    write_protocol(Path("data/sample/protocols"), made)
    return [face_row(f"t{n}.{band}", f"t{n}", band) for n in range(max(numbers)) for band in BANDS]


def test_hsst_says_how_many_it_needs_before_it_asks_for_a_network(project):
    project.faces("sample", in_folds(4))
    project.edit(train_nir_vis={"hsst": {"batch_pairs": 5, "prototypes": 8}})
    told = (
        r"fold 1: 4 of 4 training subjects have images in both VIS and NIR: expected at least 13, "
        r"8 in a queue and 5 in a batch, .*; lower prototypes or batch_pairs to 4 together, or add"
    )
    with pytest.raises(StageError, match=told):
        project.run("train_nir_vis", "hsst")


def test_a_later_fold_of_too_few_is_told_before_an_earlier_one_trains(project):
    project.faces("sample", in_folds(4, 3))
    project.edit(train_nir_vis={"hsst": {"batch_pairs": 2, "prototypes": 2}})
    project.run("pretrain_nir_vis", "lightcnn9")
    with pytest.raises(StageError, match=r"fold 2: 3 of 3 training subjects .* at least 4, 2 in a"):
        project.run("train_nir_vis", "hsst")
    assert not list(Path("data/trained/train_nir_vis").rglob("*.pt"))


def test_pram_needs_two_whatever_its_batch(project):
    project.faces("sample", in_folds(1))
    project.edit(train_nir_vis={"pram_cat": {"batch_triplets": 16}})
    told = "1 of 1 training subjects .*: expected at least 2, to tell apart; add people to train"
    with pytest.raises(StageError, match=told):
        project.run("train_nir_vis", "pram_cat")


def test_a_pair_of_each_person_is_all_that_a_batch_can_have(people):
    params = HSST.model_copy(update={"batch_pairs": 3, "prototypes": 2})
    assert params.people.needed == 5
    shared = params.model_dump(exclude={"queues", "prototypes", "ema_momentum"})
    tuned = FinetuneParams.model_validate(shared | {"kind": "finetune"})
    NirVisMethod.check_people(tuned, people)
    few = tuned.model_copy(update={"batch_pairs": 6})
    with pytest.raises(
        StageError, match=r"at least 6, one for each pair of a .* batch_pairs to 4,"
    ):
        NirVisMethod.check_people(few, people)
