"""The Python of the documentation, run as it stands there on the demo's database."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [page for page in sorted(DOCS.glob("*.md")) if "```python" in page.read_text()]


def test_there_are_such_pages():
    assert {page.name for page in PAGES} >= {"publish.md", "tables.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_it_runs(page, demo, tmp_path):
    code = "\n".join(re.findall(r"^ *```python\n(.*?)^ *```", page.read_text(), re.S | re.M))
    # the animal and the file that the pages take as examples
    code = code.replace("subject=m1", "subject=demo01")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        env=demo.environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name in re.findall(r"\", \"(m1[^\"]*)\"\)", code):
        assert (tmp_path / name).exists(), name
