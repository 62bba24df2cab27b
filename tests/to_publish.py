"""Results and times of sessions that are published."""

from dataclasses import replace

import h5py
import numpy as np
import planted
import scipy.sparse


def empty_result():
    """A result in which no component was found."""
    full = planted.result()
    height, width = full.dims
    nothing = np.zeros((0, full.n_frames), np.float32)
    none = np.zeros(0)
    return replace(
        full,
        A=scipy.sparse.csc_matrix((height * width, 0)),
        C=nothing,
        S=nothing,
        YrA=nothing,
        F_dff=nothing,
        **dict.fromkeys(("center", "accepted", "rejected", "g")),
        **dict.fromkeys(("bl", "c1", "neurons_sn", "snr", "r_values", "cnn_preds"), none),
    )


def dropped_times(n_frames: int):
    """Times of frames of which some were dropped, and one has a wrong time, ms."""
    times = 50 * np.arange(n_frames)
    times[n_frames // 2 :] += 250
    times[20] = 0
    return times.tolist()


def every_text(path):
    """Give every text in an HDF5 file: names, values, attributes."""

    def of(value):
        for item in np.ravel(np.asarray(value, object)):
            if isinstance(item, (str, bytes)):
                yield item.decode() if isinstance(item, bytes) else item

    found = []
    with h5py.File(path) as file:

        def visit(name, item):
            found.append(name)
            for value in item.attrs.values():
                found.extend(of(value))
            if isinstance(item, h5py.Dataset) and item.dtype.kind in "OS":
                found.extend(of(item[()]))

        # the cached specifications are the format's own
        for name, item in file.items():
            if name != "specifications":
                visit(name, item)
                if isinstance(item, h5py.Group):
                    item.visititems(visit)
    return found
