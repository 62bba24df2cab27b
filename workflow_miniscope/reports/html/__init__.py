"""A session on one page: a single HTML file that needs no network, no other file and no script."""

from .write import write

__all__ = ["write"]
