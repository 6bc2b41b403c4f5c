"""What steps log is shown while a run goes on."""

import json
import logging
import os
import subprocess
import sys

import pytest

from pplns_deploy.cli.logs import log_lines

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


def talked(folder, *arguments, setup=""):
    """Run the pipeline in a process of its own, whose logging nobody has touched."""
    (folder / "pipelines" / "talking.py").write_text(TALKING.replace("SETUP", setup))
    return subprocess.run(
        [sys.executable, "-m", "pplns_deploy", "run", "talking", *arguments],
        cwd=folder, env={**os.environ, "PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip


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


def test_a_record_is_lines(monkeypatch):
    """A traceback stands below its message; what would steer the terminal is made visible."""
    record = logging.LogRecord("pplns.shop.load", logging.ERROR, "f", 1, "no %s\x1b[2J\nmore", ("way",), None)

    assert log_lines(record) == ["    load      ERROR    no way\\x1b[2J", "      more"]
    record.exc_info = (ValueError, ValueError("bad"), None)
    assert log_lines(record)[-1] == "      ValueError: bad"
