"""`pplns package`: what it refuses, and what it says."""

import json
from pathlib import Path

import pytest

from pplns_deploy.cli.transfers import line_of
from pplns_deploy.image.images import Stage, TransferBegan, TransferEnded
from pplns_deploy.locking import Lock, read_inputs
from pplns_deploy.locking.inputs import this_python


def test_a_project_without_a_lock_is_told_to_make_one(shop, pplns):
    """Before anything is looked up."""
    answer = pplns("package")

    assert answer.code == 3
    assert "pplns lock" in answer.err


@pytest.mark.parametrize(
    ("asked", "setting"), [(("--python", "3.30"), 'python = "3.30"'), (("--platform", "linux/arm64"), '"linux/arm64"')]
)
def test_a_lock_for_something_else_needs_a_setting_first(shop: Path, pplns, asked: tuple[str, str], setting: str):
    """`pplns lock` alone would make the same one again."""
    (shop / "pyproject.toml").write_text('[tool.pplns.lock]\nplatforms = ["linux/amd64"]\n')
    inputs, python = read_inputs(shop), this_python()
    lock = Lock(inputs.digest((), python), python, inputs.platforms, (), ())
    (shop / "requirements.lock").write_text(lock.as_text())

    answer = pplns("package", *asked)

    assert answer.code == 3
    assert f"Add {setting}" in answer.err


def test_push_without_a_repository_needs_one_in_the_settings(shop, pplns):
    """The error shows both places."""
    answer = pplns("package", "--push")

    assert answer.code == 3
    assert "[tool.pplns.image]" in answer.err


@pytest.mark.parametrize("output", ["image.tar", "oci-archive:", "docker-archive:x"])
def test_an_output_of_another_form_is_refused(shop, pplns, output: str):
    """It is wrong usage."""
    answer = pplns("package", "--output", output)

    assert answer.code == 2
    assert "oci-archive:FILE" in answer.err


def test_a_folder_that_isn_t_there_is_said_before_anything_is_built(shop, pplns):
    """Building takes minutes, and the archive is written last."""
    answer = pplns("package", "--output", "oci-archive:nowhere/image.tar")

    assert answer.code == 2
    assert "there is no folder 'nowhere'" in answer.err


def test_a_repository_that_is_none_is_refused_with_json(shop, pplns):
    """As the one document."""
    answer = pplns("package", "--push", "UPPER/case", "--json")

    assert answer.code == 3
    assert json.loads(answer.out)["error"]["code"] == "bad_configuration"


def test_a_wrong_setting_is_refused_with_the_nearest_name(shop: Path, pplns):
    """Of [tool.pplns.image]."""
    (shop / "pyproject.toml").write_text('[tool.pplns.image]\nbas = "x"\n')

    answer = pplns("package")

    assert answer.code == 3
    assert "Did you mean 'base'?" in answer.err


def test_each_blob_that_has_arrived_is_a_line():
    """With its size, and whether it was sent at all."""
    digest = f"sha256:{'a' * 64}"

    assert line_of(Stage("Building")) == "Building"
    assert line_of(TransferBegan("wheels", digest, 1, "push")) is None
    assert line_of(TransferEnded("wheels", digest, 113_400_000, "sent")) == "  wheels   aaaaaaaaaaaa   113.4 MB  sent"
