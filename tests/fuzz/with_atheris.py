"""Fuzz one target with the guidance of its coverage: ``python with_atheris.py <target> [options]``.

Needs ``atheris``; ``make fuzz`` installs it apart and runs each target for a bounded time. What
breaks is written to ``crash-*`` in the folder: keep it in ``crashes/<target>/``, mend the reader.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["pipeline"]):
    from targets import TARGETS


def main() -> None:
    """Fuzz until a fault is found or libFuzzer's own options end it."""
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    corpus = Path("corpus", name)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(data)
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.try_on)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
