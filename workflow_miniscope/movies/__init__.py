"""What a movie is: the protocol that all readers and engines share, movies in memory, and summary images."""

from .array import ArrayMovie
from .protocol import Movie
from .summary import SummaryImages

__all__ = ["ArrayMovie", "Movie", "SummaryImages"]
