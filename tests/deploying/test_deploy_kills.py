"""`pplns deploy` killed at random instants: the next one finishes, and what is there is what Terraform's state says.

Each round gives one pipeline new code, adds another and takes a third away, so that a kill meets updates, creations
and destructions. Either the command alone dies, and Terraform goes on without it; or all of its children die with it,
in the middle of whatever they were writing, and the lock of the state is left."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import terraforming
from deploy_site import Site, bootstrapped_site, change_project, new_image

pytestmark = [
    pytest.mark.needs_google_provider,
    pytest.mark.slow,
    pytest.mark.skipif(not terraforming.find_provider(), reason=terraforming.HOW_TO_GET),
    pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc"),
]


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


def deploy_and_kill(site: Site, image: str, *, after_s: float, with_children: bool) -> bool:
    """Begin a deployment and kill it; tell whether it was still going on."""
    with site.start("deploy", "--yes", "--image", image) as process:
        try:
            process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            kill(process, with_children=with_children)
            return True
    return False


def break_lock(site: Site) -> dict[str, Any] | None:
    """Remove the lock that dead processes have left, as a person does: look who has it, and name it."""
    seen = site.run("unlock")["lock"]
    if seen is not None:
        site.run("unlock", seen["id"], "--yes")
    return dict(seen) if seen else None


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, float]]:
    """A site that was deployed, and how long a deployment takes here."""
    with bootstrapped_site(tmp_path_factory.mktemp("site"), "sales") as site:
        site.deploy(new_image())
        change_project(site, 0)
        began = time.monotonic()
        site.deploy(new_image())
        yield site, time.monotonic() - began


@pytest.mark.parametrize("with_children", [False, True], ids=["the command alone", "all its children too"])
def test_a_deployment_that_was_killed_is_finished_by_the_next(
    with_children: bool, timed: tuple[Site, float], sample: Callable[..., int], rng: random.Random
):
    """Whatever the kill met, nothing is lost, nothing is there twice, and a plan is empty in the end."""
    site, whole_s = timed
    kills = 0

    for number in range(1, sample(full=15, ci=1) + 1):
        change_project(site, number)
        image, instant = new_image(), rng.uniform(0.1, 0.95) * whole_s
        kills += deploy_and_kill(site, image, after_s=instant, with_children=with_children)
        if with_children:
            break_lock(site)
        found = site.deploy(image)

        where = f"round {number}, killed after {instant:.2f} of {whole_s:.2f} s"
        assert {one["state"] for one in found.values()} <= {"deployed", "unchanged"}, where
        assert site.serving() == [found["sales"]["revision"]], where
        assert site.image() == image, where
        assert site.there() == site.managed(), where
        assert site.lock() is None, where
        assert site.is_settled(image), where
    print(f"{kills} kills")
