"""From a Miniscope-DAQ folder to curated neural activity in a database."""

__version__ = "0.1.0"
