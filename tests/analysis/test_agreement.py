"""Agreement of two curators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from workflow_miniscope.analysis.agreement import agreement
from workflow_miniscope.results.curation import State

DECISIONS = st.sampled_from(["accepted", "rejected", "undecided"])


def states(decisions):
    return [State(decision) for decision in decisions]


def test_counts_and_differences():
    found = agreement(
        states(["accepted", "accepted", "rejected", "rejected", "accepted", "undecided", "undecided"]),
        states(["accepted", "rejected", "rejected", "accepted", "undecided", "rejected", "undecided"]),
    )
    assert found.counts.tolist() == [[1, 1], [1, 1]]
    assert found.differ == (1, 3) and (found.only_first, found.only_second) == (1, 1)
    assert found.kappa == 0 and found.agreed == 0.5
    assert "differ on 1, 3" in str(found)


@settings(deadline=None)
@given(st.lists(st.tuples(DECISIONS, DECISIONS), max_size=40))
def test_kappa_is_scikit_learns(pairs):
    found = agreement(states([a for a, _ in pairs]), states([b for _, b in pairs]))
    both = [(a, b) for a, b in pairs if "undecided" not in (a, b)]
    assert found.both == len(both)
    if not both or len({value for pair in both for value in pair}) == 1:
        assert np.isnan(found.kappa)
    else:
        a, b = zip(*both, strict=True)
        assert found.kappa == pytest.approx(cohen_kappa_score(a, b), abs=1e-12)


def test_nothing_in_common_and_two_results():
    assert str(agreement(states(["accepted"]), states(["undecided"]))) == "No component was decided by both."
    assert agreement([], []).both == 0
    with pytest.raises(ValueError, match="two results"):
        agreement(states(["accepted"]), [])
