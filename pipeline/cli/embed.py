"""``crossband embed``: what a trained network makes of all rows of a stage's output."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.export_model import network_of, params_of_training
from pipeline.cli.show import output_of
from pipeline.errors import StageError


def embed(
    folder: Annotated[
        str, typer.Argument(help="a stage's output, e.g. data/photos/parts, or s3://…")
    ],
    by: Annotated[
        str, typer.Option(help="the training: train_nir_vis@hsst, pretrain_nir_vis@lightcnn9, …")
    ],
    to: Annotated[Path, typer.Option(help="Parquet file to write")],
    fold: Annotated[int, typer.Option(min=1, help="which fold, if the training has several")] = 1,
    overwrite: Annotated[bool, typer.Option(help="replace a file that is there")] = False,
) -> None:
    """Embed every face, or body, of a stage's output with a network that this project trained.

    The file has sample_id, subject_id, band, split and embedding. Compare embeddings by the cosine.
    """
    if to.suffix.lower() != ".parquet":
        raise StageError(f"{to}: expected the extension .parquet, as a Parquet file is written")
    if to.exists() and not overwrite:
        raise StageError(f"{to} exists: name another file, or replace it with --overwrite")
    section, name, params = params_of_training(by)
    shards = output_of(folder)
    from pipeline.store.seal import write_sealed  # these bring torch
    from pipeline.training.embed_rows import embed_rows

    trained = network_of(section, name, fold)
    table = embed_rows(shards, trained, params)
    write_sealed(table, to, compression="zstd")
    numbers = len(table["embedding"][0])
    print(f"{to}: {len(table)} embeddings of {numbers} numbers, by {trained.name}")
