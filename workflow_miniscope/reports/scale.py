"""How large a pixel is in the tissue, which no recording knows: ``project.toml`` says it."""

from __future__ import annotations

from typing import Any

from ..publish.project import find_project, read_project


def um_per_px(key: dict[str, Any] | None = None) -> float | None:
    """Return the side of a pixel of a scope in the tissue, micrometres, or None where it is not known.

    Parameters
    ----------
    key : dict, optional
        Of a scope's recording; without it what is said of all scopes and animals holds.

    Raises
    ------
    ManifestError
        ``project.toml`` is wrong.
    """
    project = read_project(find_project())
    if key is None:
        return project.pixel_size()
    from ..elements.reference import device_folder_name
    from ..pipeline import miniscope

    project = project.of_subject(key["subject"])
    if not isinstance(project.pixel_size_um, dict):
        return project.pixel_size()
    recording = {name: key[name] for name in ("subject", "session_datetime", "recording_id")}
    device = (miniscope.Recording & recording).fetch1("device")
    found = project.pixel_size(device)
    return project.pixel_size(device_folder_name(device)) if found is None else found
