"""Named sets of recipes. What is developed is looked at on ``development`` sets only; ``judging`` has other seeds.

The two kinds of set hold the same recordings but for the seeds, which share no number: 1 to 99 are for development, 501
to 599 for judging.
"""

from __future__ import annotations

DEVELOPMENT, JUDGING = 0, 500
# brains and cameras: generator and knobs but for the seed
WORLDS = (
    "minisim",
    "minisim:region=cortex_l23",
    "tissue",
    "tissue:radius=2",
    "tissue:radius=3,density=0.2",
    "tissue:radius=6.5",
    "tissue:radius=9,px=200",
    "tissue:density=0.05,background=2",
    "tissue:fps=5,seconds=120",
    "tissue:fps=10,seconds=90,rise=0.1,decay=1",
    "tissue:fps=30,seconds=45,radius=3.5",
    "tissue:fps=60,seconds=30",
    "tissue:noise=2",
    "tissue:brightness=0.5,bleaching=0.4",
    "hybrid",
    "hybrid:radius=3,cells=80",
    "hybrid:radius=7.5,background=2",
    "hybrid:snr=1.5,fps=15",
)
INDICATORS = (
    "rise=0.2,decay=1.5",
    "rise=0.01,decay=0.1",
    "rise=0.05,decay=3",
    "rise=0.005,decay=0.05",
    "rise=0.1,decay=0.6",
)
CODECS = ("mjpg", "xvid", "x264:bpp=1.1", "x264:bpp=0.25", "x264:bpp=0.11", "x264:bpp=0.05", "x264:bpp=0.018")
# the rows of the table of what goes wrong; "" is the clean recording that they are compared with
ARTEFACTS = (
    "",
    "twice",
    "stalled",
    "step",
    "elsewhere",
    "bands",
    *(f"lamp_off:frames={n}" for n in (10, 40, 100, 150, 220)),
    "flickering_pixels",
    "half_black",
    "rolled",
    "torn",
    "blackouts",
    "bubble",
    "bleaching",
    "lamp_steps",
    "averaged",
    "smoothed",
    "denoised",
    "binned",
)
NULLS = (
    "tissue:density=0",
    "tissue:density=0,radius=7,background=2",
    "tissue:brightness=0.01,bleaching=0.7,fps=10",
    "hybrid:cells=0",
    "hybrid:cells=0,background=2",
    "minisim:cells=0",
    "minisim:cells=0,region=cortex_l23",
    "tissue:motion=0 + shuffled",
    "minisim:motion_um=0 + shuffled",
    "tissue:motion=0 + phases",
    "minisim:motion_um=0 + phases",
    "hybrid:motion=0 + phases",
    "tissue + bleached_out",
    "minisim + bleached_out",
    "tissue + defocused",
    "minisim + defocused",
    "hybrid + defocused",
    "tissue:density=0 + x264:bpp=0.1",
    "tissue:density=0 + averaged",
    "minisim:cells=0 + bands",
)


def _seeded(recipe: str, seed: int) -> str:
    first, plus, rest = recipe.partition(" + ")
    return f"{first}{',' if ':' in first else ':'}seed={seed}{plus}{rest}"


def _then(recipe: str, transformation: str) -> str:
    return f"{recipe} + {transformation}" if transformation else recipe


def _sets(base: int) -> dict[str, list[str]]:
    bases = [_seeded(name, base + 40) for name in ("minisim", "tissue")]
    return {
        "worlds": [_seeded(world, base + number + 1) for number, world in enumerate(WORLDS)],
        "more-worlds": [_seeded(world, base + number + 51) for number, world in enumerate(WORLDS)],
        "indicators": [f"{recipe},{knobs}" for knobs in INDICATORS for recipe in bases],
        "codecs": [_then(recipe, codec) for codec in ("", *CODECS) for recipe in bases],
        "artefacts": [_then(recipe, artefact) for artefact in ARTEFACTS for recipe in bases],
        "nulls": [_seeded(null, base + number + 71) for number, null in enumerate(NULLS)],
    }


SETS = {
    f"{purpose}-{name}": recipes
    for purpose, base in (("development", DEVELOPMENT), ("judging", JUDGING))
    for name, recipes in _sets(base).items()
}
