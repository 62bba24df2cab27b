"""What moves through the field is named, and its parts are no cells."""

import numpy as np
import simulation

from workflow_miniscope.cnmfe import extract

NAMED = "Something moves through the field"


def bubble(movie, rng, radius=14.0, light=20.0):
    """A bright rim that crosses the field once."""
    n, height, width = movie.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    way = np.linspace([0.2 * height, -radius / 2], [0.8 * height, width + radius / 2], n)
    way += np.cumsum(rng.normal(0, 0.1, (n, 2)), axis=0)
    away = np.hypot(y - way[:, 0, None, None], x - way[:, 1, None, None])
    return np.clip(np.rint(movie + light * np.exp(-0.5 * ((away - radius) / 3) ** 2)), 0, 255).astype(np.uint8)


def test_a_bubble_is_named(recording, extracted, rng):
    assert NAMED not in str(extracted.verdict)
    assert (extracted.evaluation.properties["passing"] == 0).all()
    result = extract(bubble(recording.movie, rng), recording.fps, progress=False)
    assert NAMED in str(result.verdict)
    assert sum("passes by" in reason for reason in result.evaluation.reasons) >= 10
    assert len(simulation.match(result, recording)) >= len(simulation.match(extracted, recording)) - 1
