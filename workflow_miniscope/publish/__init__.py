"""From the database to files for others: NWB in the layout of the DANDI archive.

What the database and the raw files say of one session is gathered in :mod:`.contents`, what people must say besides in
:mod:`.project`; :mod:`.nwb` writes both, and :mod:`.dataset` puts the files where archives expect them.
"""
