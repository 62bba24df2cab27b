"""What curators decided about the components of a result: a log for each curator, beside the result file.

A log is only ever appended to, and the result itself is never changed.
"""

from .curated import Summary, events_for, export_csv, read_csv, verdict, write_curated
from .decisions import DECISIONS, UNDECIDED, Curation, Event, State
from .log import DecisionLog, fingerprint, log_path, read_log

__all__ = [
    "DECISIONS",
    "UNDECIDED",
    "Curation",
    "DecisionLog",
    "Event",
    "State",
    "Summary",
    "events_for",
    "export_csv",
    "fingerprint",
    "log_path",
    "read_csv",
    "read_log",
    "verdict",
    "write_curated",
]
