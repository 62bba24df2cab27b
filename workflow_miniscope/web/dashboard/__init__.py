"""The page that shows what goes on: recordings, workers, times, failures."""

from .app import dashboard_app

__all__ = ["dashboard_app"]
