"""What `from pplns import step, pipeline` costs, against `import json, logging`.

Both run in fresh processes, in turn, so that whatever else the machine does meets both alike; a time says nothing
without its partner. Each pair gives a ratio; the median and the quartiles of these are printed. The bar is 1.8.

    python benchmarks/imports.py --pairs 25
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

OURS = "from pplns import step, pipeline"
THEIRS = "import json, logging"
BAR = 1.8
MIN_PAIRS = 9
TIMED = "import time; started = time.perf_counter(); {statement}; print(time.perf_counter() - started)"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure pairs and print a row for the whole process and one for the import alone."""
    pairs = read_pairs(arguments)
    time_import(OURS)  # the first one of each fills the file cache
    time_import(THEIRS)
    ours, theirs = measure_pairs(pairs)
    print(f"{OURS!r} against {THEIRS!r}, {pairs} pairs, Python {sys.version.split()[0]}")
    print(f"{'':<16}{'ours':>10}{'theirs':>10}{'ratio':>8}   quartiles")
    for place, name in enumerate(("whole process", "import alone")):
        print_row(name, [pair[place] for pair in ours], [pair[place] for pair in theirs])
    print(f"The bar: the import alone at most {BAR} times the other's.")


def read_pairs(arguments: Sequence[str] | None) -> int:
    """Return the number of pairs, at least nine."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, default=25, help=f"pairs to measure, at least {MIN_PAIRS} (default 25)")
    pairs: int = parser.parse_args(arguments).pairs
    if pairs < MIN_PAIRS:
        parser.error(f"--pairs is {pairs}; fewer than {MIN_PAIRS} pairs say nothing")
    return pairs


def measure_pairs(pairs: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return the times of both, in pairs; which one goes first changes from pair to pair."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for number in range(pairs):
        turn = [(OURS, ours), (THEIRS, theirs)]
        for statement, times in turn if number % 2 else reversed(turn):
            times.append(time_import(statement))
    return ours, theirs


def time_import(statement: str) -> tuple[float, float]:
    """Return the seconds of a whole fresh process and of the statement inside it."""
    command = [sys.executable, "-c", TIMED.format(statement=statement)]
    # With bytecode, as in the image; the standard library has it in any case.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    return time.perf_counter() - started, float(done.stdout)


def print_row(name: str, ours: list[float], theirs: list[float]) -> None:
    """Print medians in milliseconds, and the median and quartiles of the pairs' ratios."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    medians = f"{statistics.median(ours) * 1000:>7.1f} ms{statistics.median(theirs) * 1000:>7.1f} ms"
    print(f"{name:<16}{medians}{middle:>8.2f}   {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
