"""A small one-photon recording with everything that makes one hard, and its ground truth."""

from dataclasses import dataclass

import cv2
import numpy as np

HEIGHT, WIDTH, FRAMES, FPS = 72, 112, 700, 20.0


@dataclass
class Recording:
    """Movie uint8 [frames, height, width]; cells A [n, height, width], C, S [n, frames]; shifts [frames, 2].

    ``shifts`` is how far the brain is displaced in each frame (dy, dx), down and to the right; ``warps``
    [frames, 2, 3] stretch it in addition, see :func:`stretch`.
    """

    movie: np.ndarray
    centers: np.ndarray
    A: np.ndarray
    C: np.ndarray
    S: np.ndarray
    shifts: np.ndarray
    fps: float = FPS
    warps: np.ndarray | None = None


def stretch(warps, y, x, height, width):
    """Displacement [..., 2] at points y, x by smooth fields of the amplitudes ``warps`` [..., 2, 3]."""
    u, v = 2 * np.asarray(y) / height - 1, 2 * np.asarray(x) / width - 1
    return np.stack([u, v, np.cos(np.pi * v / 2) * np.cos(np.pi * u / 2)], axis=-1) @ np.moveaxis(warps, -1, -2)


def activity(n, frames, rng, fps=FPS, rate=0.25, rise=0.05, decay=0.5):
    """Poisson events at ``rate`` Hz within fine bins and what a camera sees of their calcium."""
    fine = 10
    events = rng.random((n, frames * fine)) < rate / (fps * fine)
    events = events * rng.uniform(0.6, 1.5, events.shape)
    t = np.arange(int(6 * decay * fps * fine)) / (fps * fine)
    kernel = np.exp(-t / decay) - np.exp(-t / rise)
    kernel /= kernel.max()
    calcium = np.stack([np.convolve(e, kernel)[: frames * fine] for e in events])
    return calcium.reshape(n, frames, fine).mean(axis=2), events.reshape(n, frames, fine).sum(axis=2)


def smooth_noise(shape, sigma, rng):
    field = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), sigma)
    return (field - field.mean()) / field.std()


def make(
    seed=0,
    height=HEIGHT,
    width=WIDTH,
    frames=FRAMES,
    n_cells=12,
    motion=2.0,
    sigma=4.0,
    brightness=45.0,
    noise=4.0,
    warp=0.0,
    vessels=5,
):
    """Simulate; cells lie at least 1.9 sigma apart and away from the border; ``warp`` is the size of the stretch."""
    rng = np.random.default_rng(seed)
    margin = 12
    H, W = height + 2 * margin, width + 2 * margin
    centers = []
    for _ in range(100000):
        if len(centers) == n_cells:
            break
        c = rng.uniform([8, 8], [height - 8, width - 8])
        if all(np.hypot(*(c - d)) > 1.9 * sigma for d in centers):
            centers.append(c)
    centers = np.array(centers).reshape(-1, 2)
    y, x = np.mgrid[:H, :W] - margin
    cells = np.array([np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * sigma**2)) for a, b in centers]).reshape(-1, H, W)
    C, S = activity(len(centers), frames, rng)
    gain = brightness * rng.uniform(0.6, 1.4, len(centers))
    # vessels and tissue that move with the brain
    tissue = 70 + 6 * smooth_noise((H, W), 12, rng)
    for _ in range(vessels):
        a, b = rng.uniform([0, 0], [H, W], (2, 2))
        line = np.zeros((H, W), np.float32)
        cv2.line(line, (int(a[1]), int(a[0])), (int(b[1]), int(b[0])), 1.0, 3)
        tissue -= 22 * cv2.GaussianBlur(line, (0, 0), 1.5)
    neuropil = np.array([smooth_noise((H, W), 18, rng) for _ in range(2)])
    drive = np.cumsum(rng.standard_normal((2, frames)) * 0.15, axis=1)
    drive -= drive.mean(axis=1, keepdims=True)
    shifts = np.zeros((frames, 2))
    if motion:
        for t in range(1, frames):
            shifts[t] = 0.8 * shifts[t - 1] + rng.normal(0, 0.6 * motion, 2)
        shifts = np.clip(shifts, -10, 10)
    warps = np.zeros((frames, 2, 3))
    if warp:
        random = np.random.default_rng(seed + 1000)
        for t in range(1, frames):
            warps[t] = 0.9 * warps[t - 1] + random.normal(0, 0.44 * warp, (2, 3))
        warps = np.clip(warps, -1.5 * warp, 1.5 * warp)
    dust = np.zeros((height, width), np.float32)
    cv2.circle(dust, (width // 4, height // 2), 2, 12, -1)
    rows, columns = np.mgrid[:height, :width]
    vignette = 1 - 0.35 * (((rows / height - 0.5) ** 2 + (columns / width - 0.5) ** 2) * 2)
    movie = np.empty((frames, height, width), np.uint8)
    for t in range(frames):
        scene = tissue + np.tensordot(gain * C[:, t], cells, 1) + 3 * np.tensordot(drive[:, t], neuropil, 1)
        dy, dx = shifts[t]
        if warp:
            source = np.stack([rows - dy, columns - dx], axis=-1)
            for _ in range(3):
                u = stretch(warps[t], source[..., 0], source[..., 1], height, width)
                source = np.stack([rows - dy, columns - dx], axis=-1) - u
            source = (source + margin).astype(np.float32)
            moved = cv2.remap(scene.astype(np.float32), source[..., 1], source[..., 0], cv2.INTER_LINEAR)
        else:
            moved = cv2.warpAffine(
                scene.astype(np.float32),
                np.array([[1, 0, dx - margin], [0, 1, dy - margin]]),
                (width, height),
                flags=cv2.INTER_LINEAR,
            )
        seen = moved * vignette - dust
        movie[t] = np.clip(seen + rng.normal(0, noise, seen.shape), 0, 255)
    A = cells[:, margin : margin + height, margin : margin + width]
    return Recording(movie, centers, A, C, S, shifts, warps=warps)


def match(result, recording, threshold=0.7):
    """Pairs (accepted component, cell) whose footprints have a cosine of at least ``threshold``."""
    from scipy.optimize import linear_sum_assignment

    motion = result.motion
    shifts = motion.shifts if hasattr(motion, "shifts") else np.stack([motion.y, motion.x], axis=-1).mean(axis=1)
    offset = np.round(np.median(-shifts - recording.shifts, axis=0)).astype(int)
    found = np.array([result.footprint(i).ravel() for i in result.accepted]).reshape(len(result.accepted), -1)
    true = np.roll(recording.A, tuple(-offset), axis=(1, 2)).reshape(len(recording.A), -1)
    cosine = (found @ true.T) / np.outer(np.linalg.norm(found, axis=1), np.linalg.norm(true, axis=1))
    rows, columns = linear_sum_assignment(-cosine)
    return [(int(result.accepted[i]), int(j)) for i, j in zip(rows, columns, strict=True) if cosine[i, j] >= threshold]
