"""How an engine's process is run: what the user configured."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from ...errors import SettingsError, in_brackets


@dataclass(frozen=True)
class Options:
    """How an engine's process is run.

    Attributes
    ----------
    python : Path
        The interpreter.
    logs : Path
        Folder of its log, which is made.
    memory_gb : float, optional
        It is stopped when it and the processes that it starts use more (10^9 bytes).
    hours : float, optional
        It is stopped when it takes longer.
    """

    python: Path
    logs: Path
    memory_gb: float | None = None
    hours: float | None = None

    @property
    def foreign(self) -> bool:
        """Whether the interpreter is another one than that of this process."""
        return self.python != Path(sys.executable)


def chosen(name: str, known: tuple[str, ...], by_default: bool = False) -> Options | None:
    """Return how the process of an engine is run, or None where it runs within this one.

    Parameters
    ----------
    name : str
        The engine.
    known : tuple of str
        All engines.
    by_default : bool
        Whether it gets a process where no interpreter and no limit are configured.

    Raises
    ------
    SettingsError
        An interpreter is configured for an engine that there is not.
    """
    from ...settings import get_settings  # whose packages another environment need not have

    settings = get_settings()
    for other in settings.engines:
        if other not in known:
            raise SettingsError(
                f"custom.engines names the engine {other!r}{in_brackets(other, known)}; there are {', '.join(known)}."
            )
    python = settings.engines.get(name)
    limited = settings.engine_memory_gb is not None or settings.engine_hours is not None
    if python is None and not limited and not (by_default and settings.engine_process):
        return None
    return Options(
        python or Path(sys.executable), settings.home / "logs", settings.engine_memory_gb, settings.engine_hours
    )
