"""``crossband mesh``: a face's textured 3D surface as OBJ or PLY."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.show import output_of
from pipeline.errors import StageError


def mesh(
    folder: Annotated[
        str, typer.Argument(help="output of reconstruct, e.g. data/sample/reconstruct, or s3://…")
    ],
    sample_id: Annotated[str, typer.Argument(help="id of the face")],
    out: Annotated[Path, typer.Option("--out", "-o", help="face.obj or face.ply to write")],
) -> None:
    """Write a reconstructed face as OBJ (with material and texture) or PLY (coloured vertices).

    A file that this command wrote before is replaced; any other file stays.
    """
    from pipeline.face3d.export import others_files, write_obj, write_ply
    from pipeline.face3d.map_codec import decode_position_map
    from pipeline.face3d.position_map import transform_map
    from pipeline.ops.codec import decode_rgb
    from pipeline.store import shard_of

    writers = {".obj": write_obj, ".ply": write_ply}
    if out.suffix not in writers:
        raise StageError(f"{out}: expected the extension {' or '.join(writers)}")
    if others := others_files(out):
        raise StageError(
            f"{others[0]} exists and was not written by this command: name another file by "
            "-o, or move it away"
        )
    shards = output_of(folder)
    index = shard_of(sample_id, shards.count)
    wanted = [
        row
        for batch in shards.shard(index).batches()
        for row in batch
        if row["sample_id"] == sample_id
    ]
    if not wanted or "position_map" not in wanted[0] or "context" not in wanted[0]:
        raise StageError(
            f"{folder} holds no reconstructed face {sample_id!r}: expected an id of the output of "
            f"`reconstruct`; `crossband explain {sample_id}` says where this one got to"
        )
    row = wanted[0]
    position_map = transform_map(decode_position_map(row["position_map"]), row["context_warp_2x3"])
    writers[out.suffix](out, position_map, decode_rgb(row["context"]["bytes"]))
    print(out)
