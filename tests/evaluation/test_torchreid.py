"""Re-identification beside an independent public package: torchreid's numbers on the same vectors.

``torchreid_numbers.json`` is what torchreid said; ``ask_torchreid.py`` asks it again.
"""

import json
from pathlib import Path

import pytest
from reid_replicas import REID, reid_cases

from pipeline.evaluation.recognition import measure_protocol

SAID = json.loads(Path(__file__).with_name("torchreid_numbers.json").read_text())


@pytest.mark.parametrize("reader", REID)
def test_cmc_and_map_are_those_of_torchreid(tmp_path, reader):
    seen = 0
    for protocol, vectors in reid_cases(reader, tmp_path):
        found = measure_protocol(protocol, lambda _, v=vectors: (v, v)).metrics
        said = SAID["numbers"][protocol.name]
        assert 0.05 < said["map"] < 0.95  # neither chance nor everything
        for name, value in said.items():
            assert found[name]["value"] == pytest.approx(value, abs=1e-6), (protocol.name, name)
        seen += 1
    assert seen == {"llcm": 4, "sysu_mm01": 6, "regdb": 2}[reader]
