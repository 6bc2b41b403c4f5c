"""`pplns.testing` is cheap until it is used, and needs no test framework."""

import subprocess
import sys

import pytest

LIST_NEW_MODULES = "import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"


def modules_after(statement: str) -> set[str]:
    code = LIST_NEW_MODULES.replace("{statement}", statement)
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("name", ["run, resume, RunOutcome", "FrozenClock", "FailingStore", "inside_run"])
def test_no_test_framework_and_no_library_is_imported(name: str) -> None:
    """Tests may be run by anything; tables come with the first table."""
    found = modules_after(f"from pplns.testing import {name}")

    assert not found & {"pytest", "_pytest", "unittest", "hypothesis", "pandas", "pyarrow", "google", "flask"}


def test_the_plugin_brings_no_engine_along() -> None:
    """It is loaded in every project of an environment that has pplns."""
    assert not {one for one in modules_after("import pplns.testing") if one.startswith("pplns.engine")}
