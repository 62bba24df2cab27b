"""``workflow-miniscope extract``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Argument(metavar="DEVICE_FOLDER", help="Folder of one scope's AVI files.")],
    output: Annotated[Path, typer.Option(help="Folder to make for the result.")],
    params: Annotated[Path | None, typer.Option(help="JSON file of parameters under CaImAn's names.")] = None,
    engine: Annotated[str | None, typer.Option(help="cnmfe (native, the default) or caiman.")] = None,
    camera: Annotated[bool, typer.Option("--camera", help="Take the folder of a camera, too.")] = False,
) -> None:
    """Process one recording into CaImAn's result file, without a database."""
    from ..results.caiman import read_result
    from ..work.extract import extract_folder
    from ..work.params_file import DEFAULT_ENGINE, read_params

    path = extract_folder(
        folder, output, read_params(params) if params else None, engine or DEFAULT_ENGINE, camera=camera
    )
    result = read_result(path)
    print(
        f"{path}: {result.n_components} components, {len(result.accepted)} accepted, {result.n_frames} frames of "
        f"{result.dims[0]} x {result.dims[1]} pixels."
    )
    if result.verdict is not None:
        print(result.verdict)
