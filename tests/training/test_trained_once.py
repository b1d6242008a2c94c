"""A row's network stands only with its losses: a run that was killed between both goes on."""

import json
from types import SimpleNamespace

from pipeline.training import ablation


def test_a_network_without_its_losses_is_finished_and_one_with_them_is_kept(tmp_path, monkeypatch):
    path, taken = tmp_path / "network.pt", []

    def train_method(*args, key, path, features):
        taken.append(key)
        path.write_text(key)
        path.with_name("checkpoint.pt").touch()
        return SimpleNamespace(curve=[{"step": 1, "total": 2.0}])

    monkeypatch.setattr(ablation, "train_method", train_method)
    monkeypatch.setattr(
        ablation, "load_trained", lambda file: SimpleNamespace(key=file.read_text())
    )
    path.write_text("k")  # killed before the losses were written
    for key in ("k", "k", "other"):
        ablation.trained_once("row", None, None, None, key=key, path=path)
        assert json.loads((tmp_path / "curve.json").read_text()) == [{"step": 1, "total": 2.0}]
    assert taken == ["k", "other"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["curve.json", "network.pt"]
