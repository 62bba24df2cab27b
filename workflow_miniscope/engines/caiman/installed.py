"""Whether the CaImAn that is installed is CaImAn."""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...errors import EngineError

_GET = "install it with conda: conda env create -f environment.yml"


def problem() -> str | None:
    """Say in one sentence why CaImAn cannot be used here, or None when it can. Imports nothing."""
    try:
        spec = find_spec("caiman")
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return f"CaImAn is not installed here; {_GET}, or use the engine cnmfe."
    folders = spec.submodule_search_locations or []
    if not any((Path(folder) / "source_extraction").is_dir() for folder in folders):
        return (
            "The package caiman that is installed here is not CaImAn but a MicroPython tool of the same "
            f"name, which is what pip finds: remove it (pip uninstall caiman) and {_GET}."
        )
    found = version()
    numbers = [int(part) for part in found.split(".")[:2] if part.isdigit()]
    if numbers and numbers < [1, 11]:
        return f"CaImAn {found} is too old to be run from here: update it to 1.11 or newer."
    return None


def version() -> str:
    """Version of the installed package, or an empty text."""
    try:
        return metadata.version("caiman")
    except metadata.PackageNotFoundError:
        return ""


def load() -> Any:
    """Import CaImAn.

    Returns
    -------
    module
        The package, with the submodules that a run needs imported.

    Raises
    ------
    EngineError
        If it does not import: one of its own requirements is missing or too new.
    """
    try:
        import caiman
        import caiman.cluster
        import caiman.motion_correction
        import caiman.source_extraction.cnmf.cnmf
        import caiman.source_extraction.cnmf.params
    except Exception as error:
        raise EngineError(
            f"CaImAn is installed but does not import ({type(error).__name__}: {error}); {_GET}."
        ) from error
    return caiman


def require_classifier() -> None:
    """Make sure, before hours of fitting, that CaImAn will find the classifier that ``use_cnn`` asks for.

    Raises
    ------
    EngineError
        TensorFlow or the trained model is missing.
    """
    from caiman.paths import caiman_datadir

    otherwise = "or set use_cnn to false: the classifier was trained on two-photon recordings"
    try:
        from tensorflow.keras.models import model_from_json  # noqa: F401
    except Exception as error:  # an installation that does not fit fails in any way
        raise EngineError(
            f"use_cnn needs TensorFlow's Keras, which does not import ({type(error).__name__}: {error}); install it, "
            f"{otherwise}."
        ) from error
    model = Path(caiman_datadir()) / "model" / "cnn_model"
    for path in (model.with_suffix(".json"), model.with_suffix(".h5")):
        if not path.is_file():
            raise EngineError(f"use_cnn needs {path}; get it with 'caimanmanager install', {otherwise}.")
