"""Recordings of which everything is known, from generators that share no assumption, and what can go wrong with them.

A recording is written as a recipe, one line: a generator with its knobs, then what happens to its movie, in order:

    tissue:seed=3,radius=4 + bubble + x264:bpp=0.1

Generators are in ``tissue``, ``hybrid`` and ``brain`` (minisim's), transformations in ``nulls``, ``artefacts`` and
``codecs``; ``recipe`` reads the line and writes the recording, ``sets`` names groups of them.
"""
