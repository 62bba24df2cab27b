"""AVI files as one movie: order, counts, pictures, and damage."""

import subprocess
import sys
import tracemalloc
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from recordings import CODECS, LOSSLESS, make_frames, uncompressed_avi, write_session, write_video

from workflow_miniscope import daq
from workflow_miniscope.daq import avi, pixels
from workflow_miniscope.errors import RecordingError


def write(folder, lengths, codec="FFV1", size=(24, 40)):
    """Write files of some lengths, and give them with the frames of all."""
    frames = make_frames(sum(lengths), size)
    files, first = [], 0
    for i, length in enumerate(lengths):
        files.append(folder / f"{i}.avi")
        write_video(files[-1], frames[first : first + length], codec)
        first += length
    return files, frames


@pytest.mark.parametrize("codec", LOSSLESS)
def test_pictures_of_a_non_square_movie(tmp_path, codec):
    files, _ = write(tmp_path, [9], codec)
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 256, (9, 26, 44), dtype=np.uint8)
    write_video(files[0], frames, codec)
    movie = daq.Movie(files)
    assert (movie.n_frames, movie.height, movie.width) == (9, 26, 44)
    read = list(movie.frames())
    assert all(frame.dtype == np.uint8 and frame.shape == (26, 44) for frame in read)
    np.testing.assert_array_equal(read, frames)


def test_colour_becomes_brightness(tmp_path):
    """The weights of ITU-R BT.601, as in OpenCV; the codec's own error is a few values."""
    colours = np.array([[30, 60, 200], [200, 60, 30], [40, 180, 40]], np.uint8)  # B, G, R
    writer = cv2.VideoWriter(str(tmp_path / "0.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), 60, (48, 32))
    for colour in colours:
        writer.write(np.tile(colour, (32, 48, 1)))
    writer.release()
    means = [frame.mean() for frame in daq.Movie([tmp_path / "0.avi"]).frames()]
    np.testing.assert_allclose(means, colours @ [0.114, 0.587, 0.299], atol=4)


GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
SOME = np.random.default_rng(5).permutation(256).astype(np.uint8)
ENDS = np.concatenate([[[255, 0, 0]], GREY[1:-1], [[0, 0, 255]]]).astype(np.uint8)  # as programs show what is clipped


def colour_map(which):
    return cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], which)[:, 0]


@pytest.mark.parametrize(
    ("colours", "levels", "said"),
    [
        (GREY, GREY[:, 0], None),
        (GREY[:100], GREY[:100, 0], None),
        (GREY[::-1], 255 - GREY[:, 0], None),
        (GREY[SOME], SOME, None),
        (GREY[:0], GREY[:, 0], "has no table of its grey levels"),
        (GREY * np.uint8([0, 1, 0]), GREY[:, 0], "in a map of colours"),
        (colour_map(cv2.COLORMAP_INFERNO), GREY[:, 0], "in a map of colours"),
        (colour_map(cv2.COLORMAP_JET), GREY[:, 0], "in a map of colours"),
        (ENDS, GREY[:, 0], "in a map of colours"),
        (
            np.stack([SOME, SOME[::-1], SOME // 2], axis=1),
            np.round(np.stack([SOME, SOME[::-1], SOME // 2], axis=1) @ [0.114, 0.587, 0.299]),
            None,
        ),
    ],
)
@pytest.mark.parametrize("layout", [{}, {"top_down": True}, {"padded": False}])
def test_palettes(tmp_path, colours, levels, said, layout):
    """What the numbers stand for is read, in a movie of which no row ends at a multiple of 4 bytes."""
    numbers = np.random.default_rng(0).integers(0, len(colours) or 256, (7, 20, 37), dtype=np.uint8)
    files = [tmp_path / "0.avi", tmp_path / "1.avi"]
    for file, part in zip(files, (numbers[:4], numbers[4:]), strict=True):
        file.write_bytes(uncompressed_avi(part, colours, **layout))
    movie = daq.Movie(files)
    np.testing.assert_array_equal(list(movie.frames()), levels[numbers])
    np.testing.assert_array_equal(list(movie.frames(3, 6)), levels[numbers[3:6]])
    assert len(movie.warnings) == (said is not None)
    assert said is None or said in movie.warnings[0]
    assert movie.lossless


def test_a_frame_of_a_palette_movie_that_is_not_whole(tmp_path):
    content = uncompressed_avi(make_frames(5))
    at = content.index(b"movi") + 4 + 2 * (8 + 24 * 40)
    cut = bytearray(content[:at] + b"00db" + (100).to_bytes(4, "little") + bytes(100) + content[at + 8 + 24 * 40 :])
    short = 24 * 40 - 100
    for place in (4, content.index(b"LIST", content.index(b"strf")) + 4):
        cut[place : place + 4] = (int.from_bytes(cut[place : place + 4], "little") - short).to_bytes(4, "little")
    (tmp_path / "0.avi").write_bytes(cut)
    movie = daq.Movie([tmp_path / "0.avi"])
    assert movie.n_frames == 5
    with pytest.raises(RecordingError, match="0.avi has a frame 2 that is not whole"):
        list(movie.frames())


@pytest.mark.parametrize("codec", CODECS)
def test_any_part_can_be_read(tmp_path, codec):
    files, _ = write(tmp_path, [5, 5, 1], codec)
    movie = daq.Movie(files)
    every = np.stack(list(movie.frames()))
    for part in (slice(0, 0), slice(3, 8), slice(5, 10), slice(9, None), slice(-2, None), slice(4, 99), slice(8, 2)):
        read = list(movie.frames(part.start or 0, part.stop))
        assert len(read) == len(every[part])
        np.testing.assert_array_equal(np.reshape(read, (-1, 24, 40)), every[part])
    for size in (1, 4, 11, 300):
        blocks = list(movie.blocks(size))
        assert [first for first, _ in blocks] == list(range(0, 11, size))
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), every)
    with pytest.raises(ValueError, match="at least one"):
        next(movie.blocks(0))


@pytest.mark.parametrize("codec", ["FFV1", "MJPG"])
def test_a_frame_far_into_a_file_is_found_without_decoding_all_before(tmp_path, codec, monkeypatch):
    files, _ = write(tmp_path, [150, 400], codec)
    movie = daq.Movie(files)
    every = list(movie.frames())
    opened, captured = pixels._capture, []

    class Counting:
        def __init__(self, capture):
            self.capture, self.grabbed = capture, 0
            captured.append(self)

        def __getattr__(self, name):
            return getattr(self.capture, name)

        def grab(self):
            self.grabbed += 1
            return self.capture.grab()

    @contextmanager
    def counted(path):
        with opened(path) as capture:
            yield Counting(capture)

    monkeypatch.setattr(pixels, "_capture", counted)
    for start in (*range(60, 90), 149, 150, 213, 214, 215, 260, 549):
        np.testing.assert_array_equal(next(movie.frames(start)), every[start])
    np.testing.assert_array_equal(list(movie.frames(300, 320)), every[300:320])
    assert captured[-1].grabbed == 20
    monkeypatch.setattr(pixels, "_SAME_TIME", -1)  # a decoder whose times are others: all frames are decoded
    np.testing.assert_array_equal(next(movie.frames(549)), every[549])
    assert captured[-1].grabbed == 400


def test_frames_are_not_found_by_their_time_where_the_index_cannot_be_trusted(tmp_path):
    """It is that of a file that was cut, or has chunks of no bytes, which count as time and are no frames."""
    ((path, *_), _) = write(tmp_path, [200], "FFV1")
    content = path.read_bytes()
    assert avi.scan(path).fps == 60
    index, at = content.index(b"idx1"), avi.frame_places(path)[7][0] - 8
    entries = np.frombuffer(content[index + 8 : index + 8 + 16 * 200], "<u4").reshape(-1, 4).copy()
    entries[7:, 2] += 8
    entry = [*entries[7, :2], entries[7, 2] - 8, 0]
    entries = np.insert(entries, 7, entry, axis=0)
    parts = (content[:at], content[at : at + 4], bytes(4), content[at:index], b"idx1", (16 * 201).to_bytes(4, "little"))
    empty = bytearray(b"".join(parts) + entries.tobytes())
    for place in (4, content.index(b"movi") - 4):
        longer = int.from_bytes(empty[place : place + 4], "little") + (8 if place > 4 else 24)
        empty[place : place + 4] = longer.to_bytes(4, "little")
    for changed in (content[:index], bytes(empty)):
        path.write_bytes(changed)
        assert avi.scan(path).fps is None
        movie = daq.Movie([path])
        np.testing.assert_array_equal(next(movie.frames(150)), list(movie.frames())[150])


def test_part_of_a_movie(tmp_path):
    files, frames = write(tmp_path, [5, 5])
    for movie in (daq.Movie(files, n_frames=7), daq.Movie(files).first(7), daq.Movie(map(str, files), 7)):
        assert movie.n_frames == 7
        np.testing.assert_array_equal(list(movie.frames()), frames[:7])
        np.testing.assert_array_equal(next(movie.blocks())[1], frames[:7])
    with pytest.raises(RecordingError, match="10 frames .* 11 "):
        daq.Movie(files, n_frames=11)


def test_a_header_that_lies_about_the_length(tmp_path):
    """Frames are counted where they lie: the header's count is what a program meant to write."""
    files, frames = write(tmp_path, [8], "DIB ")
    content = bytearray(files[0].read_bytes())
    for field in (content.index(b"avih") + 8 + 16, content.index(b"vids") + 32):
        assert content[field] == 8
        content[field : field + 4] = (5000).to_bytes(4, "little")
    files[0].write_bytes(content)
    assert cv2.VideoCapture(str(files[0])).get(cv2.CAP_PROP_FRAME_COUNT) != 8
    movie = daq.Movie(files)
    assert movie.n_frames == 8
    np.testing.assert_array_equal(list(movie.frames()), frames)


@pytest.mark.parametrize("how", ["no bytes", "no frames", "as OpenCV closes it"])
def test_an_empty_last_file(tmp_path, how):
    files, frames = write(tmp_path, [5, 5])
    last = tmp_path / "2.avi"
    if how == "no bytes":
        last.touch()
    elif how == "no frames":
        last.write_bytes(uncompressed_avi(np.empty((0, 24, 40), np.uint8)))
    else:
        cv2.VideoWriter(str(last), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), 60, (40, 24), False).release()
        assert last.stat().st_size
    movie = daq.Movie([*files, last])
    np.testing.assert_array_equal(list(movie.frames()), frames)
    with pytest.raises(RecordingError, match="2.avi .*not the last"):
        daq.Movie([files[0], last, files[1]])
    with pytest.raises(RecordingError, match="2.avi"):
        daq.Movie([last])


def test_the_last_file_of_a_program_that_died(tmp_path):
    """Its whole frames are there, and it is said that it was cut."""
    files, frames = write(tmp_path, [5, 5])
    content = files[1].read_bytes()
    files[1].write_bytes(content[: content.rindex(b"00dc", 0, content.index(b"idx1")) + 20])
    movie = daq.Movie(files)
    assert movie.n_frames == 9 and "1.avi" in " ".join(movie.warnings)
    np.testing.assert_array_equal(list(movie.frames()), frames[:9])


@pytest.mark.parametrize("codec", CODECS)
def test_a_cut_file_that_is_not_the_last(tmp_path, codec):
    files, _ = write(tmp_path, [5, 5], codec)
    content = files[0].read_bytes()
    for part in (0.3, 0.6, 0.9):
        files[0].write_bytes(content[: int(len(content) * part)])
        with pytest.raises(RecordingError, match="0.avi"):
            daq.Movie(files)


def test_no_avi_file(tmp_path):
    (tmp_path / "0.avi").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(RecordingError, match="0.avi is not an AVI file"):
        daq.Movie([tmp_path / "0.avi"])
    with pytest.raises(RecordingError, match="1.avi"):
        daq.Movie([tmp_path / "1.avi"])
    with pytest.raises(RecordingError, match="at least one"):
        daq.Movie([])


def test_an_unknown_codec(tmp_path):
    files, _ = write(tmp_path, [5])
    content = files[0].read_bytes()
    files[0].write_bytes(content.replace(b"FFV1", b"QXQX"))
    with pytest.raises(RecordingError, match="0.avi .*codec"):
        daq.Movie(files)


def test_frames_of_another_size(tmp_path):
    files, frames = write(tmp_path, [5, 5])
    write_video(files[1], make_frames(5, (32, 48)))
    with pytest.raises(RecordingError, match="1.avi has frames of 48 x 32 pixels, 0.avi of 40 x 24"):
        daq.Movie(files)


def test_a_frame_that_cannot_be_decoded_stops_the_reading(tmp_path):
    """It is not skipped: all frames after it would be one early."""
    files, frames = write(tmp_path, [8], "MJPG")
    content = files[0].read_bytes()
    at = content.index(b"movi")
    for _ in range(4):
        at = content.index(b"00dc", at + 4)
    size = int.from_bytes(content[at + 4 : at + 8], "little")
    files[0].write_bytes(content[: at + 8] + bytes(size) + content[at + 8 + size :])
    movie = daq.Movie(files)
    assert movie.n_frames == 8
    with pytest.raises(RecordingError, match="0.avi"):
        list(movie.frames())


def test_counting_agrees_with_decoding(tmp_path):
    """For the codecs cameras use, too, which build frames on each other."""
    rng = np.random.default_rng(0)
    for codec in (*CODECS, "XVID"):
        frames = rng.integers(0, 256, (37, 32, 48), dtype=np.uint8)
        write_video(tmp_path / "0.avi", frames, codec)
        assert avi.scan(tmp_path / "0.avi").n_frames == 37
        assert len(list(daq.Movie([tmp_path / "0.avi"]).frames())) == 37


@pytest.mark.parametrize("codec", ["DIB ", "FFV1"])
def test_an_index_that_lies_is_not_believed(tmp_path, codec):
    (path,), _ = write(tmp_path, [8], codec)
    content = path.read_bytes()
    index = content.rindex(b"idx1")
    entry = index + 8 + 3 * 16

    def scanned(changed):
        path.write_bytes(changed)
        return avi.scan(path)

    for place in (entry, entry + 8, entry + 12):  # what it is, where, how long
        changed = bytearray(content)
        changed[place] ^= 1
        found = scanned(changed)
        assert (found.n_frames, found.problem) == (8, None)
    without = (
        content[:entry] + content[entry + 16 : index + 8 + 8 * 16] + b"JUNK" + (8).to_bytes(4, "little") + bytes(8)
    )
    changed = bytearray(without + content[index + 8 + 8 * 16 :])
    changed[index + 4 : index + 8] = (7 * 16).to_bytes(4, "little")
    assert scanned(changed).n_frames == 8
    changed = bytearray(content)
    first = content.index(b"movi") + 4
    changed[first : first + 4] = bytes(4)
    assert scanned(changed).problem == "is damaged after frame 0"


def test_chunks_of_no_bytes_are_no_frames(tmp_path):
    """They stand for a frame as before; neither the acquisition programs nor the decoder make a frame of one."""
    frames = make_frames(6)
    whole = uncompressed_avi(frames)
    movi = whole.index(b"movi")
    at = movi + 4 + 2 * (8 + 24 * 40)
    longer = bytearray(whole[:at] + b"00db" + bytes(4) + whole[at : whole.index(b"idx1")])
    for size in (4, movi - 4):
        longer[size : size + 4] = (int.from_bytes(longer[size : size + 4], "little") + 8).to_bytes(4, "little")
    longer[4:8] = (len(longer) - 8).to_bytes(4, "little")
    (tmp_path / "0.avi").write_bytes(longer)
    movie = daq.Movie([tmp_path / "0.avi"])
    assert movie.n_frames == 6 and movie.warnings == ()
    np.testing.assert_array_equal(list(movie.frames()), frames)


def test_large_files_in_several_parts(tmp_path):
    """OpenDML: the frames after the first gigabyte are in further RIFF chunks."""
    whole = uncompressed_avi(make_frames(6))
    movi = whole.index(b"movi")
    frame = whole[movi + 4 : movi + 4 + 8 + 24 * 40]
    part = b"AVIX" + b"LIST" + (4 + 2 * len(frame)).to_bytes(4, "little") + b"movi" + 2 * frame
    (tmp_path / "0.avi").write_bytes(whole + b"RIFF" + len(part).to_bytes(4, "little") + part)
    content = avi.scan(tmp_path / "0.avi")
    assert (content.n_frames, content.problem, content.height, content.width) == (8, None, 24, 40)


def test_memory_does_not_grow_with_the_movie(tmp_path):
    def peak(n_frames):
        files, _ = write(tmp_path, n_frames // 20 * [20], "GREY", (64, 96))
        tracemalloc.start()
        daq.survey_movie(daq.Movie(files))
        for _ in daq.Movie(files).frames():
            pass
        for _ in daq.Movie(files).blocks(16):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(20)  # what is imported and cached
    assert peak(800) < peak(40) + 20 * 64 * 96


def test_nothing_is_printed_about_damaged_files(tmp_path):
    written = write_session(tmp_path, n_frames=12, frames_per_file=6, codec="MJPG")
    path = written.devices[0].files[-1]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.7)])
    code = (
        "from workflow_miniscope import daq\n"
        f"recording = daq.open_session({str(written.folder)!r}).devices[0].read()\n"
        "print(len(list(recording.movie.frames())) == recording.n_frames, len(recording.warnings) > 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("True True", "")
