"""Recordings of known truth: the same each time, true to their truth, and spoiled as they say."""

import dataclasses
import json
import shutil

import cv2
import numpy as np
import pytest
from scipy.signal import find_peaks
from worlds import kinetics
from worlds.camera import dimmed, noise_of
from worlds.detectable import detectable
from worlds.frames import read_movie
from worlds.made import generator
from worlds.recipe import GENERATORS, TRANSFORMATIONS, parse
from worlds.sets import SETS

# small enough for seconds, long enough for some transients of each cell
SMALL = {
    "tissue": "tissue:seed=4,px=80,seconds=25,density=0.1",
    "hybrid": "hybrid:seed=4,px=80,seconds=25,cells=20,snr=4",
    "minisim": "minisim:seed=4,px=96,seconds=20,motion_um=4",
}


@pytest.fixture(scope="module")
def clean():
    return parse(SMALL["tissue"]).make()


@pytest.fixture(scope="module")
def calm():
    """A brain that does not move."""
    return parse(SMALL["tissue"] + ",motion=0").make()


def after(made, name, **knobs):
    return TRANSFORMATIONS[name](made, generator(1), **knobs)


def steady(made):
    """Frames without the displacement that the truth says; what comes from outside repeats the border."""
    size = made.movie.shape[:0:-1]
    for frame, (dy, dx) in zip(made.movie, made.shifts, strict=True):
        back = np.array([[1, 0, -dx], [0, 1, -dy]], np.float64)
        yield cv2.warpAffine(frame.astype(np.float32), back, size, borderMode=cv2.BORDER_REPLICATE)


def seen_traces(made):
    """Traces by a regression of the movie on the true footprints, with the background as an image of each scale."""
    grid = [np.outer(a, b).ravel() for a in _waves(made.A.shape[1]) for b in _waves(made.A.shape[2])]
    images = np.concatenate([made.A.reshape(len(made.A), -1), grid])
    movie = np.stack(list(steady(made))).reshape(len(made.movie), -1)
    return np.linalg.lstsq(images.T, (movie - movie.mean(axis=0)).T, rcond=None)[0][: len(made.A)]


def _waves(n, count=6):
    return [np.cos(np.pi * k * (np.arange(n) + 0.5) / n) for k in range(count)]


def agreement(made):
    """Pearson's r between seen and true traces of the brighter half of the cells that can be found."""
    seen, found = seen_traces(made), np.flatnonzero(made.detectable)
    light = made.A[found].max(axis=(1, 2)) * made.C[found].std(axis=1)
    bright = found[np.argsort(-light)[: (len(found) + 1) // 2]]
    return np.array([np.corrcoef(seen[k], made.C[k])[0, 1] for k in bright])


# -------------------------------------------------------------------------------------------------------- generators


@pytest.mark.parametrize("world", GENERATORS)
def test_a_seed_says_everything(world):
    line = SMALL[world].replace("seconds=25", "seconds=4")
    one, same, other = (parse(text).make() for text in (line, line, line.replace("seed=4", "seed=5")))
    assert np.array_equal(one.movie, same.movie) and one.movie.dtype == np.uint8
    for name, values in one.truth().items():
        assert np.array_equal(values, same.truth()[name]), name
    assert not np.array_equal(one.movie, other.movie)
    assert one.movie.shape[1:] == one.A.shape[1:] and one.C.shape == one.S.shape == (len(one.A), len(one.movie))
    assert one.shifts.shape == (len(one.movie), 2) and not one.spoiled.any()


@pytest.mark.parametrize("world", GENERATORS)
def test_the_truth_is_in_the_movie(world):
    made = parse(SMALL[world]).make()
    assert made.detectable.sum() >= 5
    r = agreement(made)
    assert np.median(r) > 0.85 and r.min() > 0.5
    # in grey levels: a unit of calcium is as bright as its footprint says
    bright = np.flatnonzero(made.detectable)
    seen = seen_traces(made)
    if world != "minisim":  # whose footprints are not in grey levels
        gain = [np.polyfit(made.C[k], seen[k], 1)[0] for k in bright]
        assert np.median(gain) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("world", GENERATORS)
def test_shifts_are_those_of_the_brain(world):
    # enough of it that the mean image is blurred without the correction
    made = parse(SMALL[world] + (",motion=2" if world == "tissue" else "")).make()
    middle = slice(20, -20)

    def detail_after(factor):
        """Detail of the mean image after a correction by so much of the shifts; the lamp has none."""
        frames = steady(dataclasses.replace(made, shifts=factor * made.shifts))
        mean = np.mean([cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in frames], axis=0)
        detail = (mean - cv2.GaussianBlur(mean, (0, 0), 5))[middle, middle]
        # neither do the columns of the camera move
        return (detail - detail.mean(axis=0)).std()

    # the mean image is sharpest where the frames lie on one another
    assert detail_after(1) > max(detail_after(0), detail_after(-1), detail_after(2))


def test_knobs_change_what_they_name():
    base, noisy, small = (parse(SMALL["tissue"] + more).make() for more in ("", ",noise=2", ",radius=2"))
    assert np.array_equal(base.C, noisy.C) and np.allclose(base.A, noisy.A)
    assert np.median(noise_of(noisy.movie)) == pytest.approx(2 * np.median(noise_of(base.movie)), rel=0.15)

    def areas(made):
        whole = made.A[made.detectable]
        return np.median([(image > 0.5 * image.max()).sum() for image in whole])

    # an outline of radius r holds pi r^2 pixels, more or less what is above half of the peak
    assert areas(base) == pytest.approx(np.pi * 4.5**2, rel=0.4)
    assert areas(small) == pytest.approx(np.pi * 2**2, rel=0.6)


def test_a_spike_looks_like_the_indicator():
    for rise, decay, fps in ((0.05, 0.5, 20), (0.2, 1.5, 20), (0.01, 0.1, 60), (0.05, 0.5, 5)):
        C, S = kinetics.calcium(np.array([5.0]), np.ones(1), int(10 * fps), fps, rise, decay, 0.0)
        fine = np.arange(10 * fps * 500) / (fps * 500)
        shape = np.where(fine > 5, np.exp(-(fine - 5) / decay) - np.exp(-(fine - 5) / rise), 0)
        seen = (shape / shape.max()).reshape(int(10 * fps), -1).mean(axis=1)
        assert np.abs(C - seen).max() < 0.12 and np.argmax(S) == 5 * fps and S.sum() == 1
        late = slice(int((5 + 6 * rise) * fps) + 1, int((5 + 6 * rise + decay) * fps) + 4)
        slope = np.polyfit(np.arange(fps * 10)[late] / fps, np.log(C[late]), 1)[0]
        assert -1 / slope == pytest.approx(decay, rel=0.05)


def test_cells_fire_in_bursts_at_their_rate():
    times = kinetics.spike_times(2000.0, generator(3), 0.1, 3.0, 0.09)
    assert len(times) == pytest.approx(2000 * 0.1 * 3, rel=0.15)
    near = np.diff(times) < 0.3
    assert near.mean() == pytest.approx(2 / 3, abs=0.1)


def test_which_cells_can_be_found():
    A = np.zeros((5, 20, 20))
    A[:, 8:12, 8:12] = np.array([2.0, 0.5, 2.0, 2.0, 2.0])[:, None, None]
    spikes = np.zeros((5, 100))
    spikes[:, [20, 21, 50, 70]] = 1
    spikes[2, [21, 50, 70]] = 0
    C = np.repeat(spikes, 1, axis=1) * 1.0
    C[3] = 0
    found = detectable(
        A, C + np.roll(C, 1, 1) + np.roll(C, 2, 1), spikes, np.ones((20, 20)), np.array([1, 1, 1, 1, 0.4])
    )
    # bright; faint; fires once; is silent; is mostly outside
    assert found.tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("line", ["tissue:seed=2,px=64,seconds=5,density=0", "hybrid:seed=2,px=64,seconds=5,cells=0"])
def test_a_field_without_cells(line):
    made = parse(line).make()
    assert made.A.shape == (0, 64, 64) and made.C.shape == (0, 100) and made.movie.std() > 1


def test_minisim_without_cells():
    with_cells, without = (parse(SMALL["minisim"] + more).make() for more in ("", ",cells=0"))
    assert len(without.A) == 0 and without.movie.shape == with_cells.movie.shape


def test_minisim_with_another_indicator():
    slow = parse(SMALL["minisim"] + ",rise=0.2,decay=1.5").make()
    usual = parse(SMALL["minisim"]).make()

    def memory(C):
        C = C - C.mean(axis=1, keepdims=True)
        return np.median((C[:, :-20] * C[:, 20:]).sum(axis=1) / (C**2).sum(axis=1))

    assert memory(slow.C) > memory(usual.C) + 0.2


def test_cells_in_a_real_movie(tmp_path, clean):
    """Whatever is given as background is in the movie, and the cells on top of it."""
    np.save(tmp_path / "real.npy", clean.movie[:60])
    line = f"hybrid:seed=3,px=70,seconds=10,cells=6,snr=6,motion=0,movie={tmp_path / 'real.npy'}"
    made, bare = parse(line).make(), parse(line.replace("cells=6", "cells=0")).make()
    inside = clean.movie[:60, 5:75, 5:75]
    assert np.array_equal(bare.movie[:60], inside)
    assert np.array_equal(bare.movie[60:118], inside[-2:0:-1])
    planted = made.movie.astype(float) - bare.movie
    model = np.tensordot(made.A, made.C, (0, 0)).transpose(2, 0, 1)
    assert np.abs(planted - model).max() <= 1.01 and np.abs((planted - model).mean()) < 0.02
    moved = parse(line.replace("motion=0", "motion=2").replace("px=70", "px=40")).make()
    assert np.array_equal(moved.shifts, np.rint(moved.shifts)) and np.ptp(moved.shifts) > 0


# ------------------------------------------------------------------------------------------------------------- nulls


def test_no_cell_is_left(calm):
    bright = calm.detectable
    assert bright.sum() > 4
    for name in ("shuffled", "phases", "bleached_out", "defocused"):
        null = after(calm, name)
        assert not null.detectable.any() and null.movie.shape == calm.movie.shape, name
        r = agreement(dataclasses.replace(null, detectable=bright))
        assert np.median(r) < 0.3, name
    assert np.allclose(after(calm, "shuffled").movie.mean(axis=0), calm.movie.mean(axis=0))


def test_random_phases_keep_the_spectrum(calm):
    before, null = (
        np.abs(np.fft.rfftn(movie - movie.mean(axis=0))) for movie in (calm.movie, after(calm, "phases").movie)
    )
    assert np.corrcoef(before.ravel(), null.ravel())[0, 1] > 0.98


def test_a_defocused_movie_has_its_noise_and_no_detail(calm):
    null = after(calm, "defocused")
    assert np.median(noise_of(null.movie)) == pytest.approx(np.median(noise_of(calm.movie)), rel=0.15)

    def detail(made):
        mean = made.movie.mean(axis=0)
        return (mean - cv2.GaussianBlur(mean, (0, 0), 4)).std()

    assert detail(null) < 0.2 * detail(calm)


# --------------------------------------------------------------------------------------------------------- artefacts


def test_less_light_has_its_own_shot_noise():
    rng = np.random.default_rng(0)
    level = np.linspace(20, 200, 64)[None, :].repeat(64, 0)

    def movie(light):
        return np.clip(np.rint(light + np.sqrt(0.1 * light) * rng.standard_normal((300, 64, 64))), 0, 255).astype(
            np.uint8
        )

    dark = dimmed(movie(level), np.full(300, 0.4), rng)
    expected = movie(0.4 * level)
    assert np.abs((dark.mean(axis=0) - expected.mean(axis=0)).mean(axis=0)).max() < 0.2
    ratio = dark.std(axis=0)[:, 20:] / expected.std(axis=0)[:, 20:]
    assert np.median(ratio) == pytest.approx(1, abs=0.1)


def changed(made, clean):
    return (made.movie != clean.movie).any(axis=(1, 2))


@pytest.mark.parametrize(("name", "count"), [("half_black", 12), ("rolled", 12), ("torn", 12)])
def test_single_bad_frames(clean, name, count):
    bad = after(clean, name)
    assert bad.spoiled.sum() == count and np.array_equal(changed(bad, clean), bad.spoiled)
    assert (np.diff(np.flatnonzero(bad.spoiled)) > 1).all()
    frames = bad.movie[bad.spoiled], clean.movie[bad.spoiled]
    half = clean.movie.shape[1] // 2
    for spoiled, right in zip(*frames, strict=True):
        if name == "half_black":
            assert np.array_equal(spoiled[:half], right[:half]) and spoiled[half:].max() < 15
        elif name == "rolled":
            rows = [np.array_equal(np.roll(right, k, axis=0), spoiled) for k in range(len(right))]
            assert sum(rows) == 1
        else:
            same = (spoiled == right).all(axis=1)
            row = int(np.argmin(same))
            assert 0 < row and np.array_equal(np.sort(spoiled[row:], axis=1), np.sort(right[row:], axis=1))


def test_without_light(clean):
    off = after(clean, "lamp_off", frames=40)
    assert off.spoiled[:40].all() and not off.spoiled[40:].any() and np.array_equal(changed(off, clean), off.spoiled)
    assert off.movie[:40].max() < 15
    black = after(clean, "blackouts", count=3, seconds=1)
    assert black.spoiled.sum() == 3 * clean.fps and black.movie[black.spoiled].max() < 15
    assert np.array_equal(changed(black, clean), black.spoiled)


def test_the_lamp_changes(clean):
    level = clean.movie.mean(axis=(1, 2)) - 4
    steps = (after(clean, "lamp_steps").movie.mean(axis=(1, 2)) - 4) / level
    n = len(level)
    assert np.allclose(steps[: n // 3], 1) and np.allclose(steps[-(n // 3) + 1 :], 1)
    assert np.allclose(steps[n // 3 + 1 : 2 * n // 3 - 1], 0.5, atol=0.02)
    fades = (after(clean, "bleaching", left=0.4).movie.mean(axis=(1, 2)) - 4) / level
    assert fades[-1] == pytest.approx(0.4, abs=0.02) and fades[n // 2] == pytest.approx(0.4**0.5, abs=0.02)


def test_time_and_order(clean):
    twice = after(clean, "twice")
    assert twice.fps == 2 * clean.fps and np.array_equal(twice.movie[::2], twice.movie[1::2])
    assert np.array_equal(twice.movie[::2], clean.movie) and twice.S.sum() == clean.S.sum()
    stalled = after(clean, "stalled", part=0.5)
    same = (stalled.movie[1:] == stalled.movie[:-1]).all(axis=(1, 2))
    assert same.mean() == pytest.approx(0.5, abs=0.1) and np.array_equal(stalled.S, clean.S)
    binned = after(clean, "binned", frames=4)
    assert binned.fps == clean.fps / 4 and len(binned.movie) == binned.C.shape[1] == len(binned.shifts)
    assert np.allclose(binned.movie[3], clean.movie[12:16].mean(axis=0), atol=0.51)
    assert np.allclose(binned.C[:, 3], clean.C[:, 12:16].mean(axis=1)) and binned.S.sum() == clean.S.sum()


@pytest.mark.parametrize("name", ["averaged", "smoothed", "denoised"])
def test_noise_that_is_not_white(calm, name):
    made = after(calm, name)
    assert np.median(noise_of(made.movie)) < 0.75 * np.median(noise_of(calm.movie))
    assert made.movie.mean() == pytest.approx(calm.movie.mean(), abs=0.2)
    assert np.median(agreement(made)) > 0.85


def test_a_step_of_the_brain(clean):
    moved = after(clean, "step", px=25)
    n = len(clean.movie)
    # even, because what is written as a video has no odd sides
    assert moved.movie.shape == (n, 54, 74) and moved.A.shape[1:] == (54, 74)
    assert np.allclose((moved.shifts - clean.shifts)[n // 2 :], (25, 6)) and np.allclose(
        moved.shifts[5], clean.shifts[5]
    )
    # what is seen after it lies as much lower and further to the right
    first, second = (clean.movie[t].astype(float) for t in (10, n - 10))
    assert np.array_equal(moved.movie[10], first[25:79, 6:]) and np.array_equal(moved.movie[n - 10], second[:54, :74])
    assert 0 < moved.detectable.sum() < clean.detectable.sum()


def test_another_field(clean):
    other = after(clean, "elsewhere")
    half = len(clean.movie) // 2
    assert other.spoiled[half:].all() and not other.spoiled[:half].any()
    means = [part.mean(axis=0) - cv2.GaussianBlur(part.mean(axis=0), (0, 0), 10) for part in np.split(other.movie, 2)]
    assert np.corrcoef(means[0].ravel(), means[1].ravel())[0, 1] < 0.3


def test_bands_of_a_bad_cable(clean):
    offset = after(clean, "bands", levels=6).movie.astype(float) - clean.movie
    assert np.ptp(offset, axis=2).max() <= 1 and 5 < np.abs(offset).max() <= 6.5
    assert (np.ptp(offset, axis=(1, 2)) > 1).all()


def test_pixels_that_flicker(clean):
    flickers = after(clean, "flickering_pixels", count=40, part=0.1).movie
    where = (flickers != clean.movie).any(axis=0)
    assert where.sum() == 40 and (flickers[:, where] == 255).mean() == pytest.approx(0.1, abs=0.02)


def test_a_bubble_crosses(clean):
    light = after(clean, "bubble").movie.astype(float) - clean.movie
    rims = [np.argwhere(frame > 9).mean(axis=0) for frame in light[50:-50:50]]
    assert all(b[1] > a[1] for a, b in zip(rims[:-1], rims[1:], strict=True))
    assert 12 < light.max() < 22


# ------------------------------------------------------------------------------------------- files, recipes and sets


def test_lossless_is_lossless(tmp_path):
    recipe = parse("tissue:seed=2,px=48,seconds=3")
    folder = recipe.write(tmp_path)
    assert np.array_equal(read_movie(folder), recipe.make().movie)
    with np.load(folder / "truth.npz") as truth:
        assert set(truth) == {"A", "C", "S", "shifts", "detectable", "spoiled"}
    written = (folder / "0.avi").stat().st_mtime_ns
    assert recipe.write(tmp_path) == folder and (folder / "0.avi").stat().st_mtime_ns == written
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize("codec", ["mjpg", "xvid"])
def test_lossy_codecs(tmp_path, clean, codec):
    movie = read_movie(parse(f"{SMALL['tissue']} + {codec}").write(tmp_path))
    lost = np.abs(movie.astype(float) - clean.movie).mean()
    assert movie.shape == clean.movie.shape and 0.3 < lost < 4


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="H.264 needs ffmpeg")
def test_h264_at_a_given_rate(tmp_path, clean):
    lost = []
    for bpp in (1.1, 0.3, 0.03):
        folder = parse(f"{SMALL['tissue']} + x264:bpp={bpp}").write(tmp_path)
        # the container takes 0.05 bits a pixel of so small a field
        about = json.loads((folder / "recording.json").read_text())
        assert about["bits_per_pixel"] == pytest.approx(bpp + 0.05, rel=0.2)
        lost.append(np.abs(read_movie(folder).astype(float) - clean.movie).mean())
    assert lost[0] < lost[1] < lost[2]


def test_more_than_eight_bits(tmp_path):
    np.save(tmp_path / "deep.npy", np.arange(3 * 20 * 20, dtype=np.uint16).reshape(3, 20, 20))
    movie = read_movie(tmp_path / "deep.npy")
    assert movie.dtype == np.uint8 and movie.max() >= 250 and len(np.unique(movie)) > 240


def test_recipes():
    line = "tissue:seed=3,radius=4 + bubble:light=10 + x264:bpp=0.1"
    assert parse(line).line == line and parse(parse(line).line) == parse(line)
    assert parse("tissue").line == "tissue:seed=1" and parse("tissue:fps=20.0").line == "tissue:seed=1"
    for wrong, said in (
        ("brain", "no generator brain; there are tissue, hybrid, minisim"),
        ("tissue + blur", "no transformation blur"),
        ("tissue:size=3", "tissue has no knob size; its knobs: seed, px"),
        ("tissue:px=big", "px=big of tissue is not a number like 176"),
        ("tissue + bubble:made=3", "bubble has no knob made"),
    ):
        with pytest.raises(SystemExit, match=said):
            parse(wrong)


def test_development_and_judging_have_no_seed_in_common():
    seeds = {"development": set(), "judging": set()}
    for name, recipes in SETS.items():
        assert len(recipes) == len(set(recipes))
        for line in recipes:
            seeds[name.split("-")[0]].add(parse(line).generator.seed)
    assert max(seeds["development"]) < 100 < 501 <= min(seeds["judging"])
    assert len(SETS["development-nulls"]) == 20
    assert {parse(line).world for line in SETS["judging-worlds"]} == set(GENERATORS)
    used = {name for lines in SETS.values() for line in lines for name, _ in parse(line).transformations}
    assert used == set(TRANSFORMATIONS)


def test_traces_peak_where_cells_fire(clean):
    for C, S in zip(clean.C[clean.detectable], clean.S[clean.detectable], strict=True):
        peaks, _ = find_peaks(np.r_[0, C, 0], prominence=0.5)
        assert all(S[max(0, peak - 6) : peak].sum() > 0 for peak in peaks)
