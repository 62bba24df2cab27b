"""More than a server takes in one statement."""

from contextlib import nullcontext

import numpy as np
import pytest

from workflow_miniscope.database.large_inserts import LIMIT, in_parts, insert_large
from workflow_miniscope.errors import DatabaseError


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


@pytest.fixture
def large(pipeline):
    """A table of arrays."""
    from workflow_miniscope.database.connection import dj

    schema = dj.Schema("test_large")

    @schema
    class Large(dj.Manual):
        definition = """
        number : int32
        ---
        trace : <blob>
        """

    yield Large
    schema.drop(prompt=False)


def test_a_server_takes_them(pipeline, large):
    """MariaDB's limit is 16 MB by default; noise, so that nothing is compressed."""
    rng = np.random.default_rng(0)
    traces = rng.integers(0, 256, (6, LIMIT - 100), dtype=np.uint8)
    insert_large(large(), ({"number": i, "trace": trace} for i, trace in enumerate(traces)))
    assert len(large()) == 6
    np.testing.assert_array_equal((large & {"number": 5}).fetch1("trace"), traces[5])


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_row_that_a_server_does_not_take(pipeline, large, in_transaction):
    """MySQL and MariaDB cut the connection and say nothing; PostgreSQL takes a gigabyte."""
    row = {"number": 1, "trace": np.random.default_rng(0).integers(0, 256, 20 * 2**20, dtype=np.uint8)}
    with pipeline.connection.transaction if in_transaction else nullcontext():
        if pipeline.connection.adapter.backend == "postgresql":
            large.insert1(row)
            assert len(large())
            return
        with pytest.raises(DatabaseError, match=r"A row of test_large\.large takes .* max_allowed_packet=64M"):
            large.insert1(row)
    assert not large()
