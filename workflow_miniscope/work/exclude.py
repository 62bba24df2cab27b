"""Leave recordings out of processing, and take them in again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..database.conditions import name_of
from ..errors import NothingMatched
from .change import Change, forget_errors, recordings_of


def plan_exclude(restrict: Any, reason: str) -> Change:
    """Say what leaving recordings out would do.

    Parameters
    ----------
    restrict : str, dict or list of them
        Which recordings.
    reason : str
        Why, for those who ask later.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong or chooses no recording that is processed now.
    """
    recordings, videos = included(*recordings_of(restrict))
    names = _names(recordings, videos)
    if not names:
        raise NothingMatched("All of these recordings are excluded already.")

    def make() -> None:
        from ..pipeline import exclusion

        forget_errors(recordings, videos)  # or they would be counted for ever
        row = {"reason": reason[:1000], "excluded_at": datetime.now(UTC).replace(tzinfo=None, microsecond=0)}
        scopes, cameras = recordings.keys(), videos.keys()  # before the first is excluded
        exclusion.ExcludedScope.insert({**key, **row} for key in scopes)
        exclusion.ExcludedCamera.insert({**key, **row} for key in cameras)

    return Change((f"Leaves out of processing: {', '.join(names)}. What was computed of them stays.",), make)


def plan_include(restrict: Any) -> Change:
    """Say what taking recordings in again would do.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong or chooses no recording that is excluded.
    """
    from ..pipeline import exclusion

    recordings, videos = recordings_of(restrict)
    scopes, cameras = exclusion.ExcludedScope & recordings.proj(), exclusion.ExcludedCamera & videos.proj()
    names = _names(scopes, cameras)
    if not names:
        raise NothingMatched("None of these recordings is excluded.")

    def make() -> None:
        scopes.delete_quick()
        cameras.delete_quick()

    return Change((f"Processes again from now on: {', '.join(names)}.",), make)


def included(recordings: Any, videos: Any) -> tuple[Any, Any]:
    """Return the recordings of scopes and cameras without those that are excluded."""
    from ..pipeline import exclusion

    return recordings - exclusion.ExcludedScope.proj(), videos - exclusion.ExcludedCamera.proj()


def excluded_names() -> dict[str, str]:
    """Return the names of the recordings that are excluded, and why."""
    from ..pipeline import exclusion

    scopes = {name_of(_key(row)): row["reason"] for row in exclusion.ExcludedScope().to_dicts()}
    return scopes | {name_of(_key(row), camera=True): row["reason"] for row in exclusion.ExcludedCamera().to_dicts()}


def _key(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("subject", "session_datetime", "recording_id")}


def _names(recordings: Any, videos: Any) -> list[str]:
    return [name_of(key) for key in recordings.keys()] + [name_of(key, camera=True) for key in videos.keys()]
