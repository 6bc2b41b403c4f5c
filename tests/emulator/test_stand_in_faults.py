"""Faults on order: refusals, missing permissions, operations that fail or never end."""

from typing import Any

import pytest

from google_stand_in import ACCOUNTS, REPOSITORIES, SERVICES, TOPICS, Google, service

DOCKER = {"format": "DOCKER"}
TOPIC = f"{TOPICS}/orders"


@pytest.mark.parametrize(
    ("status", "code"), [("ABORTED", 409), ("RESOURCE_EXHAUSTED", 429), ("INTERNAL", 500), ("UNAVAILABLE", 503)]
)
def test_a_method_is_refused_as_often_as_ordered(google: Google, status: str, code: int) -> None:
    """Twice, and then no more."""
    google.control("faults", method="pubsub.projects.topics.create", status=status, times=2)

    assert [google.refused("PUT", TOPIC, {}).code for _ in range(2)] == [code, code]
    assert google.put(TOPIC)["name"].endswith("/orders")


def test_an_order_may_begin_after_some_calls(google: Google) -> None:
    """The first two calls go through."""
    google.control("faults", method="pubsub.*.create", status="UNAVAILABLE", after=2, message="later")
    for name in ("one", "two"):
        google.put(f"{TOPICS}/{name}")

    assert google.refused("PUT", f"{TOPICS}/three", {}).message == "later"


def test_a_permission_can_be_missing_for_the_owner_too(google: Google) -> None:
    """The message names it, so that a remedy can be looked for."""
    google.control("faults", permission="iam.serviceAccounts.create")
    refused = google.refused("POST", ACCOUNTS, {"accountId": "daily-prod"})

    assert (refused.code, "iam.serviceAccounts.create" in refused.message) == (403, True)
    google.control("clear")
    assert google.post(ACCOUNTS, {"accountId": "daily-prod"})


def test_an_operation_can_never_end(google: Google) -> None:
    """However often it is polled, and what it was to make isn't there."""
    google.control("faults", method="*.repositories.create", operation={"never": True})
    name = google.post(f"{REPOSITORIES}?repositoryId=images", DOCKER)["name"]

    assert not any(google.get(f"artifactregistry/v1/{name}")["done"] for _ in range(20))
    assert google.refused("GET", f"{REPOSITORIES}/images").code == 404


def test_an_operation_can_fail(furnished: Google) -> None:
    """A repository isn't made then; a service is, with a condition that failed."""
    furnished.control("faults", method="*.create", operation={"error": {"message": "out of luck"}})
    repository = furnished.post(f"{REPOSITORIES}?repositoryId=images", DOCKER)
    furnished.post(f"{SERVICES}?serviceId=daily", service())

    assert repository["error"] == {"code": 13, "message": "out of luck"}
    assert furnished.refused("GET", f"{REPOSITORIES}/images").code == 404
    assert furnished.get(f"{SERVICES}/daily")["terminalCondition"]["message"] == "out of luck"


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"status": "TIRED"},
        {"status": "INTERNAL", "permission": "*"},
        {"statuss": "INTERNAL"},
        {"operation": {"poll": 1}},
    ],
)
def test_an_order_that_cannot_be_understood_is_refused(google: Google, order: dict[str, Any]) -> None:
    """A misspelt fault would be a test that tests nothing."""
    assert google.refused("POST", "_control/faults", order).code == 400
    assert google.refused("POST", "_control/startups", {"img": "x"}).code == 400
    assert google.control("state")["faults"] == []
