"""Parameters of a Facemap run, as a small JSON object.

>>> whiskers = {"name": "whiskers", "kind": "motion", "x": [96, 160], "y": [30, 110]}
>>> pupil = {"name": "pupil", "kind": "pupil", "x": [40, 80], "y": [20, 60], "saturation": 60, "sigma": 2}
>>> params = Parameters.parse({"sbin": 4, "movSVD": False, "rois": [whiskers, pupil]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from ...errors import ParameterError, in_brackets
from ...parameters import Flag, FromZero, Model, Said, parameter
from ...parameters.kinds import plain, whole


def _increasing(edges: list[int]) -> list[int]:
    if edges[0] >= edges[1]:
        raise ValueError("The end comes before the beginning.")
    return edges


#: px: 64 is a face in a handful of bins
_Bin = Annotated[int, Field(strict=True, ge=1, le=64), BeforeValidator(whole)]
_Edges = Annotated[
    list[FromZero],
    Field(min_length=2, max_length=2),
    BeforeValidator(plain),
    AfterValidator(_increasing),
    Said("two whole numbers [first, last + 1] of pixels"),
]
_GreyLevel = Annotated[float, Field(strict=True, gt=0, le=255), BeforeValidator(plain)]
_Deviations = Annotated[float, Field(strict=True, gt=0, le=10), BeforeValidator(plain)]


class Region(Model):
    """What regions of all kinds have."""

    name: str = parameter("", "unique among the regions; by default its kind and number")
    kind: str = parameter(..., "what is measured in it")
    x: _Edges = parameter(..., "columns; of a motion region the whole bins inside are used", "px")
    y: _Edges = parameter(..., "rows", "px")

    @classmethod
    def called(cls, name: str, given: Mapping[str, Any]) -> str:
        """How a sentence begins that says what is wrong with a value."""
        return f"{name} of region {given['name']!r}"


class MotionRegion(Region):
    """A region whose motion is computed."""

    owner: ClassVar[str] = "A motion region"

    kind: Literal["motion"] = parameter(..., "what is measured in it")


class PupilRegion(Region):
    """A region around a pupil."""

    owner: ClassVar[str] = "A pupil region"

    kind: Literal["pupil"] = parameter(..., "what is measured in it")
    saturation: _GreyLevel = parameter(..., "pixels darker than this are taken for dark", "grey level")
    sigma: _Deviations = parameter(2.0, "how far its ellipse reaches, in standard deviations of the dark pixels", "sd")


class BlinkRegion(Region):
    """A region around an eye that may close."""

    owner: ClassVar[str] = "A blink region"

    kind: Literal["blink"] = parameter(..., "what is measured in it")
    saturation: _GreyLevel = parameter(..., "pixels darker than this are taken for dark", "grey level")


_KINDS: dict[str, type[Region]] = {"motion": MotionRegion, "pupil": PupilRegion, "blink": BlinkRegion}
_AnyRegion = Annotated[MotionRegion | PupilRegion | BlinkRegion, Field(discriminator="kind")]
_Regions = Annotated[list[_AnyRegion], Said("a list of regions")]


class Parameters(Model):
    """Parameters of Facemap: by default motion of the full frame, in bins of 4 pixels."""

    owner: ClassVar[str] = "Facemap"

    sbin: _Bin = parameter(4, "side of a bin; motion is computed on binned frames", "px")
    motSVD: Flag = parameter(True, "decompose the absolute changes; without it no motion is computed")
    movSVD: Flag = parameter(False, "decompose the pictures, too")
    fullSVD: Flag = parameter(True, "analyse the full frame")
    rois: _Regions = parameter([], "regions of interest")

    @classmethod
    def parse(cls, given: Mapping[str, Any] | Self | None) -> Self:
        """Check names, values and regions; see :meth:`Model.parse`.

        Raises
        ------
        ParameterError
            A parameter is unknown, of the wrong kind or out of range, or nothing is left to compute.
        """
        parsed = super().parse(given)
        parsed._check_work()
        return parsed

    @classmethod
    def called(cls, name: str, given: Mapping[str, Any]) -> str:
        """How a sentence begins that says what is wrong with a value."""
        return name

    @field_validator("rois", mode="before")
    @classmethod
    def _each_region(cls, regions: Any) -> Any:
        """Parse each on its own, so that a sentence can name it."""
        if isinstance(regions, str | Mapping) or not isinstance(regions, Sequence):
            return regions
        return [_region(number, region) for number, region in enumerate(regions, start=1)]

    def _check_work(self) -> None:
        names = [region.name for region in self.rois]
        for name in names:
            if names.count(name) > 1:
                raise ParameterError(f"Two regions are named '{name}'; give each its own name.")
        moving = self.fullSVD or any(region.kind == "motion" for region in self.rois)
        if self.movSVD and not self.motSVD:
            # Facemap: then it leaves motion at 0 and the masks of the movie without their norms
            raise ParameterError("movSVD needs motSVD: Facemap computes no motion without it. Set motSVD to true.")
        if moving and not self.motSVD:
            raise ParameterError(
                "Without motSVD Facemap computes no motion; set motSVD to true, or fullSVD to false and leave out the "
                "motion regions."
            )
        if not moving and not self.rois:
            raise ParameterError("Nothing is left to compute: fullSVD is false and there are no regions (rois).")


def _region(number: int, given: Any) -> Region:
    """Parse a region; ``number`` counts from 1."""
    if isinstance(given, Region):
        return given
    if not isinstance(given, Mapping):
        raise ParameterError(f"Region {number} must be an object with name, kind, x and y, not {given!r}.")
    kind = given.get("kind")
    if kind == "running":
        raise ParameterError("Regions of kind 'running' are not offered: Facemap 1.0.8 computes them wrongly.")
    model = _KINDS.get(str(kind))
    if model is None:
        raise ParameterError(
            f"Region {number} is of the unknown kind {kind!r}{in_brackets(str(kind), _KINDS)}; "
            f"there are {', '.join(_KINDS)}."
        )
    return model.parse({**given, "name": given.get("name") or f"{kind} {number}"})
