"""Damage result files in ways that are drawn by a number, and read what comes out in a process of its own.

    python mutations.py FOLDER FIRST LAST FILE...    # reads damaged copies FIRST..LAST of the files in FOLDER

For each it prints its number and what came of it: "read", the name of our error, or of one that is not ours.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

#: bytes that the reading process may have, so that what asks for terabytes is refused on any machine
MEMORY = 6 * 2**30


def mutate(source: Path, target: Path, number: int) -> str:
    """Write a damaged copy; return what was done to it."""
    draw = random.Random(number)
    shutil.copyfile(source, target)
    if number % 3 == 0:
        return _flip(target, draw)
    names: list[str] = []
    with h5py.File(target) as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    favoured = [name for name in names if name.split("/")[-1] in ("indices", "indptr", "shape", "dims", "data")]
    name = draw.choice(favoured if draw.random() < 0.4 else names)
    how = draw.choice(_WAYS)
    with h5py.File(target, "r+") as file:
        how(file, name, draw)
    return f"{how.__name__} {name}"


def _flip(target: Path, draw: random.Random) -> str:
    content = bytearray(target.read_bytes())
    where = [draw.randrange(draw.choice([2048, len(content)])) for _ in range(draw.choice([1, 3, 20]))]
    for place in where:
        content[place] = draw.randrange(256)
    if draw.random() < 0.1:
        del content[draw.randrange(len(content)) :]
    target.write_bytes(content)
    return f"bytes {where}"


def _value(file, name, draw):
    values = np.asarray(file[name][()])
    if values.dtype.kind not in "iuf" or not values.size:
        return _other(file, name, draw)
    values = np.array(values)
    for _ in range(draw.choice([1, 1, 5])):
        value = draw.choice([-1, -3, 0, 1, 10**6, 2**31 - 1, 2**40, -(2**40), np.nan, np.inf])
        if values.dtype.kind != "f" and not np.isfinite(value):
            value = -(2**31)
        with np.errstate(all="ignore"):
            values.flat[draw.randrange(values.size)] = np.array(value).astype(values.dtype)
    del file[name]
    file[name] = values


def _removed(file, name, draw):
    del file[name]


def _shorter(file, name, draw):
    values = np.ravel(file[name][()])
    del file[name]
    file[name] = values[: draw.randrange(len(values) + 1)]


def _longer(file, name, draw):
    values = np.ravel(file[name][()])
    del file[name]
    file[name] = np.concatenate([values, values[:1]]) if draw.random() < 0.5 else np.stack([values] * 2)


def _other(file, name, draw):
    del file[name]
    kind = draw.randrange(5)
    if kind == 0:
        file[name] = "text"
    elif kind == 1:
        file[name] = h5py.Empty("f4")
    elif kind == 2:
        file.create_group(name)
    elif kind == 3:
        file[name] = draw.choice([0.0, -1.0, np.nan, 1e300])
    else:
        file[name] = h5py.SoftLink("/estimates")


def _huge(file, name, draw):
    del file[name]
    shape = draw.choice([(10**6, 10**6), (10**12,), (2**31, 3)])
    file.create_dataset(name, shape, draw.choice(["f4", "i8"]), chunks=(1000,) * len(shape))


def _declared(file, name, draw):
    for place in ("dims", "estimates/dims", "estimates/A/shape"):
        if place in file:
            values = np.array(file[place][()])
            values.flat[0 if draw.random() < 0.5 else -1] = draw.choice([10**6, 10**12, -1, 0, 2**31])
            del file[place]
            file[place] = values


def _nested(file, name, draw):
    deep = "[" * 10**5 + "]" * 10**5
    for group, attribute in (("provenance", "parameters"), ("verdict", "reasons")):
        if group in file and attribute in file[group].attrs:
            file[group].attrs[attribute] = draw.choice([deep, "{", "[1]", '{"data": 3}', '"x"'])


_WAYS = (_value, _value, _value, _removed, _shorter, _longer, _other, _huge, _declared, _nested)


def read(path: Path) -> None:
    """Read everything that the workflow reads of a result file."""
    from workflow_miniscope.results.caiman import RawTraces, read_result
    from workflow_miniscope.results.caiman.opened import OpenedResult

    result = read_result(path)
    for i in range(result.n_components):
        result.mask(i)
    _ = result.F_dff, result.summary_image, result.fps
    opened = OpenedResult(path)
    if result.n_components:
        opened.traces(0)
    opened.close()
    RawTraces(path)


def outcomes(folder: Path, files: list[Path], first: int, last: int) -> dict[int, str]:
    """Read damaged copies in processes of their own; a process that dies is followed by another one."""
    found: dict[int, str] = {}
    while first < last:
        done = subprocess.run(
            [sys.executable, __file__, str(folder), str(first), str(last), *map(str, files)],
            capture_output=True,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        told = [json.loads(line) for line in done.stdout.splitlines()]
        found |= {number: outcome for number, outcome in told if outcome != "begun"}
        first = (told[-1][0] if told else first) + 1
        if done.returncode:
            found[first - 1] = f"died: {done.returncode} {done.stderr[-300:] if not told else ''}"
    return found


def main(folder: Path, first: int, last: int, files: list[Path]) -> None:
    """Read damaged copies, and print what came of each."""
    import resource

    from workflow_miniscope.errors import WorkflowError

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number in range(first, last):
        path = folder / f"damaged_{os.getpid()}.hdf5"
        try:
            how = mutate(files[number % len(files)], path, number)
        except Exception:  # not every damage can be done to every part
            continue
        print(json.dumps([number, "begun"]), flush=True)
        try:
            read(path)
            outcome = "read"
        except WorkflowError as error:
            outcome = f"{type(error).__name__}: {error}"
        except Exception as error:
            outcome = f"not ours: {type(error).__name__}: {str(error)[:200]} after {how}"
        print(json.dumps([number, outcome]), flush=True)
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), [Path(name) for name in sys.argv[4:]])
