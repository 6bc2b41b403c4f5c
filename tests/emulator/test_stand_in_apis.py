"""The other APIs: what is made is read back, listed, changed and deleted, as their clients expect."""

import base64
from typing import Any

import pytest

from google_stand_in import (
    ACCOUNTS,
    ALERTS,
    CHANNELS,
    DASHBOARDS,
    JOBS,
    METRICS,
    PROJECT,
    REGION,
    REPOSITORIES,
    RUNTIME,
    SECRETS,
    SERVICES,
    SUBSCRIPTIONS,
    TOPICS,
    Google,
    alert,
    job,
    rest,
    service,
    subscription,
)

MAIL = {"type": "email", "labels": {"email_address": "data@example.com"}}
METRIC = {"name": "pplns/failed", "filter": 'jsonPayload.pplns_event="run_failed"'}
CRUD = [
    ("POST", JOBS, job(), f"{JOBS}/morning", {"description": "new"}, "description"),
    (
        "POST",
        f"{SECRETS}?secretId=password",
        {"replication": {"automatic": {}}},
        f"{SECRETS}/password?updateMask=labels",
        {"labels": {"a": "b"}},
        "labels",
    ),
    (
        "POST",
        f"{REPOSITORIES}?repositoryId=images",
        {"format": "DOCKER"},
        f"{REPOSITORIES}/images",
        {"description": "new"},
        "description",
    ),
    (
        "POST",
        DASHBOARDS,
        {"displayName": "runs", "name": "projects/1/dashboards/runs"},
        "monitoring/v1/projects/1/dashboards/runs",
        {"displayName": "new"},
        "displayName",
    ),
]


@pytest.mark.parametrize(("http", "path", "body", "own", "changes", "changed"), CRUD)
def test_what_is_made_can_be_read_changed_and_deleted(
    furnished: Google, http: str, path: str, body: object, own: str, changes: dict[str, Any], changed: str
) -> None:
    """A second one of the same name is 409; what was deleted is 404."""
    furnished.send(http, path, body)
    name = own.partition("?")[0]

    assert furnished.refused(http, path, body).code == 409
    if changed in ("description", "displayName") and name.startswith(JOBS):
        changes = job() | changes
    furnished.patch(own, changes)
    assert furnished.get(name)[changed] == changes[changed]
    furnished.delete(name)
    assert furnished.refused("GET", name).code == 404
    assert furnished.refused("DELETE", name).code == 404


def test_a_job_is_paused_and_shows_when_it_fires_next(furnished: Google) -> None:
    """A paused job has no next time."""
    made = furnished.post(JOBS, job(schedule="0 6 1 1 *", timeZone="Asia/Tokyo"))
    paused = furnished.post(f"{JOBS}/morning:pause")

    assert (made["state"], made["scheduleTime"][4:]) == ("ENABLED", "-12-31T21:00:00Z")
    assert (paused["state"], "scheduleTime" in paused) == ("PAUSED", False)
    assert furnished.post(f"{JOBS}/morning:resume")["state"] == "ENABLED"


def test_schedulers_client_speaks_to_it(furnished: Google) -> None:
    """google-cloud-scheduler by REST: create, list, pause, run, delete."""
    scheduler = pytest.importorskip("google.cloud.scheduler_v1", reason="google-cloud-scheduler is in the extra deploy")
    client = scheduler.CloudSchedulerClient(transport=rest(furnished, scheduler.CloudSchedulerClient))
    target = scheduler.HttpTarget(
        uri="https://daily.example/", oidc_token=scheduler.OidcToken(service_account_email=RUNTIME)
    )
    wanted = scheduler.Job(name=f"{REGION}/jobs/morning", schedule="0 6 * * *", http_target=target)
    made = client.create_job(parent=REGION, job=wanted)

    assert made.http_target.http_method == scheduler.HttpMethod.POST
    assert made.http_target.oidc_token.audience == "https://daily.example/"
    assert client.pause_job(name=made.name).state == scheduler.Job.State.PAUSED
    assert [one.name for one in client.list_jobs(parent=REGION)] == [made.name]
    client.delete_job(name=made.name)


def test_pubsubs_client_speaks_to_it(furnished: Google) -> None:
    """google-cloud-pubsub by REST: topics, and who may publish to them."""
    from google.pubsub_v1 import PublisherClient, SubscriberClient

    publisher: Any = PublisherClient(transport=rest(furnished, PublisherClient))
    subscriber: Any = SubscriberClient(transport=rest(furnished, SubscriberClient))
    topic = f"projects/{PROJECT}/topics/orders"
    made = subscriber.create_subscription(name=f"projects/{PROJECT}/subscriptions/all", topic=topic)

    assert [one.name for one in publisher.list_topics(project=f"projects/{PROJECT}")] == [topic]
    assert made.ack_deadline_seconds == 10
    assert publisher.publish(topic=topic, messages=[{"data": b"x"}]).message_ids


def test_a_subscription_outlives_its_topic(furnished: Google) -> None:
    """Its topic then is the one that is gone."""
    furnished.put(f"{SUBSCRIPTIONS}/sub", subscription())
    furnished.delete(f"{TOPICS}/orders")

    assert furnished.get(f"{SUBSCRIPTIONS}/sub")["topic"] == "_deleted-topic_"


def test_a_subscription_has_googles_defaults(furnished: Google) -> None:
    """It expires after 31 idle days and keeps messages for 7; its retries have bounds only if it has a policy."""
    furnished.put(f"{SUBSCRIPTIONS}/plain", subscription())
    furnished.put(f"{SUBSCRIPTIONS}/retried", subscription(retryPolicy={}, expirationPolicy={}))
    plain, retried = (furnished.get(f"{SUBSCRIPTIONS}/{name}") for name in ("plain", "retried"))

    assert (plain["expirationPolicy"]["ttl"], "retryPolicy" in plain) == ("2678400s", False)
    assert retried["retryPolicy"] == {"minimumBackoff": "10s", "maximumBackoff": "600s"}
    assert retried["expirationPolicy"] == {}


def test_versions_of_a_secret_are_numbered_and_read_back(google: Google) -> None:
    """A number is given once; what is destroyed can't be read."""
    google.post(f"{SECRETS}?secretId=password", {"replication": {"automatic": {}}})
    for word in (b"one", b"two"):
        google.post(f"{SECRETS}/password:addVersion", {"payload": {"data": base64.b64encode(word).decode()}})
    google.post(f"{SECRETS}/password/versions/1:destroy")
    latest = google.get(f"{SECRETS}/password/versions/latest:access")

    assert base64.b64decode(latest["payload"]["data"]) == b"two"
    assert latest["name"].endswith("/secrets/password/versions/2")
    assert "DESTROYED" in google.refused("GET", f"{SECRETS}/password/versions/1:access").message


def test_log_entries_are_written_and_found_again(google: Google) -> None:
    """By severity, by field and by text; the newest first if asked for."""
    entries = [{"severity": severity, "jsonPayload": {"pplns_event": event, "rows": rows}}
               for severity, event, rows in [("INFO", "run_started", 1), ("ERROR", "run_failed", 20)]]  # fmt: skip
    common = {"logName": f"projects/{PROJECT}/logs/run", "resource": {"type": "cloud_run_revision"}}
    google.post("logging/v2/entries:write", {**common, "entries": entries})

    def found(text: str) -> list[str]:
        asked = {"resourceNames": [f"projects/{PROJECT}"], "filter": text, "orderBy": "timestamp desc"}
        answer = google.post("logging/v2/entries:list", asked)["entries"]
        return [one["jsonPayload"]["pplns_event"] for one in answer]

    assert found("") == ["run_failed", "run_started"]
    assert found('severity>=ERROR AND resource.type="cloud_run_revision"') == ["run_failed"]
    assert found('jsonPayload.rows<10 OR jsonPayload.pplns_event=("a" OR "b")') == ["run_started"]
    assert found('NOT jsonPayload.pplns_event:"FAILED" "started"') == ["run_started"]
    assert found('jsonPayload.none!="x" jsonPayload.pplns_event=~"^run_f"') == ["run_failed"]


def test_a_metric_with_slashes_in_its_name(google: Google) -> None:
    """In paths it is encoded; replaced as a whole, but for the kind of its points."""
    google.post(METRICS, METRIC)
    path = f"{METRICS}/pplns%2Ffailed"

    assert google.get(path)["metricDescriptor"]["type"] == "logging.googleapis.com/user/pplns/failed"
    assert google.put(path, METRIC | {"description": "new"})["description"] == "new"
    gauge = METRIC | {"metricDescriptor": {"metricKind": "GAUGE"}}
    assert "changed" in google.refused("PUT", path, gauge).message


def test_a_channel_that_a_policy_names_stays(google: Google) -> None:
    """Deleted by force it is taken out of the policy."""
    channel = google.post(CHANNELS, MAIL)["name"]
    policy = google.post(ALERTS, alert(notificationChannels=[channel]))["name"]

    assert google.refused("DELETE", f"monitoring/v3/{channel}").status == "FAILED_PRECONDITION"
    google.delete(f"monitoring/v3/{channel}?force=true")
    assert google.get(f"monitoring/v3/{policy}")["notificationChannels"] == []


def test_a_dataset_shows_the_basic_roles_by_their_older_names(google: Google) -> None:
    """The access list is replaced as a whole; an etag of before is refused."""
    path = f"bigquery/v2/projects/{PROJECT}/datasets"
    etag = google.post(path, {"datasetReference": {"datasetId": "sales"}})["etag"]
    access = [{"role": "roles/bigquery.dataEditor", "userByEmail": "ann@example.com"}]
    google.patch(f"{path}/sales", {"access": access, "etag": etag})

    assert google.get(f"{path}/sales")["access"] == [{"role": "WRITER", "userByEmail": "ann@example.com"}]
    assert google.refused("PATCH", f"{path}/sales", {"etag": etag}).code == 412


def test_points_of_a_metric_are_read_back(google: Google) -> None:
    """As they were written, by the filter on their type."""
    series = [
        {"metric": {"type": f"custom.googleapis.com/{name}"}, "points": [{"value": {"int64Value": "1"}}]}
        for name in "ab"
    ]
    google.post(f"monitoring/v3/projects/{PROJECT}/timeSeries", {"timeSeries": series})
    query = "filter=metric.type%3D%22custom.googleapis.com/b%22&interval.endTime=2026-12-01T00:00:00Z"

    assert google.get(f"monitoring/v3/projects/{PROJECT}/timeSeries?{query}")["timeSeries"] == series[1:]


def test_an_api_that_is_not_enabled_is_refused_if_that_is_asked_for(furnished: Google) -> None:
    """As in a new project; enabling it opens it, by the project's number too."""
    furnished.control("services", enforce=True)
    refused = furnished.refused("POST", f"{SERVICES}?serviceId=daily", service())
    number = furnished.get(f"cloudresourcemanager/v1/projects/{PROJECT}")["projectNumber"]
    furnished.post(f"serviceusage/v1/projects/{number}/services/run.googleapis.com:enable")

    assert "run.googleapis.com API has not been used" in refused.message
    assert furnished.post(f"{SERVICES}?serviceId=daily", service())["done"]


def test_a_number_stands_for_its_project(furnished: Google) -> None:
    """Secret Manager answers with numbers, and takes them."""
    name = furnished.post(f"{SECRETS}?secretId=password", {"replication": {"automatic": {}}})["name"]

    assert PROJECT not in name
    assert furnished.get(f"secretmanager/v1/{name}")["name"] == name


def test_an_identity_token_is_googles_to_who_checks_it(furnished: Google) -> None:
    """Signed with the key whose certificate the stand-in serves, for the audience that was asked for."""
    pytest.importorskip("cryptography", reason="tokens are signed with the package cryptography")
    from google.auth import jwt

    path = f"iamcredentials/v1/projects/-/serviceAccounts/{RUNTIME}:generateIdToken"
    token = furnished.post(path, {"audience": "pplns", "includeEmail": True})["token"]
    decode: Any = jwt.decode
    claims = decode(token, certs=furnished.get("oauth2/v1/certs"), audience="pplns")

    assert (claims["email"], claims["iss"]) == (RUNTIME, "https://accounts.google.com")


def test_an_access_token_is_its_account(furnished: Google) -> None:
    """Whoever has it is held to what the account may; a disabled account gets none."""
    path = f"iamcredentials/v1/projects/-/serviceAccounts/{RUNTIME}:generateAccessToken"
    scope = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    account = Google(furnished.stand_in, furnished.post(path, scope)["accessToken"])

    assert account.refused("GET", TOPICS).status == "PERMISSION_DENIED"
    furnished.post(f"{ACCOUNTS}/{RUNTIME}:disable")
    assert "disabled" in furnished.refused("POST", path, scope).message
