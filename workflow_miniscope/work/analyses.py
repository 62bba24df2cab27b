"""The analyses of each recording: parameters, cells found and accepted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..database.conditions import name_of
from ..database.connection import dj
from .progress import Key, key_of


@dataclass(frozen=True)
class Analysis:
    """One analysis of a recording.

    Attributes
    ----------
    name : str
        What every command takes.
    paramset_id : int
        Its parameter set; of a camera, the number of its Facemap task.
    engine, description : str
        Program, and what the parameters are called.
    found, accepted : int or None
        Components, and those accepted as cells; None where they are not in the database yet, and of cameras.
    verdict : str or None
        Whether the result can be trusted, as the engine says ("trusted", "usable with warnings", "not to be trusted");
        None where it does not say, where it is not in the database yet, and of cameras.
    """

    name: str
    paramset_id: int
    engine: str
    description: str
    found: int | None = None
    accepted: int | None = None
    verdict: str | None = None


def labels(analyses: Sequence[Analysis]) -> list[str]:
    """Return what tells the analyses of a recording apart: the parameters, and of several curations their numbers."""
    curations = Counter(one.paramset_id for one in analyses)
    said = [one.description or one.engine for one in analyses]
    return [
        text if curations[one.paramset_id] == 1 else f"{text}, curation {one.name.rsplit('_c', 1)[-1]}"
        for one, text in zip(analyses, said, strict=True)
    ]


def scope_analyses(chosen: Any) -> dict[Key, list[Analysis]]:
    """Return the analyses of some scopes' recordings, by the recording's key."""
    from ..pipeline import extraction, miniscope

    chosen = chosen.proj()
    described = miniscope.ProcessingParamSet.proj("processing_method", "paramset_desc").to_dicts()
    sets = {row["paramset_id"]: row for row in described}
    found = _counts(miniscope.Segmentation.Mask & chosen, miniscope.Segmentation.primary_key)
    accepted = _counts(miniscope.MaskClassification.MaskType & chosen, miniscope.Segmentation.primary_key)
    classified = set(map(_frozen, (miniscope.MaskClassification & chosen).proj().to_dicts()))
    told = (extraction.Verdict & chosen).proj("verdict").to_dicts()
    verdicts = {_frozen({name: row[name] for name in extraction.Verdict.primary_key}): row["verdict"] for row in told}
    analyses: dict[Key, list[Analysis]] = defaultdict(list)
    for task in (miniscope.ProcessingTask & chosen).proj().to_dicts(order_by="paramset_id"):
        made = (miniscope.Segmentation & task).keys()
        for key in made or [task]:
            n_found = found.get(_frozen(key), 0) if made else None
            n_accepted = accepted.get(_frozen(key), 0) if _is_classified(key, classified) else n_found
            paramset = sets[task["paramset_id"]]
            analyses[key_of(task)].append(
                Analysis(
                    name_of(key),
                    task["paramset_id"],
                    paramset["processing_method"],
                    paramset["paramset_desc"],
                    n_found,
                    n_accepted,
                    verdicts.get(_frozen(task)),
                )
            )
    return analyses


def _is_classified(key: Mapping[str, Any], classified: Iterable[frozenset[tuple[str, Any]]]) -> bool:
    # its key has the method of the classification besides
    return any(_frozen(key) <= other for other in classified)


def _counts(rows: Any, names: Sequence[str]) -> dict[frozenset[tuple[str, Any]], int]:
    counted = dj.U(*names).aggr(rows, n="count(*)").to_dicts()
    return {_frozen({name: row[name] for name in names}): int(row["n"]) for row in counted}


def _frozen(key: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(key.items())


def camera_analyses(chosen: Any) -> dict[Key, list[Analysis]]:
    """Return the analyses of some cameras' recordings, by the recording's key."""
    from ..pipeline import facemap

    analyses: dict[Key, list[Analysis]] = defaultdict(list)
    tasks = (facemap.FacemapTask & chosen.proj()).proj("task_description")
    for task in tasks.to_dicts(order_by="facemap_task_id"):
        key = {name: task[name] for name in facemap.FacemapTask.primary_key}
        number = task["facemap_task_id"]
        analyses[key_of(task)].append(
            Analysis(name_of(key, camera=True), number, "facemap", task["task_description"] or "")
        )
    return analyses
