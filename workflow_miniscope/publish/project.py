"""``project.toml``: what people must say of an experiment, because no recording knows it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..errors import ManifestError, did_you_mean
from ..settings import get_settings

NAME = "project.toml"


#: µm: sides of a pixel in the tissue that a one-photon microscope can have
PIXEL_SIZES = (0.05, 50.0)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _pixel_size(value: object) -> object:
    """Take a number, or a table of numbers by device."""
    numbers = list(value.values()) if isinstance(value, dict) else [value]
    low, high = PIXEL_SIZES
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not low <= number <= high:
            raise ValueError(
                f"write the side of a pixel in the tissue in µm, {low:g} to {high:g}, as one number or by device, such "
                f"as {{ My_V4_Miniscope = 1.7 }}, not {number!r}"
            )
    return value


Texts = Annotated[list[str], BeforeValidator(_listed)]


class Experiment(BaseModel):
    """What may differ between animals; everything is optional.

    Attributes
    ----------
    indicator : str
        Calcium indicator, such as GCaMP6f.
    virus, surgery, pharmacology : str
        Viruses with their volumes and places, what was implanted, drugs.
    target_region : str
        Brain region in the field of view, best by its name in the Allen Mouse Brain atlas, such as CA1.
    coordinates : str
        Where, such as AP -2.1 mm, ML 1.8 mm, DV 1.2 mm from bregma.
    lens : str
        Lens or window that was implanted.
    excitation_nm, emission_nm : float
        Wavelengths of light and fluorescence, nanometres.
    pixel_size_um : float or dict of float
        Side of a pixel of the scope in the tissue, micrometres: of all scopes, or by the name of the device. It depends
        on the lens that was implanted, and comes from a picture of a grid.
    protocol : str
        Number of the approval of the experiment.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)

    indicator: str = ""
    virus: str = ""
    surgery: str = ""
    pharmacology: str = ""
    target_region: str = ""
    coordinates: str = ""
    lens: str = ""
    excitation_nm: float | None = Field(None, ge=100, le=2000)
    emission_nm: float | None = Field(None, ge=100, le=2000)
    pixel_size_um: Annotated[float | dict[str, float] | None, BeforeValidator(_pixel_size)] = None
    protocol: str = ""

    def pixel_size(self, device: str | None = None) -> float | None:
        """Return the side of a pixel in the tissue, micrometres, or None where it is not known."""
        if isinstance(self.pixel_size_um, dict):
            return None if device is None else self.pixel_size_um.get(device)
        return self.pixel_size_um


class Project(Experiment):
    """All of ``project.toml``.

    Attributes
    ----------
    experimenter : list of str
        Names, best as "Last, First".
    institution, lab : str
        Where it was recorded.
    experiment_description : str
        What the experiment is about.
    keywords, related_publications : list of str
        Words to find it by; DOIs, such as https://doi.org/10.1101/2026.01.01.
    license : str
        Address of the licence of the data, such as https://spdx.org/licenses/CC-BY-4.0.
    subjects : dict of Experiment
        What is different for some animals, in tables such as ``[subjects.m1]``.
    """

    experimenter: Texts = []
    institution: str = ""
    lab: str = ""
    experiment_description: str = ""
    keywords: Texts = []
    related_publications: Texts = []
    license: str = ""
    subjects: dict[str, Experiment] = {}

    def of_subject(self, subject: str) -> Project:
        """Return the same with what is said of one animal in place of what is said of all."""
        own = self.subjects.get(subject)
        return self if own is None else self.model_copy(update=own.model_dump(exclude_unset=True))


def find_project(named: Path | None = None) -> Path | None:
    """Find the project's file: the one that is named, or ``project.toml`` here or beside the configuration file.

    Raises
    ------
    ManifestError
        A file is named that does not exist.
    """
    if named is not None:
        if not named.is_file():
            raise ManifestError(f"{named} does not exist; name the project's TOML file.")
        return named
    source = get_settings().source
    for folder in (Path.cwd(), *([source.parent] if source else [])):
        if (folder / NAME).is_file():
            return folder / NAME
    return None


def read_project(path: Path | None) -> Project:
    """Read a project's file; without one nothing is known.

    Raises
    ------
    ManifestError
        It is not TOML, or has a name that nobody knows, or a value of another kind.
    """
    if path is None:
        return Project.model_validate({})
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path} is not a readable TOML file ({error}).") from None
    try:
        return Project.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            name = str(first["loc"][-1])
            known = Experiment.model_fields if len(first["loc"]) > 1 else Project.model_fields
            hint = did_you_mean(name, known, f"known are {', '.join(known)}.")
            raise ManifestError(f"{path} has the unknown entry '{place}'; {hint}") from None
        raise ManifestError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}.") from None
