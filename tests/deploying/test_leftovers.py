"""What is there though the state doesn't know it, found at a stand-in by the names that a plan has."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from google_stand_in import ALERTS, DASHBOARDS, PROJECT, TOPICS, Google, alert
from pplns_deploy.deploying import google as deploying_google
from pplns_deploy.deploying.leftovers import find_leftovers, imports_text
from pplns_deploy.emulator import provider_environment, serving

pytest.importorskip("googleapiclient", reason="the discovery documents come with google-api-python-client")

OURS = {"pplns-environment": "prod"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Google]:
    """A stand-in with a topic of ours, one of somebody else's, an alert and a dashboard."""
    with serving() as stand_in:
        made = Google(stand_in)
        made.put(f"{TOPICS}/orders-prod", {"labels": OURS})
        made.put(f"{TOPICS}/returns-prod", {"labels": {"team": "other"}})
        made.post(ALERTS, alert(displayName="pplns prod: a run failed"))
        made.post(DASHBOARDS, {"displayName": "pplns prod", "mosaicLayout": {"columns": 48}})
        yield made


def created(address: str, kind: str, **values: Any) -> dict[str, Any]:
    """Return a resource that a plan would make."""
    after = {"project": PROJECT, **values}
    return {"address": address, "type": kind, "change": {"actions": ["create"], "after": after}}


def found_in(cloud: Google, *changes: dict[str, Any], token: str = "owner") -> dict[str, str]:
    """Return what is found of a plan."""
    google = deploying_google.Google(provider_environment(cloud.url, token=token))
    return find_leftovers({"resource_changes": list(changes)}, google)


@pytest.mark.parametrize(("name", "is_found"), [("orders-prod", True), ("returns-prod", False), ("nothing", False)])
def test_only_what_has_the_label_of_the_environment_is_found(name: str, is_found: bool, cloud: Google):
    """What somebody else has made under the name is theirs."""
    topic = created("module.topic.this", "google_pubsub_topic", name=name, labels=OURS)

    found = found_in(cloud, topic)

    assert found == ({"module.topic.this": f"projects/{PROJECT}/topics/{name}"} if is_found else {})


def test_what_google_names_itself_is_found_by_its_title(cloud: Google):
    """By the project's id, though Google says its number of a dashboard: else Terraform would replace it."""
    texts = json.dumps({"displayName": "pplns prod"})
    titled = created("failed", "google_monitoring_alert_policy", display_name="pplns prod: a run failed")
    other = created("missed", "google_monitoring_alert_policy", display_name="pplns prod: missed")

    found = found_in(cloud, titled, other, created("board", "google_monitoring_dashboard", dashboard_json=texts))

    assert found.keys() == {"failed", "board"}
    assert found["board"].startswith(f"projects/{PROJECT}/dashboards/")


def test_what_a_plan_changes_or_only_reads_is_not_asked_for(cloud: Google):
    """So a change of code costs nothing."""
    topic = created("a", "google_pubsub_topic", name="orders-prod", labels=OURS)
    topic["change"]["actions"] = ["update"]
    cloud.control("requests", clear=True)

    assert found_in(cloud, topic) == {}
    assert cloud.control("requests")["requests"] == []


def test_who_may_not_look_finds_nothing(cloud: Google):
    """Terraform then says what permission is missing."""
    cloud.control("callers", nobody="user:nobody@acme.com")
    topic = created("a", "google_pubsub_topic", name="orders-prod", labels=OURS)

    assert found_in(cloud, topic, token="nobody") == {}


def test_the_file_has_an_import_block_for_each():
    """Terraform reads it beside the configuration."""
    written = json.loads(imports_text({'module.a["b"].c.this': "projects/p/topics/t"}))

    assert written == {"import": [{"to": 'module.a["b"].c.this', "id": "projects/p/topics/t"}]}
