"""Params that nobody meant: each is refused in lines that name the file, soon."""

import random
from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.params.load import load_params, read_yaml

TEXT = (Path(__file__).resolve().parents[2] / "params.yaml").read_bytes()
NINE = b",".join([b"*a%d"] * 9)
HOSTILE = {
    "Latin-1": (TEXT + "# caf\u00e9\n".encode("latin-1"), "is not UTF-8 text"),
    "UTF-16": (TEXT.decode().encode("utf-16"), "line 1 is not UTF-8 text"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
    "zeros": (bytes(100), "#x0000"),
    "empty": (b"", "expected sections with keys, found nothing"),
    "a mapping in itself": (b"a: &a\n  b: *a\n" + TEXT, "no end"),
    "a list in itself": (b"a: &a [*a]\n", "no end"),
    "two in one another": (b"a: &a [&b [*a, *b]]\n", "no end"),
    "a list in itself, again": (b"b: &a [1]\na: &a [*a]\n", "no end"),
    "an anchor misspelt": (
        b"a: &training {x: 1}\nb: {<<: *traning}\n",
        "undefined alias 'traning'",
    ),
    "a key that is itself": (b"? &a [*a]\n: 1\n", "no end"),
    "deep lists": (b"a: " + b"[" * 2000 + b"]" * 2000, "30 levels"),
    "deep mappings": (b"{a: " * 2000, "30 levels"),
    "deep lines": (b"- " * 5000, "30 levels"),
    "too long": (b"#" * (2 << 20), "at most 1 MB"),
    "lists of lists of lists": (
        b"a0: &a0 [1]\n"
        + b"".join(b"a%d: &a%d [%s]\n" % (n, n, NINE % ((n - 1,) * 9)) for n in range(1, 30)),
        "no end",
    ),
    "merges of merges": (
        b"a0: &a0 {x: 1}\n"
        + b"".join(b"a%d: &a%d {<<: [%s]}\n" % (n, n, NINE % ((n - 1,) * 9)) for n in range(1, 30)),
        "no end",
    ),
    "a date": (
        b"datasets: {a: {root: 2024-01-31}}\n",
        r"datasets\.a\.root: .* a date, 2024-01-31: ",
    ),
    "a set": (b"a: {b: [1, !!set {x}]}\n", r"a\.b\.1: expected text or a number, found a set"),
    "a date that is none": (b"a: 2024-13-45\n", "month"),
    "a number of 6000 digits": (b"a: " + b"9" * 6000, "digits"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_params_are_refused_in_one_line(tmp_path, what):
    path = tmp_path / "params.yaml"
    data, message = HOSTILE[what]
    path.write_bytes(data)
    with pytest.raises(ParamsError, match=message) as told:
        load_params(path)
    assert str(told.value).startswith(f"{path}: ")
    assert "\n" not in str(told.value)


def test_plain_anchors_are_read(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: &a {x: 1, y: [1, 2]}\nb: *a\nc: {<<: *a, x: 2}\n")
    assert read_yaml(path)["c"] == {"x": 2, "y": [1, 2]}
    assert read_yaml(path)["b"] == read_yaml(path)["a"]


SPLINTERS = (
    *(
        b"&a ",
        b"*a",
        b"<<: *a",
        b"? ",
        b"[",
        b"{",
        b"}",
        b"]",
        b"- ",
        b": ",
        b"\t",
        b"'",
        b'"',
        b"|",
    ),
    *(
        b"!!binary ",
        b"!!python/object ",
        b"!!timestamp 2024-13-45",
        b"!!set ",
        b"!!int x",
        b"!!omap [a]",
    ),
    *(b"%YAML 9.9\n", b"---\n", b"...\n", b"\xff\xfe", b"\x00", b".nan", b".inf", b"1e999", b"0x"),
)


@pytest.mark.parametrize(
    "trials",
    [40, pytest.param(4000, marks=[pytest.mark.long, pytest.mark.soak], id="long")],
    ids=["few", "many"],
)
def test_params_that_were_damaged_anyhow_are_read_or_refused(tmp_path, trials):
    path, draw = tmp_path / "params.yaml", random.Random(14)
    for _ in range(trials):
        data, place = bytearray(TEXT), draw.randrange(len(TEXT))
        for _ in range(draw.randint(1, 3)):
            at = min(len(data) - 1, max(0, place + draw.randint(-200, 200)))
            match draw.randrange(4):
                case 0:
                    data[at] ^= 1 << draw.randrange(8)
                case 1:
                    del data[at : at + draw.randint(1, 400)]
                case _:
                    data[at : at + draw.choice([0, 0, 1, 5])] = draw.choice(SPLINTERS)
        path.write_bytes(data)
        try:
            load_params(path)
        except ParamsError as error:
            lines = str(error).splitlines()
        else:
            lines = []
        assert all(line.startswith(f"{path}: ") for line in lines), bytes(data)
