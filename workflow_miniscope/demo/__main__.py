"""Run the demo: ``python -m workflow_miniscope.demo``."""

from ..cli import console
from ..cli.demo import command

console.run_one(command)
