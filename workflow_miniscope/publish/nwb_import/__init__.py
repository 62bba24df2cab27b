"""An NWB file read back into the database.

:mod:`.file` is the door. It gathers what the file has with :mod:`.recorded` (animal, session, scopes, cameras) and
:mod:`.analysed` (cells and their activity, as result files), and puts it into the tables with :mod:`.rows`. Files of
this program are read but for what the notes name; of other programs' files, such as neuroconv's, what was recorded.
"""
