"""The flow of Prefect and the DAG of Airflow name commands that there are. ``make orchestration`` runs both."""

import ast
from pathlib import Path

import pytest
import typer

from workflow_miniscope.cli import app as cli

FOLDER = Path(__file__).parents[2] / "orchestration"


def command_lines(source):
    """Give the words of each command that a flow runs: of calls of ``run`` and ``command``, and of lists."""
    for node in ast.walk(ast.parse(source)):
        parts = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("run", "command"):
            parts = node.args
        elif isinstance(node, ast.List) and node.elts and "program" in ast.unparse(node.elts[0]):
            parts = node.elts
        words = [part.value for part in parts if isinstance(part, ast.Constant)]
        if words:
            yield words


@pytest.mark.parametrize("name", ["prefect_flow.py", "airflow_dag.py"])
def test_the_steps_are_commands_with_options_that_they_have(name):
    lines = list(command_lines((FOLDER / name).read_text()))
    assert sorted(words[0] for words in lines) == ["ingest", "list", "process", "report"]
    group = typer.main.get_command(cli.app)
    for command, *options in lines:
        known = {option for parameter in group.commands[command].params for option in parameter.opts}
        assert set(options) <= known, command
