"""IAM: policies with etags and conditions, and callers held to them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from google_stand_in import ACCOUNTS, OWN_PREFIX, PROJECT, RUNTIME, SERVICES, TOPICS, Google, service
from pplns_deploy.emulator.conditions import Attributes, holds
from pplns_deploy.emulator.refusals import Refusal

PROJECT_POLICY = f"cloudresourcemanager/v1/projects/{PROJECT}"
TOPIC = f"{TOPICS}/orders"
PUBLISHERS = {"role": "roles/pubsub.publisher", "members": [f"serviceAccount:{RUNTIME}"]}


def set_policy(google: Google, path: str, *bindings: dict[str, Any], **policy: Any) -> dict[str, Any]:
    """Replace a policy."""
    return google.post(f"{path}:setIamPolicy", {"policy": {"bindings": list(bindings), **policy}})


def test_a_policy_of_before_is_refused(furnished: Google) -> None:
    """Two who read, change and write don't undo each other."""
    etag = furnished.get(f"{TOPIC}:getIamPolicy")["etag"]
    set_policy(furnished, TOPIC, PUBLISHERS, etag=etag)

    refused = furnished.refused("POST", f"{TOPIC}:setIamPolicy", {"policy": {"bindings": [], "etag": etag}})
    assert (refused.code, refused.status) == (409, "ABORTED")


@pytest.mark.parametrize(
    ("binding", "wrong"),
    [
        ({"role": "publisher", "members": ["allUsers"]}, "not supported"),
        ({"role": "roles/viewer", "members": ["ann@example.com"]}, "Invalid member"),
        (
            {"role": "roles/viewer", "members": ["serviceAccount:gone@acme-data.iam.gserviceaccount.com"]},
            "does not exist",
        ),
        ({"role": "roles/viewer", "members": ["allUsers"], "condition": {"expression": "true"}}, "version 3"),
    ],
)
def test_a_binding_that_cannot_be_is_refused(furnished: Google, binding: dict[str, Any], wrong: str) -> None:
    """Roles and members have their forms, accounts exist, conditions take version 3."""
    assert wrong in furnished.refused("POST", f"{TOPIC}:setIamPolicy", {"policy": {"bindings": [binding]}}).message


def test_googles_own_agents_need_not_be_made(furnished: Google) -> None:
    """The Pub/Sub agent is nobody's account."""
    agent = "serviceAccount:service-104106965527@gcp-sa-pubsub.iam.gserviceaccount.com"

    assert set_policy(furnished, TOPIC, {"role": "roles/pubsub.publisher", "members": [agent]})["bindings"]


def test_a_deleted_account_stays_in_policies_as_deleted(furnished: Google) -> None:
    """Made anew under the same name it is another account, without the roles."""
    set_policy(furnished, TOPIC, PUBLISHERS)
    furnished.delete(f"{ACCOUNTS}/{RUNTIME}")
    furnished.post(ACCOUNTS, {"accountId": "daily-prod"})
    (member,) = furnished.get(f"{TOPIC}:getIamPolicy")["bindings"][0]["members"]

    assert member.startswith(f"deleted:serviceAccount:{RUNTIME}?uid=")


def test_a_caller_has_what_a_policy_gives_and_no_more(furnished: Google) -> None:
    """An account that may publish to one topic publishes there, and neither elsewhere nor anything else."""
    set_policy(furnished, TOPIC, PUBLISHERS)
    furnished.put(f"{TOPICS}/other")
    account = furnished.as_caller(f"serviceAccount:{RUNTIME}")
    message = {"messages": [{"data": "eA=="}]}

    assert len(account.post(f"{TOPIC}:publish", message)["messageIds"]) == 1
    assert "pubsub.topics.publish" in account.refused("POST", f"{TOPICS}/other:publish", message).message
    assert account.refused("DELETE", TOPIC).status == "PERMISSION_DENIED"


def test_a_role_in_the_project_holds_for_all_that_is_in_it(furnished: Google) -> None:
    """What is given above holds below; an editor still can't give roles away."""
    set_policy(furnished, PROJECT_POLICY, {"role": "roles/editor", "members": ["user:ann@example.com"]})
    ann = furnished.as_caller("user:ann@example.com")

    assert ann.post(f"{SERVICES}?serviceId=daily", service())["done"]
    assert ann.refused("POST", f"{TOPIC}:setIamPolicy", {"policy": {}}).code == 403


def test_permissions_are_tested(furnished: Google) -> None:
    """testIamPermissions answers with those that the caller has."""
    set_policy(furnished, TOPIC, PUBLISHERS)
    account = furnished.as_caller(f"serviceAccount:{RUNTIME}")
    asked = ["pubsub.topics.publish", "pubsub.topics.delete"]

    found = account.post(f"{TOPIC}:testIamPermissions", {"permissions": asked})
    assert found == {"permissions": ["pubsub.topics.publish"]}


def test_an_old_reader_sees_conditions_as_odd_roles(furnished: Google) -> None:
    """Who asks for version 1 can't write back a policy that has lost its conditions unseen."""
    binding = {
        "role": "roles/viewer",
        "members": ["user:ann@example.com"],
        "condition": {"title": "t", "expression": OWN_PREFIX},
    }
    set_policy(furnished, PROJECT_POLICY, binding, version=3)
    asked = {"options": {"requestedPolicyVersion": 3}}

    assert furnished.post(f"{PROJECT_POLICY}:getIamPolicy", asked)["bindings"] == [binding]
    (old,) = furnished.post(f"{PROJECT_POLICY}:getIamPolicy")["bindings"]
    assert old["role"].startswith("roles/viewer_withcond_")


def test_conditions_on_a_bucket_take_uniform_access(google: Google) -> None:
    """With lists of rights on objects a condition would say nothing."""
    google.post(f"storage/v1/b?project={PROJECT}", {"name": "plain"})
    binding = {
        "role": "roles/viewer",
        "members": ["user:ann@example.com"],
        "condition": {"title": "t", "expression": OWN_PREFIX},
    }

    assert "uniform" in google.refused("PUT", "storage/v1/b/plain/iam", {"bindings": [binding], "version": 3}).message


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('resource.name == "a"', True),
        ('resource.name != "a" || resource.name.endsWith("a")', True),
        ('!(resource.name.contains("b")) && resource.type == "t"', True),
        ('resource.name.startsWith("b") || false && true', False),
        ("api.getAttribute('x', 'none') == 'one'", True),
        ('api.getAttribute("y", "none") == "none"', True),
        ('resource.service == "it\\"s"', False),
    ],
)
def test_a_condition_is_evaluated(expression: str, *, expected: bool) -> None:
    """Comparisons, the three methods on texts, both attributes and the three operators."""
    assert holds(expression, Attributes("a", type="t", api={"x": "one"})) is expected


@pytest.mark.parametrize(
    "expression",
    ["", "resource.name", "resource.nam == 'a'", "'a' == 'a", "true &&", "(true", "1 < 2", "true true", "!'a'"],
)
def test_a_condition_that_cannot_be_read_is_refused(expression: str) -> None:
    """Nothing is taken for true or false that the stand-in doesn't understand."""
    with pytest.raises(Refusal, match="can't be read"):
        holds(expression, Attributes("a"))


@given(st.text("ab/", max_size=6), st.text("ab/", max_size=6))
def test_the_condition_of_a_prefix_is_the_prefix(prefix: str, name: str) -> None:
    """For any two names the condition says what startswith says."""
    assert holds(f'resource.name.startsWith("{prefix}")', Attributes(name)) is name.startswith(prefix)
