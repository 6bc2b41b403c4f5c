"""pplns beside its peers and plain Python: import, durable steps, large tables, a killed run; one command.

    python benchmarks/peers.py [--only plain,pplns] [--case ints] [--quick] [--json FILE] [--write-docs]

Each peer gets a virtual environment of pinned versions in a cache folder outside the checkout; one that can't be
installed or run is shown with its error. Rounds are interleaved: in each of them every peer has its turn, so a machine
that drifts hits all. A peer that has used up its time of a case (two minutes) takes no further turn in it."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peer_environments import PEERS, NotInstalledError, Peer, environment_of, versions_in
from peer_measures import Case, FailedError, measure
from peer_tables import tables_of, write_docs

CASES = (
    Case("import", "Import of what a pipeline file needs"),
    Case("ints", "100 durable steps, each an int"),
    Case("rows", "100 durable steps, each a table of 10 rows", kind="table"),
    Case("killed", "Killed while step 61 of 100 works, run again"),
    Case("tables", "Five durable steps that pass a table of 520 MB", kind="table", steps=5, rows=5_900_000),
)
QUICK = {"ints": (20, 10), "rows": (20, 10), "tables": (5, 50_000), "killed": (20, 10)}
SECONDS = 120.0
ROUNDS = 9

Results = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for, print the tables, and keep the results."""
    asked = _parse(arguments)
    results = _describe_machine()
    environments = _prepare(asked, results)
    for case in asked.case:
        results["cases"][case.name] = {"title": case.title, "rounds": asked.rounds}
        results["cases"][case.name]["peers"] = _measure_case(case, environments, asked, results)
        results["load"] += _load()
        _keep(results, asked)
    print(tables_of(results))


def _keep(results: Results, asked: argparse.Namespace) -> None:
    """Write what is measured by now: the whole takes its time, and an end in the middle should cost one case."""
    if asked.json is not None:
        asked.json.write_text(json.dumps(results, indent=1), "utf-8")
    if asked.write_docs:
        write_docs(results)


def _measure_case(case: Case, environments: dict[Peer, Path], asked: argparse.Namespace, results: Results) -> Results:
    """Measure a case in interleaved rounds: for each peer its measurements."""
    found: dict[str, list[dict[str, float]]] = {peer.name: [] for peer in environments}
    spent = dict.fromkeys(found, 0.0)
    for number in range(asked.rounds):
        for peer, python in environments.items() if number % 2 == 0 else reversed(list(environments.items())):
            if spent[peer.name] >= asked.seconds:
                continue
            began = time.monotonic()
            try:
                found[peer.name].append(measure(peer, python, case))
            except FailedError as error:
                results["errors"].setdefault(f"{peer.name}, {case.name}", str(error))
                spent[peer.name] = asked.seconds
            spent[peer.name] += time.monotonic() - began
        print(f"{case.name}: round {number + 1} of {asked.rounds}", file=sys.stderr, flush=True)
    return found


def _prepare(asked: argparse.Namespace, results: Results) -> dict[Peer, Path]:
    """Make the environments, and note the versions in them and what couldn't be installed."""
    environments: dict[Peer, Path] = {}
    for peer in PEERS:
        if peer.name not in asked.only:
            continue
        try:
            environments[peer] = Path(sys.executable) if asked.here else environment_of(peer)
        except NotInstalledError as error:
            results["errors"][f"{peer.name}, installing"] = str(error)
            continue
        results["versions"][peer.name] = versions_in(environments[peer], peer)
        results["titles"][peer.name] = peer.title
    return environments


def _describe_machine() -> Results:
    return {
        "python": platform.python_version(), "system": platform.platform(terse=True), "cpus": os.cpu_count(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()), "load": _load(), "versions": {}, "titles": {}, "errors": {},
        "cases": {},
    }  # fmt: skip


def _load() -> list[float]:
    """Return the load average now, where the system has one."""
    return [round(os.getloadavg()[0], 1)] if hasattr(os, "getloadavg") else []


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [peer.name for peer in PEERS]
    parser.add_argument("--only", type=_listed(names), default=names, help=f"peers, of {', '.join(names)}")
    parser.add_argument("--case", type=_listed([case.name for case in CASES]), default=[case.name for case in CASES])
    parser.add_argument("--quick", action="store_true", help="one round, 20 steps, small tables: to see that it works")
    parser.add_argument("--here", action="store_true", help="make no environments: measure what this Python has")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"interleaved rounds (default {ROUNDS})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS,
        help=f"what a peer may take of a case before it sits out further rounds (default {SECONDS:.0f})",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements there")
    parser.add_argument("--write-docs", action="store_true", help="write the tables into docs/benchmarks.md")
    asked = parser.parse_args(arguments)
    asked.rounds = 1 if asked.quick else asked.rounds
    asked.case = [_shortened(case) if asked.quick else case for case in CASES if case.name in asked.case]
    return asked


def _shortened(case: Case) -> Case:
    steps, rows = QUICK.get(case.name, (case.steps, case.rows))
    return Case(case.name, f"{case.title} (quick: {steps} steps)", case.kind, steps, rows)


def _listed(known: list[str]) -> Any:
    def read(text: str) -> list[str]:
        given = [name.strip() for name in text.split(",")]
        for name in given:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return given

    return read


if __name__ == "__main__":
    main()
