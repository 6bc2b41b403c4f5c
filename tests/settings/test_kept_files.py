"""What is kept of a source file: believed only where it is whole, of this version, and of the file as it is."""

import datetime
import subprocess
import sys
from pathlib import Path

import pytest

from pplns import kept
from pplns.errors import ConfigError
from pplns.kept import read_kept, write_kept
from pplns.settings import load_settings


@pytest.fixture(autouse=True)
def another_process(monkeypatch: pytest.MonkeyPatch):
    """Write to disk, and return what forgets what this process has in memory."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    forget = lambda: monkeypatch.setattr(kept, "_of_this_process", {})  # noqa: E731
    forget()
    return forget


def only_file(folder: Path) -> Path:
    (found,) = (folder / "__pycache__").iterdir()
    return found


def table_in(project: Path) -> str:
    return load_settings(project, flags={}, environ={}).timezone


def test_what_is_kept_is_there_for_the_next_process(tmp_path: Path, another_process):
    """It stands beside the bytecode, alone: nothing temporary is left."""
    write_kept(tmp_path / "a.py", numbers=[1, 2])
    another_process()

    assert read_kept(tmp_path / "a.py")["numbers"] == [1, 2]
    assert only_file(tmp_path).name.startswith("a.py.")


@pytest.mark.parametrize("cut", [0, 1, 40, 64, 65, 70, -1])
def test_a_cut_file_is_as_good_as_none(tmp_path: Path, another_process, cut: int):
    """A process was killed, or a disk was full."""
    write_kept(tmp_path / "a.py", numbers=[1, 2])
    file = only_file(tmp_path)
    file.write_bytes(file.read_bytes()[:cut])
    another_process()

    assert read_kept(tmp_path / "a.py") == {}


def test_a_file_with_any_byte_changed_is_as_good_as_none(tmp_path: Path, another_process):
    """A digit of a digest that a disk has turned would make a step run again."""
    write_kept(tmp_path / "a.py", numbers=[1, 2])
    file = only_file(tmp_path)
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        another_process()
        assert read_kept(tmp_path / "a.py") == {}


def test_another_version_reads_nothing_of_it(tmp_path: Path, another_process, monkeypatch: pytest.MonkeyPatch):
    """Digests may be made in another way there."""
    write_kept(tmp_path / "a.py", numbers=[1, 2])
    another_process()

    monkeypatch.setattr(kept, "__version__", "999")

    assert read_kept(tmp_path / "a.py") == {}


def test_without_bytecode_it_is_kept_in_memory_alone(tmp_path: Path, another_process, monkeypatch: pytest.MonkeyPatch):
    """`python -B` writes nothing beside sources."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    write_kept(tmp_path / "a.py", numbers=[1, 2])

    assert read_kept(tmp_path / "a.py")["numbers"] == [1, 2]
    assert list(tmp_path.iterdir()) == []
    another_process()
    assert read_kept(tmp_path / "a.py") == {}


def test_it_goes_where_bytecode_goes(tmp_path: Path, another_process, monkeypatch: pytest.MonkeyPatch):
    """`PYTHONPYCACHEPREFIX` leads it out of the project."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "cache"))
    (tmp_path / "project").mkdir()
    write_kept(tmp_path / "project/a.py", numbers=[1, 2])
    another_process()

    assert list((tmp_path / "project").iterdir()) == []
    assert read_kept(tmp_path / "project/a.py")["numbers"] == [1, 2]


def test_where_nothing_can_be_written_all_goes_on(tmp_path: Path, another_process):
    """A read-only folder of a container, say; here a file stands in the folder's place."""
    (tmp_path / "__pycache__").write_text("no folder")

    write_kept(tmp_path / "a.py", numbers=[1, 2])

    another_process()
    assert read_kept(tmp_path / "a.py") == {}


def test_what_is_no_json_is_not_kept(tmp_path: Path, another_process):
    """TOML has dates, which come back from JSON as text."""
    write_kept(tmp_path / "a.toml", day=datetime.date(2013, 1, 1))

    assert read_kept(tmp_path / "a.toml") == {}
    assert list(tmp_path.iterdir()) == []


def test_settings_are_those_of_the_file_as_it_is(tmp_path: Path, another_process):
    """Each change of pyproject.toml counts at once, whatever was kept of it, and so does its going back."""
    file = tmp_path / "pyproject.toml"
    for zone in ("Asia/Tokyo", "Europe/Paris", "Asia/Tokyo"):
        file.write_text(f'[tool.pplns]\ntimezone = "{zone}"\n')
        assert table_in(tmp_path) == zone
        another_process()
        assert table_in(tmp_path) == zone


def test_a_project_file_that_breaks_is_said_to_be_broken(tmp_path: Path):
    """What was kept of it hides no mistake."""
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.pplns]\n")
    table_in(tmp_path)

    file.write_text("[tool.pplns]\nstore =\n")

    with pytest.raises(ConfigError, match="line 2"):
        table_in(tmp_path)


def test_the_second_start_needs_no_parser(tmp_path: Path):
    """Neither of TOML nor of Python: the files say what they said."""
    (tmp_path / "pyproject.toml").write_text('[tool.pplns]\ntimezone = "Asia/Tokyo"\n')
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/one.py").write_text(
        "from pplns import pipeline, step\n@step\ndef add(n: int, text: str) -> int:\n    return n\n"
        "@pipeline\ndef one():\n    return add(1, 'x')\n"
    )
    program = (
        "import sys; from pplns_deploy.cli import call\n"
        "try: call(['run', 'one'])\n"
        "finally: print(*{'tomllib', 'ast'}.intersection(sys.modules), 'are there')"
    )
    command = [sys.executable, "-c", program]
    environ = {"PATH": "", "SYSTEMROOT": "C:\\Windows"}

    first, second = (
        subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )

    assert {"tomllib", "ast"} <= set(first.split())
    assert second.splitlines()[-1].strip() == "are there"


def test_files_that_differ_in_their_ends_are_kept_apart(tmp_path: Path, another_process):
    """A pipeline may be called pyproject, too."""
    for name in ("pyproject.toml", "pyproject.py"):
        write_kept(tmp_path / name, of=name)
    another_process()

    assert [read_kept(tmp_path / name)["of"] for name in ("pyproject.toml", "pyproject.py")] == [
        "pyproject.toml",
        "pyproject.py",
    ]


def test_a_parser_that_is_needed_later_is_pythons(tmp_path: Path):
    """Deploying reads all of pyproject.toml, when the project's folders come first on the path."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n[tool.pplns]\n")
    (tmp_path / "tomllib.py").write_text("loads = None")
    (tmp_path / "pipelines").mkdir()
    program = (
        "import pathlib; from pplns.settings import load_settings, read_project_file\n"
        "from pplns.loader import put_first_on_path\n"
        "settings = load_settings(pathlib.Path.cwd(), flags={}, environ={})\n"
        "put_first_on_path(settings)\n"
        "print(read_project_file(settings.root)['project']['name'])"
    )
    for _ in range(2):  # the second finds the table kept
        ended = subprocess.run(
            [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (ended.stdout, ended.stderr) == ("shop\n", "")
