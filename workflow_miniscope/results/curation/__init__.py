"""What curators decided about the components of a result: a log for each curator, beside the result file.

A log is only ever appended to, and the result itself is never changed.
"""

from .curated import Summary, events_for, export_csv, read_csv, verdict, write_curated
from .decisions import DECISIONS, EDITS, UNDECIDED, Curation, Event, State, require_id
from .log import DecisionLog, fingerprint, log_path, read_log
from .made import MadeComponent, made_folder, read_made, save_made

__all__ = [
    "DECISIONS",
    "EDITS",
    "UNDECIDED",
    "Curation",
    "DecisionLog",
    "Event",
    "MadeComponent",
    "State",
    "Summary",
    "events_for",
    "export_csv",
    "fingerprint",
    "log_path",
    "made_folder",
    "read_csv",
    "read_log",
    "read_made",
    "require_id",
    "save_made",
    "verdict",
    "write_curated",
]
