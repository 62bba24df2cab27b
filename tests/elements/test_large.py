"""More than a server takes in one statement."""

import numpy as np
import pytest

from workflow_miniscope.database.large_inserts import LIMIT, in_parts, insert_large


def rows(*sizes):
    return [{"number": i, "name": "x" * 100, "trace": np.zeros(size, np.uint8)} for i, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ((), []),
        ((5,), [[0]]),
        ((50,), [[0]]),
        ((4, 5, 1, 1), [[0, 1, 2], [3]]),
        ((4, 50, 4), [[0], [1], [2]]),
        ((0,) * 30, [list(range(30))]),
    ],
)
def test_rows_are_divided_in_their_order(sizes, parts):
    divided = in_parts(iter(rows(*sizes)), limit=10)
    assert [[row["number"] for row in part] for part in divided] == parts


def test_a_server_takes_them(pipeline):
    """MariaDB's limit is 16 MB by default; noise, so that nothing is compressed."""
    from workflow_miniscope.database.connection import dj

    schema = dj.Schema("test_large")

    @schema
    class Large(dj.Manual):
        definition = """
        number : int32
        ---
        trace : <blob>
        """

    try:
        rng = np.random.default_rng(0)
        traces = rng.integers(0, 256, (6, LIMIT - 100), dtype=np.uint8)
        insert_large(Large(), ({"number": i, "trace": trace} for i, trace in enumerate(traces)))
        assert len(Large()) == 6
        np.testing.assert_array_equal((Large & {"number": 5}).fetch1("trace"), traces[5])
    finally:
        schema.drop(prompt=False)
