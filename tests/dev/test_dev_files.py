"""The files that `pplns dev` looks at, those by which it is found, and its page of the docs."""

import os
import re
import shlex
from pathlib import Path

import pytest

from pplns.errors import ConfigError
from pplns_deploy.cli.commands import cli
from pplns_deploy.dev.presence import FILE, Presence, announce, find_running, withdraw
from pplns_deploy.dev.watching import changed, look

PAGE = (Path(__file__).parents[2] / "docs" / "local-development.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("shop.py", True), ("pipelines/deep/steps.py", True), ("pyproject.toml", True), ("data.csv", False),
        ("out/result.json", False), (".hidden/shop.py", False), ("__pycache__/shop.py", False),
        ("lib/site-packages/shop.py", False),
    ],
)  # fmt: skip
def test_the_project_s_own_python_files_are_watched(tmp_path, file, counts):
    """Not what is installed or hidden, and no data: pipelines write some."""
    before = look((tmp_path,))
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("1")

    found = changed(before, look((tmp_path,)))

    assert found == ([str(tmp_path / file)] if counts else [])


def test_a_virtual_environment_is_left_out(tmp_path):
    """Whatever its name."""
    (tmp_path / "mine" / "lib").mkdir(parents=True)
    (tmp_path / "mine" / "pyvenv.cfg").touch()
    (tmp_path / "mine" / "lib" / "shop.py").touch()

    assert look((tmp_path,)) == {}


def test_a_file_that_changes_or_goes_counts(tmp_path):
    """Each once."""
    file = tmp_path / "shop.py"
    file.write_text("1")
    before = look((tmp_path,))

    file.write_text("12")
    after = look((tmp_path,))
    file.unlink()

    assert changed(before, after) == changed(after, look((tmp_path,))) == [str(file)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}', '{"schema": 1}'])
def test_a_file_of_another_kind_counts_for_nothing(tmp_path, text):
    """As if `pplns dev` didn't run."""
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(text)

    assert find_running(tmp_path) is None


def test_a_file_that_was_left_over_counts_for_nothing(tmp_path):
    """Nobody answers at its address; it is taken away by its own process alone."""
    url = "http://127.0.0.1:1"
    announce(tmp_path, Presence(os.getpid() + 1, str(tmp_path), url, url, "127.0.0.1:1", "pplns-dev"))

    assert find_running(tmp_path) is None
    withdraw(tmp_path)
    assert (tmp_path / FILE).exists()


def test_a_folder_that_can_t_be_written_is_told_of(tmp_path):
    """A project on a read-only disk, say; here a file is in the folder's way."""
    (tmp_path / FILE.parent).touch()

    with pytest.raises(ConfigError, match=r"dev\.json' can't be written: .* Make the project's folder writable"):
        announce(tmp_path, Presence(1, str(tmp_path), "", "", "127.0.0.1:1", "pplns-dev"))


def test_the_page_s_pipeline_makes_the_page_s_request(tmp_path, monkeypatch, capsys):
    """All of it but the day."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    (tmp_path / "pipelines" / "page_sales.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.S)[1])
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit):
        cli.main(["event", "scheduler", "sales", "--at", "2026-11-22T05:30:00Z"], prog_name="pplns")

    shown = re.search(r"\$ pplns event scheduler sales\n(.*?)```", PAGE, re.S)[1]
    assert shlex.split(capsys.readouterr().out) == shlex.split(shown)
