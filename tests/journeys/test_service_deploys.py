"""A service that is told to end, killed, or replaced by another version of the code, while Pub/Sub delivers to it."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deliveries import scheduler_headers
from gateway import Gateway
from pplns.triggers.topics import publish
from service import Service, wait_for

pytestmark = [
    pytest.mark.needs_pubsub_emulator,
    pytest.mark.skipif(os.name == "nt", reason="ends processes by POSIX signals"),
    pytest.mark.filterwarnings("ignore:You are using a Python version:FutureWarning"),  # google.api_core, on its import
]

CLOUD_RUN_WAITS = 8  # of the 10 s between SIGTERM and SIGKILL


def send(gateway: Gateway, pipeline: str, journal: object) -> None:
    """Publish a message that is to become a run."""
    topic = gateway.emulator.topic()
    gateway.subscribe(topic, pipeline)
    publish(topic, json.dumps({"params": {"journal": str(journal)}}).encode(), timeout_s=20)


def change(project: Path, old: str, new: str) -> None:
    """Change the code of the project, as a deploy does."""
    file = project / "orders.py"
    code = file.read_text()
    assert old in code
    file.write_text(code.replace(old, new))


def test_sigterm_and_the_redelivery(gateway: Gateway, start: Callable[..., Service], journal, kept):
    """The run stops at its step boundary and is answered; the process is gone; the next delivery goes on."""
    own = {"PUBSUB_EMULATOR_HOST": gateway.host}
    leaving = gateway.service = start(server="container", **own)

    send(gateway, "holding", journal)
    wait_for(lambda: "hold" in journal.done)
    leaving.terminate()
    journal.open_gate()
    exit_code = leaving.process.wait(CLOUD_RUN_WAITS)
    wait_for(lambda: gateway.statuses == [503])
    gateway.service = start(server="container", **own)
    wait_for(lambda: kept.has_ended("holding"))

    (run,) = kept.runs("holding")
    assert (exit_code, run["result"], run["attempt"]) == (0, 3, 2)
    assert [push.record["error"]["code"] for push in gateway.pushes if push.status == 503] == ["draining"]
    assert journal.notes == [(1, "0"), (1, "hold"), (2, "2")]


def test_sigterm_in_a_step_that_does_not_end(gateway: Gateway, start: Callable[..., Service], journal, kept):
    """It is answered all the same, the process is gone, and once the lease is over the step runs again."""
    own = {"PUBSUB_EMULATOR_HOST": gateway.host, "PPLNS_LEASE_SECONDS": "1"}
    leaving = gateway.service = start(server="container", **own)

    send(gateway, "holding", journal)
    wait_for(lambda: "hold" in journal.done)
    leaving.terminate()
    exit_code = leaving.process.wait(CLOUD_RUN_WAITS + 2)
    wait_for(lambda: len(gateway.pushes) > 0)
    gateway.service = start(server="container", **own)
    journal.open_gate()
    wait_for(lambda: kept.has_ended("holding"))

    (run,) = kept.runs("holding")
    assert (exit_code, gateway.statuses[0], run["result"]) == (0, 503, 3)
    assert journal.done == ["0", "hold", "hold", "2"]


def test_a_schedule_that_meets_sigterm_is_handed_over(gateway: Gateway, start: Callable[..., Service], journal, kept):
    """Scheduler is answered 202, and the message of its run is delivered to the next service."""
    own = {**gateway.topics_of("holding"), "PPLNS_PARAMS": json.dumps({"journal": str(journal)})}
    leaving = start(server="container", **own)

    with ThreadPoolExecutor(1) as scheduler:
        asked = scheduler.submit(leaving.post, "/pipelines/holding/runs", b"", scheduler_headers())
        wait_for(lambda: "hold" in journal.done)
        leaving.terminate()
        journal.open_gate()
        answer = asked.result()
    gateway.service = start(server="container", **own)
    wait_for(lambda: kept.has_ended("holding"))

    (run,) = kept.runs("holding")
    assert (answer.status, answer.json["state"], answer.json["run_id"]) == (202, "continuing", run["run_id"])
    assert journal.notes == [(1, "0"), (1, "hold"), (2, "2")]


def test_a_changed_step_runs_again_after_a_deploy(
    gateway: Gateway, start: Callable[..., Service], journal, kept, project: Path
):
    """With all that depends on it; what is committed and unchanged is reused."""
    own = {"PUBSUB_EMULATOR_HOST": gateway.host}
    killed = gateway.service = start(**own)
    send(gateway, "holding", journal)
    wait_for(lambda: "hold" in journal.done)
    wait_for(lambda: kept.commits("holding", kept.runs("holding")[0]["run_id"]) == ["tick"])

    killed.kill()
    change(project, 'wait_for(f"{journal}.gate")\n    return n + 1', "return n + 100")
    gateway.service = start(**own)
    wait_for(lambda: kept.has_ended("holding"))

    (run,) = kept.runs("holding")
    assert (run["state"], run["result"]) == ("succeeded", 102)
    assert journal.notes == [(1, "0"), (1, "hold"), (2, "hold"), (2, "101")]


def test_a_changed_sink_that_is_committed_is_not_repeated(
    gateway: Gateway, start: Callable[..., Service], journal, kept, project: Path
):
    """The run ends `code_changed` and its message is a dead letter; a person's resume goes on."""
    own = gateway.topics_of("sinking")
    killed = gateway.service = start(**own)
    send(gateway, "sinking", journal)
    wait_for(lambda: {"hold", "publish"} <= set(journal.done))
    wait_for(lambda: "publish" in kept.commits("sinking", kept.runs("sinking")[0]["run_id"]))

    killed.kill()
    change(project, 'note(journal, "publish")\n    return n', 'note(journal, "publish")\n    return -n')
    gateway.service = start(**own)
    wait_for(lambda: kept.has_ended("sinking"))
    journal.open_gate()
    (run,) = kept.runs("sinking")
    done = list(journal.done)
    resumed = gateway.service.post(f"/pipelines/sinking/runs/{run['run_id']}:resume")

    assert (run["state"], run["error"]["code"], done.count("publish")) == ("failed", "code_changed", 1)
    assert (resumed.status, resumed.json["state"], journal.done.count("publish")) == (200, "succeeded", 2)
