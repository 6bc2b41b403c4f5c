"""The overhead of a durable step: 100 steps with an int, and with a 10-row table, against plain Python.

    python benchmarks/steps.py [--pairs 15] [--folder PATH]

Plain Python does the least that makes a step durable: it creates one file a step (a temporary name, then a link), and
for a table one `pyarrow.feather.write_feather`. Pairs are interleaved in one run, so that a drifting machine hits both;
read the ratios, not the times. `inside` is the time a step within a warm process, `process` that of a whole process,
the command line against a plain script.

What a new file costs is printed first, for it moves the ratios of both kinds of steps. ext4 doesn't use the inode of a
file that was deleted in the last minutes, and looks at each of those: where thousands were, as after this very
benchmark, a new file costs several times as much. `--folder` measures somewhere else, in memory for example."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from steps_plain import STEPS, plain_ints, plain_tables, write_file

from pplns.engine.runner import run_pipeline
from pplns.loader import load_pipeline
from pplns.settings import Settings, load_settings
from pplns.stores import FileStore

PIPELINES = """
{imports}
from pplns import pipeline, step


@step
def first() -> {type}:
    return {value}


@step
def increment(x: {type}) -> {type}:
    {increment}
    return x


@pipeline
def {name}():
    x = first()
    for _ in range({steps} - 1):
        x = increment(x)
    return x
"""
TABLE = '{"a": range(10), "b": [number / 3 for number in range(10)], "c": [str(number) for number in range(10)]}'


@dataclass(frozen=True)
class Kind:
    """One row of the benchmark: how plain Python writes a step's value, and how long a step took."""

    name: str
    plain: Callable[[Path], float]


KINDS = (Kind("ints", plain_ints), Kind("tables", plain_tables))


def make_project(root: Path) -> Settings:
    """Write a project with one pipeline a kind and return its settings."""
    (root / "pipelines").mkdir()
    (root / "pyproject.toml").write_text("[tool.pplns]\n")
    rows = {
        "ints": {"imports": "", "type": "int", "value": "1", "increment": "x += 1"},
        "tables": {
            "imports": "import pandas as pd", "type": "pd.DataFrame", "value": f"pd.DataFrame({TABLE})",
            "increment": 'x["a"] = x["a"] + 1',
        },
    }  # fmt: skip
    for name, row in rows.items():
        (root / f"pipelines/{name}.py").write_text(PIPELINES.format(name=name, steps=STEPS, **row))
    return load_settings(root, flags={}, environ={})


def pplns_seconds(kind: Kind, settings: Settings, folder: Path) -> float:
    """Return the seconds that a run of 100 steps takes in this process."""
    pipeline = load_pipeline(settings, kind.name)
    begun = time.perf_counter()
    record = run_pipeline(pipeline, store=FileStore(folder), settings=settings)
    seconds = time.perf_counter() - begun
    if record.state != "succeeded":
        raise SystemExit(f"the run failed: {record.error}")
    return seconds


def process_seconds(command: list[str]) -> float:
    """Return the seconds of a whole process, which may keep bytecode, as users' do."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return time.perf_counter() - begun


def measure_inside(kind: Kind, settings: Settings, root: Path, pair: int) -> tuple[float, float]:
    """Return one interleaved pair: plain Python, then pplns, in this process."""
    folder = root / f"plain-{kind.name}-{pair}"
    folder.mkdir()
    return kind.plain(folder), pplns_seconds(kind, settings, root / f"store-{kind.name}-{pair}")


def measure_process(kind: Kind, root: Path, pair: int) -> tuple[float, float]:
    """Return one interleaved pair: a plain script, then `pplns run`, each a process of its own."""
    folder = root / f"script-{kind.name}-{pair}"
    folder.mkdir()
    script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import steps_plain as p; "
    script = f"{script}from pathlib import Path; p.{kind.plain.__name__}(Path({str(folder)!r}))"
    store = f"file:{root / f'process-{kind.name}-{pair}'}"
    command = [sys.executable, "-m", "pplns_deploy", "run", kind.name, "--project", str(root), "--store", store]
    return process_seconds([sys.executable, "-c", script]), process_seconds(command)


def report(title: str, pairs: list[tuple[float, float]], *, per_step: bool) -> None:
    """Print the medians and quartiles of one row."""
    unit, scale = ("ms a step", 1000 / STEPS) if per_step else ("ms", 1000)
    plain = statistics.median(one for one, _ in pairs) * scale
    ours = statistics.median(one for _, one in pairs) * scale
    ratios = statistics.quantiles([b / a for a, b in pairs], n=4)
    more = statistics.quantiles([(b - a) * scale for a, b in pairs], n=4)
    print(
        f"{title:<18} plain {plain:8.3f} {unit}   pplns {ours:8.3f}   ratio {ratios[1]:6.2f} [{ratios[0]:.2f} to"
        f" {ratios[2]:.2f}]   difference {more[1]:7.3f} [{more[0]:.3f} to {more[2]:.3f}]"
    )


def file_seconds(folder: Path) -> float:
    """Return what a new file costs in a folder: the median of as many as a run makes."""
    seconds: list[float] = []
    for number in range(STEPS):
        begun = time.perf_counter()
        write_file(folder, number, b"{}")
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print all rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15, help="interleaved pairs a row, at least 9 (default 15)")
    parser.add_argument("--folder", type=Path, help="where files are made (default: in the system's temporary folder)")
    arguments = parser.parse_args()
    pairs = max(9, arguments.pairs)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        print(
            f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, {pairs} pairs a row, {STEPS} steps;"
            f" a new file takes {file_seconds(root) * 1000:.3f} ms here"
        )
        settings = make_project(root)
        for kind in KINDS:
            measure_inside(kind, settings, root, -1)  # a warm-up: imports and the page cache
            rows = [measure_inside(kind, settings, root, pair) for pair in range(pairs)]
            report(f"{kind.name}, inside", rows, per_step=True)
        for kind in KINDS:
            measure_process(kind, root, -1)
            rows = [measure_process(kind, root, pair) for pair in range(pairs)]
            report(f"{kind.name}, process", rows, per_step=False)


if __name__ == "__main__":
    main()
