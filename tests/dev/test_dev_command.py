"""`pplns dev` as a process: what it delivers into a service of functions-framework, and how it reloads and ends."""

import json
import os
import signal
import socket
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from dev_kit import runs_of
from pplns_deploy.dev.presence import find_running
from service import is_listening, takes_requests, wait_for

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by POSIX signals")


def test_a_published_message_becomes_a_run(developing, shop):
    """Its data are the parameters; what the trigger declares lies underneath."""
    dev = developing()

    sent = dev.call(
        "publish", "shop", "--data", '{"day": "2013-01-05"}', "--attribute", "kind=daily", "--json"
    ).document

    assert sent["topic"] == "projects/pplns-dev/topics/orders-landed"
    assert f"{dev.url}/pipelines/shop/runs" in dev.call("event", "pubsub", "shop").out
    dev.until("acknowledged", sent["message_id"], "succeeded")
    (run,) = runs_of(shop)
    assert (run["trigger"]["kind"], run["result"]) == ("pubsub", "2013-01-05/message")
    assert run["trigger"]["details"]["delivery_attempt"] == 1


def test_a_killed_one_takes_its_service_with_it(developing, free_port):
    """The port is free for the next one, which isn't kept out by what the killed one left."""
    developing().end(signal.SIGKILL)
    wait_for(lambda: not is_listening(free_port))

    again = developing()

    assert again.call("publish", "shop").code == 0


def test_messages_are_filtered_retried_and_dead_lettered(developing):
    """As the subscription of the cloud would have it."""
    dev = developing("--backoff", "0.1")

    dev.call("publish", "shop")
    dev.until("no subscription lets it through")
    dev.call("publish", "shop", "-p", "region=flaky", "--attribute", "kind=daily")
    dev.until("500", "the region sleeps; again in 0.1 s")
    dev.until("→", "to shop, attempt 2")
    dev.until("acknowledged", "succeeded")
    dev.call("publish", "shop", "-p", "region=poison", "--attribute", "kind=daily")
    dev.until("is a dead letter in pplns.shop.dead-letters: Step 'load' raised TerminalError: there is no")


def test_a_message_that_is_never_acknowledged_is_a_dead_letter(developing):
    """After so many attempts as --attempts says."""
    dev = developing("--backoff", "0.01", "--attempts", "3")

    dev.call("publish", "shop", "-p", "region=never", "--attribute", "kind=daily")

    dev.until("500", "attempt 3 was its last")
    dev.until("is a dead letter in pplns.shop.dead-letters: 3 attempts were not acknowledged")


def test_a_schedule_is_fired_by_hand(developing, shop):
    """At the start, and later by the same command; its parameters and its zone count."""
    dev = developing("--fire", "shop")

    dev.until("shop-new-year fires by hand for 20")
    dev.until("shop-new-year 200", "succeeded")
    asked = dev.call("dev", "--fire", "new-year")

    assert (asked.code, "fire shop-new-year" in asked.out) == (0, True)
    dev.until("shop-new-year 200", "succeeded")
    first, second = runs_of(shop)
    assert first["run_id"] != second["run_id"]
    assert (first["trigger"]["timezone"], first["params"]["region"]) == ("America/New_York", "yearly")
    assert "no schedule" in dev.call("dev", "--fire", "weekly").err


def test_a_run_that_was_queued_goes_by_the_pipeline_s_own_topic(developing):
    """`respond-async` publishes to the broker, which pushes to the service."""
    dev = developing()

    queued = dev.call("trigger", "shop", "-p", "region=later", "--async", "--json").document

    assert queued["state"] == "queued"
    dev.until("published to pplns.shop")
    dev.until("acknowledged", queued["run_id"], "succeeded")


def test_a_change_of_a_file_reloads(developing, shop):
    """The service serves the new code, and new schedules are fired; a broken file waits for its mending."""
    dev, file = developing(), shop / "pipelines" / "shop.py"
    text = file.read_text()

    file.write_text(text.replace('"/".join', '"+".join').replace("new-year", "first-day"))
    dev.until("reload", "shop.py changed")
    dev.until("shop-first-day fires next")
    dev.until("answers at")
    assert dev.call("trigger", "shop", "-p", "region=x", "--json").document["result"].endswith("+x")
    file.write_text("def broken(:\n")
    dev.until("shop.py:1")
    dev.until("did not come up")
    refused = dev.call("trigger", "shop")
    assert (refused.code, "its service did not come up" in refused.err) == (3, True)
    file.write_text(text)
    dev.until("answers at")


def test_a_run_that_is_triggered_goes_on_over_a_reload(developing, shop, free_port):
    """The service stops after a step, and the same request to the next one goes on; a new request waits for it."""
    dev, file = developing(), shop / "pipelines" / "shop.py"
    with ThreadPoolExecutor() as beside:
        triggered = beside.submit(dev.call, "trigger", "shop", "-p", "region=waiting", "--json")
        dev.until("Step load started")
        file.write_text(f"{file.read_text()}# changed\n")
        wait_for(lambda: not takes_requests(free_port))
        later = beside.submit(dev.call, "trigger", "shop", "--json")
        (shop / "go").touch()

        first, second = triggered.result().document, later.result().document

    assert (first["state"], first["attempt"]) == ("succeeded", 2)
    assert [step["reused"] for step in first["steps"]] == [True, False]
    assert (second["state"], second["attempt"]) == ("succeeded", 1)


def test_a_service_that_dies_is_started_again(developing):
    """As Cloud Run does with a container."""
    dev = developing()

    dev.call("trigger", "shop")
    (service,) = [int(pid) for pid in children_of(dev.process.pid)]
    os.kill(service, signal.SIGKILL)

    dev.until("it is started again")
    dev.until("answers at")


def test_ctrl_c_says_what_was_not_delivered(developing, shop, free_port):
    """And takes the service and the file by which it is found away."""
    dev = developing("--backoff", "1000")
    dev.call("publish", "shop", "-p", "region=flaky", "--attribute", "kind=daily")
    dev.until("again in 1000 s")

    assert dev.end(signal.SIGINT) == 130

    dev.until("1 not delivered. They were kept in memory only.")
    assert not any("started again" in line for line in dev.seen)
    assert find_running(shop) is None
    assert not (shop / ".pplns" / "dev.json").exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", free_port)) != 0


def test_one_runs_for_a_project(developing, free_port):
    """A second one is refused, also on another port; a port that is taken is refused."""
    dev = developing()

    second = dev.call("dev", "--port", "1")
    elsewhere = dev.call("init", "../other"), dev.call("dev", "--port", str(free_port), "--project", "../other")

    assert (second.code, "runs for this project already" in second.err) == (3, True)
    assert (elsewhere[1].code, f"Port {free_port} can't be used" in elsewhere[1].err) == (3, True)


def test_a_page_in_a_browser_can_t_publish(developing, shop):
    """What has an Origin, or asks for another host, is refused."""
    developing()
    running = find_running(shop)
    url = f"{running.endpoint_url}/v1/projects/pplns-dev/topics/orders-landed:publish"
    body = json.dumps({"messages": [{"data": "e30="}]}).encode()

    for header in ({"Origin": "https://example.com"}, {"Host": "example.com"}):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(urllib.request.Request(url, body, header)).close()


def children_of(pid):
    """Return the processes that one started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.split()
