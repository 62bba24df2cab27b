"""What is said of an analysis of a scope: whether it can be trusted, its images, its cells, its parameters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ... import engines
from ...elements.miniscope import find_output
from ...errors import WorkflowError
from ...parameters import Model, describe
from ...results.caiman import OpenedResult, find_result
from .. import fetch
from .parts import Block, Fact, Judgement, Table
from .pictures import of_image

_IMAGES = (
    ("average_image", "Mean", "Mean of the registered movie."),
    ("max_proj_image", "Maximum", "Largest value of each pixel of the registered movie."),
    ("correlation_image", "Correlation", "Correlation of each pixel with its neighbours: cells are bright."),
)


@dataclass(frozen=True)
class Analysis:
    """One analysis, as far as it is.

    Attributes
    ----------
    key : dict
        Of its row in ``miniscope.Segmentation``; of one that has none yet, in ``miniscope.ProcessingTask``.
    name : str
        What every command takes.
    """

    key: dict[str, Any]
    name: str

    @cached_property
    def row(self) -> dict[str, Any]:
        """The parameter set."""
        from ...pipeline import miniscope

        return dict((miniscope.ProcessingParamSet & {"paramset_id": self.key["paramset_id"]}).fetch1())

    @cached_property
    def components(self) -> list[dict[str, Any]]:
        """Each component: number, place, size, measures, whether it was accepted, and why the engine refused it."""
        from ...pipeline import extraction, miniscope, miniscope_report

        columns = ("mask_center_x", "mask_center_y", "mask_npix")
        rows = (miniscope.Segmentation.Mask & self.key).proj(*columns).to_dicts(order_by="mask")
        accepted = fetch.accepted(self.key)
        judged = (extraction.Evaluation.Component() & self.key).proj("probability", "reason").to_dicts()
        reasons = {row["mask"]: row for row in judged}
        measures = ((miniscope_report.QualityMetrics & self.key).to_dicts() or [{}])[0]
        return [
            {
                **row,
                "accepted": row["mask"] in accepted,
                "probability": reasons.get(row["mask"], {}).get("probability"),
                "reason": reasons.get(row["mask"], {}).get("reason", ""),
                **{name: _value(measures.get(name), row["mask"]) for name in ("snr", "r_values", "cnn_preds")},
            }
            for row in rows
        ]

    @property
    def accepted(self) -> int:
        """How many components are taken for cells."""
        return sum(row["accepted"] for row in self.components)

    @property
    def title(self) -> str:
        """Its parameters and its curation, in words."""
        from ...pipeline import miniscope

        said = self.row["paramset_desc"] or f"{self.row['processing_method']}, parameter set {self.row['paramset_id']}"
        by_hand = "curation_id" in self.key and (miniscope.Curation & self.key).fetch1("manual_curation")
        return f"{said}, curated by hand" if by_hand else said

    @property
    def judgement(self) -> Judgement:
        """Whether its result can be trusted."""
        from ...pipeline import extraction

        found = (extraction.Verdict() & self.key).to_dicts()
        if not found:
            return Judgement(f"Extraction, {self.title}", "not computed yet")
        if found[0]["verdict"] is None:
            return Judgement(
                f"Extraction, {self.title}",
                "not judged",
                ("The engine does not say whether its result can be trusted.",),
            )
        return Judgement(f"Extraction, {self.title}", found[0]["verdict"], tuple(found[0]["reasons"]))


def _value(values: Any, mask: int) -> float | None:
    return None if values is None or mask >= len(values) else float(values[mask])


# Blocks of the page ----------------------------------------------------------


def images(analysis: Analysis) -> Block:
    """Show the summary images."""
    found, shown = fetch.images(analysis.key), []
    for column, title, meaning in _IMAGES:
        if column in found:
            height, width = found[column].shape
            alt = f"{title} image of the field, {width} × {height} pixels."
            shown.append(of_image(found[column], alt, f"{title}. {meaning}"))
    return Block("Images", () if shown else ("The result holds no summary images.",), images=shown)


def cells(analysis: Analysis) -> Block:
    """Say how many components there are, which are cells, and why the others are not."""
    rows = analysis.components
    if not rows:
        return Block("Cells", ("The engine found no component in this recording: there are no cells and no traces.",))
    refused = [row for row in rows if not row["accepted"]]
    sentences = [f"{len(rows) - len(refused)} of {len(rows)} components are taken for cells."]
    sentences += _curated(analysis.key)
    tables = []
    reasons = Counter(row["reason"] or "no reason is noted" for row in refused)
    if reasons:
        tables.append(
            Table(
                "Why components were rejected",
                ("Reason", "Components"),
                [(k, str(n)) for k, n in reasons.most_common()],
            )
        )
    tables.append(_components_table(rows))
    return Block("Cells", sentences, list(_measures(rows)), tables=tables)


def _curated(key: Mapping[str, Any]) -> Iterator[str]:
    from ...pipeline import curation, miniscope

    row = (miniscope.Curation & key).fetch1()
    for made in (curation.Committed() & key).to_dicts():
        yield (
            f"{made['curator']} looked at them: {made['n_accepted']} accepted, {made['n_rejected']} rejected, "
            f"{made['n_undecided']} left to the engine."
        )
        return
    yield "A person looked at them." if row["manual_curation"] else "No person has looked at them: the engine decided."
    if row["manual_curation"] and row["curation_note"]:
        yield f"Note of the curation: {row['curation_note']}"


def _measures(rows: list[dict[str, Any]]) -> Iterator[Fact]:
    """Give the medians of what was measured of the accepted components."""
    for column, name, digits in (
        ("snr", "Signal to noise", 1),
        ("r_values", "Footprint consistency", 2),
        ("probability", "Probability of a cell", 2),
        ("mask_npix", "Pixels", 0),
    ):
        values = [row[column] for row in rows if row["accepted"] and row[column] is not None]
        values = [value for value in values if np.isfinite(value)]
        if values:
            low, middle, high = np.percentile(values, [10, 50, 90])
            yield Fact(
                name, f"{middle:.{digits}f}", f"median of the accepted; 10 to 90 %: {low:.{digits}f}–{high:.{digits}f}"
            )


def _components_table(rows: list[dict[str, Any]]) -> Table:
    columns = (
        ("Component", "mask", 0), ("x", "mask_center_x", 1), ("y", "mask_center_y", 1), ("Pixels", "mask_npix", 0),
        ("SNR", "snr", 1), ("Consistency", "r_values", 2), ("Classifier", "cnn_preds", 2),
        ("Probability", "probability", 2),
    )  # fmt: skip
    there = [column for column in columns if any(row[column[1]] is not None for row in rows)]
    return Table(
        f"All {len(rows)} components",
        (*(title for title, _, _ in there), "Taken for a cell", "Why the engine refused it"),
        [
            (
                *("–" if row[name] is None else f"{row[name]:.{digits}f}" for _, name, digits in there),
                "✓ yes" if row["accepted"] else "✕ no",
                row["reason"],
            )
            for row in rows
        ],
        "Centres in pixels, x to the right and y down; the centre of the upper left pixel is 0, 0.",
    )


def parameters(analysis: Analysis) -> Block:
    """List the parameters that were used, and say which of them somebody chose."""
    row = analysis.row
    used, sentences = _used(analysis.key), []
    if used is None:
        used = row["params"]
        sentences.append("The result file cannot be read: only the parameters that were given are listed.")
    try:
        model = engines.get(row["processing_method"]).model()
    except WorkflowError:  # an engine that was removed since
        known, given = {}, set(row["params"])
    else:
        known, given = {one.name: one for one in describe(model)}, _chosen(row["params"], model)
    rows = []
    for name in sorted(used, key=str.lower):
        about = known.get(name)
        rows.append(
            (
                name,
                _written(used[name]),
                "chosen" if name in given else "",
                about.unit if about else "",
                about.meaning if about else "",
            )
        )
    title = f"Parameter set {row['paramset_id']}" + (f": {row['paramset_desc']}" if row["paramset_desc"] else "")
    chosen = f"{len(given)} chosen by the user: {', '.join(sorted(given, key=str.lower))}."
    sentences.insert(0, f"{title}. {chosen if given else 'All are those of the engine.'}")
    header = ("Parameter", "Value", "", "Unit", "What it is")
    return Block("Parameters", sentences, tables=[Table(f"{len(rows)} parameters", header, rows)] if rows else ())


def _chosen(params: Mapping[str, Any], model: type[Model]) -> set[str]:
    """Return the names of parameters that are not as the engine has them by itself."""
    usual = {name: json.dumps(field.default, default=str) for name, field in model.model_fields.items()}
    return {name for name, value in params.items() if json.dumps(value, default=str) != usual.get(name)}


def _used(key: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return all parameters in the result file, or None where there is none."""
    from ...pipeline import miniscope

    folder = (miniscope.ProcessingTask & key).fetch1("processing_output_dir")
    try:
        with closing(OpenedResult(find_result(find_output(folder)))) as opened:
            result = opened.components
    except WorkflowError:
        return None
    # what was asked for stands in groups of its own; some names stand in several groups
    groups = [group for name, group in result.params.items() if name not in result.requested]
    return {name: value for group in groups for name, value in group.items()}


def _written(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}…"
