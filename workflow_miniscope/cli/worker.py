"""``workflow-miniscope worker``."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from ..errors import FAILED
from .options import Restrict

#: What the engines and their libraries read the number of threads from
THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def command(
    restrict: Restrict = None,
    forever: Annotated[
        bool, typer.Option("--forever/--once", help="Wait for new recordings, or end when nothing is left.")
    ] = True,
    max_memory: Annotated[
        str | None,
        typer.Option(
            metavar="8G",
            help="Memory that the workers of this machine may take together; by default most of what it has. "
            "What a recording takes is estimated from its frames and pixels.",
        ),
    ] = None,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Cores that this worker may use; by default all that it may run on.")
    ] = None,
    slurm: Annotated[
        bool,
        typer.Option(
            "--slurm", help="Submit workers to SLURM instead: an array of jobs sized from the recordings that wait."
        ),
    ] = False,
    slurm_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTION", help="With --slurm: an option for sbatch, such as partition=long; again for more."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --slurm: print the script, and submit nothing.")
    ] = False,
) -> None:
    """Compute what there is to compute, beside any number of other workers on any number of machines.

    Each recording is computed by one of them; one that failed is left alone until `workflow-miniscope process` tries it
    again. Ctrl-C stops after what is being computed, Ctrl-C twice at once.
    """
    if slurm:
        _submit(restrict, max_memory, cores, slurm_option or [], dry_run)
        return
    if cores is not None:
        for name in THREADS:  # before any library reads them
            os.environ[name] = str(cores)
    from ..process import process
    from ..work.room import Room, parse_memory
    from ..work.worker import work

    room = Room(None if max_memory is None else parse_memory(max_memory))

    def say(text: str) -> None:
        print(time.strftime("%Y-%m-%d %H:%M:%S"), text, sep="\n", flush=True)

    if not work(lambda stop: process(restrict, reserve_jobs=True, stop=stop, room=room), forever, say):
        raise typer.Exit(FAILED)


def _submit(
    restrict: list[str] | None, max_memory: str | None, cores: int | None, options: list[str], dry_run: bool
) -> None:
    from ..work import slurm
    from ..work.room import parse_memory

    array = slurm.size_array(restrict, None if max_memory is None else parse_memory(max_memory), cores)
    if array is None:
        print("Nothing waits that takes long; `workflow-miniscope process` does the rest.")
        return
    text = slurm.script(array, restrict, options)
    print(text if dry_run else slurm.submit(text))
