"""A driver of its own process, for the tests that kill one: maps rows through Ray's actors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import work

from pipeline.store import Listing, ShardFolder, StageKey, map_shards
from pipeline.store.ray_actors import RayActors

KEY = StageKey("stage", {}, {}, "code")
ROWS = [work.make_image(f"s{number:02d}", b"%d" % number) for number in range(24)]
SHARDS = 6


def prepare(folder: Path, make, executor):
    """Map the rows, as every test of Ray does."""
    return map_shards(
        Listing(ROWS, SHARDS, dict),
        ShardFolder(folder, SHARDS),
        schema=work.SCHEMA,
        key=KEY,
        make=make,
        batch_rows=1,
        executor=executor,
        label="test",
    )


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), work.Shout(Path(sys.argv[2]), seconds=0.2), RayActors(2))
