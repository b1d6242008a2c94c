"""``crossband mask-design``: list the built-in masks, make one from a photo, check one."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.show import check_png, check_sheet
from pipeline.errors import StageError
from pipeline.synthesis.masks.bands import LOOKS


def mask_design(
    photo: Annotated[Path | None, typer.Argument(help="photo of someone who wears a mask")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="design.png to write")] = None,
    polygon: Annotated[str, typer.Option(help='the mask\'s outline, pixels: "x,y x,y x,y …"')] = "",
    kind: Annotated[str, typer.Option(help="kind of mask, for the metadata")] = "own",
    colour: Annotated[str, typer.Option(help="colour, for the metadata")] = "own",
    material: Annotated[str, typer.Option(help=f"one of {', '.join(LOOKS)}")] = "cotton",
    check: Annotated[Path | None, typer.Option(help="say what is wrong with this design")] = None,
    show: Annotated[bool, typer.Option("--list", help="list the built-in designs")] = False,
    weights: Annotated[Path, typer.Option(help="folder of the weight files")] = Path("weights"),
) -> None:
    """Make a mask design from a photo, check one, or list the built-in ones.

    Without --polygon the mask is found by its colour, starting from the skin that the parser
    finds. --list with --out also draws the designs into an image.
    """
    from pipeline.cli import mask_designs as designs
    from pipeline.synthesis.masks.files import refuse_others_file, write_design

    if show:
        if out is not None:
            check_sheet(out)
        designs.list_designs(out)
    elif check is not None:
        designs.check_design(check)
    elif photo is not None and out is not None:
        check_png(out)
        if material not in LOOKS:
            raise StageError(f"material {material!r} is none of {sorted(LOOKS)}")
        if out.resolve() == photo.resolve():
            raise StageError(
                f"{out} is the photo itself: choose another --out, or it would be lost"
            )
        refuse_others_file(out)
        designs.refuse_others_image(out)
        rgb, alpha = designs.unwrapped(photo, polygon, weights)
        write_design(
            out, rgb, alpha, {"kind": kind, "colour": colour, "material": material, "loops": False}
        )
        designs.check_design(out)
    else:
        raise StageError(
            "expected a photo and --out, or --check, or --list, found none of them; see "
            "`crossband mask-design --help`"
        )
