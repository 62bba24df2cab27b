"""What a database holds as DataJoint gives it, alike on every server: to compare two of them."""

import hashlib

import numpy as np


def content(without: tuple[str, ...] = ()) -> str:
    """One line for each table of the workflow: its name, how many rows it has, and a checksum without some columns."""
    from workflow_miniscope.work import steps

    lines = []
    for step in steps.all_steps():
        parts = [part for part in vars(step.table).values() if hasattr(part, "full_table_name")]
        for table in (step.table, *parts):
            found = ({name: row[name] for name in row if name not in without} for row in table().to_dicts())
            rows = sorted(map(_plain, found))
            lines.append(f"{table.__qualname__} {len(rows)} {hashlib.md5(repr(rows).encode()).hexdigest()}")
    return "\n".join(lines)


def whole(without: tuple[str, ...]) -> str:
    """Return the same, and each queue of jobs that is not empty."""
    from workflow_miniscope.database import jobs
    from workflow_miniscope.work import steps

    lines = [content(without)]
    for step in steps.all_steps():
        queue = jobs.find_jobs(step.table()) if step.computed else None
        if queue is not None and len(queue):
            lines += [f"job {step.name} {job['status']} {job['error_message']}" for job in queue.to_dicts()]
    return "\n".join(lines)


def _plain(value) -> str:
    if isinstance(value, dict):
        return repr([(key, _plain(value[key])) for key in sorted(value)])
    if isinstance(value, (list, tuple)):
        return repr([_plain(item) for item in value])
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.md5(value.tobytes()).hexdigest()}"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"  # MySQL prints single precision with 6 digits
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    return str(value)
