"""Two computations do not begin where there is room for one; an array of SLURM jobs asks for what they take."""

import os
import stat
import subprocess
import sys

import pytest

from workflow_miniscope.database import jobs
from workflow_miniscope.database.workers import Heart
from workflow_miniscope.errors import ParameterError
from workflow_miniscope.process import process
from workflow_miniscope.work import needs, slurm, tasks
from workflow_miniscope.work.room import Room, parse_memory

STEP = "miniscope.Processing"

# Takes the script as sbatch does, checks what it asks for, and runs each job of the array
SBATCH = r"""#!{python}
import os, re, subprocess, sys
text = sys.stdin.read()
options = dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", text, re.M))
open("{folder}/options", "w").write(repr(options))
first, last, most = re.fullmatch(r"(\d+)-(\d+)%(\d+)", options["array"]).groups()
for number in range(int(first), int(last) + 1):
    given = {{"SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(number), "SLURM_CPUS_PER_TASK": options["cpus-per-task"]}}
    done = subprocess.run(["bash"], input=text, text=True, env={{**os.environ, **given}},
                          stdout=open(f"{folder}/{{number}}.log", "w"), stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"job {{number}} ended with {{done.returncode}}")
print("Submitted batch job 7")
"""


@pytest.fixture
def two(pipeline, add_recording):
    """The tasks of two recordings."""

    def add(name):
        keys = [add_recording(f"{name}{i}", n_frames=60, height=40, width=40) for i in range(2)]
        tasks.create_processing_tasks(pipeline.miniscope.Recording & keys)
        return (pipeline.miniscope.ProcessingTask & keys).keys()

    return add


def fits(room, key):
    with room.claim(STEP, key) as answer:
        return answer


def test_room_for_one(pipeline, two):
    first, second = two("room")
    needed = needs.memory_of(STEP, first)
    assert needed == needs.memory(60, 40, 40)
    queue = jobs.open_jobs(pipeline.miniscope.Processing())
    with Heart(pipeline.connection) as heart:
        assert fits(Room(int(1.5 * needed)), first)
        assert jobs.reserve(queue, first, heart, retry=False)
        assert not fits(Room(int(1.5 * needed)), second), "the first one runs on this machine"
        assert fits(Room(int(2.5 * needed)), second)
        queue.update1({**first, "host": "another-machine"})
        assert fits(Room(int(1.5 * needed)), second)
        jobs.give_back(queue, first, heart)
    assert not fits(Room(int(0.5 * needed)), second)
    report = process("subject like 'room%'", reserve_jobs=True, progress=False, room=Room(int(0.5 * needed)))
    assert report.done.get(STEP, 0) == 0 and report.errors == []


@pytest.mark.parametrize(("text", "expected"), [("8G", 8 * 2**30), ("500M", 500 * 2**20), ("1.5 GB", 1.5 * 2**30)])
def test_amounts_of_memory(text, expected):
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "much", "0", "-1G", "8X"])
def test_no_amount_of_memory(text):
    with pytest.raises(ParameterError, match="no amount of memory"):
        parse_memory(text)


def test_an_array_of_jobs(pipeline, two, run, tmp_path, monkeypatch):
    keys = two("array")
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(SBATCH.format(python=sys.executable, folder=tmp_path))
    sbatch.chmod(sbatch.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{sbatch.parent}:{os.environ['PATH']}")
    ran = run(
        "worker", "--slurm", "--restrict", "subject like 'array%'", "--cores", 1, "--slurm-option", "partition=long"
    )
    assert (ran.status, ran.out) == (0, "Submitted batch job 7\n"), ran.err
    options = eval((tmp_path / "options").read_text())
    wanted = needs.memory(60, 40, 40) * slurm.MARGIN / 2**20
    assert options["array"] == "0-1%32" and options["cpus-per-task"] == "1" and options["partition"] == "long"
    assert wanted <= int(options["mem"].removesuffix("M")) <= wanted + 1
    assert options["requeue"] == "" and options["signal"] == "B:TERM@120"
    assert len(pipeline.miniscope.Processing & keys) == 2, (tmp_path / "0.log").read_text()
    assert "Nothing waits" in run("worker", "--slurm", "--restrict", "subject like 'array%'").out


def test_the_script_is_one_that_bash_takes(tmp_path):
    array = slurm.Array(3, 2 * 2**30, 2, 90)
    text = slurm.script(array, ["subject='it''s m1'"], ["--account=lab a"])
    assert "#SBATCH --mem=2048M" in text and "#SBATCH --time=01:30:00" in text
    assert '#SBATCH --account="lab a"' in text
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    with pytest.raises(ParameterError, match="no option of sbatch"):
        slurm.script(array, None, ["rm -rf"])
