"""Terraform's state as it is saved, read in the shape of `terraform show -json`."""

from typing import Any

import pytest

from pplns.errors import StateError
from pplns_deploy.deploying.saved_state import shown_state


def resource(**values: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": "google_pubsub_topic", "name": "this", **values}


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (resource(instances=[{"attributes": {}}]), "google_pubsub_topic.this"),
        (resource(instances=[{"index_key": 0, "attributes": {}}]), "google_pubsub_topic.this[0]"),
        (
            resource(module='module.topic["orders"]', instances=[{"index_key": "a", "attributes": {}}]),
            'module.topic["orders"].google_pubsub_topic.this["a"]',
        ),
        (
            {"mode": "data", "type": "google_project", "name": "this", "instances": [{"attributes": {}}]},
            "data.google_project.this",
        ),
    ],
)
def test_each_instance_has_its_address(given: dict[str, Any], address: str):
    """As the configuration names it."""
    shown = shown_state({"version": 4, "resources": [given]})

    assert [one["address"] for one in shown["values"]["root_module"]["resources"]] == [address]


def test_a_value_that_may_be_of_any_type_is_the_value_alone():
    """Terraform saves the type beside it."""
    attributes = {"id": "x", "input": {"value": "{}", "type": "string"}, "labels": {"value": "a"}}
    given = resource(instances=[{"attributes": attributes}])

    (one,) = shown_state({"version": 4, "resources": [given]})["values"]["root_module"]["resources"]

    assert one["values"] == {"id": "x", "input": "{}", "labels": {"value": "a"}}


def test_a_state_of_another_format_is_refused():
    """What it says could be misread."""
    with pytest.raises(StateError, match="Install a newer pplns"):
        shown_state({"version": 5})
