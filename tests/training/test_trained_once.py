"""A row's network stands only with its losses: a run that was killed between both goes on."""

import json
from functools import partial
from types import SimpleNamespace

import pytest

from pipeline.training import once


@pytest.fixture
def training(tmp_path, monkeypatch):
    """The path of a network, what trains it, and the keys of the trainings that ran."""
    path, taken = tmp_path / "network.pt", []

    def train(key):
        taken.append(key)
        path.write_text(key)
        path.with_name("checkpoint.pt").touch()
        return SimpleNamespace(curve=[{"step": 1, "total": 2.0}])

    monkeypatch.setattr(once, "load_trained", lambda file: SimpleNamespace(key=file.read_text()))
    return path, train, taken


def test_a_network_without_its_losses_is_finished_and_one_with_them_is_kept(tmp_path, training):
    path, train, taken = training
    path.write_text("k")  # killed before the losses were written
    for key in ("k", "k", "other"):
        once.trained_once(path, key, partial(train, key))
        assert once.curve_of(path) == [{"step": 1, "total": 2.0}]
    assert taken == ["k", "other"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["curve.json", "network.pt"]


def test_a_former_training_s_losses_are_not_taken_for_those_of_a_network(training):
    path, train, taken = training
    once.trained_once(path, "former", partial(train, "former"))
    path.write_text("k")  # killed between the network and its losses: the former's lie there
    once.trained_once(path, "k", partial(train, "k"))
    assert taken == ["former", "k"]


@pytest.mark.parametrize("text", ["", '[{"step": 1, "to', '{"curve": []}', "3"])
def test_damaged_losses_are_made_anew(training, text):
    path, train, taken = training
    path.write_text("k")
    path.with_name("curve.json").write_text(text)
    once.trained_once(path, "k", partial(train, "k"))
    assert taken == ["k"]
    assert once.curve_of(path) == [{"step": 1, "total": 2.0}]


def test_losses_of_an_earlier_version_are_taken(training):
    path, train, taken = training
    path.write_text("k")
    path.with_name("curve.json").write_text(json.dumps([{"step": 9, "total": 1.0}]))
    once.trained_once(path, "k", partial(train, "k"))
    assert taken == []
    assert once.curve_of(path) == [{"step": 9, "total": 1.0}]
