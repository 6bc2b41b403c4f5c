"""`pplns completion`, and what a shell is offered on TAB."""

import os
import subprocess
import sys

import pytest


def offered(folder, line):
    """Return what a shell would offer after a line, by the protocol of click's script for bash."""
    words = line.split()
    place = len(words) if line.endswith(" ") else len(words) - 1
    ended = subprocess.run(
        [sys.executable, "-c", "from pplns_deploy.cli import call; call([])"],
        cwd=folder, capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, "COMP_WORDS": line, "COMP_CWORD": str(place), "_PPLNS_COMPLETE": "bash_complete"},
    )  # fmt: skip
    assert ended.stderr == ""
    return [one.partition(",")[2] for one in ended.stdout.splitlines() if one]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("pplns re", ["resume"]),
        ("pplns run ", ["shop"]),
        ("pplns show sh", ["shop"]),
        ("pplns show shop --format s", ["svg"]),
        ("pplns runs --state f", ["failed"]),
        ("pplns resume ", ["shop/first"]),
        ("pplns run-info shop/f", ["shop/first"]),
        ("pplns cancel x", []),
        ("pplns artifact first ", ["check", "publish", "split"]),
        ("pplns artifact shop/first p", ["publish"]),
        ("pplns resume first --from ", ["split", "check", "publish"]),
        ("pplns run shop --only s", ["split"]),
        ("pplns run shop --run-id first --from c", ["check"]),
    ],
)
def test_names_are_completed(shop, pplns, line, names):
    """Commands, values of options, pipelines, runs and steps."""
    pplns("run", "shop", "--run-id", "first")

    assert offered(shop, line) == names


@pytest.mark.parametrize("line", ["pplns run ", "pplns resume ", "pplns artifact x "])
def test_outside_a_project_nothing_is_offered(tmp_path, line):
    """And nothing is said: a shell would print it into the line."""
    assert offered(tmp_path, line) == []


def test_a_bucket_is_not_asked(shop, monkeypatch):
    """TAB doesn't wait for a network."""
    monkeypatch.setenv("PPLNS_STORE", "gs://nowhere/state")

    assert offered(shop, "pplns resume ") == []
    assert offered(shop, "pplns run ") == ["shop"]


def test_a_pipeline_is_offered_without_its_import(shop):
    """Its file is only read, so that pandas takes no second of the wait; its name is spelled as there."""
    (shop / "pipelines" / "shop.py").write_text(
        "raise SystemExit\nfrom pplns import pipeline\n@pipeline\ndef Big(): ...\n"
    )

    assert offered(shop, "pplns run ") == ["Big"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_calls_the_command_back(pplns, shell):
    """Each shell gets the script of its own."""
    answer = pplns("completion", shell)

    assert answer.code == 0
    assert f"_PPLNS_COMPLETE={shell}_complete" in answer.out


def test_another_shell_is_refused(pplns):
    """The shells that there are get named."""
    answer = pplns("completion", "tcsh")

    assert answer.code == 2
    assert "'tcsh' is none of bash, zsh, fish" in answer.err
