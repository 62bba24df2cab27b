"""Whether a first start that is killed at a random moment leaves a database that the next start makes good.

    python benchmarks/first_starts.py                          # 100 kills on each of three servers
    python benchmarks/first_starts.py --kills 20 --servers mariadb

`workflow-miniscope status` on a database without tables declares all of them. It is killed (SIGKILL, or SIGINT, as by
Ctrl-C) at random moments, a few times in a row; then a start that is left alone must work, and find every table, column
with type and comment, index, reference and lineage that a database has whose first start was left alone. On the
embedded server each of these rounds has a new home, so that the server's own making is killed too. Prints a line for
each server; the exit status is 1 where anything is missing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from own_database import own_database

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SERVERS = ("embedded", "postgresql", "mariadb")
#: Kills, one after the other, before a start is left alone
IN_A_ROW = 5

# Prints the differences from a catalogue, or the catalogue itself, of the database that it is started with
LOOK = """
import json, sys
import declared
exec(declared.WHOLE)
found = declared.catalogue(p.connection, p.prefix)
print("found" + json.dumps(found))
"""


def look(variables: dict[str, str]) -> tuple[dict | None, str]:
    """Start it and leave it alone; return the catalogue, or None and why there is none."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        env={**os.environ, **variables, "PYTHONPATH": str(Path(__file__).parents[1] / "tests")},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return None, done.stderr[-1500:]
    return json.loads(done.stdout.rpartition("found")[2]), ""


def run(server: str, kills: int, seed: int) -> int:
    """Kill starts on one server; return how many rounds were not made good."""
    import declared
    import killed
    from servers import mariadb, postgresql

    random, wrong, ends = np.random.default_rng(seed), [], Counter()
    with ExitStack() as stack:
        folder, variables = stack.enter_context(own_database("wfm-starts-"))
        if server != "embedded":
            run_server = {"postgresql": postgresql, "mariadb": mariadb}[server]
            variables |= stack.enter_context(run_server(folder / "server"))
        os.environ.update(variables)

        def fresh(number: int) -> dict[str, str]:
            new = {"DATABASE_PREFIX": f"round{number:03d}_"}
            if server == "embedded":
                new["WORKFLOW_MINISCOPE_HOME"] = str(folder / f"home{number}")
            return new

        with killed.Crew(folder / "printed", ["status"]) as crew:
            alone = fresh(0)
            begun = time.monotonic()
            if crew.wait(crew.start(_set(alone)), 600):
                raise RuntimeError(crew.said(crew.begun[-1]))
            takes = time.monotonic() - begun
            whole, why = look(alone)
            if whole is None:
                raise RuntimeError(why)
            _end(server, folder, alone)
            number = early = 0
            while ends.total() < kills:
                number += 1
                new = fresh(number)
                for _ in range(min(IN_A_ROW, kills - ends.total())):
                    pid = crew.start(_set(new))
                    time.sleep(random.uniform(0, takes))
                    kind = 2 if random.random() < 0.3 else 9
                    code = crew.wait(pid) if pid in crew.ended else crew.kill(pid, kind)
                    if code == 0:  # all is there: further starts would find nothing to do, and end at once
                        early += 1
                        break
                    ends[{9: "SIGKILL", 2: "SIGINT"}[kind]] += 1
                found, why = look(new)
                missing = [why] if found is None else declared.differences(whole, found)
                if missing:
                    wrong.append(f"round {number}: " + "; ".join(missing[:5]))
                _end(server, folder, new)
    print(
        f"{server}: a first start takes {takes:.1f} s; {ends.total()} starts killed ("
        + ", ".join(f"{count} {how}" for how, count in sorted(ends.items()))
        + f"), {early} had ended before, {number} times made good by the next: {number - len(wrong)}; "
        f"{len(whole['table'])} tables, {len(whole['column'])} columns, "
        f"{len(whole['lineage'])} lines of lineage compared",
        *(f"    {line}" for line in wrong),
        sep="\n",
        flush=True,
    )
    return len(wrong)


def _set(variables: dict[str, str]) -> str:
    return f"import os; os.environ.update({variables!r})"


def _end(server: str, folder: Path, variables: dict[str, str]) -> None:
    """Stop an embedded server; elsewhere the schemas stay, under a prefix of their own."""
    if server == "embedded":
        from workflow_miniscope.database import embedded

        embedded.stop(Path(variables["WORKFLOW_MINISCOPE_HOME"]))


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=SERVERS)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        return int(run(chosen.servers[0], chosen.kills, chosen.seed) > 0)
    given = [sys.executable, __file__, "--here", "--kills", str(chosen.kills), "--seed", str(chosen.seed)]
    codes = [subprocess.run([*given, "--servers", server]).returncode for server in chosen.servers]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
