"""A table with what is difficult to show: long keys, blanks, square brackets, numbers, sentences."""

from workflow_miniscope.work.text_table import TextTable

KEYS = ("Maus A 1_20260115-102030_0", "[red]m_20260115-102030_v0", "ein_langer_Name_eines_Tieres_20260115-102030_1")
TABLE = TextTable(
    ("state", "name", "cells", "said"),
    [
        ("failed: Processing", KEYS[0], 7, "the disk was full when the result of the recording was written"),
        ("done", KEYS[1], 1234, "-"),
        ("to do", KEYS[2], 0, "no_more_than_one_word [see below]"),
    ],
    key="name",
)
