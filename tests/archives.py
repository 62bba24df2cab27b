"""What archives find in published files, by their own programs; and whom or what the files name that they must not."""

import getpass
import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

from nwbinspector import inspect_nwbfile, load_config
from to_publish import every_text

#: A project of which nothing is left to say
PROJECT = """
experimenter = "Lovelace, Ada"
institution = "Universität"
lab = "Lab"
experiment_description = "A test of everything."
keywords = ["miniscope"]
protocol = "P-1"
indicator = "GCaMP6f"
virus = "AAV1.Syn.GCaMP6f, 300 nL"
target_region = "CA1"
excitation_nm = 470
emission_nm = 525
pixel_size_um = 1.7
"""


def refused_for(path):
    """Return what the DANDI archive refuses a file for, a list, and what its inspector says, counted by check."""
    refused, said = [], Counter()
    for message in inspect_nwbfile(nwbfile_path=path, config=load_config("dandi")):
        said[message.check_function_name, message.importance.name] += 1
        if message.importance.name in ("ERROR", "CRITICAL", "PYNWB_VALIDATION"):
            refused.append(f"{message.check_function_name}: {message.message}")
    return refused, said


def dandi_finds(folder):
    """Run ``dandi validate`` on a dandiset; return what it finds, empty where nothing."""
    program = Path(sys.executable).with_name("dandi")
    env = {**os.environ, "DANDI_NO_ET": "1", "DO_NOT_TRACK": "1"}
    command = [str(program), "validate", "--min-severity", "WARNING", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode == 0 and "No errors found" in done.stdout:
        return ""
    return f"exit status {done.returncode}: {done.stdout}{done.stderr}"  # also of one that was killed and said nothing


def personal_in_export(folder, raw_root):
    """Return what is personal in all files of an export but its videos, which are as they were recorded."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".avi", ".toml", ".yaml")]
    return [f"{path.name}: {found}" for path in paths for found in personal_in(path, raw_root)]


def personal_in(path, raw_root):
    """Return what of this computer and its user, and of that of the rig, is in a file: in its bytes and its texts."""
    folders = {str(raw_root), f"{Path.home()}/", f"/{getpass.getuser()}/", "D:/data/rig", "Ada L\\", "/home/ada"}
    folders |= {json.dumps(folder, ensure_ascii=False)[1:-1] for folder in folders}
    content = path.read_bytes()
    found = [folder for folder in folders if folder.encode() in content]
    names = re.compile(rf"\b({re.escape(socket.gethostname())}|rig1)\b")
    texts = every_text(path) if path.suffix == ".nwb" else content.decode().splitlines()
    return found + [text for text in texts if names.search(text)]
