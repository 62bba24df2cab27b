"""The program of an engine's process, for any interpreter: ``python start.py ORDER``.

It brings the package that it lies in under its name, but nothing that is installed beside the package: numpy and the
rest come from the interpreter's own environment. Every Python 3 must be able to read this file.
"""

import importlib.util
import json
import os
import shutil
import signal
import sys
import threading
import time

#: s: what the process that started this one may take to remove its folder
CLEARED = 5.0
#: The oldest Python that the package's own code can be read by
OLDEST = (3, 11)


def main() -> None:  # noqa: D103 - see above
    # what libraries print goes to the log, and what is told to the other process has a stream of its own
    told = os.dup(1)
    os.dup2(2, 1)
    order = sys.argv[1]
    guard = _guard(os.path.dirname(order), told)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        if sys.version_info < OLDEST:
            _tell(told, python=".".join(map(str, sys.version_info[:3])))
            os._exit(1)
        _bring_package()
        try:
            from workflow_miniscope.engines.child import inside
        except ImportError as error:
            _tell(told, missing=error.name, text=str(error))
            os._exit(1)
        inside.work(order, told)
    finally:
        if guard:
            os.kill(guard, signal.SIGKILL)
            os.waitpid(guard, 0)
        sys.stdout.flush()
        sys.stderr.flush()
    # without the ends of libraries, which take a while and may hang
    os._exit(0)


def _tell(told: int, **message: object) -> None:
    os.write(told, (json.dumps(message) + "\n").encode())


def _bring_package() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != here]
    package = os.path.dirname(os.path.dirname(here))
    if "workflow_miniscope" in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(
        "workflow_miniscope", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    assert spec is not None and spec.loader is not None  # as of each file that is there
    module = importlib.util.module_from_spec(spec)
    sys.modules["workflow_miniscope"] = module
    spec.loader.exec_module(module)


def _guard(folder: str, told: int) -> "int | None":
    """See to it that this process does not outlive the one that started it, which holds the other end of stdin.

    A process of its own does this, because code that lets no other thread of Python run may take minutes.
    """
    leader, starter = os.getpid(), os.getppid()
    if not hasattr(os, "fork"):
        threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
        return None
    guard = os.fork()
    if guard:
        return guard
    os.setpgid(0, 0)
    for stream in (1, 2, told):
        os.close(stream)
    os.read(0, 1)
    try:
        os.killpg(leader, signal.SIGKILL)
    except OSError:
        pass
    # who is alive takes the log out of the folder, and removes it
    waited = 0.0
    while waited < CLEARED and os.path.exists(folder) and _is_there(starter):
        time.sleep(0.05)
        waited += 0.05
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
