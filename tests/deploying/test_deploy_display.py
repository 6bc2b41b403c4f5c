"""What is seen of a deployment: lines in a file, a tree on a terminal that has rich."""

import io
import subprocess
import sys
from typing import Any

import click
import pytest

from pplns_deploy.cli.console import Console
from pplns_deploy.cli.live_stages import StageTree
from pplns_deploy.cli.stages import StageLines, following
from pplns_deploy.deploying.summary import Change, PlanSummary

SERVICE = 'module.pipeline_service["sales"].google_cloud_run_v2_service.this'
PLAN = PlanSummary((Change(SERVICE, "google_cloud_run_v2_service", "update", "pplns-sales-prod", "sales"),))


class File(io.StringIO):
    """A stream that can take every letter."""

    encoding = "utf-8"


class Terminal(File):
    """One that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def hook(kind: str, address: str = SERVICE, action: str = "update") -> dict[str, Any]:
    return {"type": kind, "hook": {"resource": {"addr": address}, "action": action, "elapsed_seconds": 7}}


def deploy(shown: StageLines) -> None:
    """Show a small deployment."""
    with shown.stage("checks"):
        shown.console.begin("Checking the project")
    shown.expect(PLAN)
    with shown.stage("apply", "Applying"):
        shown.watch(hook("apply_start"))
        shown.watch(hook("apply_complete", "data.google_project.this", "read"))
        shown.watch(hook("apply_complete", "module.other.terraform_data.note", "create"))
        shown.watch(hook("apply_complete"))
    shown.begin_part("sales")
    shown.end_part("sales", "is well", is_good=True, seconds=0.5)


def test_a_file_gets_a_line_for_each_thing():
    """Stages begin and end, resources end, each with its time; what is only read or noted is left out."""
    stream = File()

    with following(Console(stream, stream, False)) as shown:
        deploy(shown)

    lines = [line.rpartition("  ")[0].strip() or line for line in stream.getvalue().splitlines()]
    named = "✓ service pplns-sales-prod"
    assert lines == ["Checking the project", "✓ checks", "Applying", named, "✓ apply", "✓ sales  is well"]


def test_a_resource_that_nobody_announced_is_named_as_terraform_names_it():
    """It isn't hidden."""
    stream = File()

    with following(Console(stream, stream, False)) as shown:
        shown.watch(hook("apply_errored"))

    assert stream.getvalue() == f"  ✗ {SERVICE}  7 s\n"


@pytest.mark.parametrize("fails", [False, True], ids=["well", "failed"])
def test_a_terminal_gets_a_tree_that_stays(fails: bool):
    """Each pipeline stands under the stage in which it changes; stages that never began are left out at the end."""
    stream = Terminal()

    with following(Console(stream, stream, False)) as shown:
        assert isinstance(shown, StageTree)
        with shown.stage("apply"):
            shown.expect(PLAN)
            shown.watch(hook("apply_start"))
            shown.watch(hook("apply_errored" if fails else "apply_complete"))

    last = [line.split()[:4] for line in click.unstyle(stream.getvalue()).splitlines()[-2:]]
    assert last[0][:2] == ["✓", "apply"]
    assert last[1] == ["└──", "✗" if fails else "✓", "sales", "1"]


def test_a_stage_that_raises_is_shown_as_failed():
    """The error passes through, for the border to write below."""
    stream = File()

    with pytest.raises(ValueError, match="no"), following(Console(stream, stream, False)) as shown, shown.stage("plan"):
        raise ValueError("no")

    assert stream.getvalue().startswith("✗ plan")


def test_lines_go_above_the_tree_and_questions_have_the_terminal():
    """What is said meanwhile is whole; in the meantime of a question nothing is drawn."""
    stream = Terminal()

    with following(Console(stream, stream, False)) as shown, shown.stage("plan"):
        shown.console.say("→ 2 to change.")
        with shown.aside() as console:
            before = stream.getvalue()
            console.say("Apply this?")

    assert "→ 2 to change." in stream.getvalue()
    assert stream.getvalue()[len(before) :].startswith("Apply this?\n")


def test_without_a_terminal_rich_is_not_imported():
    """It costs a tenth of a second, and nobody would see it."""
    code = (
        "import io, sys; from pplns_deploy.cli.console import Console; from pplns_deploy.cli.stages import following\n"
        "stream = io.StringIO()\n"
        "with following(Console(stream, stream, False)) as shown:\n"
        "    with shown.stage('plan'): pass\n"
        "print('rich' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
