"""Whether OpenCV works here, and how to repair it.

``opencv-python`` (which element-miniscope requires) and ``opencv-python-headless`` (which Facemap requires)
write the same ``cv2`` folder, so the one that is installed last wins. The first needs the libraries of a
desktop, which servers lack; the second works everywhere.
"""

import argparse
import sys
from importlib import metadata

REQUIREMENT = "opencv-python-headless>=4.8"
#: Newer ones are built for numpy 2, which pip leaves out beside Facemap 1.0.8.
OF_NUMPY_1 = "<4.10"


def requirement() -> str:
    """Return what to install so that OpenCV works here."""
    return REQUIREMENT + ("," + OF_NUMPY_1 if metadata.version("numpy").startswith("1.") else "")


def repair() -> str:
    """Return the command that makes OpenCV work."""
    return f'python -m pip install --force-reinstall --no-deps "{requirement()}"'


def problem() -> str | None:
    """Say in one sentence why ``cv2`` cannot be used and what repairs it, or None when it can be."""
    try:
        import cv2
    except ImportError as error:
        return f"OpenCV does not import ({error}). Repair it with: {repair()}"
    if not hasattr(cv2, "VideoCapture"):
        # uninstalling one of the two takes files of the other away, and a folder without code imports
        return f"OpenCV is damaged: files are missing in {list(cv2.__path__)[0]}. Repair it with: {repair()}"
    return None


def main(argv: list[str] | None = None) -> int:
    """Print the problem and return 1, or return 0; with ``--requirement``, print what to install."""
    parser = argparse.ArgumentParser(prog="python -m workflow_miniscope.opencv")
    parser.add_argument("--requirement", action="store_true", help="print the package that works everywhere")
    if parser.parse_args(argv).requirement:
        print(requirement())
        return 0
    found = problem()
    if found:
        print(found, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
