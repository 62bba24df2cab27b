"""The steps that are filled by hand are named in one place, which the steps of the workflow have."""

from workflow_miniscope.work.by_hand import BY_HAND
from workflow_miniscope.work.steps import FACEMAP, MINISCOPE, steps, waiting


def test_they_are_steps_that_do_not_fill_themselves(pipeline):
    by_hand = {step.name for step in steps(MINISCOPE + FACEMAP) if not step.computed}
    assert by_hand == set(BY_HAND)
    for one in BY_HAND.values():
        assert one.parent in MINISCOPE + FACEMAP


def test_what_starts_from_nothing_waits_for_nothing(pipeline):
    assert waiting("subject.Subject") == []
