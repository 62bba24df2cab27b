"""Sentences for people: the errors a user can cause, and what a user may have meant by a wrong name.

Each error carries one sentence: what is wrong, where, and what to do; and an exit status.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: Exit statuses of every command, besides 0: it is done.
FAILED, WRONG_USE, NOTHING_MATCHED = 1, 2, 3


class WorkflowError(Exception):
    """Base class: the command line prints its sentence instead of a traceback."""

    exit_status = FAILED


class SettingsError(WorkflowError):
    """The configuration file or an environment variable is wrong."""

    exit_status = WRONG_USE


class DatabaseError(WorkflowError):
    """The database cannot be reached, started, dumped or restored."""


class RecordingError(WorkflowError):
    """A recording folder, video or time stamp file cannot be used."""


class ManifestError(WorkflowError):
    """A row or column of a CSV manifest is wrong."""


class ResultError(WorkflowError):
    """A file of results is not what it should be."""


class NothingMatched(RecordingError, ResultError):
    """No recording or result fits what a user chose; the sentence says what is there."""

    exit_status = NOTHING_MATCHED


class CurationError(WorkflowError):
    """A decision or a log of decisions is not what it should be, or cannot be saved."""


class NotSavedError(CurationError):
    """Decisions are what they should be but cannot be written: the disk is full, or a folder is read-only."""


class ParameterError(WorkflowError):
    """A parameter or restriction is unknown or out of range."""

    exit_status = WRONG_USE


class EngineError(WorkflowError):
    """An analysis program is missing or failed."""


class UnknownEngine(EngineError, ParameterError):
    """There is no engine of the name that a user wrote."""


def nearest(name: str, known: Iterable[str], likeness: float = 0.5) -> str | None:
    """Return the known name that looks most like ``name``, whatever its letters' case, or None if none does.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What it may have meant.
    likeness : float
        Least likeness, from 0 to 1: everything to the same letters (difflib's ratio).
    """
    by_lower = {other.lower(): other for other in known}
    found = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return the end of a sentence: ``did you mean 'x'?``, or what to say where nothing looks like ``name``."""
    near = nearest(name, known)
    return otherwise if near is None else f"did you mean '{near}'?"


def in_brackets(name: str, known: Iterable[str]) -> str:
    """Return the same to stand within a sentence: `` (did you mean 'x'?)``, or nothing."""
    hint = did_you_mean(name, known)
    return hint and f" ({hint})"
