"""Cloud Run: services, revisions, traffic, and what happens when a container doesn't come up."""

import pytest

from google_stand_in import IMAGE, REGION, RUNTIME, SERVICES, Google, container, rest, service

DAILY = f"{SERVICES}/daily"
CREATE = f"{SERVICES}?serviceId=daily"
NAME = f"{REGION}/services/daily"


def test_a_new_service_has_what_cloud_run_fills_in(furnished: Google) -> None:
    """Ports, limits, a probe, a timeout and the traffic are there though nobody asked for them."""
    furnished.post(CREATE, service())
    found = furnished.get(DAILY)
    made = found["template"]["containers"][0]

    assert made["resources"] == {"limits": {"cpu": "1000m", "memory": "512Mi"}, "cpuIdle": True}
    assert (made["ports"], made["startupProbe"]["tcpSocket"]) == (
        [{"name": "http1", "containerPort": 8080}],
        {"port": 8080},
    )
    assert (found["template"]["timeout"], found["template"]["maxInstanceRequestConcurrency"]) == ("300s", 80)
    assert found["trafficStatuses"][0]["revision"] == found["latestReadyRevision"].rpartition("/")[2]


def test_instance_based_billing_is_what_limits_without_cpu_idle_mean(furnished: Google) -> None:
    """Who writes resources and leaves out cpuIdle pays for the whole time: false, which proto's JSON leaves out."""
    furnished.post(CREATE, container(resources={"limits": {"cpu": "1"}}))

    assert "cpuIdle" not in furnished.get(DAILY)["template"]["containers"][0]["resources"]


def test_a_changed_template_is_a_new_revision_and_changed_labels_are_not(furnished: Google) -> None:
    """Each change is a generation; only the template makes revisions."""
    furnished.post(CREATE, service())
    furnished.patch(DAILY, service() | {"labels": {"team": "data"}})
    furnished.patch(DAILY, service(timeout="60s") | {"labels": {"team": "data"}})
    found = furnished.get(DAILY)

    assert (found["generation"], found["observedGeneration"]) == ("3", "3")
    assert len(furnished.get(f"{DAILY}/revisions")["revisions"]) == 2


def test_a_mask_names_what_is_changed(furnished: Google) -> None:
    """What isn't in the mask stays; a mask that names nothing of the schema is refused."""
    furnished.post(CREATE, service(timeout="60s"))
    furnished.patch(f"{DAILY}?updateMask=labels", {"labels": {"a": "b"}})

    assert furnished.get(DAILY)["template"]["timeout"] == "60s"
    assert "updateMask" not in furnished.get(DAILY)
    assert furnished.refused("PATCH", f"{DAILY}?updateMask=lables", {}).code == 400


def test_a_service_that_did_not_come_up_is_kept(furnished: Google) -> None:
    """Its operation fails, its condition says why, no revision is ready, and the name is taken."""
    furnished.control("startups", image=IMAGE)
    operation = furnished.post(CREATE, service())
    found = furnished.get(DAILY)

    assert operation["error"]["code"] == 9
    assert "failed to start and listen on the port" in operation["error"]["message"]
    assert found["terminalCondition"]["state"] == "CONDITION_FAILED"
    assert "latestReadyRevision" not in found
    assert furnished.refused("POST", CREATE, service()).code == 409


def test_the_old_revision_keeps_the_traffic_when_a_new_one_does_not_come_up(furnished: Google) -> None:
    """A broken image changes what was created last, not what serves."""
    furnished.post(CREATE, service())
    serving = furnished.get(DAILY)["latestReadyRevision"]
    furnished.control("startups", image="*broken*")
    furnished.patch(DAILY, container(image="broken"))
    found = furnished.get(DAILY)

    assert found["latestReadyRevision"] == serving != found["latestCreatedRevision"]
    assert found["trafficStatuses"][0]["revision"] == serving.rpartition("/")[2]
    assert (found["generation"], found["observedGeneration"]) == ("2", "1")


def test_a_fixed_image_brings_a_failed_service_up(furnished: Google) -> None:
    """Without a hand on it: another revision, and the condition is a success."""
    furnished.control("startups", times=1)
    furnished.post(CREATE, service())
    furnished.patch(DAILY, container(image="fixed"))

    assert furnished.get(DAILY)["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"


def test_traffic_goes_back_to_a_revision_by_its_name(furnished: Google) -> None:
    """A rollback is a traffic target that names a revision; a tag has an address of its own."""
    furnished.post(CREATE, service(revision="daily-one"))
    furnished.patch(DAILY, service(revision="daily-two"))
    by_name = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "daily-one", "percent": 100, "tag": "old"}
    furnished.patch(f"{DAILY}?updateMask=traffic", {"traffic": [by_name]})
    (status,) = furnished.get(DAILY)["trafficStatuses"]

    assert (status["revision"], status["uri"].startswith("https://old---daily-")) == ("daily-one", True)
    assert "has traffic" in furnished.refused("DELETE", f"{DAILY}/revisions/daily-one").message


def test_an_operation_that_takes_polls_shows_the_service_reconciling(furnished: Google) -> None:
    """Until it is done the service has no terminal condition that is a success."""
    furnished.control("faults", method="run.*.create", operation={"polls": 2})
    operation = furnished.post(CREATE, service())
    meanwhile = furnished.get(DAILY)
    polled = [furnished.get(f"run/v2/{operation['name']}") for _ in range(2)]

    assert (operation["done"], meanwhile["reconciling"]) == (False, True)
    assert [one["done"] for one in polled] == [False, True]
    assert polled[-1]["response"]["name"] == NAME
    assert "reconciling" not in furnished.get(DAILY)


def test_an_etag_of_before_is_refused(furnished: Google) -> None:
    """Who changes what another has changed meanwhile is told."""
    etag = furnished.post(CREATE, service())["response"]["etag"]
    furnished.patch(DAILY, service(timeout="60s"))

    assert furnished.refused("PATCH", DAILY, service() | {"etag": etag}).status == "ABORTED"


def test_validate_only_makes_nothing(furnished: Google) -> None:
    """The rules are checked, the service isn't there."""
    assert furnished.post(f"{CREATE}&validateOnly=true", service())["done"]
    assert furnished.refused("GET", DAILY).code == 404


def test_a_deleted_service_leaves_neither_revisions_nor_a_policy(furnished: Google) -> None:
    """One made under its name later begins anew."""
    furnished.post(CREATE, service())
    furnished.post(
        f"{DAILY}:setIamPolicy", {"policy": {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}}
    )
    furnished.delete(DAILY)

    assert not {"run.services", "run.revisions"} & set(furnished.control("inventory"))
    furnished.post(CREATE, service())
    assert "bindings" not in furnished.get(f"{DAILY}:getIamPolicy")


def test_googles_client_speaks_to_it(furnished: Google) -> None:
    """google-cloud-run by REST: create, wait, change, list, delete."""
    run_v2 = pytest.importorskip("google.cloud.run_v2", reason="google-cloud-run is in the extra deploy")
    client = run_v2.ServicesClient(transport=rest(furnished, run_v2.ServicesClient))
    template = run_v2.RevisionTemplate(containers=[run_v2.Container(image=IMAGE)], service_account=RUNTIME)
    wanted = run_v2.Service(template=template)
    made = client.create_service(parent=REGION, service=wanted, service_id="daily").result(timeout=20)
    made.template.timeout = "60s"
    client.update_service(service=made).result(timeout=20)

    assert made.terminal_condition.state == run_v2.Condition.State.CONDITION_SUCCEEDED
    assert [one.template.timeout.seconds for one in client.list_services(parent=REGION)] == [60]
    assert client.delete_service(name=NAME).result(timeout=20).name == NAME
