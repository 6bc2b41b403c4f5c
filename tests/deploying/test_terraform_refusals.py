"""What Terraform and Google refuse, as errors that say what to do."""

from typing import Any

import pytest

from pplns.errors import ConfigError
from pplns_deploy.deploying.refusals import StalePlan, StateLocked, error_of, permissions_in, remedy_of, role_for

DENIED = (
    "Error 403: Permission 'pubsub.topics.create' denied on resource '//pubsub.googleapis.com/projects/acme' (or it"
    " may not exist)."
)
LOCKED = """writing "gs://state/terraform/default.tflock" failed: googleapi: Error 412: conditionNotMet
Lock Info:
  ID:        1732314159
  Path:      gs://state/terraform/default.tflock
  Operation: OperationTypeApply
  Who:       ann@laptop
  Version:   1.11.4
  Created:   2026-11-22 22:10:00 UTC
  Info:"""


def diagnostic(summary: str, detail: str = "", **values: Any) -> dict[str, Any]:
    return {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary, "detail": detail, **values}}


def test_a_missing_permission_names_the_role():
    """The one who deploys knows what to ask for."""
    address = 'module.trigger_topic["orders"].google_pubsub_topic.this[0]'

    error = error_of([diagnostic("Error creating Topic", DENIED, address=address)], "", command="apply")

    assert address in error.message
    assert "roles/pubsub.admin (for pubsub.topics.create)" in error.hint


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        ("run.services.create", "roles/run.admin"),
        ("run.services.get", "roles/run.viewer"),
        ("iam.serviceAccounts.actAs", "roles/iam.serviceAccountUser"),
        ("iam.serviceAccounts.create", "roles/iam.serviceAccountAdmin"),
        ("storage.buckets.create", "roles/storage.admin"),
        ("storage.objects.list", "roles/storage.objectUser"),
        ("spanner.databases.create", None),
    ],
)
def test_the_longest_known_beginning_says_the_role(permission: str, role: str | None):
    """Acting as an account is another role than making one."""
    assert role_for(permission) == role


def test_permissions_are_found_in_googles_words():
    """Each is named once."""
    assert permissions_in(f"{DENIED} {DENIED}") == ["pubsub.topics.create"]


def test_a_held_lock_names_its_holder_and_how_to_remove_it():
    """A process that was killed leaves its lock."""
    error = error_of([diagnostic("Error acquiring the state lock", LOCKED)], "", command="plan", environment="prod")

    assert isinstance(error, StateLocked)
    assert "ann@laptop is changing this environment since 2026-11-22 22:10:00 UTC" in error.message
    assert error.hint.endswith("pplns unlock 1732314159 --env prod")


def test_a_stale_plan_is_an_error_of_its_own():
    """So that a deployment can plan again."""
    assert isinstance(error_of([diagnostic("Saved plan is stale")], "", command="apply"), StalePlan)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("Error 403: Cloud Run Admin API has not been used in project 1 before or it is disabled", "pplns bootstrap"),
        ("storage: bucket doesn't exist", "pplns bootstrap"),
        ("could not find default credentials", "gcloud auth application-default login"),
        ("Error 503: UNAVAILABLE", "Do it again"),
        ("Invalid value", "Correct that"),
    ],
)
def test_each_refusal_has_a_remedy(text: str, remedy: str):
    """None is left without what to do."""
    assert remedy in remedy_of(text)


def test_init_that_fails_is_a_matter_of_configuration():
    """What was said without JSON is shown too."""
    error = error_of([], "Failed to query available provider packages", command="init")

    assert isinstance(error, ConfigError)
    assert "Failed to query available provider packages" in error.message


def test_an_environment_that_nobody_prepared_names_the_command():
    """Whoever deploys first needn't know what a backend is."""
    said = "Failed to get existing workspaces: querying Cloud Storage failed: storage: bucket doesn't exist"

    error = error_of([diagnostic(said)], "", command="init", environment="prod")

    assert isinstance(error, ConfigError)
    assert error.hint == "Prepare it once: pplns bootstrap --env prod"
