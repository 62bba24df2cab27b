"""Where two curators of one result differ, over its summary image."""

from __future__ import annotations

from matplotlib.figure import Figure

from .. import figures
from ..analysis.agreement import Agreement
from ..results.caiman import CaimanResult
from ..results.curation import State


def draw(result: CaimanResult, states: list[State], found: Agreement, names: tuple[str, str]) -> Figure:
    """Draw the components as the first curator decided, those on which the two differ with their numbers.

    Parameters
    ----------
    result : CaimanResult
        What both curated.
    states : list of State
        The first curator's.
    found : Agreement
        Of both.
    names : tuple of str
        The curators.
    """
    masks = [(mask.xpix, mask.ypix, mask.weights) for mask in map(result.mask, range(result.n_components))]
    kappa = f"kappa {found.kappa:.2f}" if found.kappa == found.kappa else "kappa not defined"
    return figures.footprints(
        result.summary_image,
        masks,
        accepted=[state.decision != "rejected" for state in states],
        highlight=found.differ,
        title=f"{names[0]} and {names[1]} differ on {len(found.differ)} of {found.both} (thick, with their numbers), "
        f"{kappa}; drawn as {names[0]} decided",
    )
