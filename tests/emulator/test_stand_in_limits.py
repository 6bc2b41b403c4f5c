"""What Google's pages forbid of things that are there, and of calls that make none: each rule, broken once."""

from typing import Any

import pytest

from google_stand_in import (
    ACCOUNTS,
    ALERTS,
    DASHBOARDS,
    JOBS,
    METRICS,
    PROJECT,
    REPOSITORIES,
    RUNTIME,
    SECRETS,
    SERVICES,
    SUBSCRIPTIONS,
    TOPICS,
    Google,
    alert,
    job,
    service,
    subscription,
)

NOBODY = "iamcredentials/v1/projects/-/serviceAccounts/nobody@acme-data.iam.gserviceaccount.com"
CREDENTIALS = f"iamcredentials/v1/projects/-/serviceAccounts/{RUNTIME}"
OF_PROJECT = f"cloudresourcemanager/v1/projects/{PROJECT}"
ENABLED = f"serviceusage/v1/projects/{PROJECT}/services"
ENTRIES = "logging/v2/entries"
DATASETS = f"bigquery/v2/projects/{PROJECT}/datasets"
UPLOAD = "upload/storage/v1/b/acme-runs/o"
OBJECTS = "storage/v1/b/acme-runs/o"
URI = "https://daily.example/"
SCOPE = ["https://www.googleapis.com/auth/cloud-platform"]
LOG = {"logName": f"projects/{PROJECT}/logs/run", "resource": {"type": "global"}}
CONDITION = {"title": "t", "expression": 'resource.name == "a"'}
INVOKERS = {"role": "roles/run.invoker", "members": ["allUsers"], "condition": CONDITION}
CONDITIONS = [
    {"role": "roles/run.viewer", "members": ["user:a@b.c"],
     "condition": {"title": "t", "expression": f'resource.name == "{number}"'}} for number in range(21)
]  # fmt: skip
OIDC_OF_NOBODY = {"pushEndpoint": URI, "oidcToken": {"audience": "a"}}
BOTH_TOKENS = {"oidcToken": {"serviceAccountEmail": RUNTIME}, "oauthToken": {"serviceAccountEmail": RUNTIME}}
TWO_KINDS = {"k": {"id": "k", "action": "KEEP", "condition": {}, "mostRecentVersions": {"keepCount": 2}}}
SHORT = [{"filter": 'metric.type="a" resource.type="b"', "aggregations": [{"alignmentPeriod": "30s"}]}]
RULES = [{"action": {"type": "Delete"}, "condition": {"age": 1}}] * 101


def entry(**fields: Any) -> dict[str, Any]:
    """Return a request to write one entry that Logging takes, with some of its fields changed."""
    return {"entries": [{**LOG, "textPayload": "x", **fields}]}


@pytest.fixture
def there(furnished: Google) -> Google:
    """Return the owner of a cloud that has one of everything that a rule needs."""
    furnished.post(f"{SERVICES}?serviceId=daily", service())
    furnished.put(f"{SUBSCRIPTIONS}/sub", subscription())
    furnished.post(f"{SECRETS}?secretId=password", {"replication": {"automatic": {}}})
    furnished.post(f"{SECRETS}/password:addVersion", {"payload": {"data": "eA=="}})
    furnished.post(f"{SECRETS}/password/versions/1:destroy")
    furnished.post(METRICS, {"name": "failed", "filter": "a"})
    furnished.post(DASHBOARDS, {"displayName": "runs", "name": "projects/1/dashboards/runs"})
    furnished.post(DATASETS, {"datasetReference": {"datasetId": "sales"}})
    furnished.write("acme-runs", "here", b"data")
    return furnished


REFUSED: list[tuple[str, str, object, str]] = [
    ("POST", f"{NOBODY}:generateAccessToken", {"scope": SCOPE}, "Unknown service account"),
    ("POST", f"{CREDENTIALS}:generateAccessToken", {}, "needs a scope"),
    ("POST", f"{CREDENTIALS}:generateAccessToken", {"scope": SCOPE, "lifetime": "43201s"}, "at most 12 hours"),
    ("POST", f"{CREDENTIALS}:generateIdToken", {}, "audience"),
    ("GET", f"{ACCOUNTS}/nobody@acme-data.iam.gserviceaccount.com", None, "nobody@"),
    ("POST", DATASETS, {"datasetReference": {"datasetId": "sales-2"}}, "datasetId"),
    ("POST", DATASETS, {"datasetReference": {"datasetId": "sales"}}, "Already Exists"),
    ("POST", METRICS, {"name": "failed", "filter": "a"}, "already exists"),
    ("POST", METRICS, {"name": "other", "filter": 'a="'}, "Unparseable"),
    ("POST", METRICS, {"name": "other", "filter": "a)"}, "Unparseable"),
    ("POST", f"{ENTRIES}:list", {}, "resource_names"),
    ("POST", f"{ENTRIES}:write", entry(logName="run"), "no log's name"),
    ("POST", f"{ENTRIES}:write", {"entries": [{"logName": LOG["logName"]}]}, "resource"),
    ("POST", f"{ENTRIES}:write", entry(textPayload="x" * 262_145), "at most"),
    ("PATCH", "monitoring/v1/projects/1/dashboards/runs", {"displayName": "a", "etag": "b2xk"}, "etag"),
    ("POST", ALERTS, alert(conditions=[{"displayName": "a", "conditionThreshold": SHORT[0]}]), "60 seconds to 25"),
    ("POST", ALERTS, alert(notificationChannels=["c"] * 17), "at most 16"),
    ("PUT", f"{UPLOAD}?uploadType=resumable&upload_id=none", b"x", "no such upload"),
    ("POST", f"{UPLOAD}?uploadType=whole&name=a", b"x", "none of media"),
    ("POST", f"{UPLOAD}?uploadType=multipart&name=a", b"x", "boundary"),
    ("POST", f"{UPLOAD}?uploadType=resumable&name=a", b"{", "Invalid JSON"),
    ("POST", f"{UPLOAD}?uploadType=media&name={'a' * 1025}", b"x", "Invalid object name"),
    ("POST", f"{UPLOAD}?uploadType=media&name=a%0Ab", b"x", "without line breaks"),
    ("POST", "upload/storage/v1/b/nobodys/o?uploadType=media&name=a", b"x", "does not exist"),
    ("GET", f"{OBJECTS}/here?generation=1", None, "No such generation"),
    ("GET", "storage/v1/b/nobodys", None, "does not exist"),
    ("DELETE", "storage/v1/b/acme-runs", None, "not empty"),
    ("PATCH", "storage/v1/b/acme-runs", {"lifecycle": {"rule": RULES}}, "at most 100 rules"),
    ("PATCH", "storage/v1/b/acme-runs", {"iamConfiguration": {"publicAccessPrevention": "no"}}, "inherited or"),
    ("PATCH", "storage/v1/b/acme-runs?ifMetagenerationMatch=9", {}, "pre-conditions"),
    ("POST", f"{ENABLED}/run.googleapis.com:disable", {}, "is not enabled"),
    ("POST", f"{ENABLED}:batchEnable", {}, "1 to 20"),
    ("POST", f"{ENABLED}:batchEnable", {"serviceIds": [f"a{n}.googleapis.com" for n in range(21)]}, "1 to 20"),
    ("POST", f"{ENABLED}/cloudrun:enable", {}, "not found"),
    ("GET", f"{ENABLED}?filter=name:run", None, "state:ENABLED"),
    ("POST", f"{TOPICS}/orders:publish", {}, "1 to 1,000 messages"),
    ("POST", f"{TOPICS}/orders:publish", {"messages": [{"data": "eA=="}] * 1001}, "1 to 1,000 messages"),
    ("POST", f"{TOPICS}/orders:publish", {"messages": [{}]}, "data or an attribute"),
    ("PATCH", f"{SUBSCRIPTIONS}/sub", {"subscription": {"ackDeadlineSeconds": 60}}, "update_mask"),
    ("PUT", f"{SUBSCRIPTIONS}/other", subscription(pushConfig=OIDC_OF_NOBODY), "serviceAccountEmail"),
    ("POST", f"{REPOSITORIES}?repositoryId=a", {"format": "DOCKER", "cleanupPolicies": TWO_KINDS}, "one of condition"),
    ("POST", f"{SERVICES}/daily:setIamPolicy", {"policy": {"bindings": [INVOKERS], "version": 3}}, "not supported"),
    ("POST", f"{SERVICES}/daily:setIamPolicy", {}, "no policy"),
    ("POST", f"{OF_PROJECT}:setIamPolicy", {"policy": {"bindings": CONDITIONS, "version": 3}}, "at most 20"),
    ("POST", f"{SERVICES}?serviceId=other", service() | {"customAudiences": ["a" * 32_769]}, "32,768"),
    ("GET", f"{SERVICES}?pageToken=next", None, "page token"),
    ("POST", JOBS, job(retryConfig={"maxRetryDuration": "-1s"}), "must not be negative"),
    ("POST", JOBS, job(httpTarget={"uri": URI, **BOTH_TOKENS}), "only one of"),
    ("DELETE", f"{SECRETS}/password?etag=b2xk", None, "does not match"),
    ("POST", f"{SECRETS}/password:addVersion", {"payload": {}}, "1 to 65536"),
    ("POST", f"{SECRETS}/password/versions/1:enable", {}, "DESTROYED"),
    ("GET", f"{SECRETS}/password/versions/latest:access", None, "not found"),
]


@pytest.mark.parametrize(("http", "path", "body", "wrong"), REFUSED, ids=[f"{one[3]} {one[1]}"[:60] for one in REFUSED])
def test_a_call_that_breaks_a_rule_is_refused(there: Google, http: str, path: str, body: object, wrong: str) -> None:
    """With what is wrong, as one of Google's errors; the stand-in itself never fails."""
    refused = there.refused(http, path, body)

    assert wrong in refused.message
    assert 400 <= refused.code < 500


def test_a_bucket_that_is_kept_from_the_public_takes_no_grant_to_all(google: Google) -> None:
    """Public access prevention refuses such a binding."""
    body = {"name": "closed", "iamConfiguration": {"publicAccessPrevention": "enforced"}}
    google.post(f"storage/v1/b?project={PROJECT}", body)
    binding = {"role": "roles/storage.objectViewer", "members": ["allUsers"]}

    refused = google.refused("PUT", "storage/v1/b/closed/iam", {"bindings": [binding]})
    assert (refused.code, "public access prevention" in refused.message) == (412, True)


def test_the_name_of_a_bucket_is_everyones(google: Google) -> None:
    """Another project's is not available; one's own is said to be one's own."""
    google.add_bucket("acme-runs")

    assert "already own it" in google.refused("POST", f"storage/v1/b?project={PROJECT}", {"name": "acme-runs"}).message
    assert "shared by all" in google.refused("POST", "storage/v1/b?project=acme-other", {"name": "acme-runs"}).message


def test_parts_of_an_upload_come_in_order(there: Google) -> None:
    """A part that leaves a gap is refused, and so is a range that can't be read."""
    there.post(f"{UPLOAD}?uploadType=resumable&name=big", {})
    upload = next(iter(there.stand_in.cloud.uploads))

    def refusal(content_range: str) -> str:
        found = there.refused("PUT", f"{UPLOAD}?upload_id={upload}", b"xx", **{"Content-Range": content_range})
        return found.message

    assert "the part begins at 5" in refusal("bytes 5-6/9")
    assert "can't be read" in refusal("lines 1-2/3")


def test_a_range_behind_the_end_is_refused(there: Google) -> None:
    """There are four bytes."""
    assert there.refused("GET", f"{OBJECTS}/here?alt=media", Range="bytes=9-").code == 416
