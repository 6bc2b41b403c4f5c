"""docs/testing.md: what people copy works, and the page names all that there is."""

import inspect
import re
from pathlib import Path

import pytest

import pplns.testing
from pplns.testing import RunOutcome, inside_run
from pplns.testing.failing import OPERATIONS

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_snippet_works(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one is the pipeline; the others together are its tests, which pass as they stand."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makefile(".toml", pyproject="[tool.pplns]\n")
    for snippet_file, text in (
        ("pipelines/daily_sales.py", SNIPPETS[0]),
        ("tests/test_daily_sales.py", "\n\n".join(SNIPPETS[1:])),
    ):
        assert f"# {snippet_file}\n" in text
        path = pytester.path / snippet_file
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")

    result = pytester.runpytest_subprocess("-p", "pplns.testing.pytest_plugin", "-W", "error")

    result.assert_outcomes(passed=PAGE.count("\ndef test_"))


def test_every_public_name_is_on_the_page() -> None:
    """Names of the package, fields of an outcome, operations of a store, arguments of `inside_run`."""
    fields = [name for name in dir(RunOutcome) if not name.startswith("_")]
    names = [*pplns.testing.__all__, *fields, *OPERATIONS, *inspect.signature(inside_run).parameters]
    unsaid = {"MemoryStore": "memory store", "pipeline": "`pipeline`"}

    assert [name for name in names if unsaid.get(name, name) not in PAGE] == []


def test_everything_public_is_there() -> None:
    """`__all__` is sorted and each of its names is imported when it is asked for."""
    assert sorted(pplns.testing.__all__) == pplns.testing.__all__
    assert all(getattr(pplns.testing, name) for name in pplns.testing.__all__)
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = pplns.testing.nothing
