"""Sessions as files in the layout of the DANDI archive.

``sub-m1/sub-m1_ses-20260115T182030_ophys.nwb`` is a session, and in the folder of its name beside it are its videos.
Everything is written under names that begin with a dot, which no archive takes, and renamed at the end.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from tqdm.auto import tqdm

from ..database.restriction import only_key, restricted
from ..errors import ParameterError, RecordingError, ResultError, WorkflowError
from .contents import Contents, Key, gather, outline
from .missing import Missing, lost_videos, missing
from .packages import need
from .project import Project, find_project, read_project

if TYPE_CHECKING:
    from .crate import Crate

#: What to do with the videos that a file names: copy them beside it, or put symbolic links there.
Videos = Literal["copy", "link"]


#: Why a file cannot become larger: the disk is full, the quota is used up, the file system takes no larger file.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_EXTERNAL = re.compile(r"_external_file_\d+\.\w+$")


@dataclass(frozen=True)
class Options:
    """How to write a session.

    Attributes
    ----------
    videos : "copy" or "link"
        Copies stand alone; links need no space, and end at the raw files of this computer.
    embed : bool
        Write the scopes' frames into the NWB file, without loss.
    motion_corrected : bool
        Write the motion-corrected movie of each result into the NWB file, without loss.
    overwrite : bool
        Replace what was exported before.
    analyses : restriction, optional
        Which results of the scopes; by default all.
    progress : bool
        Show progress bars on a terminal.
    """

    videos: Videos = "copy"
    embed: bool = False
    motion_corrected: bool = False
    overwrite: bool = False
    analyses: Any = None
    progress: bool = True


def options(
    videos: str, embed: bool = False, motion_corrected: bool = False, overwrite: bool = False, analyses: Any = None
) -> Options:
    """Return the options that a command line names.

    Raises
    ------
    ParameterError
        There is no such way to treat videos, or no such result.
    """
    if videos not in get_args(Videos):
        raise ParameterError(f"--videos is {videos}; write {' or '.join(get_args(Videos))}.")
    return Options(
        videos=cast(Videos, videos),
        embed=embed,
        motion_corrected=motion_corrected,
        overwrite=overwrite,
        analyses=analyses,
    )


@dataclass
class Published:
    """What publishing did.

    Attributes
    ----------
    written, present : list of Path
        NWB files that were written, and those that were there.
    notes, problems : list of str
        What was left out, and which sessions could not be written, and why.
    """

    written: list[Path] = field(default_factory=list)
    present: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [*map(str, self.written), *(f"{path}: there already" for path in self.present)]
        lines += [f"Note: {note}" for note in self.notes]
        lines += [f"Not published: {problem}" for problem in self.problems]
        return "\n".join(lines)


def export_nwb(
    key: Any,
    path: Path,
    project: Path | None = None,
    options: Options = Options(),  # noqa: B008  frozen
) -> list[str]:
    """Write one session into an NWB file, with its videos in a folder beside it.

    Parameters
    ----------
    key : str, dict or list of them
        Restriction that chooses one row of ``session.Session``, such as ``subject=m1``.
    path : Path
        The file; its name ends with ``.nwb``.
    project : Path, optional
        The project's file; by default the one that :func:`.project.find_project` finds.
    options : Options
        How.

    Returns
    -------
    list of str
        What was left out, and what archives would miss, a sentence each.

    Raises
    ------
    ResultError
        The restriction chooses no session or several, or the file is there.
    RecordingError
        A raw file is gone, or there is no space.
    """
    from ..pipeline import session

    told = read_project(find_project(project))
    if path.suffix != ".nwb":
        raise ResultError(f"{path} must end with .nwb, by which programs know such files.")
    if path.exists() and not options.overwrite:
        raise ResultError(f"{path} exists; name another file, or allow to replace it with --overwrite.")
    contents = _gathered(_one(session.Session, key), options)
    of_animal = told.of_subject(contents.subject)
    notes = _write(path, contents, of_animal, options)
    return [*notes, *(f"Archives ask for {item}." for item in missing(contents, of_animal))]


def _one(table: Any, restriction: Any) -> Key:
    if isinstance(restriction, (list, tuple)):
        keys = restricted(table, restriction).keys()
        if len(keys) != 1:
            raise ResultError(f"{len(keys)} sessions fit {' and '.join(map(str, restriction))}; name one.")
        return dict(keys[0])
    return only_key(table, restriction, "session")


def publish(
    restrict: Any,
    output: Path,
    project: Path | None = None,
    options: Options = Options(),  # noqa: B008  frozen
) -> Published:
    """Write sessions into a folder, as the DANDI archive takes them.

    Parameters
    ----------
    restrict : str, dict, list of them, or None
        Which sessions; None is all.
    output : Path
        Folder of the dataset; made if missing. Sessions that are there already are left alone, so that a run that was
        killed is resumed by the same command.
    project, options
        As those of :func:`export_nwb`.

    Returns
    -------
    Published
        Its ``problems`` name each session that was not written, and why.
    """
    from ..pipeline import session

    _need_programs()
    from .crate import Crate

    told = read_project(find_project(project))
    done, crate = Published(), Crate(output)
    keys = restricted(session.Session, restrict).keys(order_by=list(session.Session.primary_key))
    for key in tqdm(keys, desc="Publish", unit="session", disable=None if options.progress else True):
        name = _name(key)
        try:
            _publish_one(dict(key), output, told, options, done, name, crate)
        except WorkflowError as error:
            done.problems.append(f"{name}: {error}")
    crate.write()
    return done


def _publish_one(
    key: Key, output: Path, told: Project, options: Options, done: Published, name: str, crate: Crate
) -> None:
    contents = _gathered(key, options)
    if contents.unread:
        raise ResultError(
            f"{', '.join(contents.unread)} has not been read yet, and a file that is there is left alone later; run "
            "workflow-miniscope process first, or leave it out with workflow-miniscope exclude."
        )
    of_animal = told.of_subject(contents.subject)
    path = output / place(contents)
    if path.exists() and not options.overwrite:
        _refuse_namesake(path, contents)
        done.present.append(path)
        crate.add(contents, of_animal, path)
        return
    refused = [str(item) for item in missing(contents, of_animal) if item.required]
    if refused:
        raise ResultError(f"archives refuse it without {'; '.join(refused)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    done.notes += [f"{name}: {note}" for note in _write(path, contents, of_animal, options)]
    done.written.append(path)
    crate.add(contents, of_animal, path)


def _gathered(key: Key, options: Options) -> Contents:
    """Gather a session of which something has been read."""
    contents = gather(key, options.analyses)
    if not contents.scopes and not contents.cameras:
        raise ResultError(f"There is nothing to write. {' '.join(contents.left_out) or 'It has no recording.'}")
    return contents


def _need_programs() -> None:
    """Raise where what writes files is not installed."""
    for module, package in (("pynwb", None), ("ndx_miniscope", "ndx-miniscope")):
        need(module, package)


def _refuse_changed(contents: Contents) -> None:
    """Raise where a raw file is not the one that results were computed from."""
    changed = [file for file in contents.raw_files if file.state in ("changed", "gone")]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise RecordingError(
            f"{changed[0].path}{more} is {changed[0].state} since results were computed from it; put the recorded file "
            "back, or delete the results and process again."
        )


def _refuse_namesake(path: Path, contents: Contents) -> None:
    """Raise where a file is of another animal, whose name differs in signs only that file names have not."""
    with need("h5py").File(path, "r") as file:
        stored = file["general/subject/subject_id"].asstr()[()]
    if stored != contents.subject.replace("/", "-"):
        raise ResultError(f"{path} is of the animal {stored}; publish {contents.subject} into another folder.")


def check(restrict: Any, project: Path | None = None) -> dict[str, list[Missing]]:
    """List what archives ask for and nobody has said, and which videos are not what they were, for each session.

    Parameters
    ----------
    restrict, project
        As those of :func:`publish`.

    Returns
    -------
    dict of list of Missing
        By the session's name; empty lists where nothing is missing.
    """
    from ..pipeline import session

    keys = restricted(session.Session, restrict).keys(order_by=list(session.Session.primary_key))
    found = check_sessions(keys, project)
    return {_name(key): [*lost_videos(dict(key)), *found[_name(key)]] for key in keys}


def check_sessions(keys: Iterable[Key], project: Path | None = None) -> dict[str, list[Missing]]:
    """List what archives ask for and nobody has said, for sessions that are given by their keys."""
    told = read_project(find_project(project))
    found = {}
    for key in keys:
        contents = outline(dict(key))
        found[_name(key)] = missing(contents, told.of_subject(contents.subject))
    return found


def _name(key: Key) -> str:
    return f"{key['subject']}, {key['session_datetime']} UTC"


def summary(found: dict[str, list[Missing]]) -> str:
    """Return what :func:`check` found as one sentence; empty where nothing is missing."""
    items = {str(item): item.required for of_session in found.values() for item in of_session}
    if not items:
        return ""
    things = "one thing is" if len(items) == 1 else f"{len(items)} things are"
    required = sum(items.values())
    return (
        f"To be published, {things} missing{f' ({required} of them required)' if required else ''}; "
        "workflow-miniscope publish --check lists what, and where to write it."
    )


def format_check(found: dict[str, list[Missing]]) -> str:
    """Return what :func:`check` found as text."""
    lines = []
    for name, items in found.items():
        lines.append(f"{name}: {'nothing is missing' if not items else ''}".rstrip())
        lines += [f"  {'required' if item.required else 'asked for'}  {item}" for item in items]
    return "\n".join(lines or ["No session fits."])


def place(contents: Contents) -> Path:
    """Return where a session goes below the folder of a dataset."""
    from .nwb.file import session_id

    # the signs that DANDI's names are made of, and those that its own program replaces
    animal = re.sub(r"[_*\\/<>:|\"'?%@;,.\s]", "-", contents.subject)
    kind = "ophys" if contents.scopes else "image"
    return Path(f"sub-{animal}") / f"sub-{animal}_ses-{session_id(contents)}_{kind}.nwb"


def _write(path: Path, contents: Contents, project: Project, options: Options) -> list[str]:
    """Write a session's file and videos, all or nothing."""
    _refuse_changed(contents)
    _need_programs()
    from .nwb.file import write

    folder = path.with_suffix("")
    _refuse_foreign(folder)
    partial, partial_folder = (part.with_name(f".{part.name}.partial") for part in (path, folder))
    _remove(partial, partial_folder)  # of a run that was killed
    try:
        how = options.embed, options.motion_corrected, options.progress
        written = write(partial, contents, project, folder.name, *how)
        if written.videos:
            _place_videos(written.videos, partial_folder, options)
        # the file goes first and comes last: without it nothing looks finished
        _remove(path, folder)
        if written.videos:
            partial_folder.rename(folder)
        os.replace(partial, path)
    except BaseException as error:
        _remove(partial, partial_folder)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise ResultError(
                f"{path} does not fit on its disk ({os.strerror(error.errno)}), and nothing of it is left; write to "
                "another disk, or leave out --embed and --motion-corrected."
            ) from None
        raise
    return list(written.notes)


def _refuse_foreign(folder: Path) -> None:
    """Raise where a folder that will be replaced holds anything but videos of an export."""
    if not folder.exists():
        return
    others = [path for path in folder.iterdir() if not _EXTERNAL.search(path.name)] if folder.is_dir() else [folder]
    if others:
        raise ResultError(
            f"The videos would be put into {folder}, where there is {others[0].name} already; name another file."
        )


def _remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _place_videos(videos: dict[str, Path], folder: Path, options: Options) -> None:
    """Put raw videos into a folder under the names that the file has for them."""
    folder.mkdir()
    if options.videos == "link":
        _link(videos, folder)
        return
    _check_space(videos.values(), folder)
    bar = tqdm(videos.items(), desc="Videos", unit="file", disable=None if options.progress else True, leave=False)
    for name, source in bar:
        target = folder / Path(name).name
        shutil.copyfile(source, target)
        if target.stat().st_size != source.stat().st_size:
            raise RecordingError(f"{source} changed while it was copied; is it still being recorded?")


def _link(videos: dict[str, Path], folder: Path) -> None:
    for name, source in videos.items():
        try:
            (folder / Path(name).name).symlink_to(source.resolve())
        except OSError as error:
            raise ResultError(f"{folder} takes no links ({error.strerror}); use --videos copy.") from None


def _check_space(sources: Iterable[Path], folder: Path) -> None:
    wanted = sum(source.stat().st_size for source in sources)
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise RecordingError(
            f"{folder.parent} has {free / 1e9:.1f} GB free, the videos need {wanted / 1e9:.1f} GB; use --videos link, "
            "or another disk."
        )
