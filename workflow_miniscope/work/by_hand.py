"""The steps that people fill by hand: what each starts from, and how its rows are made where nobody made them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engines import facemap
from . import tasks


class Choices:
    """What a user chose for a run, checked before anything is inserted.

    Parameters
    ----------
    recordings, videos : restriction
        Of scopes, and of cameras.
    paramset : int or str, optional
        Number of a parameter set, or a JSON file of parameters.
    engine : str, optional
        Processing method.
    facemap_params : str or Path, optional
        A file of Facemap's parameters.

    Raises
    ------
    ParameterError, ResultError
        A parameter set or file is wrong.
    EngineError
        There is no such engine, or it cannot run on this machine.
    """

    def __init__(
        self,
        recordings: Any,
        videos: Any,
        paramset: str | int | None = None,
        engine: str | None = None,
        facemap_params: str | Path | None = None,
    ):
        self.recordings, self.videos = recordings, videos
        #: whether every recording is to be processed with a set, or those alone that have no task
        self.explicit = paramset is not None or engine is not None
        #: number of the set; None: the default one, which is inserted when it is first needed
        self.paramset_id = tasks.choose_paramset(paramset, engine) if self.explicit else None
        if self.paramset_id is not None:
            tasks.require_engine(self.paramset_id)
        self.face: facemap.Parameters | None = None
        self.face_description = "default parameters"
        if facemap_params is not None:
            self.face, self.face_description = tasks.read_facemap_params(facemap_params), Path(facemap_params).stem


@dataclass(frozen=True)
class ByHand:
    """A step that is filled by hand.

    Attributes
    ----------
    parent : str
        The table whose rows wait for one of this step.
    fill : function of Choices
        Make the rows that are missing, and give their number.
    """

    parent: str
    fill: Callable[[Choices], int]


def _processing_tasks(choices: Choices) -> int:
    from ..pipeline import miniscope

    # without an explicit choice, a recording that somebody has given a task keeps to that
    chosen = choices.recordings if choices.explicit else choices.recordings - miniscope.ProcessingTask.proj()
    if not miniscope.RecordingInfo & chosen.proj():
        return 0
    return tasks.create_processing_tasks(chosen, choices.paramset_id)


def _curations(choices: Choices) -> int:
    return tasks.create_curations(choices.recordings)


def _facemap_tasks(choices: Choices) -> int:
    return tasks.create_facemap_tasks(choices.videos, choices.face, choices.face_description)


#: By the name of the step
BY_HAND = {
    "miniscope.ProcessingTask": ByHand("miniscope.RecordingInfo", _processing_tasks),
    "miniscope.Curation": ByHand("miniscope.Processing", _curations),
    "facemap.FacemapTask": ByHand("facemap.RecordingInfo", _facemap_tasks),
}
