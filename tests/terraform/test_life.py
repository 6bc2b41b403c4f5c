"""The life of an environment, by Terraform and the real provider: made, unchanged, repaired, changed, gone."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployable import EVERY_TRIGGER, entry, environment, full_environment, shop, variables
from pplns.errors import StoreError
from pplns_deploy.terraform import warn_of_changes
from terraforming import STATE_BUCKET, Google, Terraform, TerraformFailed, environment_on, google

pytestmark = [pytest.mark.needs_google_provider, pytest.mark.slow, pytest.mark.sampled(6)]
SERVICES = "projects/acme-data/locations/europe-west1/services"
JOBS = "projects/acme-data/locations/europe-west1/jobs"
BUCKET = "acme-data-pplns-prod"


@pytest.fixture(scope="module")
def applied(root: Terraform, furnished: dict[str, Any]) -> Terraform:
    """Three pipelines that use everything, applied."""
    root.write(furnished)
    root.apply()
    return root


def test_a_second_plan_is_empty(applied: Terraform) -> None:
    """What was applied reads back as it was written: nothing would change."""
    assert applied.changes() == {}


def test_the_state_is_in_the_bucket_and_holds_no_secret(applied: Terraform, cloud: Google) -> None:
    """The gcs backend keeps it; a secret's value isn't in it."""
    found = _object(cloud, STATE_BUCKET, "prod%2Fdefault.tfstate")

    assert json.loads(found)["version"] == 4
    assert b"warehouse-password" in found
    assert b"hunter2" not in found


def test_two_at_once_are_kept_apart_by_the_lock(applied: Terraform, cloud: Google) -> None:
    """Whoever finds a lock says who has it, and changes nothing."""
    lock = {"ID": "1763840000000000", "Operation": "OperationTypeApply", "Who": "ann@laptop", "Version": "1.11.4"}
    place = f"upload/storage/v1/b/{STATE_BUCKET}/o?uploadType=media&name=prod%2Fdefault.tflock"
    cloud.call("POST", place, lock)
    try:
        with pytest.raises(TerraformFailed, match=r"(?s)Error acquiring the state lock.*ann@laptop"):
            applied.run("plan", "-no-color", "-input=false", "-lock-timeout=0s")
    finally:
        cloud.call("DELETE", f"storage/v1/b/{STATE_BUCKET}/o/prod%2Fdefault.tflock")


@pytest.mark.parametrize(
    ("kind", "name", "change", "repaired"),
    [
        ("run.services", f"{SERVICES}/pplns-pipeline-1-prod", {"template.maxInstanceRequestConcurrency": 80}, ".this"),
        ("cloudscheduler.jobs", f"{JOBS}/pplns-daily-orders-prod_us", {"schedule": "0 7 * * *"}, ".this"),
        ("pubsub.subscriptions", "projects/acme-data/subscriptions/pplns-daily-orders-prod_returns",
         {"ackDeadlineSeconds": 10}, ".push["),
        ("pubsub.topics", "projects/acme-data/topics/pplns-daily-orders-prod.dead-letters", None, ".this[0]"),
    ],
)  # fmt: skip
def test_what_was_changed_by_hand_is_found_and_repaired(
    applied: Terraform, cloud: Google, kind: str, name: str, change: dict[str, Any] | None, repaired: str
) -> None:
    """A plan shows it, an apply puts it back."""
    cloud.control("drift", kind=kind, name=name, **({"set": change} if change else {"delete": True}))

    found = applied.changes()
    applied.apply()

    assert any(repaired in address for address in found)
    assert applied.changes() == {}


def test_an_invoker_who_was_added_by_hand_is_removed(applied: Terraform, cloud: Google) -> None:
    """The binding is authoritative, so that nobody stays who isn't declared."""
    place = f"run/v2/{SERVICES}/pplns-pipeline-1-prod"
    policy = cloud.call("GET", f"{place}:getIamPolicy")
    policy["bindings"][0]["members"].append("user:mallory@example.com")
    cloud.call("POST", f"{place}:setIamPolicy", {"policy": policy})

    found = applied.changes()
    applied.apply()

    assert list(found.values()) == [["update"]]
    assert "mallory" not in json.dumps(cloud.call("GET", f"{place}:getIamPolicy"))


def test_a_pipeline_reaches_its_own_runs_and_no_others(applied: Terraform, cloud: Google) -> None:
    """Get, create, replace, delete and list: its own prefix works, its neighbour's is refused."""
    from pplns_deploy.emulator import storage_host

    token = _token(cloud, "pplns-daily-orders-prod")
    for verb in _verbs(storage_host(cloud.url, token), "daily_orders"):
        assert verb() in (200, 204)
    for verb in _verbs(storage_host(cloud.url, token), "pipeline_1"):
        assert verb() == 403


def test_the_store_of_a_service_works_with_its_own_account_only(
    applied: Terraform, cloud: Google, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the runtime itself does with the bucket, as the pipeline's account."""
    from pplns.stores import open_store
    from pplns_deploy.emulator import storage_host

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_host(cloud.url, _token(cloud, "pplns-pipeline-2-prod")))
    store = open_store(f"gs://{BUCKET}", root=tmp_path)

    assert store.create("pipeline_2/runs/r1/run.json", b"{}")
    assert store.read("pipeline_2/runs/r1/run.json") == b"{}"
    assert store.read("pipeline_2/runs/none/run.json") is None
    assert store.children("pipeline_2/runs/") == ["r1/"]
    with pytest.raises(StoreError, match=r"403|may not|refused|role"):
        store.read("daily_orders/runs/r1/run.json")
    store.delete("pipeline_2/runs/r1/run.json")


def test_a_schedule_that_is_removed_takes_exactly_its_job_with_it(
    applied: Terraform, furnished: dict[str, Any]
) -> None:
    """Nothing else of the pipeline changes."""
    fewer = json.loads(json.dumps(furnished))
    del fewer["pipelines"]["daily_orders"]["schedules"]["us"]
    applied.write(fewer)

    found = applied.changes()
    applied.write(furnished)

    alerts = {address: actions for address, actions in found.items() if "observability" in address}
    notes = {address: actions for address, actions in found.items() if "terraform_data" in address}
    assert {address: actions for address, actions in found.items() if address not in {*alerts, *notes}} == {
        'module.schedule["daily_orders/us"].google_cloud_scheduler_job.this': ["delete"]
    }
    assert all(actions == ["update"] for actions in notes.values())
    assert alerts == {"module.observability.google_monitoring_alert_policy.scheduler[0]": ["update"]}


def test_a_paused_pipeline_keeps_its_messages_and_fires_no_schedule(
    applied: Terraform, furnished: dict[str, Any]
) -> None:
    """Jobs are paused and pushes become pulls; continuations go on, and so does the hourly question."""
    paused = json.loads(json.dumps(furnished))
    paused["pipelines"]["daily_orders"]["paused"] = True
    applied.write(paused)

    found = applied.plan()["resource_changes"]
    applied.write(furnished)

    changed = {one["address"]: one["change"] for one in found if one["change"]["actions"] == ["update"]}
    jobs = [one["after"] for address, one in changed.items() if "module.schedule" in address]
    pushes = [one["after"] for address, one in changed.items() if "google_pubsub_subscription.push" in address]
    assert [one["paused"] for one in jobs] == [True, True]
    assert [one["push_config"] for one in pushes] == [[], [], []]
    assert not any("continuations" in address for address in changed)
    assert all(one["change"]["actions"] in (["no-op"], ["read"], ["update"]) for one in found)


def test_another_environment_of_the_project_shares_nothing(
    applied: Terraform, furnished: dict[str, Any], cloud: Google, tmp_path: Path
) -> None:
    """Applied beside the first it makes everything anew, and the first has nothing to repair afterwards."""
    test = variables(shop(1), environment("test"))
    with environment_on(cloud, tmp_path, prefix="test") as other:
        other.write(test)
        other.apply()
        before = cloud.inventory()
        unchanged = applied.changes()
        other.destroy()
        after = cloud.inventory()

    assert unchanged == {}
    gone = {kind: set(names) - set(after.get(kind, ())) for kind, names in before.items()}
    assert all(
        "test" in name
        for names in gone.values()
        for name in names
        if "/alertPolicies/" not in name and "dashboards" not in name
    )
    assert applied.changes() == {}


def test_a_container_that_never_came_up_is_followed_by_one_that_does(cloud: Google, tmp_path: Path) -> None:
    """Cloud Run keeps the failed service and Terraform forgets it; naming it in `adopt` is all that the tool does."""
    place = variables([entry("late", EVERY_TRIGGER[2])], environment("late"))
    with environment_on(cloud, tmp_path, prefix="late") as made:
        made.write(place)
        cloud.control("startups", service="*pplns-late-late")
        with pytest.raises(TerraformFailed, match=r"failed to start|Error waiting"):
            made.apply()
        cloud.control("clear")
        kept = f"{SERVICES}/pplns-late-late" in cloud.inventory()["run.services"]
        is_managed = any("google_cloud_run_v2_service.this" in address for address in made.state())
        made.write(place if is_managed else {**place, "adopt": ["late"]})
        made.apply()
        made.write(place)

        assert kept
        assert made.changes() == {}
        made.destroy()


def test_a_pipeline_that_is_renamed_is_warned_of(applied: Terraform, furnished: dict[str, Any]) -> None:
    """The plan replaces it, and the warning says what that loses."""
    renamed = json.loads(json.dumps(furnished))
    renamed["pipelines"]["nightly_orders"] = {
        **variables([entry("nightly_orders")])["pipelines"]["nightly_orders"],
        "description": furnished["pipelines"]["pipeline_2"]["description"],
    }
    del renamed["pipelines"]["pipeline_2"]
    applied.write(renamed)

    found = applied.changes()
    applied.write(furnished)

    [warned] = warn_of_changes(furnished, renamed)
    assert warned.pipeline == "pipeline_2"
    assert "called 'nightly_orders' now" in warned.message
    assert found['module.pipeline_service["pipeline_2"].google_cloud_run_v2_service.this'] == ["delete"]
    assert found['module.pipeline_service["nightly_orders"].google_cloud_run_v2_service.this'] == ["create"]


def test_destroying_leaves_nothing(applied: Terraform, cloud: Google) -> None:
    """What stays is what others made, and the state itself; the last of these tests."""
    _empty(cloud, BUCKET)

    applied.destroy()

    left = {name for names in cloud.inventory().values() for name in names}
    assert not [name for name in left if "pplns" in name]
    assert applied.state() == []


@pytest.mark.parametrize("count", [1, 50])
def test_an_environment_of_any_size_is_made_and_destroyed(
    count: int, tmp_path: Path, sample: Callable[..., int]
) -> None:
    """Apply, an empty second plan, destroy: for one pipeline and, with --full, for fifty."""
    if count > sample(full=50, ci=1):
        pytest.skip("fifty pipelines take some minutes: --full")
    with google() as cloud, environment_on(cloud, tmp_path) as made:
        channel = cloud.furnish()
        made.write(variables(shop(count), full_environment(notification_channels=(channel,))))
        made.apply()

        assert made.changes() == {}
        assert len(cloud.inventory()["run.services"]) == count
        made.destroy()
        assert "run.services" not in cloud.inventory()


def _token(cloud: Google, account: str) -> str:
    """Return a token by which the stand-in knows a service account."""
    member = f"serviceAccount:{account}@acme-data.iam.gserviceaccount.com"
    cloud.control("callers", **{account: member})
    return account


def _verbs(host: str, pipeline: str) -> list[Callable[[], int]]:
    """Return a request for each of create, get, replace, list and delete, to an object of a pipeline."""
    name, upload = (
        f"{pipeline}%2Fruns%2Fx",
        f"upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={pipeline}%2Fruns%2Fx",
    )
    objects = f"storage/v1/b/{BUCKET}/o"
    calls = [
        ("POST", f"{upload}&ifGenerationMatch=0"), ("GET", f"{objects}/{name}"), ("POST", upload),
        ("GET", f"{objects}?prefix={pipeline}%2F"), ("DELETE", f"{objects}/{name}"),
    ]  # fmt: skip
    return [lambda method=method, path=path: _status(f"{host}/{path}", method) for method, path in calls]


def _status(url: str, method: str) -> int:
    request = urllib.request.Request(url, b"{}" if method == "POST" else None, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _object(cloud: Google, bucket: str, name: str) -> bytes:
    request = urllib.request.Request(
        f"{cloud.url}/storage/v1/b/{bucket}/o/{name}?alt=media", headers={"Authorization": "Bearer owner"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return bytes(response.read())


def _empty(cloud: Google, bucket: str) -> None:
    for one in cloud.call("GET", f"storage/v1/b/{bucket}/o").get("items", ()):
        cloud.call("DELETE", f"storage/v1/b/{bucket}/o/{one['name'].replace('/', '%2F')}")
