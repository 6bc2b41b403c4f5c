"""What a run of plain steps imports: half of a small run is the time of its imports."""

import subprocess
import sys
from pathlib import Path

import pytest

UNUSED = {
    "inspect", "uuid", "platform", "dataclasses", "decimal", "copy", "difflib", "pplns.engine.retry",
    "importlib.metadata", "pplns.state.keys", "pplns.state.logs", "pplns.state.slots", "pplns.engine.event_lines",
    "logging", "traceback", "textwrap", "linecache", "tokenize",
}  # fmt: skip
OF_PARAMETERS = {"pplns.steps.parameters", "pplns.steps.conversion", "pplns.steps.annotations", "pplns.steps.scalars"}

# What the standard library's own modules bring along differs from one version of Python to the next.
PROGRAM = """
import ast, json, pathlib, sys, threading, tomllib
before = set(sys.modules)
from pplns import pipeline, step
from pplns.engine.runner import run_pipeline
from pplns.loader import put_first_on_path
from pplns.settings import load_settings
from pplns.stores import FileStore
@step
def one(x: int) -> int:
    return x + 1
@pipeline
def ones({parameters}):
    return one(one(x=1))
settings = load_settings(pathlib.Path.cwd(), flags={{}}, environ={{}})
put_first_on_path(settings)
record = run_pipeline(ones, store=FileStore(pathlib.Path("store").absolute()), settings=settings)
print(record.result, *(set(sys.modules) - before))
"""


@pytest.mark.parametrize(("parameters", "unused"), [("", UNUSED | OF_PARAMETERS), ("n: int = 3", UNUSED)])
def test_a_run_imports_nothing_that_it_has_no_use_for(parameters: str, unused: set[str], tmp_path: Path) -> None:
    """No signatures of rare functions, no retries, slots, keys or logs; parameters only where there are any."""
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    program = PROGRAM.format(parameters=parameters)

    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )

    result, *modules = found.stdout.split()
    assert result == "3"
    assert sorted(unused.intersection(modules)) == []
