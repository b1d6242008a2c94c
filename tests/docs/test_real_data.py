"""``docs/real-data.md``: its params hold."""

from pathlib import Path

from ruamel.yaml import YAML

from pipeline.params.load import check_params, lay_profile_over, read_yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_real_data_is_a_profile_that_holds():
    text = (ROOT / "docs/real-data.md").read_text()
    profile = YAML(typ="safe").load(text.split("```yaml\n")[1].split("```")[0])
    params = check_params(lay_profile_over(read_yaml(ROOT / "params.yaml"), profile), Path("x"))
    assert params.datasets["tfw"].reader == "tfw"
    assert params.protocols["sf_tl54"].build == "cross_band"
