"""Flips: a bit flips in many files at once; a plain ``dvc repro`` mends each, or names it.

A batch takes as many files as it may, each once: the stages whose outputs are hit run in their
order, and read what those before them just mended.
"""

import numpy as np
from tiny_run import differences, restore

KINDS = {".parquet": "shard or table", ".pt": "network", ".json": "protocol"}
MOST_RUNS = 10


def targets(pristine):
    """The files whose bits may flip, with the stage that made each: shards, tables, networks."""
    found = [
        (stage, file)
        for stage, files in sorted(pristine.outputs().items())
        for file in files
        if file.parts[0] == "data"
        and (file.suffix in (".parquet", ".pt") or file.name == "protocol.json")
    ]
    return sorted(found)


def batch(pristine, number, size):
    """The files of a batch: every file has its turn before any has its second."""
    every = targets(pristine)
    chosen, place = {}, number * size
    while len(chosen) < min(size, len(every)):
        turn, index = divmod(place, len(every))
        chosen[every[np.random.default_rng([14, turn]).permutation(len(every))[index]]] = None
        place += 1
    return list(chosen)


def flip_and_repro(pristine, harmed, number, size):
    """Flip a bit in each file of a batch, run, and say what became of each.

    Returns:
        A result for each file, and the name of any other file that differs at the end.
    """
    random = np.random.default_rng([15, number])
    hit = batch(pristine, number, size)
    bits = {file: flip(harmed.path / file, random) for _, file in hit}
    named = {}
    for _ in range(MOST_RUNS):
        status, said = harmed.run("dvc", "repro")
        if not status:
            break
        line = next((line for line in said.splitlines() if line.startswith("error: ")), said[-600:])
        told = [file for _, file in hit if file not in named and str(file) in line]
        if not told:
            named[None] = line
            break
        named |= dict.fromkeys(told, line)
        for file in told:
            (harmed.path / file).write_bytes((pristine.path / file).read_bytes())
    changed = differences(pristine, harmed)
    rows = [
        {
            "trial": f"{number}/{file.as_posix()}",
            "stage": stage,
            "kind": KINDS[file.suffix],
            "bit": bits[file],
            "outcome": outcome(file, named, changed),
            "detail": named.get(file, ""),
        }
        for stage, file in hit
    ]
    others = sorted(set(changed) - {file.as_posix() for _, file in hit})
    if None in named or changed:
        restore(pristine, harmed)
    return rows, [*others, *([named[None]] if None in named else [])]


def outcome(file, named, changed):
    if file in named:
        return "named"
    return "differs" if file.as_posix() in changed else "same bytes"


def flip(path, random):
    """Flip a bit of a file; returns which."""
    data = bytearray(path.read_bytes())
    bit = int(random.integers(8 * len(data)))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    return bit
