import numpy as np
import pytest
import simulation


@pytest.fixture(scope="session")
def recording():
    """A field that is wider than high, with cells, vessels, dust, a vignette, neuropil and motion."""
    return simulation.make(seed=1)


@pytest.fixture(scope="session")
def extracted(recording):
    from workflow_miniscope.cnmfe import extract

    return extract(recording.movie, fps=recording.fps, progress=False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
