"""One line that says what a recording is, and the recording written from it."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from . import artefacts, codecs, nulls
from .brain import Brain
from .hybrid import Hybrid
from .made import Made, generator
from .tissue import Tissue

# raise it when a generator or a transformation makes something else of the same line
VERSION = 2
GENERATORS: dict[str, type] = {"tissue": Tissue, "hybrid": Hybrid, "minisim": Brain}
TRANSFORMATIONS: dict[str, Callable[..., Made]] = {
    function.__name__: function
    for function in (
        *(nulls.shuffled, nulls.phases, nulls.bleached_out, nulls.defocused),
        *(artefacts.twice, artefacts.stalled, artefacts.binned, artefacts.averaged, artefacts.smoothed),
        *(artefacts.denoised, artefacts.step, artefacts.elsewhere, artefacts.lamp_off, artefacts.blackouts),
        *(artefacts.lamp_steps, artefacts.bleaching, artefacts.bubble, artefacts.bands),
        *(artefacts.flickering_pixels, artefacts.half_black, artefacts.rolled, artefacts.torn),
        *(codecs.mjpg, codecs.xvid, codecs.x264),
    )
}
CACHE = Path(os.environ.get("WORLDS_FOLDER", Path(tempfile.gettempdir()) / "worlds"))


@dataclass(frozen=True)
class Recipe:
    """A generator with its knobs, and the transformations [(name, knobs)] of what it makes, in order."""

    generator: object
    transformations: tuple[tuple[str, tuple[tuple[str, object], ...]], ...] = ()

    @property
    def world(self) -> str:
        """Name of the generator."""
        return next(name for name, kind in GENERATORS.items() if isinstance(self.generator, kind))

    @property
    def line(self) -> str:
        """Give the line, with the knobs that differ from their defaults."""
        kind = type(self.generator)
        values = [(f.name, getattr(self.generator, f.name)) for f in fields(kind)]
        knobs = [(name, value) for name, value in values if name == "seed" or value != getattr(kind, name)]
        return " + ".join(_part(name, own) for name, own in [(self.world, knobs), *self.transformations])

    def make(self) -> Made:
        """Make the recording."""
        made = self.generator.make()
        for place, (name, knobs) in enumerate(self.transformations):
            made = TRANSFORMATIONS[name](made, generator(self.generator.seed, 1000 + place), **dict(knobs))
        return made

    def write(self, root: Path = CACHE) -> Path:
        """Write the recording into a folder of ``root`` unless it is there, and return that folder.

        It gets ``0.avi, 1.avi, ...``, ``recording.json`` (recipe, rate, bits a pixel) and ``truth.npz``, see
        :class:`worlds.made.Made`.
        """
        folder = root / re.sub(r"[^A-Za-z0-9.=+-]+", "_", f"v{VERSION}_{self.line}".replace(" + ", "+"))
        if folder.is_dir():
            return folder
        root.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".", dir=root))
        try:
            made = self.make()
            about = {"recipe": self.line, "fps": made.fps, "codec": made.codec["name"]}
            about["bits_per_pixel"] = round(codecs.write(unfinished, made), 4)
            np.savez_compressed(unfinished / "truth.npz", **made.truth())
            (unfinished / "recording.json").write_text(json.dumps(about, indent=4) + "\n")
            # another process may have made the same one meanwhile
            if not folder.is_dir():
                unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return folder


def parse(line: str) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    line : str
        ``NAME:KNOB=VALUE,... + NAME:KNOB=VALUE,... + ...``, a generator first.

    Raises
    ------
    SystemExit
        If a name or a knob is unknown; says which there are.
    """
    first, *others = (_read(part) for part in line.split("+"))
    kind = GENERATORS.get(first[0])
    if kind is None:
        raise SystemExit(f"{line}: no generator {first[0]}; there are {', '.join(GENERATORS)}")
    made = kind(**_knobs(first, {f.name: getattr(kind, f.name) for f in fields(kind)}, line))
    steps = []
    for name, given in others:
        function = TRANSFORMATIONS.get(name)
        if function is None:
            raise SystemExit(f"{line}: no transformation {name}; there are {', '.join(TRANSFORMATIONS)}")
        known = {p.name: p.default for p in inspect.signature(function).parameters.values()}
        own = _knobs((name, given), {key: value for key, value in known.items() if key not in ("made", "rng")}, line)
        steps.append((name, tuple(own.items())))
    return Recipe(made, tuple(steps))


def _read(part: str) -> tuple[str, dict[str, str]]:
    name, _, rest = part.strip().partition(":")
    pairs = (pair.partition("=") for pair in rest.split(",") if pair.strip())
    return name.strip(), {key.strip(): value.strip() for key, _, value in pairs}


def _knobs(part: tuple[str, dict[str, str]], defaults: dict[str, object], line: str) -> dict[str, object]:
    name, given = part
    out: dict[str, object] = {}
    for key, text in given.items():
        if key not in defaults:
            known = ", ".join(defaults) or "none"
            raise SystemExit(f"{line}: {name} has no knob {key}; its knobs: {known}")
        try:
            out[key] = type(defaults[key])(text)
        except ValueError:
            raise SystemExit(f"{line}: {key}={text} of {name} is not a number like {defaults[key]}") from None
    return out


def _part(name: str, knobs) -> str:
    text = ",".join(f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in knobs)
    return f"{name}:{text}" if text else name
