"""To which revision a pipeline goes back, and what is said where there is none; what is asked before that."""

import io
from typing import Any

import pytest

from pplns.errors import NotFoundError
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.deployments import confirm
from pplns_deploy.cli.errors import Stopped
from pplns_deploy.cli.rollback import choose_revision
from pplns_deploy.deploying.deployed import LiveService, Target


def revisions(**is_ready: bool) -> list[dict[str, Any]]:
    """Return revisions, newest first: each came up or not."""
    states = {True: "CONDITION_SUCCEEDED", False: "CONDITION_FAILED"}
    return [{"name": f"r/{name}", "conditions": [{"type": "Ready", "state": states[one]}]}
            for name, one in is_ready.items()]  # fmt: skip


def serving(revision: str) -> LiveService:
    traffic = (Target(revision, 100),)
    return LiveService("sales", "s", "https://x", "a", "i", revision, revision, revision, traffic, {})


def test_the_newest_older_one_that_came_up_is_taken():
    """What never came up can't serve, and what is newer isn't back."""
    known = revisions(r5=True, r4=True, r3=False, r2=True, r1=True)

    assert choose_revision(known, serving("r4"), None) == "r2"
    assert choose_revision(known, serving("r4"), "r5") == "r5"


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (None, "No other one came up. Deploy the code that you want: pplns deploy sales"),
        ("r9", "'r9' is no revision of 'sales' that came up. Those are: r1. Name one of them with --to."),
    ],
)
def test_where_there_is_nothing_to_go_back_to_it_says_so(named: str | None, words: str):
    """What can be done instead is a command."""
    with pytest.raises(NotFoundError) as refused:
        choose_revision(revisions(r1=True), serving("r1"), named)

    assert words in str(refused.value)


def test_newer_ones_are_named():
    """Whoever rolled back can go forward by --to."""
    with pytest.raises(NotFoundError, match=r"Newer ones did: r2\. Name one of them with --to\."):
        choose_revision(revisions(r2=True, r1=True), serving("r1"), None)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_an_answer_of_no_is_no_interruption(monkeypatch: pytest.MonkeyPatch):
    """What is said is that nothing was applied."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    stream = Terminal()

    with pytest.raises(Stopped) as stopped:
        confirm(Console(stream, stream, False), "Apply this to prod?", yes=False)

    assert stopped.value.message == "Nothing was applied."
