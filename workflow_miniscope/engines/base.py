"""What every engine offers, and how one is run so that a killed run leaves nothing like a result."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO, TypeVar, runtime_checkable

from ..daq import examine
from ..errors import EngineError, ParameterError, WorkflowError
from ..movies import Movie, fingerprint
from ..movies.types import Floats
from ..parameters import Model
from .child.options import Options
from .failures import explain, is_disk_full
from .run_notes import write_note

logger = logging.getLogger(__name__)


Parameters = TypeVar("Parameters", bound=Model)

#: What an engine must know of the moments of the frames: nothing, how many there are in a second, or each
Needs = Literal["nothing", "rate", "times"]


@dataclass(frozen=True)
class FrameTimes:
    """What is known of the moments at which a movie's frames were taken.

    Attributes
    ----------
    fps : float, optional
        Frames per second, from the time stamps.
    each : float64 [frames], optional
        Time of each frame (s), nan where it is not trusted.
    """

    fps: float | None = None
    each: Floats | None = None

    @property
    def rate(self) -> float:
        """Frames per second.

        Raises
        ------
        ParameterError
            It is not known, or is no rate.
        """
        if self.fps is None or not self.fps > 0:
            raise ParameterError(f"The frame rate must be a positive number of frames per second, not {self.fps}.")
        return float(self.fps)


@runtime_checkable
class Engine(Protocol[Parameters]):
    """An analysis program: from a movie and parameters to a result file.

    Its class is made without arguments, also in another process and by another interpreter.

    Attributes
    ----------
    name : str
        The one that it is looked up by; of an engine that finds cells, the ``processing_method`` of its tasks.
    description : str
        One line for a person.
    needs : "nothing", "rate" or "times"
        What it must know of the moments of the frames.
    """

    name: str
    description: str
    needs: Needs

    def unavailable(self) -> str | None:
        """Say in one sentence why it cannot run here and what to do, or None when it can."""

    def version(self) -> str:
        """Version of the program."""

    def model(self) -> type[Parameters]:
        """Give the model of its parameters."""

    def parse(self, params: Mapping[str, Any] | Parameters | None) -> Parameters:
        """Give all parameters, the defaults filled in; ParameterError names what is wrong."""

    def run(self, movie: Movie, params: Parameters, output_dir: Path, times: FrameTimes, progress: bool = True) -> Path:
        """Process a movie into a folder that exists, and give the path of the result file in it."""


def run_engine(
    engine: Engine[Parameters],
    movie: Movie,
    params: Parameters,
    output_dir: str | Path,
    fps: float | None = None,
    times: Floats | None = None,
    progress: bool = True,
    child: Options | None = None,
    note: bool = False,
) -> Path:
    """Run an engine so that ``output_dir`` is there, whole, or not at all.

    The engine works in a hidden folder beside ``output_dir``, which gets its name at the end. It is removed
    when the run fails or is interrupted; after a run that was killed, the next run of the task removes it.

    Parameters
    ----------
    engine : Engine
        Which program.
    movie : Movie
        The recording.
    params : Model
        The engine's parameters, as its ``parse`` gives them.
    output_dir : str or Path
        Folder of the result; it must not exist yet, or be empty.
    fps : float, optional
        Frames per second, from the time stamps, for an engine that needs it.
    times : float64 [frames], optional
        Time of each frame (s), nan where it is not trusted. Where frames are missing and the engine does not need the
        times, the log says so.
    progress : bool
        Show progress bars.
    child : Options, optional
        Run it in a process of its own, in this way (:func:`engines.in_child`). By default it runs within this process.
    note : bool
        Note in ``output_dir`` where and with what it was computed and how long it took; the result has no name before.

    Returns
    -------
    Path
        The result file, in ``output_dir``.

    Raises
    ------
    EngineError
        If the engine cannot run here or fails, if ``output_dir`` is in use, or if another process is at work
        on it.
    ParameterError
        If the frame rate is not one.
    """
    begun = time.monotonic()
    reason = None if child else engine.unavailable()  # its own process says so
    if reason:
        raise EngineError(reason)
    known = FrameTimes(fps, times)
    _check_times(engine, known)

    output_dir = Path(output_dir).absolute()
    _require_free(output_dir)
    with _folders(output_dir.parent), _only_process(output_dir):
        working = output_dir.with_name(f".{output_dir.name}.running")
        if working.exists():
            logger.info("Removing what a killed run of this task left in %s.", working)
            shutil.rmtree(working)
        try:
            working.mkdir()
            files = getattr(movie, "files", ())  # a movie in memory has none
            if files:
                fingerprint.write_record(working, files, times)
            result = _run(engine, movie, params, working, known, progress, child)
            if not result.is_file():
                raise EngineError(f"{engine.name} ended without the result file {result.name}.")
            if note:
                write_note(working, time.monotonic() - begun)
            _require_free(output_dir)
            if output_dir.exists():
                output_dir.rmdir()
            working.rename(output_dir)
        except Exception as error:
            if isinstance(error, WorkflowError) and not is_disk_full(error):
                raise
            raise EngineError(explain(engine.name, error, working)[0]) from error
        finally:
            # after a KeyboardInterrupt too; nothing is left here after a success
            shutil.rmtree(working, ignore_errors=True)
    return output_dir / result.relative_to(working)


def forget_killed_run(output_dir: Path) -> None:
    """Remove the lock of a run that was killed between naming its result and giving the lock back."""
    if not _lock_of(output_dir).exists():
        return
    try:
        with _only_process(output_dir):
            pass
    except EngineError:
        pass  # somebody is at work there, or nothing can be written


def _run(
    engine: Engine[Parameters],
    movie: Movie,
    params: Parameters,
    working: Path,
    times: FrameTimes,
    progress: bool,
    child: Options | None,
) -> Path:
    if child is None:
        return Path(engine.run(movie, params, working, times, progress=progress))
    # not above, because the child itself, whose environment may have little, imports this module
    from .child.order import Order
    from .child.run import run

    return run(Order(engine, movie, params, working, times, progress), child)


def _check_times(engine: Engine[Any], times: FrameTimes) -> None:
    """Refuse a frame rate that is none, and log what it means that an engine does not use the times."""
    if engine.needs == "nothing":
        return
    _ = times.rate
    if engine.needs == "times" or times.each is None:
        return
    timing = examine(times.each)
    gaps = (*timing.gaps, *timing.pauses)
    if gaps:
        logger.warning(
            "%s takes all frames as consecutive, but some are missing: %d (gaps: %d). Transients seem cut short.",
            engine.name,
            sum(gap.missing for gap in gaps),
            len(gaps),
        )
    if timing.rate_changes:
        logger.warning("%s takes all frames as equally far apart. %s", engine.name, timing.rate_changes)


def _require_free(output_dir: Path) -> None:
    if output_dir.is_dir() and not any(output_dir.iterdir()):
        return
    if output_dir.exists():
        raise EngineError(f"{output_dir} is already in use: move it away, or choose another output folder.")


@contextmanager
def _folders(folder: Path) -> Iterator[None]:
    """Make a folder and its parents; on failure remove those that were made, if they are still empty."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(f"The folder {folder} cannot be made: {error.strerror or error}.") from error
    try:
        yield
    except BaseException:
        for path in missing:
            try:
                path.rmdir()
            except OSError:
                break
        raise


def _lock_of(output_dir: Path) -> Path:
    return output_dir.with_name(f".{output_dir.name}.lock")


@contextmanager
def _only_process(output_dir: Path) -> Iterator[None]:
    """Hold a lock on a task. The system frees it when the process dies, however it dies."""
    path = _lock_of(output_dir)
    while True:
        try:
            file = open(path, "a")  # noqa: SIM115 - closed below, after the work
        except OSError as error:
            raise EngineError(f"{output_dir.parent} cannot be written: {error.strerror or error}.") from error
        if not _try_lock(file):
            file.close()
            raise EngineError(f"Another process is at work on {output_dir}: wait for it, or stop it first.")
        try:
            # whoever held the lock before may have deleted the file that we opened
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                break
        except FileNotFoundError:
            pass
        file.close()
    try:
        yield
    finally:
        _remove_lock(file, path)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: TextIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _remove_lock(file: TextIO, path: Path) -> None:
        # Windows deletes no open file: another process may take the lock in between, and then keeps the file
        file.close()
        try:
            path.unlink(missing_ok=True)
        except OSError:
            pass

else:
    import fcntl

    def _try_lock(file: TextIO) -> bool:
        try:
            # lockf, because processes that the engine starts would inherit a lock of flock, and outlive us
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _remove_lock(file: TextIO, path: Path) -> None:
        path.unlink(missing_ok=True)
        file.close()
