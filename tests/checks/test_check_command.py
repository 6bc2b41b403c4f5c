"""`pplns check` as it is called: environments, annotations, files that crash, and its page."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from checks_project import Checkable
from pplns_deploy.checks import ENVIRONMENT_CHECKS, FOLDER_CHECKS, ONLINE_CHECKS, PIPELINE_CHECKS
from pplns_deploy.checks.findings import name_of_check

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"
STAGING = '\n[tool.pplns.env.staging]\nproject = "acme-data"\nregion = "europe-west1"\n'
PATHS = {"path": "/home/me/in.csv"}


@pytest.fixture
def checkable(tmp_path: Path) -> Checkable:
    return Checkable(tmp_path)


def check(folder: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Call the command in a project."""
    command = [sys.executable, "-X", "utf8", "-m", "pplns_deploy", "check", *arguments]
    given = {**os.environ, **environ}
    return subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120, check=False, env=given
    )  # fmt: skip


def test_every_environment_is_checked_unless_one_is_named(checkable: Checkable):
    """By `--env`, or by PPLNS_ENV."""
    in_prod, in_staging = 'env = {DIR = "/mnt/a"}', '[tool.pplns.env.staging.defaults]\nenv = {DIR = "/mnt/b"}'
    checkable.write(table=f"[@defaults]\n{in_prod}\n{STAGING}{in_staging}")

    every = json.loads(check(checkable.root, "--json").stdout)
    named = json.loads(check(checkable.root, "--json", "--env", "staging").stdout)
    by_variable = json.loads(check(checkable.root, "--json", PPLNS_ENV="prod").stdout)

    assert [(one["check"], one["environment"]) for one in every["findings"]] == [
        ("local_paths", "prod"), ("local_paths", "staging"),
    ]  # fmt: skip
    assert (named["environments"], by_variable["environments"]) == (["staging"], ["prod"])


def test_what_is_the_same_everywhere_is_said_once(checkable: Checkable):
    """The lock, .env and the image's files belong to no environment."""
    checkable.write(table=STAGING)
    (checkable.root / "requirements.lock").unlink()

    found = json.loads(check(checkable.root, "--json").stdout)["findings"]

    assert [(one["check"], one["environment"]) for one in found] == [("lock", None)]


def test_what_is_wrong_in_shared_code_is_said_once(checkable: Checkable):
    """Not again for each pipeline and environment; in one of several environments it has that one's name."""
    checkable.write(top="import hypothesis\n", table=STAGING)
    code = (checkable.root / "pipelines" / "sales.py").read_text()
    (checkable.root / "pipelines" / "sales.py").write_text(f"{code}\n@pipeline\ndef returns():\n    return load(1)\n")

    found = json.loads(check(checkable.root, "--json").stdout)["findings"]

    assert [(one["check"], one["pipeline"], one["environment"]) for one in found] == [("imports", None, None)]


def test_warnings_pass_and_errors_dont(checkable: Checkable):
    """Exit 0, and 1; a wrong name of an environment is exit 3."""
    checkable.write(**PATHS)
    assert check(checkable.root).returncode == 0

    checkable.write(body='Secret("token")')

    assert check(checkable.root).returncode == 1
    assert check(checkable.root, "--env", "prd").returncode == 3


def test_annotations_are_workflow_commands(checkable: Checkable):
    """With the file from where the command runs, and nothing in a value that would end it."""
    checkable.write(body='Secret("token")')

    [line] = check(checkable.root, "--format", "github").stdout.splitlines()

    head, _, message = line.removeprefix("::").partition("::")
    assert head == "error file=pipelines/sales.py,line=7,title=pplns check%3A secrets"
    assert message.startswith("The secret 'token' has no source in the environment 'prod'. Write TOKEN = \"token@1\"")


def test_the_environments_parameters_count(checkable: Checkable):
    """A schedule needn't give what its environment gives; a value that doesn't convert is found."""
    code = "from pplns import Schedule, pipeline, step\n@step\ndef load(n): ...\n"
    code += "@pipeline(triggers=[Schedule('0 6 * * *')])\ndef sales(n: int):\n    return load(n)\n"
    checkable.write(table="params = {n = 5}")
    (checkable.root / "pipelines" / "sales.py").write_text(code)
    assert check(checkable.root).returncode == 0

    checkable.write(table="params = {n = 'five'}")
    (checkable.root / "pipelines" / "sales.py").write_text(code)

    assert "The parameter 'n' of pipeline 'sales' is 'five'" in check(checkable.root).stderr


def test_a_file_that_crashes_is_a_finding(checkable: Checkable):
    """The command itself goes on to its end."""
    checkable.write()
    (checkable.root / "pipelines" / "crash.py").write_text("import os\nos._exit(9)\n")

    answer = check(checkable.root)

    assert answer.returncode == 1
    assert "crash.py: Python ended with exit code 9 while importing it" in answer.stderr


def test_the_page_has_each_check():
    """By its name, with what it finds, why with a source, and what to do."""
    sections = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE.read_text("utf-8"), re.M | re.S))
    checks = [*PIPELINE_CHECKS, *ENVIRONMENT_CHECKS, *FOLDER_CHECKS, *ONLINE_CHECKS]

    assert sorted(sections) == sorted(["files", "store", "online", *map(name_of_check, checks)])
    for name, text in sections.items():
        assert all(part in text for part in ("**Finds**", "**Why**", "**Do**")), name
