"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

#: Which recordings.
Restrict = Annotated[
    list[str] | None,
    typer.Option(
        "--restrict",
        help="Which recordings: subject=m1, several joined by 'and', a name that `list` prints, or DataJoint's own "
        "language (subject like 'm%'). Given again, all must hold. By default all recordings.",
    ),
]
