"""The motion-corrected movie in an NWB file: the frames as they lie on the template, and what NWB wants with them."""

import shutil
from dataclasses import replace

import h5py
import numpy as np
import planted
import pytest
from archives import PROJECT, refused_for
from pynwb import read_nwb
from typer.testing import CliRunner

from workflow_miniscope import daq
from workflow_miniscope.cli.app import app
from workflow_miniscope.cnmfe.editing.registered import Registered
from workflow_miniscope.errors import RecordingError, ResultError
from workflow_miniscope.publish.dataset import Options, export_nwb, publish
from workflow_miniscope.results.caiman import FrameQuality, RigidShifts

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:hdmf")
MOVIES = Options(motion_corrected=True, progress=False)
N = planted.FRAMES


def whole_steps():
    """Shifts of whole pixels, [frame, rows and columns], which need no interpolation."""
    return np.random.default_rng(3).integers(-4, 5, (N, 2))


def dimmed():
    """Light of which half is gone from the middle on."""
    gain = np.where(np.arange(N) < N // 2, 1.0, 0.5)
    return FrameQuality(np.zeros(N), np.ones(N), np.zeros(N, bool), gain=gain, black=4.0)


KINDS = {
    "mc_whole": {"result": replace(planted.result(), motion=RigidShifts(whole_steps())), "frames_per_file": 120},
    "mc_light": {"result": replace(planted.result(), frames=dimmed())},
    "mc_two": {"result": planted.result("piecewise"), "scopes": ["HPC", "PFC"]},
}


@pytest.fixture(scope="module", params=KINDS)
def published(request, make_session, tmp_path_factory):
    key, recorded = make_session(request.param, **KINDS[request.param])
    folder = tmp_path_factory.mktemp("corrected")
    (folder / "project.toml").write_text(PROJECT, encoding="utf-8")
    done = publish({"subject": request.param}, folder, folder / "project.toml", MOVIES)
    assert (done.problems, done.notes) == ([], [])
    return key, recorded, done.written[0], KINDS[request.param]["result"]


def test_what_is_read_back_is_the_registered_recording(published):
    _, recorded, path, result = published
    stacks = read_nwb(path).processing["ophys"]["MotionCorrection"].corrected_image_stacks
    assert len(stacks) == len(recorded.scopes)
    for scope in recorded.scopes:
        end = "" if len(recorded.scopes) == 1 else f"_{scope.name}"
        stored = stacks[f"CorrectedImageStack{end}"].corrected.data
        wanted = Registered.of(daq.Movie(scope.files, n_frames=N), result, result.motion, result.frames)
        np.testing.assert_array_equal(stored[:], wanted.frames(0, N).transpose(0, 2, 1))
        assert stored.dtype == np.float32 and stored.compression == "gzip"
        assert stored.chunks[1:] == stored.shape[1:]  # frames are whole in their chunks


def test_the_original_the_times_and_the_shifts_are_with_it(published):
    _, _, path, result = published
    file = read_nwb(path)
    for name, stack in file.processing["ophys"]["MotionCorrection"].corrected_image_stacks.items():
        end = name.removeprefix("CorrectedImageStack")
        assert stack.original is file.acquisition[f"OnePhotonSeries{end}"]
        assert stack.corrected.imaging_plane is file.imaging_planes[f"ImagingPlane{end}"]
        motion = result.motion
        if isinstance(motion, RigidShifts):
            x_y = motion.shifts[:, ::-1]
        else:  # of the field as a whole; those of the blocks are in a series of their own
            x_y = np.stack([motion.x.mean(axis=1), motion.y.mean(axis=1)], axis=1)
        np.testing.assert_allclose(stack.xy_translation.data[:], x_y)
        for series in (stack.corrected, stack.xy_translation):
            np.testing.assert_array_equal(series.timestamps[:], stack.original.timestamps[:])


def test_the_archive_s_inspector_finds_nothing(published):
    refused, _ = refused_for(published[2])
    assert refused == []


def test_whole_steps_move_pixels_as_they_are(make_session, tmp_path, pipeline):
    key = {"subject": "mc_whole"}
    if not pipeline.session.Session & key:
        make_session("mc_whole", **KINDS["mc_whole"])
    export_nwb(key, tmp_path / "one.nwb", options=Options(motion_corrected=True, embed=True, progress=False))
    file = read_nwb(tmp_path / "one.nwb")
    raw, moved = file.acquisition["OnePhotonSeries"].data, file.processing["ophys"]["MotionCorrection"]
    corrected, inner = moved["CorrectedImageStack"].corrected.data, slice(4, -4)
    for t in (0, 7, 130, N - 1):
        dy, dx = whole_steps()[t]
        still = np.roll(raw[t].astype(float), (dx, dy), axis=(0, 1))
        np.testing.assert_allclose(corrected[t][inner, inner], still[inner, inner], atol=1e-3)


def test_what_there_is_no_movie_of_is_said(make_session, tmp_path):
    key, _ = make_session("mc_none", result=planted.result("none"))
    notes = export_nwb(key, tmp_path / "one.nwb", options=MOVIES)
    assert "My_V4_Miniscope has no motion-corrected movie: cnmfe moved no frame." in notes
    with h5py.File(tmp_path / "one.nwb") as file:
        assert "MotionCorrection" not in file["processing/ophys"]


def test_two_curations_of_a_result_have_one_movie(pipeline, make_session, tmp_path):
    key, _ = make_session("mc_twice", result=planted.result())
    miniscope = pipeline.miniscope
    task = (miniscope.Processing & key).fetch1("KEY")
    folder = (miniscope.Curation & key).fetch1("curation_output_dir")
    miniscope.Curation.insert1({**(miniscope.Curation & key).fetch1(), "curation_id": 7, "curation_output_dir": folder})
    miniscope.Segmentation.populate(task)
    export_nwb(key, tmp_path / "one.nwb", options=MOVIES)
    with h5py.File(tmp_path / "one.nwb") as file:
        assert list(file["processing/ophys/MotionCorrection"]) == ["CorrectedImageStack_p300_c1"]


def test_another_result_file_or_a_video_that_is_gone_is_named(pipeline, make_session, tmp_path):
    from workflow_miniscope.results.caiman import find_result, write_result

    key, recorded = make_session("mc_other", result=planted.result())
    folder = pipeline.get_processed_root_data_dir() / "p_mc_other"
    path = find_result(folder)
    kept = tmp_path / path.name
    shutil.copy(path, kept)
    write_result(path, replace(planted.result(), motion=RigidShifts(whole_steps())))
    with pytest.raises(ResultError, match="holds other shifts than the database"):
        export_nwb(key, tmp_path / "one.nwb", options=MOVIES)
    path.unlink()
    with pytest.raises(ResultError, match="p_mc_other"):
        export_nwb(key, tmp_path / "one.nwb", options=MOVIES)
    shutil.copy(kept, path)
    recorded.scopes[0].files[1].unlink()
    with pytest.raises(RecordingError, match=r"1\.avi"):
        export_nwb(key, tmp_path / "one.nwb", options=MOVIES)
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def test_both_commands_take_it(published, tmp_path):
    key = published[0]
    animal = f"subject={key['subject']}"
    shown = CliRunner().invoke(app, ["nwb", animal, str(tmp_path / "one.nwb"), "--motion-corrected"])
    assert shown.exit_code == 0, shown.output
    shown = CliRunner().invoke(app, ["publish", animal, "--output", str(tmp_path / "set"), "--motion-corrected"])
    assert shown.exit_code == 0, shown.output
    for path in tmp_path.rglob("*.nwb"):
        with h5py.File(path) as file:
            assert "MotionCorrection" in file["processing/ophys"]
