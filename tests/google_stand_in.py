"""The stand-in of Google's APIs as tests ask it: requests of a caller, what is made beforehand, and refusals."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest

from pplns_deploy.emulator import StandIn

Json = dict[str, Any]
PROJECT = "acme-data"
REGION = f"projects/{PROJECT}/locations/us-central1"
SERVICES = f"run/v2/{REGION}/services"
JOBS = f"cloudscheduler/v1/{REGION}/jobs"
ACCOUNTS = f"iam/v1/projects/{PROJECT}/serviceAccounts"
TOPICS, SUBSCRIPTIONS = (f"pubsub/v1/projects/{PROJECT}/{kind}" for kind in ("topics", "subscriptions"))
SECRETS = f"secretmanager/v1/projects/{PROJECT}/secrets"
REPOSITORIES = f"artifactregistry/v1/{REGION}/repositories"
METRICS = f"logging/v2/projects/{PROJECT}/metrics"
ALERTS, CHANNELS = (f"monitoring/v3/projects/{PROJECT}/{kind}" for kind in ("alertPolicies", "notificationChannels"))
DASHBOARDS = f"monitoring/v1/projects/{PROJECT}/dashboards"
RUNTIME = f"daily-prod@{PROJECT}.iam.gserviceaccount.com"
OWN_PREFIX = (  # the condition of an account that has one prefix of a bucket
    'resource.name.startsWith("projects/_/buckets/acme-runs/objects/runs/daily/") ||'
    ' api.getAttribute("storage.googleapis.com/objectListPrefix", "").startsWith("runs/daily/")'
)
IMAGE = "us-central1-docker.pkg.dev/acme-data/images/daily@sha256:00"


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that is an error."""

    code: int
    status: str
    message: str


class Google:
    """Sends requests to a stand-in as the caller of a token."""

    def __init__(self, stand_in: StandIn, token: str = "owner") -> None:
        self.stand_in = stand_in
        self.url = stand_in.url
        self.token = token

    def as_caller(self, member: str) -> "Google":
        """Return the same for another caller, whom the stand-in then knows."""
        self.control("callers", **{f"token-of-{member}": member})
        return Google(self.stand_in, f"token-of-{member}")

    def send(self, http: str, path: str, body: object = None, **more: str) -> Json:
        """Send a request, with more headers if they are given, and return what it answers."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **more}
        request = urllib.request.Request(f"{self.url}/{path}", data, headers, method=http)
        with urllib.request.urlopen(request, timeout=30) as answered:
            found: Json = json.loads(answered.read() or b"{}")
            return found

    def get(self, path: str) -> Json:
        """Read."""
        return self.send("GET", path)

    def post(self, path: str, body: object = None) -> Json:
        """Create, or do something."""
        return self.send("POST", path, body or {})

    def put(self, path: str, body: object = None) -> Json:
        """Create or replace under a name."""
        return self.send("PUT", path, body or {})

    def patch(self, path: str, body: object) -> Json:
        """Change."""
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> Json:
        """Delete."""
        return self.send("DELETE", path)

    def refused(self, http: str, path: str, body: object = None, **more: str) -> Refused:
        """Send a request that is refused, and return how."""
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.send(http, path, body, **more)
        with caught.value as error:
            found = json.loads(error.read())["error"]
        assert found["code"] == error.code
        return Refused(error.code, found["status"], found["message"])

    def control(self, command: str, **body: Any) -> Json:
        """Give the stand-in a command."""
        return self.post(f"_control/{command}", body)

    def furnish(self) -> None:
        """Make the account that services run as, a topic and a bucket."""
        self.post(ACCOUNTS, {"accountId": "daily-prod"})
        self.put(f"{TOPICS}/orders")
        self.add_bucket("acme-runs")

    def add_bucket(self, name: str) -> None:
        """Make a bucket with uniform access."""
        uniform = {"uniformBucketLevelAccess": {"enabled": True}}
        self.post(f"storage/v1/b?project={PROJECT}", {"name": name, "iamConfiguration": uniform})

    def write(self, bucket: str, name: str, data: bytes = b"data", **query: object) -> Json:
        """Write an object at once."""
        more = "".join(f"&{key}={value}" for key, value in query.items())
        return self.send("POST", f"upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}{more}", data)


def service(**template: Any) -> Json:
    """Return a service that Cloud Run takes, with its template changed."""
    return {"template": {"serviceAccount": RUNTIME, "containers": [{"image": IMAGE}], **template}}


def container(**fields: Any) -> Json:
    """Return a service that Cloud Run takes, with its container changed."""
    return service(containers=[{"image": IMAGE, **fields}])


def job(**fields: Any) -> Json:
    """Return a job that Scheduler takes, with some fields changed."""
    target = {"uri": "https://daily.example/pipelines/daily/runs"}
    return {"name": f"{REGION}/jobs/morning", "schedule": "0 6 * * *", "httpTarget": target, **fields}


def subscription(**fields: Any) -> Json:
    """Return a subscription that Pub/Sub takes, with some fields changed."""
    return {"topic": f"projects/{PROJECT}/topics/orders", **fields}


def alert(**fields: Any) -> Json:
    """Return an alert policy that Monitoring takes, with some fields changed."""
    text = 'metric.type="logging.googleapis.com/user/failed" AND resource.type="cloud_run_revision"'
    condition = {"displayName": "failed", "conditionThreshold": {"filter": text, "comparison": "COMPARISON_GT"}}
    return {"displayName": "failed", "combiner": "OR", "conditions": [condition], **fields}


def rest(google: Google, client: Any) -> Any:
    """Return a client's REST transport to the stand-in: over plain HTTP, which no option asks for."""
    from google.oauth2.credentials import Credentials

    credentials: Any = Credentials
    api = client.DEFAULT_ENDPOINT.partition(".")[0]
    host = f"{google.url.removeprefix('http://')}/{api}"
    return client.get_transport_class("rest")(host=host, credentials=credentials(google.token), url_scheme="http")
