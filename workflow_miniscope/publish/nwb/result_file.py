"""The result file that an analysis was read from: it has what the tables have no room for."""

from __future__ import annotations

from pathlib import Path

from ...results.caiman import find_result
from ..contents import Analysis

#: What is said of a result file that holds something else than the database.
OTHER_FILE = (
    "The result file of this analysis holds other {} than the database: it was changed since it was read. Delete the "
    "row of miniscope.Processing and process it again."
)


def result_file(analysis: Analysis) -> Path:
    """Return the result file of an analysis.

    Raises
    ------
    WorkflowError
        It is gone.
    """
    from ...elements.miniscope import find_output
    from ...pipeline import miniscope

    return find_result(find_output((miniscope.Curation & analysis.key).fetch1("curation_output_dir")))
