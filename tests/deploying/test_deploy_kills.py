"""`pplns deploy` killed at random instants: the next one finishes, and what is there is what Terraform's state says.

Each gives one pipeline new code, adds another and takes a third away, so that a kill meets updates, creations and
destructions. Either the command alone dies, and Terraform goes on without it; or all of its children die with it,
in the middle of whatever they were writing, and the lock of the state is left."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy_site import Saved, Site, change_pipelines, new_image

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.slow,
    pytest.mark.sampled(3),
    pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc"),
]
KILLS = 15  # of each kind
LONGER = 1.2  # than the first deployment takes one that destroys something too


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found, left = list[int](), [pid]
    while left:
        left += (more := children.get(left.pop(), []))
        found += more
    return found


def kill(process: "subprocess.Popen[str]", *, with_children: bool) -> None:
    """Kill a command, so that it can do nothing more; its children too, or not."""
    process.send_signal(signal.SIGSTOP)  # so that it starts no other meanwhile
    for one in descendants(process.pid) if with_children else []:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    process.kill()
    process.communicate()


def deploy_and_kill(site: Site, image: str, *, after_s: float, with_children: bool) -> None:
    """Begin a deployment and kill it, unless it is done by then."""
    with site.start("deploy", "--yes", "--image", image) as process:
        try:
            process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            kill(process, with_children=with_children)


def break_lock(site: Site) -> dict[str, Any] | None:
    """Remove the lock that dead processes have left, as a person does: look who has it, and name it."""
    seen = site.run("unlock")["lock"]
    if seen is not None:
        site.run("unlock", seen["id"], "--yes")
    return dict(seen) if seen else None


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("with_children", [False, True], ids=["the command alone", "all its children too"])
def test_a_deployment_that_was_killed_is_finished_by_the_next(
    with_children: bool, number: int, site: Site, saved: Saved, rng: random.Random
):
    """Whatever the kill met, nothing is lost, nothing is there twice, and a plan is empty in the end."""
    image, instant = new_image(), rng.uniform(0.02, LONGER) * saved.seconds
    change_pipelines(site)

    deploy_and_kill(site, image, after_s=instant, with_children=with_children)
    if with_children:
        break_lock(site)
    found = site.deploy(image)

    where = f"killed after {instant:.2f} s"
    assert {one["state"] for one in found.values()} <= {"deployed", "unchanged"}, where
    assert site.serving() == [found["sales"]["revision"]], where
    assert site.image() == image, where
    assert site.there() == site.managed(), where
    assert site.lock() is None, where
    assert site.is_settled(image), where
