"""What curators decided about the components of a result: a log for each curator, beside the result file.

A log is only ever appended to, and the result itself is never changed.
"""

from .decisions import DECISIONS, UNDECIDED, Curation, Event, State
from .log import DecisionLog, fingerprint, log_path, read_log

__all__ = [
    "DECISIONS",
    "UNDECIDED",
    "Curation",
    "DecisionLog",
    "Event",
    "State",
    "fingerprint",
    "log_path",
    "read_log",
]
