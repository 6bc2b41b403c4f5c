"""What `from pplns import step, pipeline` brings along: imports are the cold start of a container."""

import subprocess
import sys

import pytest

import pplns

HEAVY = {"pandas", "numpy", "pyarrow", "flask", "click", "google", "functions_framework", "grpc", "requests", "rich"}
SLOW_STANDARD_MODULES = {
    "dataclasses",
    "inspect",
    "ast",
    "datetime",
    "zoneinfo",
    "logging",
    "json",
    "hashlib",
    "pathlib",
    "typing",
}

# What site and its .pth files brought is not ours: the difference counts.
LIST_NEW_MODULES = """
import sys
before = set(sys.modules)
{statement}
print(*sorted(set(sys.modules) - before))
"""


def modules_after(statement: str) -> set[str]:
    code = LIST_NEW_MODULES.replace("{statement}", statement)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_a_pipeline_file_imports_no_library() -> None:
    """Tables, web frameworks and cloud clients are loaded by what uses them, when it does."""
    imported = roots(modules_after("from pplns import step, pipeline"))

    assert not imported & HEAVY
    assert "pplns" in imported
    assert "pplns_deploy" not in imported


def test_a_pipeline_file_imports_no_slow_module_of_the_standard_library() -> None:
    """`pplns.model.frozen` and `pplns.model.durations` say what each would cost."""
    assert not roots(modules_after("from pplns import step, pipeline")) & SLOW_STANDARD_MODULES


def test_defining_a_pipeline_imports_nothing_more() -> None:
    """Decorating, with every option, is as cheap as the import."""
    definition = """
from pplns import step, pipeline, Retry, Resources, Schedule, PubSub, logical_date
@step(retry=Retry(attempts=3, delay="5s"), timeout="30m", outputs=2)
def load(day): ...
@pipeline(triggers=[Schedule("0 6 * * *"), PubSub("orders")], resources=Resources(cpu=2), timeout="1h")
def daily(day=logical_date()):
    load.named("other").after(1).options(timeout=5)
"""
    imported = roots(modules_after(definition))

    assert not imported & (HEAVY | SLOW_STANDARD_MODULES)


@pytest.mark.parametrize("module", ["pplns.graph", "pplns.engine.context", "pplns.steps.parameters"])
def test_the_engines_modules_import_no_library(module: str) -> None:
    """A run of plain values never pays for pandas."""
    assert not roots(modules_after(f"import {module}")) & HEAVY


def test_all_names_the_public_things_in_order() -> None:
    """`__all__` is sorted, and every name in it is there."""
    public = [name for name in vars(pplns) if not name.startswith("_") and name.isidentifier()]
    given = {name for name in public if getattr(pplns, name).__class__.__name__ != "module"}

    assert sorted(pplns.__all__) == pplns.__all__
    assert given - {"TYPE_CHECKING"} <= set(pplns.__all__)
    assert all(hasattr(pplns, name) for name in pplns.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """The lazy names don't hide a typing mistake."""
    with pytest.raises(AttributeError, match="has no attribute 'stepp'"):
        _ = pplns.stepp
