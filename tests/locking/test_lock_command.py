"""`pplns lock` as it is called; what needs no index."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from checks_project import Checkable


@pytest.fixture
def checkable(tmp_path: Path) -> Checkable:
    made = Checkable(tmp_path)
    made.write()
    return made


def lock(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call the command in a project."""
    command = [sys.executable, "-X", "utf8", "-m", "pplns_deploy", "lock", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120, check=False)


def test_a_lock_that_fits_passes(checkable: Checkable):
    """Exit 0, and nothing is asked or written."""
    before = (checkable.root / "requirements.lock").read_bytes()

    answer = lock(checkable.root, "--check")

    assert (answer.returncode, answer.stdout) == (0, "The lock fits what the project asks for.\n")
    assert (checkable.root / "requirements.lock").read_bytes() == before


def test_a_lock_that_is_stale_fails(checkable: Checkable):
    """Exit 1, with the reason; as JSON one document."""
    with (checkable.root / "pyproject.toml").open("a") as stream:
        stream.write('[project]\nname = "x"\nversion = "1"\ndependencies = ["rows"]\n')

    answer = lock(checkable.root, "--check")
    as_json = lock(checkable.root, "--check", "--json")

    assert (answer.returncode, as_json.returncode) == (1, 1)
    assert "requirements.lock is stale: the requirements or [tool.uv] have changed since." in answer.stderr
    assert [one["reason"] for one in json.loads(as_json.stdout)["stale"]] == [
        "is stale: the requirements or [tool.uv] have changed since"
    ]


def test_check_goes_without_upgrade(checkable: Checkable):
    """Wrong usage is exit 2."""
    assert lock(checkable.root, "--check", "--upgrade").returncode == 2


def test_requirements_that_cant_be_read_are_a_wrong_configuration(checkable: Checkable):
    """Exit 3, with the remedy after an arrow."""
    (checkable.root / "requirements.txt").write_text("./mine\n")

    answer = lock(checkable.root)

    assert answer.returncode == 3
    assert "'./mine'" in answer.stderr
    assert "→" in answer.stderr
