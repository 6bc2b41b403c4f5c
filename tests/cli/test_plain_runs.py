"""A plain `pplns run` is read without click, and as click reads it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns_deploy.cli import run as module
from pplns_deploy.cli.plain import read_run
from pplns_deploy.cli.running import RunWords

WORDS = (
    "shop", "n=1", "text=a b", "", ".", "./", "/nowhere", "-", "--", "-x", "-p", "--param", "--run-id", "--from",
    "--only",
    "--store", "--project", "--project=.", "-pn=2", "--json", "-v", "--verbose", "--url", "--help", "-vp", "memory:",
)  # fmt: skip


def read_by_click(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> RunWords | None:
    """Return what click hands to the command for these words, or None where it refuses them or runs elsewhere."""
    seen: list[RunWords] = []
    monkeypatch.setattr(module, "run_here", lambda _, words: seen.append(words))
    try:
        module.run.main(list(words), standalone_mode=False, obj=None, prog_name="pplns run")
    except click.ClickException:
        return None
    return seen[0] if seen else None


def values_of(words: RunWords | None) -> dict[str, Any]:
    """Return the fields of what was read; which stream the document goes to is the group's to know."""
    if words is None:
        return {}
    shown = {"project": None if words.project is None else os.fspath(words.project)}
    return {name: value for name, value in (vars(words) | shown).items() if name != "as_json"}


@given(st.lists(st.sampled_from(WORDS), max_size=7))
def test_what_is_read_plainly_is_what_click_reads(words):
    """Any words: read the same, or left to click."""
    plain = read_run(["run", *words])

    with pytest.MonkeyPatch.context() as monkeypatch:
        assert plain is None or values_of(plain) == values_of(read_by_click(words, monkeypatch))


@pytest.mark.parametrize(
    "line",
    [
        "shop", "shop --json", "shop -v -p n=1 --param text=x --run-id a --from b --only c --store memory: --project .",
        "--project . shop",
    ],
)  # fmt: skip
def test_whole_words_are_read_plainly(line, monkeypatch):
    """Every option of a run in this process, in any order."""
    plain = read_run(["run", *line.split()])

    assert plain is not None
    assert plain.as_json is ("--json" in line)
    assert values_of(plain) == values_of(read_by_click(line.split(), monkeypatch))


@pytest.mark.parametrize(
    "line",
    [
        "", "list", "run", "run --help", "run shop -h", "run shop --run-id", "run shop --store=memory:",
        "run shop other", "run shop --run-id a --run-id b", "run shop --project /nowhere", "run shop --url http://127.0.0.1:1",
        "run shop --nonsense", "--debug run shop", "resume shop",
    ],
)  # fmt: skip
def test_all_else_is_left_to_click(line):
    """Help, mistakes, services, other commands."""
    assert read_run(line.split()) is None


def test_completion_is_left_to_click(monkeypatch):
    """The shell asks by the environment, whatever the words are."""
    monkeypatch.setenv("_PPLNS_COMPLETE", "bash_complete")

    assert read_run(["run", "shop"]) is None


@pytest.mark.parametrize(("arguments", "imported"), [("run shop", False), ("run shop --json", False), ("list", True)])
def test_a_plain_run_does_without_click(shop, arguments, imported):
    """Neither reading the words nor showing the run imports it; other commands do."""
    code = (
        "import sys; from pplns_deploy.cli import call\n"
        "try: call(sys.argv[1:])\n"
        "except SystemExit as ended: print(ended.code, 'click' in sys.modules, file=sys.stderr)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments.split()], cwd=shop, capture_output=True, encoding="utf-8", check=False
    )

    assert ended.stderr.splitlines()[-1] == f"0 {imported}"


def test_a_plain_run_does_without_what_it_has_no_use_for(shop):
    """`pplns.typed`, `pplns.built_in`, `pplns.json_text` and `pplns.paths` say why and how.

    Parameters are read with `typing`, and so is a project's file, once (by `tomllib`); constants with `math`."""
    (shop / "pipelines" / "ones.py").write_text(
        "from pplns import pipeline, step\n@step\ndef one() -> int:\n    return 1\n"
        "@pipeline\ndef ones():\n    return one()\n"
    )
    code = (
        "import sys; before = set(sys.modules)\n"
        "unused = {'typing', 'heapq', 'math', 'weakref', 'json', 're', 'enum', 'pathlib', 'pplns.engine.handover'}\n"
        "from pplns_deploy.cli import call\n"
        "try: call(['run', 'ones'])\n"
        "except SystemExit as ended: print(ended.code, *sorted(unused & (set(sys.modules) - before)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    subprocess.run(command, cwd=shop, env=environ, capture_output=True, check=True)
    ended = subprocess.run(command, cwd=shop, env=environ, capture_output=True, encoding="utf-8", check=False)

    assert ended.stderr.splitlines()[-1] == "0"


@pytest.mark.parametrize(
    ("module", "command"),
    [("pplns_deploy.cli.plain", "run"), ("pplns.engine.runner", "run"), ("pplns_deploy.cli.commands", "list")],
)
def test_ctrl_c_while_modules_are_imported_is_an_interruption(shop, module, command):
    """Exit 130 and one line, at whatever import it comes."""
    code = (
        "import sys; from pplns_deploy.cli import main\n"
        "class CtrlC:\n"
        "    def find_spec(name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        f"sys.meta_path.insert(0, CtrlC); sys.argv[1:] = [{command!r}, 'shop']; main()"
    )

    ended = subprocess.run([sys.executable, "-c", code], cwd=shop, capture_output=True, encoding="utf-8", check=False)

    assert (ended.returncode, ended.stderr) == (130, "Error: Interrupted.\n")
