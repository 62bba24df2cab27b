"""Parts of the documentation that are read from the code, so that they cannot go stale.

A page asks for one with a comment, ``<!-- generated: commands -->``. MkDocs calls the functions named ``on_...``.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "workflow_miniscope"
_MARK = re.compile(r"<!-- generated: (\w+)(?: ([\w/]+))? -->")


def on_config(config: Any) -> Any:
    """Let a fence named ``math`` hold LaTeX, which becomes MathML: browsers show it without a script."""

    def to_mathml(source: str, *_: Any, **__: Any) -> str:
        return convert(source.strip(), display="block")

    fences = config["mdx_configs"].setdefault("pymdownx.superfences", {}).setdefault("custom_fences", [])
    fences.append({"name": "math", "class": "math", "format": to_mathml})
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put what is asked for in place of each mark."""
    parts = {"commands": commands, "constants": constants, "parameters": parameters, "tables": tables}
    return _MARK.sub(lambda mark: parts[mark[1]](*filter(None, [mark[2]])), markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Turn the LaTeX within sentences, which the extension arithmatex has marked, into MathML."""
    return re.sub(
        r'<span class="arithmatex">\\\((.*?)\\\)</span>', lambda found: convert(unescape(found[1])), html, flags=re.S
    )


def commands() -> str:
    """Describe every command with its arguments and options."""
    import typer
    from typer.cli import get_docs_for_click

    from workflow_miniscope.cli.app import app
    from workflow_miniscope.cli.console import build

    command = build(app)
    with typer.Context(command, info_name="workflow-miniscope") as context:
        text = get_docs_for_click(obj=command, ctx=context, name="workflow-miniscope")
    return re.sub(r"^# .*\n", "", text, count=1)  # the page has its title


def constants(folder: str) -> str:
    """List the named numbers of a room or module, each with the comment above or behind it."""
    rows = []
    place = PACKAGE / folder
    for path in sorted(place.rglob("*.py")) or [place.with_suffix(".py")]:
        for name, value, meaning in _constants(path.read_text(encoding="utf-8")):
            rows.append((f"`{path.stem}`", f"`{name}`", value, meaning))
    return _table(("module", "constant", "value", "what it is"), rows)


def _constants(source: str) -> Iterator[tuple[str, str, str]]:
    lines = source.splitlines()
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(target, ast.Name) or not re.fullmatch(r"_?[A-Z][A-Z0-9_]*", target.id) or node.value is None:
            continue
        value = ast.unparse(node.value)
        if not re.search(r"\d", value) or len(value) > 60:
            continue  # not a threshold
        above = []
        for line in reversed(lines[: node.lineno - 1]):
            if not line.startswith("#"):
                break
            above.append(line.lstrip("#: ").strip())
        behind = re.search(r"\s#\s*(.*)$", lines[node.end_lineno - 1])
        meaning = " ".join([*reversed(above), *([behind[1]] if behind else [])])
        yield target.id.lstrip("_"), f"`{value}`", meaning


def parameters(engine: str) -> str:
    """List the parameters of an engine."""
    from workflow_miniscope import engines
    from workflow_miniscope.parameters import describe

    rows = [
        (f"`{row.name}`", f"`{row.default}`" if row.default else "", row.unit, row.range, row.meaning)
        for row in describe(engines.get(engine).model())
    ]
    return _table(("parameter", "default", "unit", "what it may be", "what it is"), rows)


def tables() -> str:
    """List all tables, those of the Elements as they are declared here and our own."""
    from workflow_miniscope.elements import facemap, miniscope, reference, session
    from workflow_miniscope.elements.translation import import_element
    from workflow_miniscope.tables import curation, description, exclusion, extraction, face, provenance, recording

    modules = {
        "lab": import_element("element_lab.lab").schema,
        "subject": import_element("element_animal.subject").schema,
        "session": session.session.schema,
        "reference": reference.reference_schema,
        "event": import_element("element_event.event").schema,
        "trial": import_element("element_event.trial").schema,
        "miniscope": miniscope.miniscope.schema,
        "miniscope_report": miniscope.miniscope_report.schema,
        "facemap": facemap.facemap.schema,
        "recording": recording.schema,
        "exclusion": exclusion.schema,
        "extraction": extraction.schema,
        "face": face.schema,
        "description": description.schema,
        "curation": curation.schema,
        "provenance": provenance.schema,
    }
    parts = []
    for name, schema in modules.items():
        parts.append(f"## {name}")
        for table, _ in schema.declare_list:
            parts += list(_table_text(f"{name}.{table.__name__}", table))
    return "\n\n".join(parts)


def _table_text(name: str, table: Any, level: str = "###") -> Iterator[str]:
    yield f"{level} {name}"
    summary = inspect.cleandoc(vars(table).get("__doc__") or "").strip()
    if summary:
        yield summary.split("\n\n")[0].replace("\n", " ")
    definition = inspect.cleandoc(table.definition) if isinstance(table.definition, str) else ""
    yield f"```text\n{definition.rstrip()}\n```"
    for part_name, part in vars(table).items():
        if inspect.isclass(part) and hasattr(part, "definition") and part_name != "master":
            yield from _table_text(f"{name}.{part_name}", part, level + "#")


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *escaped]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
