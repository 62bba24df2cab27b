"""Sessions that were recorded, ingested and processed, to be published."""

import planted
import pytest
import to_publish


@pytest.fixture(scope="session")
def make_session(pipeline, raw_root, tmp_path_factory):
    """Write, ingest and process a session; its scopes get a planted result. Returns its key and what was written."""

    def make(subject, result=None, **how):
        result = planted.result() if result is None else result
        return to_publish.make_session(pipeline, raw_root, tmp_path_factory.mktemp("manifests"), subject, result, **how)

    return make
