"""The study's profiles and rows: whole, comparable, and of people whom nothing else touches."""

import subprocess
import sys
from pathlib import Path

import pytest

from ablations import laid_over
from pipeline.errors import ParamsError
from pipeline.params.ablations import NirVisAblationParams
from pipeline.params.ablations_bodies import BodyAblationParams
from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.params.load import check_params, lay_profile_over, load_section, read_yaml

ROOT = Path(__file__).parents[2]
SIZES = ("", "_short", "_pilot", "_trial")
FACES, BODIES = "study", "study_bodies"
ROWS = {
    "faces": (NirVisAblationParams, FACES, "study.yaml"),
    "dmfr": (DmfrAblationParams, FACES, "dmfr/params.yaml", "dmfr/study.yaml"),
    "bodies": (BodyAblationParams, BODIES, "bodies/params.yaml"),
}


def profiled(people, size):
    """Whole params with the profile of some people, as the Makefile lays it over."""
    values = read_yaml(ROOT / "params.yaml")
    for name in dict.fromkeys((people, people + size)):
        values = lay_profile_over(values, read_yaml(ROOT / f"params/{name}.yaml"))
    return check_params(values, Path("params.yaml"))


def rows(part, size, tmp_path):
    model, _, *files = ROWS[part]
    target, folder = tmp_path / "rows.yaml", Path(files[0]).parent
    over = [f"{folder}/study{size}.yaml"] if size else []
    laid_over.run(target, *(ROOT / "ablations" / name for name in (*files, *over)))
    return load_section(model, target)


@pytest.mark.parametrize("size", SIZES)
def test_starts_train_on_people_of_their_own(size):
    params = profiled(FACES, size)
    assert {each.dataset for each in params.pretrain_nir_vis.values()} == {"pretraining"}
    assert params.sample.pretraining.seed != params.sample.procedural.seed


def test_the_same_people_in_both_data_sets_are_refused():
    values = lay_profile_over(
        read_yaml(ROOT / "params.yaml"), read_yaml(ROOT / "params/study.yaml")
    )
    values["sample"]["pretraining"]["seed"] = values["sample"]["procedural"]["seed"]
    with pytest.raises(ParamsError, match="give them different seeds"):
        check_params(values, Path("p.yaml"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("part", ROWS)
def test_rows_are_whole_and_stand_on_what_the_profile_pretrains(part, size, tmp_path):
    ablation = rows(part, size, tmp_path)
    assert len(ablation.seeds) >= 3
    starts = {row.method.pretrained for row in ablation.rows.values()}
    params = profiled(ROWS[part][1], size)
    known = params.pretrain_bodies if part == "bodies" else params.pretrain_nir_vis
    assert starts <= known.keys()


@pytest.mark.parametrize("size", SIZES)
def test_rows_that_are_contrasted_differ_by_what_the_claim_names(size, tmp_path):
    allowed = {
        "pram": {"relations"},
        "lc": {"triplet"},
        "lcat": {"triplet"},
        "lcat_finetuned": {"relations", "triplet"},
    }
    semi_siamese = {"kind", "queues", "prototypes", "ema_momentum"}
    ablation = rows("faces", size, tmp_path)
    for name, claim in ablation.contrasts.items():
        one, other = (ablation.rows[r].method.model_dump() for r in (claim.better, claim.worse))
        differ = {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
        assert differ == allowed.get(name, semi_siamese)


def test_the_short_study_keeps_all_people(tmp_path):
    for people in (FACES, BODIES):
        full, short = profiled(people, ""), profiled(people, "_short")
        assert short.sample == full.sample
    for size in ("", "_short"):
        taken = {row.method.subjects.take for row in rows("bodies", size, tmp_path).rows.values()}
        assert taken == ({180} if size else {180, 8, 16, 32, 48, 96})


def test_bodies_have_all_of_table_vii_and_claims_of_8_and_32_people_alone(tmp_path):
    ablation = rows("bodies", "", tmp_path)
    for people in (8, 16, 32, 48, 96):
        full, lora = (ablation.rows[f"{kind}_{people}"].method for kind in ("full", "lora"))
        assert full.subjects == lora.subjects
        assert (full.subjects.take, full.lora) == (people, None)
        assert (lora.lora.rank, lora.steps) == (8, full.steps)
    claimed = {
        each for claim in ablation.contrasts.values() for each in (claim.better, claim.worse)
    }
    few = {name for name in ablation.rows if name.startswith(("full_", "lora_"))}
    assert few & claimed == {"full_8", "lora_8", "full_32", "lora_32"}
    for size in SIZES[1:]:
        assert few & rows("bodies", size, tmp_path).rows.keys() <= {"full_8", "lora_8"}


def test_pretraining_and_training_people_of_bodies_are_apart(tmp_path):
    for size in SIZES:
        params, ablation = profiled(BODIES, size), rows("bodies", size, tmp_path)
        taken = [each.subjects for each in params.pretrain_bodies.values()]
        for row in ablation.rows.values():
            assert row.method.subjects.skip >= max(each.skip + each.take for each in taken)
            last = row.method.subjects.skip + row.method.subjects.take
            assert last <= params.sample.scenes.subjects // 2


def test_rows_keep_their_order_and_an_unknown_one_is_told(tmp_path):
    assert list(rows("bodies", "", tmp_path).rows)[:3] == ["full", "face", "random"]
    (tmp_path / "over.yaml").write_text("rows: {nobody: {method: {steps: 1}}}\n")
    over = tmp_path / "over.yaml"
    with pytest.raises(ParamsError, match=r"'nobody'.* are none of"):
        laid_over.run(tmp_path / "rows.yaml", ROOT / "ablations/study.yaml", over)
    command = [sys.executable, "-m", "ablations.laid_over", str(tmp_path / "r"), "none.yaml"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: none.yaml")


@pytest.mark.parametrize(
    ("file", "over", "message"),
    [
        ("seeds: [1]", "rows: {pram: null}", "file.yaml has no rows: expected one of ablations"),
        ("rows: {a: {}}", "rows:", r"over.yaml: rows: expected a name for each row, found None"),
    ],
)
def test_a_file_without_rows_is_told(tmp_path, file, over, message):
    for name, text in (("file", file), ("over", over)):
        (tmp_path / f"{name}.yaml").write_text(f"{text}\n")
    with pytest.raises(ParamsError, match=message):
        laid_over.run(tmp_path / "rows.yaml", tmp_path / "file.yaml", tmp_path / "over.yaml")


def test_who_opens_the_rows_reads_where_they_are_to_be_edited(tmp_path):
    """What is edited in them is written over by the next run."""
    for name in ("file", "over"):
        (tmp_path / f"{name}.yaml").write_text("rows: {a: {title: b}}\n")
    laid_over.run(tmp_path / "rows.yaml", tmp_path / "file.yaml", tmp_path / "over.yaml")
    first = (tmp_path / "rows.yaml").read_text().splitlines()[0]
    assert first.startswith(f"# Made from {tmp_path}/file.yaml and {tmp_path}/over.yaml")


@pytest.mark.parametrize("words", [[], ["rows.yaml"], ["rows.yaml", "study.yaml", "--thread=1"]])
def test_the_command_line_says_what_it_takes(words):
    with pytest.raises(SystemExit, match=r"usage: .* TARGET FILE \[OVER …\] \[--threads=N\]"):
        laid_over.main(words)


def test_rows_take_as_many_threads_as_are_asked_for(tmp_path):
    for words, threads in (([], 2), (["--threads=1"], 1)):
        laid_over.main([str(tmp_path / "rows.yaml"), str(ROOT / "ablations/study.yaml"), *words])
        ablation = load_section(NirVisAblationParams, tmp_path / "rows.yaml")
        assert {row.method.threads for row in ablation.rows.values()} == {threads}
    for wrong in ("0", "-1", "two", ""):
        with pytest.raises(ParamsError, match="expected a whole number from 1"):
            laid_over.main(["x", "y", f"--threads={wrong}"])
