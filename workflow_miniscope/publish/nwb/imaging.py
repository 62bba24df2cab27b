"""What the scopes and cameras saw: planes and series of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pynwb.image import ImageSeries
from pynwb.ophys import OnePhotonSeries, OpticalChannel

from ... import daq
from ..contents import Contents, Scope, Video
from ..project import Project
from .devices import safe, wrong_times
from .streams import Frames, compressed

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Imaged:
    """A scope in the file.

    Attributes
    ----------
    scope : Scope
        What was recorded.
    suffix : str
        What tells its objects from those of the session's other scopes.
    plane, series : ImagingPlane, OnePhotonSeries
        The objects.
    """

    scope: Scope
    suffix: str
    plane: Any
    series: Any


def add_scopes(
    file: Any,
    contents: Contents,
    project: Project,
    devices: dict[str, Any],
    folder: str | None,
    progress: bool,
) -> list[Imaged]:
    """Add the imaging plane and the frames of each scope: as videos in a folder beside the file, or within it."""
    imaged = []
    for scope in contents.scopes:
        suffix = "" if len(contents.scopes) == 1 else f"_{safe(scope.device)}"
        plane = _plane(file, scope, project, devices[scope.device], suffix)
        shared = {
            "name": f"OnePhotonSeries{suffix}",
            "description": _said(f"Frames of {scope.device} at the times that were recorded.", scope.notes),
            "imaging_plane": plane,
            "device": devices[scope.device],
            "timestamps": scope.times,
            "dimension": [scope.width, scope.height],
            "unit": "grey levels",
            **wrong_times(scope),
        }
        series = OnePhotonSeries(**shared, **_frames(scope, shared["name"], folder, progress))
        file.add_acquisition(series)
        imaged.append(Imaged(scope, suffix, plane, series))
    return imaged


def add_cameras(file: Any, contents: Contents, devices: dict[str, Any], folder: str) -> list[tuple[Video, Any]]:
    """Add the videos of each camera on its own clock, always as files beside the NWB file; return the series."""
    added = []
    for camera in contents.cameras:
        name = f"ImageSeries_{safe(camera.device)}"
        series = ImageSeries(
            name=name,
            description=f"Video of {camera.device} at the times that were recorded.",
            device=devices[camera.device],
            timestamps=camera.times,
            dimension=[camera.width, camera.height],
            unit="grey levels",
            **wrong_times(camera),
            **_frames(camera, name, folder),
        )
        file.add_acquisition(series)
        added.append((camera, series))
    return added


def _plane(file: Any, scope: Scope, project: Project, device: Any, suffix: str) -> Any:
    indicator = project.indicator or UNKNOWN
    channel = OpticalChannel(
        name="OpticalChannel",
        description=f"Fluorescence of {project.indicator or 'an indicator that is not known'}.",
        emission_lambda=np.nan if project.emission_nm is None else project.emission_nm,
    )
    return file.create_imaging_plane(
        name=f"ImagingPlane{suffix}",
        description=_said(
            f"Field of view of {scope.device}, {scope.width} x {scope.height} pixels.",
            f"Lens: {project.lens}." if project.lens else "",
            f"Coordinates: {project.coordinates}." if project.coordinates else "",
        ),
        device=device,
        optical_channel=channel,
        excitation_lambda=np.nan if project.excitation_nm is None else project.excitation_nm,
        indicator=indicator,
        location=scope.location or project.target_region or UNKNOWN,
        **_spacing(project.pixel_size(scope.device)),
    )


def _spacing(pixel_size_um: float | None) -> dict[str, Any]:
    """Return how far apart the middles of pixels are, for :meth:`create_imaging_plane`; nothing where unknown."""
    if pixel_size_um is None:
        return {}
    return {"grid_spacing": [pixel_size_um * 1e-6] * 2, "grid_spacing_unit": "meters"}


def _frames(video: Video, name: str, folder: str | None, progress: bool = False) -> dict[str, Any]:
    if folder is None:
        movie = daq.Movie(video.files, n_frames=len(video.times))
        return {"data": compressed(Frames(movie, progress)), "format": "raw"}
    return {
        "format": "external",
        "external_file": [
            f"{folder}/{name}_external_file_{i}{file.suffix.lower()}" for i, file in enumerate(video.files)
        ],
        "starting_frame": np.asarray(video.starting_frames, np.int32),
    }


def _said(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
