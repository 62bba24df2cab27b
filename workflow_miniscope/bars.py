"""Progress bars: one line on the terminal, however many parts of the work count something at once.

Whoever counts uses :class:`tqdm` from here as tqdm's own. A bar that is opened while another is open takes its line,
with the other's text in front of its own, and gives the line back when it is done.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tqdm import auto, std

# In a notebook each bar is a widget of its own
_NOTEBOOK = any(base.__name__ == "tqdm_notebook" for base in auto.tqdm.__mro__)
_Base: Any = auto.tqdm if _NOTEBOOK else std.tqdm

_open: list[Any] = []
_quiet = False
_told: Callable[[dict[str, Any]], None] | None = None
_numbers = count()
_about = ""


def work_on(name: str = "") -> None:
    """Name what is worked on from now on in this process, for messages that do not say it; by default nothing."""
    global _about
    _about = name


def worked_on() -> str:
    """Return the name of what is worked on; empty where there is none."""
    return _about


def silence(quiet: bool = True) -> None:
    """Show no bar from now on in this process, or show them again."""
    global _quiet
    _quiet = quiet


def tell(function: Callable[[dict[str, Any]], None]) -> None:
    """Give the state of each bar to a function from now on in this process, instead of drawing it.

    Parameters
    ----------
    function : function
        Takes a dictionary of what JSON can hold, for a :class:`Mirror` in another process.
    """
    global _told
    _told = function


class Mirror:
    """Shows the bars of another process, as :func:`tell` there tells them."""

    def __init__(self) -> None:
        self._bars: dict[int, tqdm] = {}

    def __enter__(self) -> Mirror:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in reversed(list(self._bars)):
            self._bars.pop(number).close()

    def show(self, state: dict[str, Any]) -> None:
        """Draw a bar as it is now."""
        number = state["number"]
        if state["closed"]:
            if number in self._bars:
                self._bars.pop(number).close()
            return
        if number not in self._bars:
            look = {name: state[name] for name in ("desc", "total", "unit", "bar_format")}
            self._bars[number] = tqdm(**look, disable=None)
        bar = self._bars[number]
        if not bar.disable:
            bar.n, bar.desc, bar.postfix = state["n"], state["desc"], state["postfix"]
            bar.refresh()


def write(text: str, file: Any) -> None:
    """Print a line above the bars."""
    with std.tqdm.external_write_mode(file=file):
        print(text, file=file, flush=True)


if TYPE_CHECKING:

    class tqdm(std.tqdm[Any]):  # noqa: N801 - it stands in for the class of this name
        """A bar of tqdm that shares one line of the terminal with the others."""

        def say(self, text: str) -> None:
            """Replace the bar's text, such as by what it works on now."""

else:

    class tqdm(_Base):  # noqa: N801
        """A bar of tqdm that shares one line of the terminal with the others."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            if _quiet:
                kwargs["disable"] = True
            elif _told is not None:
                self._number = next(_numbers)
                kwargs |= {"disable": kwargs.get("disable") is True, "file": io.StringIO()}
            # all on the first line
            super().__init__(*args, **{**kwargs, "leave": False, "dynamic_ncols": True, "position": 0})
            if not _NOTEBOOK and not self.disable:
                _open.append(self)

        def say(self, text: str) -> None:
            """Replace the bar's text, such as by what it works on now."""
            if not self.disable:
                self.set_description(text)

        @property
        def format_dict(self) -> dict[str, Any]:
            """What is drawn: with the texts of the bars that were opened before in front."""
            before = _open[: _open.index(self)] if self in _open else _open
            texts = [bar.desc for bar in (*before, self)]
            return {**super().format_dict, "prefix": _joined(texts)}

        def display(self, *args: Any, **kwargs: Any) -> bool | None:
            """Draw the line, unless a bar that was opened later has it."""
            if _told is not None:
                if not self.disable:  # as it is when it has been closed
                    self._tell(_told, closed=False)
                return True
            if self in _open and _open[-1] is not self:
                return True
            return super().display(*args, **kwargs)

        def close(self) -> None:
            """Clear the line, and give it back."""
            if _told is not None and not self.disable:
                self._tell(_told, closed=True)
            super().close()
            if self in _open:
                _open.remove(self)
                if _open:
                    _open[-1].refresh()

        def _tell(self, function: Callable[[dict[str, Any]], None], closed: bool) -> None:
            look = {name: getattr(self, name) for name in ("n", "total", "desc", "unit", "bar_format", "postfix")}
            function({**look, "number": self._number, "closed": closed})

        def __hash__(self) -> int:
            return id(self)

        def __eq__(self, other: object) -> bool:
            return self is other  # tqdm compares positions, which are one here


def _joined(texts: list[str | None]) -> str:
    # tqdm puts a colon behind a text
    return " · ".join(text.strip().removesuffix(":") for text in texts if text and text.strip())
