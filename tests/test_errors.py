"""What a user may have meant."""

from workflow_miniscope.errors import did_you_mean, in_brackets


def test_the_name_that_looks_most_like_it():
    known = ["min_corr", "min_pnr"]
    assert did_you_mean("minCorr", known, "ask us.") == "did you mean 'min_corr'?"
    assert did_you_mean("MIN_PNR", known) == "did you mean 'min_pnr'?"
    assert did_you_mean("zzz", known, "ask us.") == "ask us."
    assert in_brackets("minCorr", known) == " (did you mean 'min_corr'?)"
    assert in_brackets("zzz", known) == ""
