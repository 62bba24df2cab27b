"""The README's steps, typed as they stand there, by somebody who has configured nothing."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from workflow_miniscope.demo.recording import write_demo_session
from workflow_miniscope.results.caiman import read_result

TOP = Path(__file__).parents[2]


def section(title):
    text = (TOP / "README.md").read_text()
    return re.search(rf"^## {title}.*?\n(.*?)^## ", text, re.S | re.M)[1]


def blocks(language, text):
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.S | re.M)


def test_your_own_data_in_five_steps(short_folder, user_environment):
    raw = short_folder / "recordings"
    write_demo_session(raw, height=72, width=96, seconds=20, progress=False)
    shutil.copytree(TOP / "user_data", short_folder / "user_data")
    environment = {**user_environment, "WORKFLOW_MINISCOPE_HOME": str(short_folder / "home")}

    def type_in(commands):
        script = commands.replace("/data/miniscope", str(raw))
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=short_folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    steps = section("Your own data, in five steps")
    (config,) = blocks("json", steps)
    (short_folder / "dj_local_conf.json").write_text(config.replace("/data/miniscope", str(raw)))
    install, walk, ingest, process, check, extract = blocks("bash", steps)
    assert install.split() == ["make", "install", "source", ".venv/bin/activate"]  # what these tests run in
    try:
        type_in(walk)
        found = (short_folder / "user_data" / "sessions.csv").read_text().splitlines()
        assert found[1:] == ["demo01,demo01/2026_01_15/10_20_30,Miniscope-DAQ-V4"]
        type_in(ingest)
        type_in(process)
        tables = json.loads(type_in("workflow-miniscope status --json"))["tables"]
        assert {name for name, n in tables.items() if n["todo"] or n["errors"] or not n["rows"]} == set()
        type_in(extract)
        assert read_result(short_folder / "result").dims == (72, 96)
        # the database is saved and read back, with the file's name in place of FILE
        assert str(short_folder / "home") in type_in("workflow-miniscope db status")
        type_in("workflow-miniscope db dump saved")
        assert (short_folder / "saved").stat().st_size > 10_000
    finally:
        type_in("workflow-miniscope db stop")
