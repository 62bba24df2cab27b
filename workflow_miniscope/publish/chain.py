"""From a trace back to the videos: what made each step of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..database.restriction import only_key
from ..tables.provenance import RawFile, raw_files


@dataclass(frozen=True)
class Link:
    """One step of the way from a trace to its videos.

    Attributes
    ----------
    what : str
        Name of the table, or "raw files".
    lines : tuple of str
        What is known of it.
    """

    what: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Chain:
    """All steps of one analysis, the traces first.

    Attributes
    ----------
    key : dict
        Of its row in ``miniscope.Curation``.
    links : tuple of Link
    files : tuple of RawFile
    """

    key: dict[str, Any]
    links: tuple[Link, ...]
    files: tuple[RawFile, ...]

    @property
    def changed(self) -> list[RawFile]:
        """Raw files that are not as they were."""
        return [file for file in self.files if file.state in ("changed", "gone")]

    def __str__(self) -> str:
        lines: list[str] = []
        for i, link in enumerate(self.links):
            lines.append(("  from " if i else "") + link.what)
            lines += [f"         {line}" for line in link.lines]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {
            "key": {name: str(value) for name, value in self.key.items()},
            "links": [{"what": link.what, "known": list(link.lines)} for link in self.links],
            "raw_files": [vars(file) for file in self.files],
        }


def trace_back(restriction: Any) -> Chain:
    """Follow the traces of an analysis back to the videos.

    Parameters
    ----------
    restriction : str or dict
        Chooses one row of ``miniscope.Curation``.

    Raises
    ------
    ResultError
        It chooses none or several.
    """
    from ..pipeline import miniscope

    key = only_key(miniscope.Curation, restriction, "analysis")
    files = tuple(raw_files({name: key[name] for name in miniscope.Processing.primary_key}, of=("scope",)))
    raw = Link(
        "raw files",
        tuple("  ".join([file.path, *_as_it_was(file), file.state]) for file in files)
        or ("not noted yet; run workflow-miniscope process",),
    )
    links = (_traces(key), _components(key), _curation(key), _processing(key), _recording(key), raw)
    return Chain(key, links, files)


def _as_it_was(file: RawFile) -> list[str]:
    return [] if file.n_bytes is None else [f"{file.n_bytes} bytes", file.checksum]


def _traces(key: dict[str, Any]) -> Link:
    from ..pipeline import miniscope

    methods = (miniscope.Activity & key).to_arrays("extraction_method", order_by="extraction_method")
    known = [f"{method}: {len(miniscope.Activity.Trace & key & {'extraction_method': method})}" for method in methods]
    return Link("miniscope.Fluorescence, miniscope.Activity", (f"traces of {', '.join(known) or 'nothing yet'}",))


def _components(key: dict[str, Any]) -> Link:
    from ..pipeline import miniscope

    masks, cells = len(miniscope.Segmentation.Mask & key), len(miniscope.MaskClassification.MaskType & key)
    return Link("miniscope.Segmentation", (f"{masks} components, of which {cells} are accepted",))


def _curation(key: dict[str, Any]) -> Link:
    from ..pipeline import miniscope

    row = (miniscope.Curation & key).fetch1()
    lines = [f"curation {row['curation_id']}, {row['curation_time']} UTC"]
    lines.append("components were looked through by hand" if row["manual_curation"] else "no curation by hand")
    lines += [row["curation_note"]] if row["curation_note"] else []
    return Link("miniscope.Curation", (*lines, f"result in {row['curation_output_dir']}"))


def _processing(key: dict[str, Any]) -> Link:
    from ..pipeline import miniscope, provenance

    row = (miniscope.Processing * miniscope.ProcessingTask * miniscope.ProcessingParamSet & key).fetch1()
    lines = [
        f"{row['processing_method']} {row['package_version'] or '(version not known)'}, {row['processing_time']} UTC",
        f"paramset {row['paramset_id']} ({row['paramset_desc']}), hash {row['param_set_hash']}",
        f"parameters {json.dumps(row['params'], default=_plain, sort_keys=True)}",
    ]
    for run in (provenance.ScopeRun() & key).to_dicts():
        if run["duration_s"] is not None:
            lines.append(f"took {run['duration_s']:.1f} s on {run['host']} ({run['platform']})")
        if run["packages"]:
            packages = ", ".join(f"{name} {version}" for name, version in sorted(run["packages"].items()))
            lines.append(f"Python {run['python']}, {packages}")
        if run["git_commit"]:
            lines.append(f"commit {run['git_commit']}")
    return Link("miniscope.Processing", tuple(lines))


def _recording(key: dict[str, Any]) -> Link:
    from ..pipeline import miniscope

    row = (miniscope.RecordingInfo * miniscope.Recording & key).fetch1()
    return Link(
        "miniscope.RecordingInfo",
        (
            f"{row['nframes']} frames of {row['px_width']} x {row['px_height']} pixels, {row['fps']:.4g} a second, "
            f"from {row['device']}, read as {row['acq_software']}",
        ),
    )


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
