"""One session as an NWB file.

:mod:`.file` puts it together from what its neighbours make: :mod:`.devices`, :mod:`.imaging` (videos), :mod:`.cells`
(results of a scope) and :mod:`.behavior` (head, face, notes). x is a column and y is a row; images are [x, y], as NWB
has them.
"""
