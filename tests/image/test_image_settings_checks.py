"""What `pplns check` says of the image before anything is built."""

import os
from pathlib import Path

import pytest

from checks_project import Checkable
from pplns_deploy.checks.code import LARGE_FILE_BYTES


@pytest.fixture
def checkable(tmp_path: Path) -> Checkable:
    return Checkable(tmp_path)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('bas = "python:3.12-slim"', "the key 'bas'"), ('base = "Upper/Case:1"', "'Upper/Case:1'"),
        ('repository = "Upper/Case"', "'Upper/Case'"), ("python = 3.12", "python in [tool.pplns.image]"),
    ],
)  # fmt: skip
def test_settings_that_packaging_would_refuse_are_findings(checkable: Checkable, setting: str, said: str):
    """A deployment would end with them, after the checks."""
    checkable.write(table=f"[tool.pplns.image]\n{setting}")

    [found] = [one for one in checkable.findings_now() if one.check == "image_settings"]

    assert (found.severity, found.file) == ("error", checkable.root / "pyproject.toml")
    assert said in found.message


def test_settings_as_documented_are_none(checkable: Checkable):
    """`{python}` stands for the lock's."""
    checkable.write(table='[tool.pplns.image]\nbase = "registry.example.com/python:{python}-slim"')

    assert [one for one in checkable.findings_now() if one.check == "image_settings"] == []


@pytest.mark.parametrize("own", [".gitignore", ".pplnsignore"])
def test_a_large_file_goes_into_the_file_that_counts(checkable: Checkable, own: str):
    """A first .pplnsignore would let in whatever .gitignore keeps out."""
    checkable.write()
    (checkable.root / own).write_text("")
    (checkable.root / "big.bin").touch()
    os.truncate(checkable.root / "big.bin", LARGE_FILE_BYTES + 1)

    [found] = [one for one in checkable.findings_now() if one.check == "image_files"]

    assert found.remedy.endswith(f"its name into {own}.")
