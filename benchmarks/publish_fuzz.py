"""Whether archives take sessions of every kind: drawn by number, published, inspected, validated, searched for names.

    python benchmarks/publish_fuzz.py                        # 100 sessions
    python benchmarks/publish_fuzz.py --sessions 5 --seed 7  # five, from number 7 on

Each is written as files of Miniscope-DAQ, ingested, given a result (or none), and published. It has to pass
nwbinspector's configuration for DANDI without an error, ``dandi validate`` has to find nothing in the dandiset, and no
file may hold a folder of this computer, or the name of its user or of itself. The exit status is 1 where one does not
pass.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections import Counter
from pathlib import Path

from own_database import own_database

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

DANDISET = "identifier: '000000'\nname: A test\ndescription: Sessions of every kind\nschemaVersion: 0.6.10\n"


def run(sessions: int, seed: int, folder: Path) -> int:
    """Make, publish and inspect the sessions; return how many did not pass."""
    from archives import PROJECT, dandi_finds, personal_in, personal_in_export, refused_for
    from fuzzed_sessions import draw
    from to_publish import make_session

    from workflow_miniscope import pipeline
    from workflow_miniscope.publish.dataset import Options, publish

    raw, out = folder / "raw", folder / "dandiset"
    (folder / "project.toml").write_text(PROJECT, encoding="utf-8")
    out.mkdir()
    (out / "dandiset.yaml").write_text(DANDISET)
    failed, told, kinds = 0, Counter(), Counter()
    begun = time.perf_counter()
    for number in range(seed, seed + sessions):
        of = draw(number)
        manifests = folder / f"manifests_{number}"
        manifests.mkdir()
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            make_session(pipeline, raw, manifests, **of)
            done = publish({"subject": of["subject"]}, out, folder / "project.toml", Options(progress=False))
        found = list(done.problems)
        for path in done.written:
            refused, said = refused_for(path)
            found += refused
            told += said
            found += [f"{name} is in the file" for name in personal_in(path, raw)]
        kinds[of.get("layout", "qt")] += 1
        kinds["camera only"] += of.get("scopes") == ()
        kinds["two scopes"] += len(of.get("scopes", [""])) == 2
        kinds["no camera"] += not of["cameras"]
        kinds["no components"] += of["result"] is not None and not of["result"].n_components
        kinds["not processed"] += of["result"] is None
        kinds["long"] += of["n_frames"] > 1000
        failed += bool(found) or len(done.written) != 1
        print(f"{number} {of['subject']}: {'; '.join(found) or 'passes'}", flush=True)
    print(f"{sessions} sessions in {time.perf_counter() - begun:.0f} s: {dict(kinds)}")
    print(f"the inspector's remarks by check: {dict(told)}")
    found = dandi_finds(out)
    print(f"dandi validate: {found or 'nothing'}")
    personal = personal_in_export(out, raw)
    print(f"personal in all files: {'; '.join(personal) or 'nothing'}")
    return failed + bool(found) + bool(personal)


def main() -> None:
    """Run it in a folder of its own, with a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="number of the first session")
    parser.add_argument("--keep", action="store_true", help="leave the files where they are")
    options = parser.parse_args()
    with own_database("wfp", keep=options.keep) as (folder, variables):
        os.environ.update(variables)
        failed = run(options.sessions, options.seed, folder)
    print(f"{failed} did not pass")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
