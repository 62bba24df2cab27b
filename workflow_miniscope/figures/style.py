"""What all figures share: colours, fonts, scale bars."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..movies.types import Numbers

if TYPE_CHECKING:  # matplotlib before 3.11 has no such name
    from matplotlib.typing import RcKeyType

_Arguments = ParamSpec("_Arguments")

# Okabe and Ito's colours, which people with any common colour blindness can tell apart
# (jfly.uni-koeln.de/color), without their yellow (too light on paper) and black (used for axes).
CYCLE = ("#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2")
INK = "#222222"
QUIET = "#8A8A8A"
BLUE, ORANGE, GREEN, RED = CYCLE[5], CYCLE[0], CYCLE[2], CYCLE[3]
WIDTH = 9.0  # inches: the text column of a notebook
#: letters of a title in an inch, and inches from one of its lines to the next
LETTERS_PER_INCH, LINE_HEIGHT = 12.0, 0.19

_RC: dict[RcKeyType, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 0.9,
    "lines.solid_joinstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def styled(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Draw with this module's settings and leave the user's as they were."""

    @functools.wraps(draw)
    def drawn(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> Figure:
        with matplotlib.rc_context(_RC):
            return draw(*arguments, **options)

    return drawn


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Make an empty figure, in inches, whose parts find their places by themselves."""
    return Figure(figsize=(width, height), layout="constrained", dpi=110)


def put_title(figure: Figure, title: str | None) -> None:
    """Write a title above everything, broken where it is wider than the figure, which becomes higher by as much."""
    if not title:
        return
    width, height = figure.get_size_inches()
    broken = [part for line in title.split("\n") for part in textwrap.wrap(line, int(width * LETTERS_PER_INCH))]
    figure.set_size_inches(width, height + LINE_HEIGHT * len(broken))
    figure.suptitle("\n".join(broken), x=0.01, ha="left", fontsize=10)


def save(figure: Figure, path: Path | str, dpi: int = 150) -> Path:
    """Write a figure to a file and return its path; the name's ending says the format (png, svg, pdf)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi)
    return path


def show_image(axes: Axes, image: Numbers, low: float = 1.0, high: float = 99.7) -> None:
    """Show a grey image without axes, between two of its percentiles, pixel (0, 0) at the upper left."""
    darkest, brightest = contrast(image, low, high)
    axes.imshow(image, cmap="gray", vmin=darkest, vmax=brightest, interpolation="nearest")
    axes.set_axis_off()


def contrast(image: Numbers, low: float = 1.0, high: float = 99.7) -> tuple[float, float]:
    """Return the values that are shown black and white: two percentiles of an image, which differ."""
    finite = image[np.isfinite(image)]
    darkest, brightest = np.percentile(finite, [low, high]) if finite.size else (0, 1)
    return float(darkest), float(max(brightest, darkest + 1e-12))


def image_scale_bar(axes: Axes, width: int, height: int, um_per_px: float | None = None) -> None:
    """Draw a bar of a round length, about a sixth of the image, below its lower right corner."""
    length = round_length(width / 6 * (um_per_px or 1))
    pixels = length / (um_per_px or 1)
    y = height * 1.03
    axes.plot(
        [width - 0.5 - pixels, width - 0.5],
        [y, y],
        color=INK,
        linewidth=2,
        clip_on=False,
        solid_capstyle="butt",
    )
    label = f"{length:g} {'µm' if um_per_px else 'px'}"
    axes.text(width - 1.5 - pixels, y, label, ha="right", va="center", fontsize=8, clip_on=False)


def round_length(about: float) -> float:
    """Return the 1, 2 or 5 times a power of ten that is nearest below a length."""
    if not np.isfinite(about) or about <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(about))
    return float(next(step * power for step in (5, 2, 1) if step * power <= about * (1 + 1e-9)))


def check_lengths(**named: Numbers | None) -> None:
    """Refuse arrays whose last axes differ, naming them.

    Raises
    ------
    ValueError
        Two of them have different numbers of samples.
    """
    lengths = {name: np.shape(array)[-1] for name, array in named.items() if array is not None}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"These must have one value for each frame, but their lengths differ: {said}.")
