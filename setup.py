"""What pyproject.toml cannot say: the wheel also carries the files that a user starts from.

They stay where a clone has them; the build copies them into the package, for ``workflow-miniscope init``.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TOP = Path(__file__).parent
#: Of the clone, into ``workflow_miniscope/files`` of the wheel.
STARTING_FILES = (
    "notebooks/*.ipynb",
    "user_data/*.csv",
    "dj_local_conf_example.json",
    "environment.yml",
    "requirements/*.txt",
)


class BuildWithFiles(build_py):
    """Copy the starting files beside the modules; an editable install has them in the clone."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        for pattern in STARTING_FILES:
            for source in sorted(TOP.glob(pattern)):
                target = Path(self.build_lib, "workflow_miniscope", "files", source.relative_to(TOP))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


def description() -> str:
    """Give the README for a package index, which knows no relative paths.

    Pictures are shown from where README_PICTURES says that the repository's files are, and are left out without it.
    """
    text = (TOP / "README.md").read_text(encoding="utf-8")
    place = os.environ.get("README_PICTURES")
    if place:
        return text.replace('src="docs/', f'src="{place.rstrip("/")}/docs/')
    return re.sub(r'<img src="docs/[^>]*>', "", text)


setup(
    cmdclass={"build_py": BuildWithFiles},
    long_description=description(),
    long_description_content_type="text/markdown",
)
