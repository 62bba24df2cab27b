"""``workflow-miniscope curate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RESULT", help="Folder of a result, the result file, or a restriction that chooses one processing."
        ),
    ],
    curator: Annotated[str | None, typer.Option(help="Who decides; by default the name of the user.")] = None,
    decisions: Annotated[
        Path | None, typer.Option(help="Folder for the file of decisions; by default the result's own.")
    ] = None,
    movie: Annotated[
        Path | None, typer.Option(help="Folder of the scope's recording, if it is not where it was processed.")
    ] = None,
    export: Annotated[Path | None, typer.Option(help="Write the decisions to this CSV file; no page.")] = None,
    apply: Annotated[
        Path | None, typer.Option(help="Decide what this CSV file says (component, decision, note); no page.")
    ] = None,
    commit: Annotated[
        bool,
        typer.Option("--commit", help="Make a curated result of the decisions; no page."),
    ] = False,
    agreement: Annotated[
        str | None,
        typer.Option(metavar="CURATOR", help="Compare with the decisions of another curator; no page."),
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="With --agreement: picture of where they differ.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page; by default one that fits the result.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Look at the components of a result in the browser, and decide which are cells.

    Decisions are saved at once, in a file beside the result; the result is never changed.
    """
    from ..results.curation import Summary, events_for, export_csv, read_csv
    from ..work.curation import curating

    with curating(target, curator, decisions, movie) as at_it:
        log, result = at_it.log, at_it.opened.components
        if apply is not None:
            wanted = read_csv(apply, len(log.curation.states))
            log.append([event.as_json() for event in events_for(log.curation, wanted)])
            print(f"{at_it.curator}: {Summary.of(log.curation.states)}")
        if export is not None:
            export_csv(export, result, log.curation.states, at_it.curator)
            print(export)
        if commit:
            print(at_it.commit())
        if agreement is not None:
            found = at_it.agreement(agreement)
            print(found)
            if figure is not None:
                from .. import figures
                from ..reports.agreement import draw

                names = (at_it.curator, agreement)
                print(figures.save(draw(result, log.curation.of_result, found, names), figure))
        if apply is None and export is None and agreement is None and not commit:
            from ..web.start import curate

            curate(at_it, port, browser)
