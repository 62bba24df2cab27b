"""What every command shares: messages, the log file, errors as one sentence, and the exit status."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import typer

from .. import bars
from ..errors import FAILED, WorkflowError
from . import logfile

#: The options of every command; they may stand before its name or behind it.
QUIET, VERBOSE, DEBUG = ("-q", "--quiet"), ("-v", "--verbose"), ("--debug",)


class _Messages(logging.Handler):
    """Prints each message once, above the progress bar; warnings with the recording that is computed."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text, about = record.getMessage(), bars.worked_on()
        if about and about not in text and record.levelno >= logging.WARNING:
            text = f"{about}: {text}"
        text = f"{record.levelname.capitalize()}: {text}"
        if text not in self._seen:
            self._seen.add(text)
            bars.write(text, sys.stderr)


def run(app: typer.Typer) -> None:
    """Run a command line: errors become one sentence, everything else is in the log file."""
    arguments, verbosity = _take_options(sys.argv[1:])
    debug = _start_messages(verbosity)
    try:
        build(app)(args=arguments)
    except WorkflowError as error:
        logging.getLogger(__name__).debug("Ended by an error.", exc_info=error)
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except Exception as error:
        logging.getLogger(__name__).debug("Ended by an unexpected error.", exc_info=error)
        if debug:
            traceback.print_exc()
        print(f"Error: {_of_the_database(error) or _unexpected(error)}", file=sys.stderr)
        sys.exit(FAILED)
    finally:
        logfile.stop()


def build(app: typer.Typer) -> Any:
    """Return the command of an app, its help without a type behind options that take no value."""
    command = typer.main.get_command(app)
    _clean_help(command, typer.Context(command, info_name="workflow-miniscope", **command.context_settings))
    return command


def _clean_help(command: Any, context: typer.Context) -> None:
    for option in (*command.params, command.get_help_option(context)):
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    for name, below in getattr(command, "commands", {}).items():
        _clean_help(below, typer.Context(below, parent=context, info_name=name))


def run_one(command: typer.models.CommandFunctionType) -> None:
    """Run a single command as a program of its own, such as ``python -m workflow_miniscope.ingest``."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    logfile.start()
    run(app)


def _take_options(arguments: list[str]) -> tuple[list[str], str]:
    """Return the arguments without the options of every command, and which of these there was."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    named = {option: names[0] for names in (QUIET, VERBOSE, DEBUG) for option in names}
    found = [named[argument] for argument in arguments[:end] if argument in named]
    rest = [argument for argument in arguments[:end] if argument not in named] + arguments[end:]
    return rest, found[-1] if found else ""


def _start_messages(verbosity: str) -> bool:
    """Say what of the program's messages is shown. Returns whether tracebacks are."""
    debug = verbosity == DEBUG[0]
    levels = {QUIET[0]: logging.ERROR, VERBOSE[0]: logging.INFO, DEBUG[0]: logging.DEBUG}
    messages = _Messages()
    messages.setLevel(levels.get(verbosity, logging.WARNING))
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Messages)]:
        root.removeHandler(handler)  # of an earlier command in this process
    root.addHandler(messages)
    logging.getLogger("workflow_miniscope").setLevel(logging.DEBUG)
    # DataJoint announces each connection, every deprecated table and each error, which our own reports have anyway
    datajoint = logging.getLogger("datajoint")
    datajoint.handlers = []
    messages.addFilter(lambda record: debug or not record.name.startswith("datajoint"))
    bars.silence(verbosity == QUIET[0])
    return debug


def _of_the_database(error: Exception) -> str | None:
    if "datajoint" not in sys.modules:  # which takes a second to import
        return None
    from ..database import refusals
    from ..database.renewal import is_lost

    if refusals.is_refusal(error):
        return refusals.sentence(error)
    if refusals.is_full_disk(error):
        return refusals.full_disk(error)
    if not is_lost(error):
        return None
    return "The connection to the database was lost in the middle of a step, which was undone; run the command again."


def _unexpected(error: Exception) -> str:
    lines = str(error).splitlines()
    what = type(error).__name__ + (f": {lines[0][:200]}" if lines else "")
    log = logfile.path()
    where = f"everything about it is in {log}" if log else "run the command again with --debug to see where"
    return f"{what}. This is a defect of the program, not yours: {where}; please report it."
