"""The few questions to Google's APIs that Terraform can't answer, and what must be there before Terraform can work.

The credentials are those that Terraform's provider takes: an access token in GOOGLE_OAUTH_ACCESS_TOKEN, else the
application default. An API's address can be given as the provider takes it, in GOOGLE_…_CUSTOM_ENDPOINT."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import requests

from pplns.errors import ConfigError
from pplns.model.names import shorten
from pplns_deploy.deploying.refusals import TerraformFailed, remedy_of

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
CALL_SECONDS = 60
TRIES = 4  # of a call that Google refuses for the moment
PAUSE_SECONDS = 1.0
LOOPBACK = "http://127.0.0.1"

ENDPOINTS: Mapping[str, tuple[str, str]] = {
    "run": ("GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT", "https://run.googleapis.com/v2/"),
    "storage": ("GOOGLE_STORAGE_CUSTOM_ENDPOINT", "https://storage.googleapis.com/storage/v1/"),
    "services": ("GOOGLE_SERVICE_USAGE_CUSTOM_ENDPOINT", "https://serviceusage.googleapis.com/v1/"),
    "credentials": ("GOOGLE_IAM_CREDENTIALS_CUSTOM_ENDPOINT", "https://iamcredentials.googleapis.com/v1/"),
}
FIRST_APIS = ("serviceusage", "cloudresourcemanager", "iam", "iamcredentials", "storage", "artifactregistry")

Json = dict[str, Any]


class Refused(TerraformFailed):
    """Google refused a call; `status` says how."""

    code = "google_refused"

    def __init__(self, status: int, met: str, expected: str = "", remedy: str = "") -> None:
        super().__init__(met, expected, remedy)
        self.status = status


class Google:
    """Google's APIs, called as whoever deploys."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._credentials: _Credentials | None = None

    def find_service(self, project: str, region: str, service: str) -> Json | None:
        """Return a Cloud Run service, or None where there is none."""
        return self._find("run", f"projects/{project}/locations/{region}/services/{service}")

    def revisions(self, project: str, region: str, service: str) -> list[Json]:
        """Return the revisions of a service, newest first."""
        path, found, page = f"projects/{project}/locations/{region}/services/{service}/revisions", list[Json](), ""
        while True:
            answer = self.call("GET", "run", path, query={"pageToken": page} if page else {})
            found += answer.get("revisions", [])
            if not (page := answer.get("nextPageToken", "")):
                return sorted(found, key=lambda one: str(one.get("createTime")), reverse=True)

    def identity_token(self, account: str, audience: str) -> str:
        """Return an identity token of a service account that the caller may make tokens of."""
        path = f"projects/-/serviceAccounts/{account}:generateIdToken"
        return str(self.call("POST", "credentials", path, {"audience": audience, "includeEmail": True})["token"])

    def enable_apis(self, project: str) -> None:
        """Enable what bootstrapping needs; the rest is Terraform's."""
        names = [f"{name}.googleapis.com" for name in FIRST_APIS]
        operation = self.call("POST", "services", f"projects/{project}/services:batchEnable", {"serviceIds": names})
        self._wait("services", operation)

    def make_state_bucket(self, project: str, name: str, region: str) -> bool:
        """Make the bucket of Terraform's state, and tell whether it wasn't there.

        Raises: ConfigError where it is somebody else's."""
        if (found := self._find("storage", f"b/{name}")) is not None:
            self._require_own(found, name)
            return False
        body = {
            "name": name, "location": region.upper(), "versioning": {"enabled": True},
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced",
            },
        }  # fmt: skip
        try:
            self.call("POST", "storage", "b", body, query={"project": project})
        except Refused as refused:
            if refused.status != 409:
                raise
            raise _taken(name) from refused
        return True

    def call(
        self, method: str, api: str, path: str, body: Mapping[str, Any] | None = None, *,
        query: Mapping[str, str] | None = None,
    ) -> Json:  # fmt: skip
        """Call a method and return its answer; a refusal for the moment is tried again.

        Raises: Refused; ConfigError without credentials."""
        url = self._url(api) + path
        for number in range(1, TRIES + 1):
            try:
                response = self._send(method, url, body, query)
            except requests.RequestException as error:
                if number == TRIES:
                    raise _unreachable(url, error) from error
            else:
                if response.ok:
                    return cast("Json", response.json() if response.content else {})
                if number == TRIES or not (response.status_code == 429 or response.status_code >= 500):
                    raise _refused(method, path, response)
            time.sleep(PAUSE_SECONDS * number)
        raise AssertionError

    def _send(
        self, method: str, url: str, body: Mapping[str, Any] | None, query: Mapping[str, str] | None
    ) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = not url.startswith(LOOPBACK)  # no proxy stands between programs of one machine
            headers = {"Authorization": f"Bearer {self._token()}"}
            return session.request(method, url, json=body, params=query, headers=headers, timeout=CALL_SECONDS)

    def _find(self, api: str, path: str) -> Json | None:
        try:
            return self.call("GET", api, path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def _url(self, api: str) -> str:
        variable, default = ENDPOINTS[api]
        return self._environ.get(variable) or default

    def _token(self) -> str:
        given = self._environ.get("GOOGLE_OAUTH_ACCESS_TOKEN")
        if given:
            return given
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        try:
            if self._credentials is None:
                self._credentials = _default_credentials()
            if not self._credentials.valid:
                self._credentials.refresh(Request())
        except GoogleAuthError as error:
            raise ConfigError(
                f"There are no credentials for Google Cloud: {error}.",
                "pplns calls Google as you, or as a service account.",
                "Sign in: gcloud auth application-default login, or name a key in GOOGLE_APPLICATION_CREDENTIALS.",
            ) from error
        return self._credentials.token

    def _wait(self, api: str, operation: Json) -> None:
        while not operation.get("done"):
            time.sleep(PAUSE_SECONDS)
            operation = self.call("GET", api, str(operation["name"]))
        if "error" in operation:
            message = str(operation["error"].get("message", "it failed"))
            raise TerraformFailed(f"Google couldn't enable the APIs: {message}", "", remedy_of(message))

    def _require_own(self, bucket: Json, name: str) -> None:
        if bucket.get("iamConfiguration", {}).get("publicAccessPrevention") != "enforced":
            raise ConfigError(
                f"The bucket {name!r} is there, and may be made public.",
                "The state of Terraform belongs in a bucket that nobody can open to all.",
                f"Close it: gcloud storage buckets update gs://{name} --public-access-prevention",
            )


class _Credentials(Protocol):
    """What is used of google-auth's credentials, whose types are partial."""

    valid: bool
    token: str

    def refresh(self, request: object) -> None:
        """Get a new token."""


def _default_credentials() -> _Credentials:
    import google.auth

    find = cast("Callable[..., tuple[_Credentials, object]]", vars(google.auth)["default"])
    return find(scopes=[SCOPE])[0]


def _refused(method: str, path: str, response: requests.Response) -> Refused:
    try:
        message = str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = shorten(response.text)
    met = f"Google refused {method} {path}: {response.status_code}, {message.rstrip('.')}."
    return Refused(response.status_code, met, "", remedy_of(f"{response.status_code} {message}"))


def _unreachable(url: str, error: Exception) -> Refused:
    return Refused(
        0, f"{url} can't be reached: {type(error).__name__}.", "", "See whether this machine reaches the Internet."
    )


def _taken(name: str) -> ConfigError:
    return ConfigError(
        f"The bucket {name!r} belongs to another project.",
        "Bucket names are everyone's, and the state's is made of project and environment.",
        "Give the environment another name in [tool.pplns.env].",
    )
