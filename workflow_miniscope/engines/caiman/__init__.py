"""CaImAn, where it is installed (conda-forge), as one of the engines."""

from .engine import ENGINE

__all__ = ["ENGINE"]
