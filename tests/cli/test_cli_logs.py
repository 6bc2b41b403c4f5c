"""What steps log is shown while a run goes on."""

import json
import logging
import os
import subprocess
import sys

import pytest

from pplns.settings import load_settings
from pplns.state.logs import read_chunks
from pplns.stores import open_store
from pplns_deploy.cli.step_logs import log_lines

UNUSED = {"logging", "traceback", "textwrap", "linecache", "tokenize", "pplns_deploy.cli.step_logs"}

TALKING = """
import logging
from pplns import current_run, pipeline, step

SETUP

@step
def talk() -> int:
    logger = current_run().logger
    logger.info("read %s rows", 3)
    logger.debug("in detail")
    logging.getLogger(__name__).info("by the module")
    logging.getLogger("a.library").info("by a library")
    return 1

@pipeline
def talking():
    return talk()
"""


def talked(folder, *arguments, name="talking", code=TALKING, setup="", check=True):
    """Run the pipeline in a process of its own, whose logging nobody has touched."""
    (folder / "pipelines" / f"{name}.py").write_text(code.replace("SETUP", setup))
    return subprocess.run(
        [sys.executable, "-P", "-m", "pplns_deploy", "run", name, *arguments],
        cwd=folder, env={**os.environ, "PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8", check=check,
    )  # fmt: skip


def read_lines(folder, run_id):
    """Return the lines that are kept with a run."""
    settings = load_settings(folder, environ={})
    found = read_chunks(open_store(settings.store, root=folder), f"late/runs/{run_id}")
    return [json.loads(line) for _, lines in found for line in lines]


def test_steps_are_heard_from_info_on(shop):
    """The run's logger and the project's own modules, not libraries; on stderr."""
    ended = talked(shop)

    assert ended.stderr.splitlines() == [
        "    talk      INFO     read 3 rows",
        "    talk      INFO     by the module",
    ]


def test_verbose_shows_details(shop):
    """-v shows DEBUG too."""
    assert "    talk      DEBUG    in detail" in talked(shop, "-v").stderr.splitlines()


def test_with_json_stdout_stays_one_document(shop):
    """Lines of logs are none of the document's."""
    ended = talked(shop, "--json")

    assert json.loads(ended.stdout)["result"] == 1
    assert "    talk      INFO     read 3 rows" in ended.stderr.splitlines()


@pytest.mark.parametrize(
    ("setup", "times"),
    [
        ("logging.basicConfig(level='INFO', format='mine: %(message)s')", 1),
        ("logging.basicConfig(level='WARNING')", 0),
    ],
)
def test_who_sets_up_logging_himself_sees_nothing_twice(shop, setup, times):
    """The project's own handlers and levels decide, and ours keeps quiet."""
    ended = talked(shop, setup=setup)

    assert ended.stderr.count("read 3 rows") == times
    assert "    talk      INFO" not in ended.stderr


LATE = """
from pplns import current_run, pipeline, step

@step
def talk() -> int:
    SPEAK
    return 1

@pipeline
def late():
    return talk()
"""


@pytest.mark.parametrize(
    "speak",
    [
        "current_run().logger.info('first')",
        "import logging.handlers; logging.getLogger(__name__).info('first')",
        "from concurrent.futures import Executor; current_run().logger.info('first')",
    ],
)
@pytest.mark.parametrize("arguments", [(), ("-v",)])
def test_a_step_that_is_the_first_to_import_logging_is_heard(shop, speak, arguments):
    """From its first line on, as others are: shown by its level, and kept with its run."""
    code = LATE.replace("SPEAK", f"{speak}; current_run().logger.debug('second')")

    ended = talked(shop, "--run-id", "one", *arguments, name="late", code=code)
    kept = read_lines(shop, "one")

    shown = ["    talk      INFO     first", "    talk      DEBUG    second"]
    assert ended.stderr.splitlines() == shown[: 1 + len(arguments)]
    assert [line["message"] for line in kept if "logger" in line] == ["first", "second"][: 1 + len(arguments)]


def test_a_step_that_imports_and_sets_up_logging_is_shown_once(shop):
    """By its own handler."""
    setup = "import logging; logging.basicConfig(level='INFO', format='mine: %(message)s')"
    code = LATE.replace("SPEAK", f"{setup}; current_run().logger.info('first')")

    ended = talked(shop, name="late", code=code)

    assert ended.stderr.splitlines() == ["mine: first"]


@pytest.mark.parametrize("name", ["logging", "token", "string", "traceback", "ast"])
def test_a_file_with_the_name_of_a_module_of_pythons_hides_none(shop, name):
    """What pplns imports when it needs it is Python's, whatever lies in the project."""
    (shop / f"{name}.py").write_text("print('mine')")
    code = LATE.replace("SPEAK", "print('spoken'); current_run().logger.info('first'); raise KeyError('amount')")

    ended = talked(shop, name="late", code=code, check=False)

    assert "    talk      INFO     first\n" in ended.stderr
    assert "    KeyError: 'amount'" in ended.stderr.splitlines()
    assert "mine" not in ended.stdout


def test_a_run_of_which_nothing_logs_does_without_logging(shop):
    """Half a hundred small steps take no longer than its import."""
    code = (
        "import sys; before = set(sys.modules)\n"  # from Python 3.13 on `-c` brings linecache
        "from pplns_deploy.cli import call\n"
        "try: call(['run', 'late'])\n"
        "except SystemExit: print(*set(sys.modules) - before, file=sys.stderr)"
    )
    (shop / "pipelines" / "late.py").write_text(LATE.replace("SPEAK", "print('spoken')"))

    ended = subprocess.run([sys.executable, "-c", code], cwd=shop, capture_output=True, encoding="utf-8", check=True)

    assert "spoken\n" in ended.stdout
    assert UNUSED.intersection(ended.stderr.split()) == set()


def test_a_record_is_lines(monkeypatch):
    """A traceback stands below its message; what would steer the terminal is made visible."""
    record = logging.LogRecord("pplns.shop.load", logging.ERROR, "f", 1, "no %s\x1b[2J\nmore", ("way",), None)

    assert log_lines(record) == ["    load      ERROR    no way\\x1b[2J", "      more"]
    record.exc_info = (ValueError, ValueError("bad"), None)
    assert log_lines(record)[-1] == "      ValueError: bad"
