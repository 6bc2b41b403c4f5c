"""What Google's pages forbid and its documents don't: each rule, broken once."""

from typing import Any

import pytest

from google_stand_in import (
    ACCOUNTS,
    ALERTS,
    CHANNELS,
    DASHBOARDS,
    IMAGE,
    JOBS,
    METRICS,
    REPOSITORIES,
    RUNTIME,
    SECRETS,
    SERVICES,
    SUBSCRIPTIONS,
    TOPICS,
    Google,
    alert,
    container,
    job,
    service,
    subscription,
)


def limits(cpu: str, memory: str, **template: Any) -> dict[str, Any]:
    """Return a service whose container has these limits."""
    resources = {"limits": {"cpu": cpu, "memory": memory}, "cpuIdle": True}
    return service(containers=[{"image": IMAGE, "resources": resources}], **template)


def env(*variables: dict[str, Any]) -> dict[str, Any]:
    """Return a service whose container has these variables."""
    return container(env=list(variables))


def traffic(*targets: dict[str, Any]) -> dict[str, Any]:
    """Return a service with this traffic."""
    return service() | {"traffic": list(targets)}


LATEST = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}
BY_NAME = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"}
GEN2 = {"executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2"}

SERVICE_RULES = [
    (limits("3", "1Gi"), "not one of 1, 2, 4, 6, 8"),
    (limits("0.05", "256Mi"), "0.08 to 1"),
    (limits("0.0805", "256Mi"), "steps of 0.001"),
    (limits("1", "5Gi"), "not between 0 and 4096"),
    (limits("4", "1Gi"), "not between 2048 and 16384"),
    (limits("6", "2Gi"), "not between 4096 and 24576"),
    (limits("8", "33Gi"), "not between 4096 and 32768"),
    (limits("400m", "600Mi"), "needs more CPU"),
    (limits("500m", "2Gi"), "needs more CPU"),
    (limits("1", "64Mi"), "at least 128Mi"),
    (limits("one", "1Gi"), "is not a quantity"),
    (limits("1", "1 GB"), "is not a quantity"),
    (limits("500m", "512Mi", maxInstanceRequestConcurrency=2), "not supported with concurrency"),
    (limits("500m", "512Mi", **GEN2), "second generation"),
    (limits("1", "256Mi", **GEN2), "at least 512Mi"),
    (container(resources={"limits": {"cpu": "500m", "memory": "512Mi"}}), "cpu_idle must be true"),
    (container(resources={"limits": {"disk": "1Gi"}}), "unknown"),
    (service(timeout="3601s"), "3600 seconds"),
    (service(timeout="0s"), "between 1 second"),
    (service(maxInstanceRequestConcurrency=1001), "between 0 and 1000"),
    (service(scaling={"minInstanceCount": 3, "maxInstanceCount": 2}), "greater or equal"),
    (service(containers=[]), "at least one container"),
    (container(image=""), "an image is required"),
    ({}, "a template is required"),
    (env({"name": "PORT", "value": "1"}), "reserved env names"),
    (env({"name": "K_SERVICE", "value": "1"}), "reserved env names"),
    (env({"name": "A=B", "value": "1"}), "has a '='"),
    (env({"name": "A", "value": "1"}, {"name": "A", "value": "2"}), "each once"),
    (env({"name": "A", "value": "x" * 32_769}), "32768 bytes"),
    (env({"name": "A", "value": "1", "valueSource": {}}), "a value and a source"),
    (container(startupProbe={"periodSeconds": 10, "failureThreshold": 25}), "at most 240 seconds"),
    (container(startupProbe={"periodSeconds": 5, "timeoutSeconds": 6}), "timeout_seconds at most"),
    (container(livenessProbe={"initialDelaySeconds": 3601}), "at most 3600"),
    (container(livenessProbe={"httpGet": {}, "tcpSocket": {}}), "only one of"),
    (container(ports=[{"containerPort": 1}, {"containerPort": 2}]), "only one port"),
    (service(labels={"Team": "data"}), "is invalid"),
    (service(labels={f"l{n}": "" for n in range(65)}), "at most 64"),
    (service() | {"customAudiences": ["a", "a"]}, "distinct"),
    (service(revision="other-1"), "prefixed by the service's name"),
    (traffic(LATEST | {"percent": 90}), "sum to 100"),
    (traffic(BY_NAME | {"percent": 100, "revision": "daily-9"}), "does not exist"),
    (traffic(LATEST | {"percent": 100, "tag": "a"}, LATEST | {"tag": "a"}), "unique"),
    (traffic(LATEST | {"percent": 100, "tag": "A"}), "traffic.tag"),
    (traffic(LATEST | {"percent": 100, "tag": "t" * 42}), "together are too long"),
    (traffic(LATEST | {"percent": 100, "revision": "daily-1"}), "named only with"),
    (service(serviceAccount="nobody@acme-data.iam.gserviceaccount.com"), "actAs"),
]


@pytest.mark.parametrize(("body", "wrong"), SERVICE_RULES, ids=[wrong for _, wrong in SERVICE_RULES])
def test_cloud_run_refuses(furnished: Google, body: object, wrong: str) -> None:
    """A service that breaks a rule isn't made."""
    assert wrong in furnished.refused("POST", f"{SERVICES}?serviceId=daily", body).message
    assert furnished.get(SERVICES) == {}


@pytest.mark.parametrize(
    "body",
    [
        limits("0.08", "512Mi"), limits("8", "32Gi"), limits("1000m", "4Gi"), limits("2", "128Mi"),
        service(timeout="3600s"), env({"name": "A", "value": "x" * 32_767}),
        container(startupProbe={"periodSeconds": 10, "failureThreshold": 24}),
    ],
)  # fmt: skip
def test_cloud_run_takes_what_is_just_within(furnished: Google, body: object) -> None:
    """The rules don't refuse more than they should."""
    assert furnished.post(f"{SERVICES}?serviceId=daily", body)["done"]


OIDC = {"serviceAccountEmail": "nobody@acme-data.iam.gserviceaccount.com"}
URI = "https://daily.example/"
PUSH = {"pushEndpoint": URI}
DEAD = "projects/acme-data/topics/orders"
ALWAYS_ON = {"filter": 'metric.type="a" AND resource.type="b"'}
NAMED = {"displayName": "one"}
TWO_LOGS = [NAMED | {"conditionMatchedLog": {"filter": "a"}}] * 2

BUCKETS = "storage/v1/b?project=acme-data"
MALFORMED_CRONS = ("0 6 * *", "61 * * * *", "0 6 L * *", "@daily", "* * * * * *", "")
MALFORMED_ACCOUNTS = ("short", "Upper-case", "a" * 31, "ends-in-hyphen-", "1-first")
MALFORMED_BUCKETS = ("ab", "Upper", "a" * 64, "10.0.0.1", "goog-mine", "my-google-bucket", "a..b", "a/b", "-a-")
KEEPING = {"k": {"id": "k", "action": "DELETE", "mostRecentVersions": {"keepCount": 2}}}
SUB = f"{SUBSCRIPTIONS}/sub"


def dead_letters(attempts: int, topic: str = DEAD) -> dict[str, Any]:
    """Return a subscription with this policy of dead letters."""
    return subscription(deadLetterPolicy={"deadLetterTopic": topic, "maxDeliveryAttempts": attempts})


OTHER_RULES: list[tuple[str, str, object, str]] = [
    ("POST", f"{SERVICES}?serviceId=Daily", service(), "only lowercase"),
    ("POST", f"{SERVICES}?serviceId={'a' * 50}", service(), "less than 50"),
    ("POST", f"{SERVICES}?serviceId=a-", service(), "hyphen"),
    ("POST", JOBS, job(name=f"{JOBS.removeprefix('cloudscheduler/v1/')}/a.b"), "job.name"),
    ("POST", JOBS, job(name="morning"), "must be formatted"),
    *(("POST", JOBS, job(schedule=cron), "is invalid") for cron in MALFORMED_CRONS),
    ("POST", JOBS, job(timeZone="Mars/Olympus"), "is invalid"),
    ("POST", JOBS, job(retryConfig={"retryCount": 6}), "between 0 and 5"),
    ("POST", JOBS, job(retryConfig={"maxDoublings": 17}), "between 0 and 16"),
    ("POST", JOBS, job(retryConfig={"minBackoffDuration": "20s", "maxBackoffDuration": "10s"}), "must not exceed"),
    ("POST", JOBS, job(attemptDeadline="14s"), "between 15 and 1800"),
    ("POST", JOBS, job(attemptDeadline="1801s"), "between 15 and 1800"),
    ("POST", JOBS, job(httpTarget={"uri": "ftp://x"}), "must begin with http"),
    ("POST", JOBS, job(httpTarget={"uri": URI + "x" * 2083}), "2083"),
    ("POST", JOBS, job(httpTarget={"uri": URI, "httpMethod": "GET", "body": "eA=="}), "have a body"),
    ("POST", JOBS, job(httpTarget={"uri": URI, "oidcToken": OIDC}), "actAs"),
    ("POST", JOBS, job(httpTarget={"uri": URI, "headers": {"a": "b" * 80_001}}), "80 KB"),
    ("POST", JOBS, job(pubsubTarget={"topicName": DEAD}), "Exactly one target"),
    ("POST", JOBS, job(description="x" * 501), "500 bytes"),
    *(("PUT", f"{TOPICS}/{name}", {}, "topic") for name in ("ab", "googled", "1st", "a" * 256, "a%2Fb")),
    ("PUT", f"{TOPICS}/later", {"messageRetentionDuration": "599s"}, "between 600"),
    ("PUT", f"{SUBSCRIPTIONS}/ab", subscription(), "3 to 255"),
    ("PUT", SUB, subscription(topic="projects/acme-data/topics/none"), "not found"),
    ("PUT", SUB, subscription(ackDeadlineSeconds=9), "between 10 and 600"),
    ("PUT", SUB, subscription(ackDeadlineSeconds=601), "between 10 and 600"),
    ("PUT", SUB, subscription(filter="x" * 257), "256 bytes"),
    ("PUT", SUB, subscription(retryPolicy={"maximumBackoff": "601s"}), "between 0 and 600"),
    ("PUT", SUB, subscription(retryPolicy={"minimumBackoff": "9s", "maximumBackoff": "8s"}), "exceed"),
    ("PUT", SUB, subscription(messageRetentionDuration="2678401s"), "and 2678400"),
    ("PUT", SUB, subscription(expirationPolicy={"ttl": "3600s"}), "one day"),
    ("PUT", SUB, dead_letters(4), "5 and 100"),
    ("PUT", SUB, dead_letters(101), "5 and 100"),
    ("PUT", SUB, dead_letters(5, DEAD + "x"), "not found"),
    ("PUT", SUB, subscription(pushConfig={"pushEndpoint": "daily"}), "Invalid push endpoint"),
    ("PUT", SUB, subscription(pushConfig=PUSH | {"oidcToken": OIDC}), "actAs"),
    *(("POST", ACCOUNTS, {"accountId": name}, "account_id") for name in MALFORMED_ACCOUNTS),
    ("POST", ACCOUNTS, {"accountId": "daily-test", "serviceAccount": {"displayName": "x" * 101}}, "100 bytes"),
    *(("POST", BUCKETS, {"name": name}, "Invalid bucket name") for name in MALFORMED_BUCKETS),
    ("POST", BUCKETS, {"name": "soft", "softDeletePolicy": {"retentionDurationSeconds": "60"}}, "604800"),
    ("POST", BUCKETS, {"name": "cycle", "lifecycle": {"rule": [{"action": {"type": "Delete"}}]}}, "condition"),
    ("POST", f"{REPOSITORIES}?repositoryId=Images", {"format": "DOCKER"}, "repository_id"),
    ("POST", f"{REPOSITORIES}?repositoryId=images", {}, "format"),
    ("POST", f"{REPOSITORIES}?repositoryId=images", {"format": "DOCKER", "cleanupPolicies": KEEPING}, "KEEP"),
    ("POST", f"{SECRETS}?secretId=a.b", {"replication": {"automatic": {}}}, "secret_id"),
    ("POST", f"{SECRETS}?secretId=password", {}, "replication"),
    ("POST", METRICS, {"name": "failed"}, "filter"),
    ("POST", METRICS, {"name": "failed", "filter": "severity>="}, "Unparseable"),
    ("POST", METRICS, {"name": "a b", "filter": "a"}, "no metric's name"),
    ("POST", METRICS, {"name": "a", "filter": "a", "labelExtractors": {"p": "EXTRACT(x)"}}, "label_extractors"),
    (
        "POST",
        METRICS,
        {"name": "a", "filter": "a", "metricDescriptor": {"valueType": "DISTRIBUTION"}},
        "value_extractor",
    ),
    ("POST", ALERTS, alert(conditions=[]), "1 to 6 conditions"),
    ("POST", ALERTS, alert(combiner="COMBINE_UNSPECIFIED"), "combiner"),
    ("POST", ALERTS, alert(notificationChannels=["projects/acme-data/notificationChannels/1"]), "not found"),
    ("POST", ALERTS, alert(conditions=[NAMED]), "exactly one kind"),
    ("POST", ALERTS, alert(conditions=[NAMED | {"conditionMatchedLog": {"filter": "a"}}]), "notification_rate_limit"),
    ("POST", ALERTS, alert(conditions=TWO_LOGS), "only condition"),
    ("POST", ALERTS, alert(conditions=[NAMED | {"conditionThreshold": {"filter": "x"}}]), "metric.type"),
    ("POST", ALERTS, alert(conditions=[NAMED | {"conditionAbsent": ALWAYS_ON | {"duration": "84601s"}}]), "84600"),
    (
        "POST",
        ALERTS,
        alert(conditions=[NAMED | {"conditionThreshold": ALWAYS_ON | {"duration": "61s"}}]),
        "whole number",
    ),
    ("POST", CHANNELS, {"type": "pigeon"}, "no type"),
    ("POST", CHANNELS, {"type": "email"}, "email_address"),
    ("POST", DASHBOARDS, {"gridLayout": {}}, "displayName"),
]


@pytest.mark.parametrize(("http", "path", "body", "wrong"), OTHER_RULES)
def test_an_api_refuses(furnished: Google, http: str, path: str, body: object, wrong: str) -> None:
    """A value that breaks a rule is refused with its name or its limits."""
    refused = furnished.refused(http, path, body)

    assert wrong in refused.message
    assert refused.code in (400, 403, 404)


def test_what_is_immutable_stays(furnished: Google) -> None:
    """A subscription's filter and topic can't be changed, nor can a repository's format or a secret's replication."""
    furnished.put(SUB, subscription(filter='attributes.a = "1"'))
    furnished.post(f"{SECRETS}?secretId=password", {"replication": {"automatic": {}}})
    furnished.post(f"{REPOSITORIES}?repositoryId=images", {"format": "DOCKER"})
    body = {"subscription": {"filter": ""}, "updateMask": "filter"}

    assert "not mutable" in furnished.refused("PATCH", f"{SUBSCRIPTIONS}/sub", body).message
    assert "changed" in furnished.refused("PATCH", f"{SECRETS}/password?updateMask=replication", {}).message
    assert "changed" in furnished.refused("PATCH", f"{REPOSITORIES}/images", {"format": "MAVEN"}).message


def test_a_project_has_a_hundred_accounts_at_most(google: Google) -> None:
    """The quota of accounts is a quota here too."""
    for number in range(100):
        google.post(ACCOUNTS, {"accountId": f"account-{number}"})

    assert google.refused("POST", ACCOUNTS, {"accountId": "one-more"}).code == 429


def test_a_revision_has_a_new_name(furnished: Google) -> None:
    """A changed template under the name of a revision that exists is 409."""
    furnished.post(f"{SERVICES}?serviceId=daily", service(revision="daily-one"))

    changed = service(revision="daily-one", timeout="60s")
    assert furnished.refused("PATCH", f"{SERVICES}/daily", changed).code == 409


@pytest.mark.parametrize(("version", "comes_up"), [("1", True), ("latest", True), ("2", False)])
def test_a_secret_that_is_read_has_to_be_there(furnished: Google, version: str, comes_up: bool) -> None:
    """A revision that names a version which there isn't doesn't come up; neither does one that may not read it."""
    furnished.post(f"{SECRETS}?secretId=password", {"replication": {"automatic": {}}})
    furnished.post(f"{SECRETS}/password:addVersion", {"payload": {"data": "eA=="}})
    reference = {"name": "P", "valueSource": {"secretKeyRef": {"secret": "password", "version": version}}}
    body = container(env=[reference])
    refused = furnished.post(f"{SERVICES}?serviceId=before", body)["error"]["message"]
    binding = {"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{RUNTIME}"]}
    furnished.post(f"{SECRETS}/password:setIamPolicy", {"policy": {"bindings": [binding]}})

    assert ("Permission denied on secret" if comes_up else "was not found") in refused
    assert ("response" in furnished.post(f"{SERVICES}?serviceId=after", body)) is comes_up
