"""What a plan would do, read from Terraform's JSON: by pipeline, with what is lost, and whether it is traffic alone."""

from typing import Any

import click
import pytest

from pplns_deploy.cli.deployments import loss_warnings, plan_lines
from pplns_deploy.deploying.stages import Destruction
from pplns_deploy.deploying.summary import (
    LOSSES,
    Change,
    PlanSummary,
    beyond_traffic,
    same_named_revisions,
    summarize,
)

SERVICE = 'module.pipeline_service["sales"].google_cloud_run_v2_service.this'
OLD = {
    "name": "pplns-sales-prod", "traffic": [{"percent": 100}], "etag": "1",
    "template": [{"revision": "r1", "containers": [{"image": "old", "env": []}]}],
}  # fmt: skip


def resource(address: str, *actions: str, **change: Any) -> dict[str, Any]:
    kind = address.rpartition("]." if "]." in address else ".")[2].split(".")[0]
    found = {"address": address, "type": kind, "mode": "managed", "change": {"actions": list(actions), **change}}
    index = address.rpartition('["')[2].partition('"]')
    return found | ({"index": index[0]} if address.endswith('"]') else {})


def plan(*resources: dict[str, Any]) -> dict[str, Any]:
    variables = {"pipelines": {"value": {"sales": {"service": "pplns-sales-prod"}}}}
    return {"format_version": "1.2", "variables": variables, "resource_changes": list(resources)}


def updated(after: dict[str, Any]) -> dict[str, Any]:
    return plan(resource(SERVICE, "update", before=OLD, after={**OLD, **after}, after_unknown={"etag": True}))


def test_a_new_image_is_named_field_by_field():
    """Of a service's container it is said what differs, and what Cloud Run fills in doesn't count."""
    after = {"etag": "?", "template": [{"revision": "r2", "containers": [{"image": "new", "env": []}]}]}

    (change,) = summarize(updated(after)).changes

    assert (change.pipeline, change.action, change.kind) == ("sales", "update", "service")
    assert change.fields == ("image", "revision")


def test_traffic_alone_is_traffic_alone():
    """The second apply is let through."""
    assert beyond_traffic(updated({"traffic": [{"percent": 100, "revision": "r2"}]})) == ()


def test_what_is_empty_is_as_what_is_not_there():
    """The provider says now this, now that, of a service that it has just made."""
    after = {"traffic": [{"percent": 100, "revision": "r2"}], "annotations": {}, "labels": None, "etag": "1"}

    assert beyond_traffic(updated({**after, "custom_audiences": []})) == ()


def test_traffic_with_anything_else_is_refused():
    """Another field of the service, or another resource, is named."""
    more = updated({"traffic": [], "ingress": "internal"})
    more["resource_changes"].append(resource("module.platform.google_service_account.this", "create", after={}))

    assert beyond_traffic(more) == (
        "module.platform.google_service_account.this (create)", f"{SERVICE} (update: ingress, traffic)",
    )  # fmt: skip


def test_a_replaced_subscription_loses_its_backlog():
    """It is said of the pipeline whose trigger it is, though its topic is shared."""
    address = 'module.trigger_topic["orders"].google_pubsub_subscription.push["pplns-sales-prod_pubsub"]'
    values = {"name": "pplns-sales-prod_pubsub", "filter": "a"}

    found = summarize(plan(resource(address, "delete", "create", before=values, after={**values, "filter": "b"})))

    (lost,) = found.losses
    assert (lost.pipeline, lost.action, lost.fields) == ("sales", "replace", ("filter",))
    assert lost.loss == "the messages that wait in it are lost"


def test_a_destroyed_bucket_loses_data():
    """What nobody can make again is never destroyed silently."""
    values = {"name": "acme-pplns-prod"}

    found = summarize(plan(resource("module.state_bucket[0].google_storage_bucket.this", "delete", before=values)))

    assert [one.pipeline for one in found.losses] == [None]


def test_notes_in_the_state_are_no_change_of_the_cloud():
    """They are applied, but nobody is told of a resource."""
    address = 'module.pipeline_service["sales"].terraform_data.settings'

    found = summarize(plan(resource(address, "update", before={"input": "a"}, after={"input": "b"})))

    assert not found.is_empty
    assert (found.of("sales"), found.count("update")) == ((), 0)


def test_what_stays_and_what_is_only_read_are_left_out():
    """An empty plan is empty."""
    read = {**resource("data.google_project.this", "read", after={}), "mode": "data"}

    assert summarize(plan(resource(SERVICE, "no-op", before=OLD, after=OLD), read)).is_empty


def test_a_changed_container_under_an_old_name_is_found():
    """Cloud Run refuses it, so the pipeline gets another revision before anything is applied."""
    after = {"template": [{"revision": "r1", "containers": [{"image": "old", "env": [{"name": "A"}]}]}]}

    assert same_named_revisions(updated(after)) == (SERVICE,)
    assert same_named_revisions(updated({"traffic": []})) == ()


@pytest.mark.parametrize(
    ("kind", "after", "name"),
    [
        ("google_pubsub_topic_iam_member", {"role": "roles/a", "topic": "projects/p/topics/t"}, "roles/a on t"),
        ("google_storage_bucket_iam_member", {"role": "roles/a", "bucket": "b"}, "roles/a on b"),
        ("google_service_account_iam_member", {"role": "roles/a"}, "roles/a"),
        ("google_monitoring_dashboard", {"dashboard_json": '{"displayName": "pplns prod"}'}, "pplns prod"),
        ("google_unheard_of", {}, "module.m.google_unheard_of.this"),
    ],
)
def test_each_resource_is_named_for_people(kind: str, after: dict[str, Any], name: str):
    """A grant by its role, and on what if that is known before it is made; a dashboard by its title."""
    made = resource(f"module.m.{kind}.this", "create", after=after)

    (change,) = summarize(plan({**made, "type": kind})).changes

    assert change.name == name


def test_what_is_destroyed_first_is_not_named_again():
    """With data there are two plans; the second one begins with what the first one leaves."""
    bucket = "module.state_bucket[0].google_storage_bucket.this"
    service = resource(SERVICE, "delete", before=OLD)
    first = summarize(plan(service, resource(bucket, "update", before={"name": "b"}, after={"name": "b"})))
    whole = summarize(plan(service, resource(bucket, "delete", before={"name": "b"})))

    assert [one.address for one in Destruction({}, whole, first).rest.changes] == [bucket]
    assert Destruction({}, whole).rest == whole


@pytest.mark.parametrize("count", [3, 4])
def test_many_losses_of_a_kind_are_one_warning(count: int):
    """Taking an environment down names each resource in its plan; nobody reads fifty warnings below it."""
    loss = LOSSES["google_pubsub_topic"]
    gone = [Change(f"a.{n}", "google_pubsub_topic", "destroy", f"t{n}", "sales", loss=loss) for n in range(count)]
    bucket = Change("b", "google_storage_bucket", "destroy", "runs", None, loss="all is lost")

    warnings = list(loss_warnings(PlanSummary((bucket, *gone))))

    of_topics = [f"t{n} (topic) is destroyed: {loss}." for n in range(3)]
    of_many = [f"4 topics are destroyed, as shown above; of each: {loss}."]
    assert warnings == ["runs (bucket) is destroyed: all is lost.", *(of_topics if count == 3 else of_many)]


def test_an_api_that_leaves_the_state_stays_enabled():
    """Others in the project use it, and a plan that takes an environment down says so."""
    values = {"service": "run.googleapis.com"}
    address = 'module.platform[0].google_project_service.this["run.googleapis.com"]'

    lines = list(plan_lines(summarize(plan(resource(address, "delete", before=values)))))

    assert click.unstyle(lines[1]) == "  - API run.googleapis.com  (stays enabled)"


def test_grants_to_google_are_told_from_those_to_the_pipeline():
    """Both publish to the pipeline's dead letters."""
    values = {"role": "roles/pubsub.publisher", "topic": "projects/acme/topics/dead"}
    agent = "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com"
    members = {"moved": {"member": agent}, "own": {}}
    address = 'module.pipeline_service["sales"].google_pubsub_topic_iam_member'
    made = [resource(f"{address}.{name}", "create", after=values | one) for name, one in members.items()]

    found = summarize(plan(*made))

    given = "roles/pubsub.publisher on dead"
    assert {one.name for one in found.changes} == {f"{given} for Pub/Sub", given}
