"""The command line, ``workflow-miniscope`` or ``python -m workflow_miniscope``."""

from __future__ import annotations

import sys

from . import opencv


def main() -> None:
    """Run the command line, unless OpenCV is broken: almost everything here, and of the Elements, imports it."""
    problem = opencv.problem()
    if problem:
        print(f"Error: {problem}", file=sys.stderr)
        sys.exit(1)
    from . import cli

    cli.main()


if __name__ == "__main__":
    main()
