"""A row's network stands only with its losses: a run that was killed between both goes on."""

from functools import partial
from types import SimpleNamespace

from pipeline.training import once


def test_a_network_without_its_losses_is_finished_and_one_with_them_is_kept(tmp_path, monkeypatch):
    path, taken = tmp_path / "network.pt", []

    def train(key):
        taken.append(key)
        path.write_text(key)
        path.with_name("checkpoint.pt").touch()
        return SimpleNamespace(curve=[{"step": 1, "total": 2.0}])

    monkeypatch.setattr(once, "load_trained", lambda file: SimpleNamespace(key=file.read_text()))
    path.write_text("k")  # killed before the losses were written
    for key in ("k", "k", "other"):
        once.trained_once(path, key, partial(train, key))
        assert once.curve_of(path) == [{"step": 1, "total": 2.0}]
    assert taken == ["k", "other"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["curve.json", "network.pt"]
