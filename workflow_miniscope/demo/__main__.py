"""Run the demo: ``python -m workflow_miniscope.demo``."""

from .. import console
from .run import command

console.run(command)
