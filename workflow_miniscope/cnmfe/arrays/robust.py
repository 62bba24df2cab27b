"""Robust statistics: what a few outliers do not change."""

from __future__ import annotations

#: standard deviations of a normal distribution in one median absolute deviation, 1 / Phi^-1(3/4)
MAD_TO_SD = 1.4826
