"""The page on which people look at components and decide which are cells."""

from .app import curation_app

__all__ = ["curation_app"]
