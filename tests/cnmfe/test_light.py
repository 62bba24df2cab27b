"""The gain of the light: steps of the lamp and bleaching are found and taken away, and nothing else is."""

import numpy as np
import pytest
import simulation

from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.storage.light import Light
from workflow_miniscope.results.caiman import read_result

N, BLACK = 2000, 8.0


@pytest.fixture
def field(rng):
    """Brightness of the parts of a field under steady light, with the slow changes of what is out of focus."""
    slow = 1 + 0.04 * np.sin(np.arange(N) / 150) + 0.01 * rng.standard_normal(N)
    return slow[:, None] * np.linspace(40, 120, 64) + rng.normal(0, 1, (N, 64))


def lit(field, gain):
    return Light.of(field * gain[:, None] + BLACK)


@pytest.mark.parametrize("levels", [[1, 0.5, 1], [0.4, 0.7, 1], [1, 0.7]])
def test_steps_of_the_lamp_are_found_where_they_are(field, levels):
    gain = np.repeat(levels, -(-N // len(levels)))[:N]
    light = lit(field, gain)
    np.testing.assert_array_equal(np.flatnonzero(np.diff(light.gain)), np.flatnonzero(np.diff(gain)))
    # what is out of focus changes meanwhile
    assert np.abs(np.log(light.gain / gain)).max() < 0.12
    assert light.black == pytest.approx(BLACK, abs=4)


@pytest.mark.parametrize("left, time_constant", [(0.4, 1.1), (0.3, 0.4)])
def test_bleaching_is_found(field, left, time_constant):
    course = np.exp(-np.arange(N) / (time_constant * N))
    gain = left + (1 - left) * (course - course[-1]) / (1 - course[-1])
    assert np.abs(lit(field, gain).gain - gain).max() < 0.07


def test_what_the_tissue_does_is_no_change_of_the_light(field):
    t = np.arange(N)
    burst = 1 + 0.8 * sum(np.exp(-(t - at) / 10) * (t >= at) for at in (300, 900, 1500))
    wave = 1 + 0.35 * np.sin(t / 300)
    flash = np.where((t > 700) & (t < 712), 2.0, 1.0)
    for gain in (np.ones(N), burst, wave, flash):
        assert not lit(field, gain).changes
    door = np.where(t > 900, 60, 0)[:, None]
    assert not Light.of(field + door).changes, "light was added"
    some = np.arange(64) < 20
    assert not Light.of(field + door * some).changes, "to a part of the field"


def test_a_blackout_and_a_lamp_that_comes_on_are_no_gain(field):
    gain = np.ones(N)
    gain[:220] = gain[900:960] = 0.01
    assert not lit(field, gain).changes


def test_cells_under_a_lamp_that_was_turned(recording, extracted, tmp_path):
    assert (extracted.frames.gain == 1).all() and "light fell" not in str(extracted.verdict)
    gain = np.where((np.arange(700) >= 250) & (np.arange(700) < 480), 0.5, 1.0)
    movie = np.rint(recording.movie * gain[:, None, None]).astype(np.uint8)
    result = extract(movie, recording.fps, output=tmp_path / "result.hdf5", progress=False)
    pairs, before = (simulation.match(one, recording) for one in (result, extracted))
    assert len(pairs) >= len(before) - 1
    assert np.abs(result.frames.gain - gain).max() < 0.15
    assert "The light fell to" in str(result.verdict)
    # of a cell that hardly did anything while there was less light, the noise decides
    energy = recording.C**2 @ np.stack([gain == 1, gain < 1]).T
    active = energy[:, 1] > 0.2 * energy.sum(axis=1)
    assert active.sum() > 6
    for found, true in [pair for pair in pairs if active[pair[1]]]:
        amplitude = [
            result.C[found][t] @ recording.C[true][t] / np.sum(recording.C[true][t] ** 2) for t in (gain == 1, gain < 1)
        ]
        assert 0.8 < amplitude[1] / amplitude[0] < 1.25, "as large as under full light"
    np.testing.assert_array_equal(read_result(tmp_path / "result.hdf5").frames.gain, result.frames.gain)
