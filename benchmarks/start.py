"""What the service's start costs: from the start of the process to the first 200, against an empty function.

Both run under functions-framework, in fresh processes, in turn; ours answers /health of one pipeline without imports of
its own, the other one any request. Each pair gives a ratio; the median and the quartiles are printed. The bar is 1.2.

    python benchmarks/start.py --pairs 15
"""

import argparse
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

BAR = 1.2
MIN_PAIRS = 9
MAIN = Path(__file__).parents[1] / "service" / "main.py"
EMPTY = "def handle(request):\n    return 'ok'\n"
PIPELINE = (
    "from pplns import pipeline, step\n\n@step\ndef one() -> int:\n    return 1\n\n@pipeline\ndef shop():\n    one()\n"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure pairs and print a row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, default=15, help=f"pairs to measure, at least {MIN_PAIRS} (default 15)")
    pairs: int = parser.parse_args(arguments).pairs
    if pairs < MIN_PAIRS:
        parser.error(f"--pairs is {pairs}; fewer than {MIN_PAIRS} pairs say nothing")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = prepare(Path(folder))
        start_once(ours), start_once(theirs)  # the first one of each fills the file cache
        times = [measure_pair(ours, theirs, ours_first=bool(number % 2)) for number in range(pairs)]
    ratios = [mine / other for mine, other in times]
    low, middle, high = statistics.quantiles(ratios, n=4)
    mine, other = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"start to first 200, {pairs} pairs, Python {sys.version.split()[0]}")
    print(f"ours {mine:.3f} s, theirs {other:.3f} s, ratio {middle:.2f}, quartiles {low:.2f} to {high:.2f}; bar {BAR}")


def prepare(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Write both functions and return the environment of each."""
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "shop.py").write_text(PIPELINE)
    (folder / "empty.py").write_text(EMPTY)
    ours = {"PPLNS_PIPELINES": str(folder / "pipelines"), "PPLNS_STORE": "memory:", "FUNCTION_SOURCE": str(MAIN)}
    return ours, {"FUNCTION_SOURCE": str(folder / "empty.py")}


def measure_pair(ours: Mapping[str, str], theirs: Mapping[str, str], *, ours_first: bool) -> tuple[float, float]:
    """Return the times of both; which one goes first changes from pair to pair."""
    if ours_first:
        return start_once(ours), start_once(theirs)
    other = start_once(theirs)
    return start_once(ours), other


def start_once(environ: Mapping[str, str]) -> float:
    """Return the seconds from a process's start to its first 200."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "functions_framework", "--target", "handle", "--host", "127.0.0.1"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--port", str(port)], env={**os.environ, **environ})
    try:
        while not answers(port):
            if process.poll() is not None:
                raise SystemExit("the service ended by itself")
            time.sleep(0.001)
        return time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        process.wait()


def answers(port: int) -> bool:
    """Tell whether the service answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
