"""The life of an environment, by Terraform and the google provider: made, unchanged, repaired, changed, gone."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployable import EVERY_TRIGGER, entry, environment, full_environment, shop, variables
from pplns.errors import StoreError
from pplns_deploy.terraform import warn_of_changes
from service import serving
from terraforming import STATE_BUCKET, Google, Terraform, TerraformFailed, environment_on

pytestmark = [pytest.mark.needs_terraform, pytest.mark.slow]
Folders = pytest.TempPathFactory
SERVICES = "projects/acme-data/locations/europe-west1/services"
SUBSCRIPTIONS = "projects/acme-data/subscriptions"
JOBS = "projects/acme-data/locations/europe-west1/jobs"
BUCKET = "acme-data-pplns-prod"
DRIFT = (
    ("run.services", f"{SERVICES}/pplns-pipeline-1-prod", {"template.maxInstanceRequestConcurrency": 80}),
    ("cloudscheduler.jobs", f"{JOBS}/pplns-daily-orders-prod_us", {"schedule": "0 7 * * *"}),
    ("pubsub.subscriptions", f"{SUBSCRIPTIONS}/pplns-daily-orders-prod_returns", {"ackDeadlineSeconds": 10}),
    ("pubsub.topics", "projects/acme-data/topics/pplns-daily-orders-prod.dead-letters", None),
)
NUMBERED = ("monitoring.alertPolicies", "monitoring.dashboards")  # whose names are numbers
LATE = variables([entry("late", EVERY_TRIGGER[2])], environment("late"))
SERVICE_OF_1 = 'module.pipeline_service["pipeline_1"].google_cloud_run_v2_service'
REPAIRED = {
    f"{SERVICE_OF_1}.this": ["update"],
    f"{SERVICE_OF_1}_iam_binding.invokers": ["update"],
    'module.schedule["daily_orders/us"].google_cloud_scheduler_job.this': ["update"],
    'module.trigger_topic["orders-prod"].google_pubsub_subscription.push["pplns-daily-orders-prod_returns"]': [
        "update"
    ],
    'module.dead_letters["daily_orders"].google_pubsub_topic.this[0]': ["create"],
}
PIPELINES = """
from pplns import pipeline, step


@step
def count(region: str) -> int:
    return len(region)


@pipeline
def daily_orders(region: str = "us"):
    return count(region)


@pipeline
def pipeline_1(region: str = "us"):
    return count(region)
"""


@dataclass(frozen=True)
class Made:
    """Environments of one project. `late` is a pipeline whose container doesn't come up: `refusal` is what was said."""

    prod: Terraform
    test: Terraform
    late: Terraform
    refusal: str


@pytest.fixture(scope="module")
def made(root: Terraform, furnished: dict[str, Any], cloud: Google, tmp_path_factory: Folders) -> Iterator[Made]:
    """Three environments applied at once: the real provider mostly waits, 10 s after an account, 3 s after a grant.

    `prod` has three pipelines and `test` one, with all that there is to use."""
    cloud.control("startups", service="*pplns-late-late")
    folders = {name: tmp_path_factory.mktemp(name) for name in ("test", "late")}
    with (
        environment_on(cloud, folders["test"], prefix="test") as test,
        environment_on(cloud, folders["late"], prefix="late") as late,
    ):
        root.write(furnished)
        test.write(variables(shop(1), full_environment(name="test")))
        late.write(LATE)
        with ThreadPoolExecutor() as pool:
            refusal, *others = pool.map(_refusal, (late, root, test))
        assert others == ["", ""]
        cloud.control("clear")
        yield Made(root, test, late, refusal)


def _refusal(place: Terraform) -> str:
    """Apply, and return what Terraform failed with: of two of the three nothing."""
    try:
        place.apply()
    except TerraformFailed as failed:
        return str(failed)
    return ""


@pytest.fixture(scope="module")
def applied(made: Made) -> Terraform:
    """Three pipelines that use everything, applied."""
    return made.prod


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


def test_what_was_changed_by_hand_is_found_and_repaired(applied: Terraform, cloud: Google) -> None:
    """A service, a job, a subscription, a topic that is gone, a caller who was added: a plan shows exactly these."""
    service = f"{SERVICES}/pplns-pipeline-1-prod"
    for kind, name, change in DRIFT:
        cloud.control("drift", kind=kind, name=name, **({"set": change} if change else {"delete": True}))
    policy = cloud.call("GET", f"run/v2/{service}:getIamPolicy")
    policy["bindings"][0]["members"].append("user:mallory@example.com")
    cloud.call("POST", f"run/v2/{service}:setIamPolicy", {"policy": policy})

    found = applied.changes()
    applied.apply()

    assert {address: actions for address, actions in found.items() if "_iam_member" not in address} == REPAIRED
    assert all("dead_letters" in address for address in found.keys() - REPAIRED.keys())
    assert applied.changes() == {}
    assert "mallory" not in json.dumps(cloud.call("GET", f"run/v2/{service}:getIamPolicy"))


def test_a_pipeline_reaches_its_own_runs_and_no_others(applied: Terraform, cloud: Google) -> None:
    """Get, create, replace, delete and list: its own prefix works, its neighbour's is refused."""
    from pplns_deploy.emulator import storage_host

    host = storage_host(cloud.url, _token(cloud, "pplns-daily-orders-prod"))
    cloud.call("POST", f"upload/storage/v1/b/{BUCKET}/o?uploadType=media&name=pipeline_1%2Fruns%2Fx", {"of": "others"})

    assert [verb() for verb in _verbs(host, "daily_orders")] == [200, 200, 200, 200, 204]
    assert [verb() for verb in _verbs(host, "pipeline_1")] == [403] * 5
    assert [verb() for verb in _verbs(host, "daily_orders_too")] == [403] * 5
    assert json.loads(_object(cloud, BUCKET, "pipeline_1%2Fruns%2Fx")) == {"of": "others"}


def test_a_pipeline_has_the_datasets_that_are_named_and_no_others(applied: Terraform, cloud: Google) -> None:
    """Read and write of each, also of another project's; the access lists are BigQuery's own."""
    member = "pplns-daily-orders-prod@acme-data.iam.gserviceaccount.com"
    places = ("acme-data/datasets/raw", "acme-data/datasets/mart", "acme-other/datasets/shared")
    lists = [cloud.call("GET", f"bigquery/v2/projects/{place}")["access"] for place in places]

    roles = [[one["role"] for one in found if one.get("userByEmail") == member] for found in lists]
    assert roles == [["READER"], ["WRITER"], ["READER"]]


def test_a_service_runs_its_pipeline_with_the_settings_that_were_deployed(
    applied: Terraform, cloud: Google, tmp_path: Path
) -> None:
    """The container's server with the variables of the service, as its account; as a neighbour's it has no store."""
    from pplns_deploy.emulator import storage_host

    (tmp_path / "sales.py").write_text(PIPELINES, encoding="utf-8")
    path = f"run/v2/{SERVICES}/pplns-daily-orders-prod"
    variables_of = cloud.call("GET", path)["template"]["containers"][0]["env"]
    environ = {one["name"]: one["value"] for one in variables_of if "value" in one}
    headers = {"Authorization": f"Bearer {_unsigned_token(cloud, environ['PPLNS_AUDIENCE'])}"}
    own = storage_host(cloud.url, _token(cloud, "pplns-daily-orders-prod"))

    with serving(tmp_path, tmp_path, server="container", **environ, STORAGE_EMULATOR_HOST=own) as service:
        answer = service.post("/", {}, headers)
    neighbours = environ | {"PPLNS_PIPELINE": "pipeline_1"}
    with serving(tmp_path, tmp_path, server="container", **neighbours, STORAGE_EMULATOR_HOST=own) as service:
        refused = service.post("/", {}, headers)

    assert (answer.status, answer.json["result"]) == (200, 2), answer.body
    assert refused.status == 503
    assert "storage.objects" in refused.json["error"]["message"]


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


def test_another_environment_of_the_project_shares_nothing(made: Made, cloud: Google) -> None:
    """Applied at the same time, each has nothing to repair, before the other one goes and afterwards."""
    before, unchanged = cloud.inventory(), (made.prod.changes(), made.test.changes())

    made.test.destroy()

    after = cloud.inventory()
    gone = [(kind, name) for kind, names in before.items() for name in set(names) - set(after.get(kind, ()))]
    assert unchanged == ({}, {})
    assert all("test" in name for kind, name in gone if kind not in NUMBERED)
    assert made.prod.changes() == {}


def test_a_container_that_never_came_up_is_followed_by_one_that_does(made: Made, cloud: Google) -> None:
    """Cloud Run keeps the failed service and the state has it as tainted: the next apply replaces it."""
    kept = f"{SERVICES}/pplns-late-late" in cloud.inventory()["run.services"]

    made.late.apply()

    assert "failed to start" in made.refusal
    assert kept
    assert made.late.changes() == {}


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


def test_destroying_leaves_nothing(made: Made, cloud: Google) -> None:
    """What stays is what others made, and the states themselves; the last of these tests."""
    if BUCKET in cloud.inventory().get("storage.buckets", ()):
        _empty(cloud, BUCKET)

    with ThreadPoolExecutor() as pool:
        list(pool.map(Terraform.destroy, (made.prod, made.late)))

    left = {name for names in cloud.inventory().values() for name in names}
    assert not [name for name in left if "pplns" in name]
    assert made.prod.state() == made.late.state() == []


def _token(cloud: Google, account: str) -> str:
    """Return a token by which the stand-in knows a service account."""
    member = f"serviceAccount:{account}@acme-data.iam.gserviceaccount.com"
    cloud.control("callers", **{account: member})
    return account


def _unsigned_token(cloud: Google, audience: str) -> str:
    """Return a token of the account that people call as, as a container gets it: Cloud Run takes the signature off."""
    path = "iamcredentials/v1/projects/-/serviceAccounts/pplns--invoke-prod@acme-data.iam.gserviceaccount.com"
    token = cloud.call("POST", f"{path}:generateIdToken", {"audience": audience, "includeEmail": True})["token"]
    return f"{token.rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"


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
