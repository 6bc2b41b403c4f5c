"""Calls of Google's REST APIs. A refusal for the moment is waited out; any other is an error with Google's words.

An API's address can be given as Terraform's provider takes it, in GOOGLE_…_CUSTOM_ENDPOINT."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import requests

from pplns.errors import PplnsError
from pplns.model.names import shorten
from pplns_deploy.cloud.credentials import AccessTokens

CALL_SECONDS = 60
TRIES = 4  # of a call that Google refuses for the moment
PAUSE_SECONDS = 1.0
LOOPBACK = "http://127.0.0.1"

ENDPOINTS: Mapping[str, tuple[str, str]] = {
    "build": ("GOOGLE_CLOUD_BUILD_CUSTOM_ENDPOINT", "https://cloudbuild.googleapis.com/v1/"),
    "credentials": ("GOOGLE_IAM_CREDENTIALS_CUSTOM_ENDPOINT", "https://iamcredentials.googleapis.com/v1/"),
    "iam": ("GOOGLE_IAM_CUSTOM_ENDPOINT", "https://iam.googleapis.com/v1/"),
    "logging": ("GOOGLE_LOGGING_CUSTOM_ENDPOINT", "https://logging.googleapis.com/v2/"),
    "monitoring": ("GOOGLE_MONITORING_CUSTOM_ENDPOINT", "https://monitoring.googleapis.com/"),
    "pubsub": ("GOOGLE_PUBSUB_CUSTOM_ENDPOINT", "https://pubsub.googleapis.com/v1/"),
    "registry": ("GOOGLE_ARTIFACT_REGISTRY_CUSTOM_ENDPOINT", "https://artifactregistry.googleapis.com/v1/"),
    "run": ("GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT", "https://run.googleapis.com/v2/"),
    "scheduler": ("GOOGLE_CLOUD_SCHEDULER_CUSTOM_ENDPOINT", "https://cloudscheduler.googleapis.com/v1/"),
    "secrets": ("GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT", "https://secretmanager.googleapis.com/v1/"),
    "services": ("GOOGLE_SERVICE_USAGE_CUSTOM_ENDPOINT", "https://serviceusage.googleapis.com/v1/"),
    "storage": ("GOOGLE_STORAGE_CUSTOM_ENDPOINT", "https://storage.googleapis.com/storage/v1/"),
    "topics": ("GOOGLE_PUBSUB_CUSTOM_ENDPOINT", "https://pubsub.googleapis.com/v1/"),  # never an emulator's
}
# What has to be enabled before Terraform can enable the rest.
FIRST_APIS = ("serviceusage", "cloudresourcemanager", "iam", "iamcredentials", "storage", "artifactregistry")
PUBSUB_EMULATOR = "PUBSUB_EMULATOR_HOST"

Json = dict[str, Any]
Query = Mapping[str, str | list[str]]


class GoogleRefused(PplnsError):
    """Google refused a call; `status` says how, 0 where nobody answered."""

    code = "google_refused"

    def __init__(self, status: int, met: str, expected: str = "", remedy: str = "") -> None:
        super().__init__(met, expected, remedy)
        self.status = status


class GoogleApis:
    """Google's APIs, called as whoever uses pplns."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self._tokens = AccessTokens(environ)

    def call(
        self, method: str, api: str, path: str, body: Mapping[str, Any] | None = None, *,
        query: Query | None = None,
    ) -> Json:  # fmt: skip
        """Call a method and return its answer; a refusal for the moment is tried again.

        Raises: the error that `refusal` makes; ConfigError without credentials."""
        answer = self._answer(method, self.address(api) + path, path, query=query, body=body)
        return cast("Json", answer.json() if answer.content else {})

    def find(self, api: str, path: str) -> Json | None:
        """Return what is at a path, or None where there is nothing.

        Raises: as `call`."""
        try:
            return self.call("GET", api, path)
        except PplnsError as refused:
            if getattr(refused, "status", None) == 404:
                return None
            raise

    def upload(self, bucket: str, name: str, file: Path) -> Json:
        """Write a file as an object and return what Cloud Storage says of it.

        Raises: as `call`."""
        url = self.address("storage").replace("/storage/v1/", "/upload/storage/v1/")
        query = {"uploadType": "media", "name": name}
        answer = self._answer("POST", f"{url}b/{bucket}/o", f"gs://{bucket}/{name}", query=query, file=file)
        return cast("Json", answer.json())

    def download(self, bucket: str, name: str) -> str:
        """Return the text of an object.

        Raises: as `call`."""
        from urllib.parse import quote

        path = f"b/{bucket}/o/{quote(name, safe='')}"
        answer = self._answer("GET", self.address("storage") + path, path, query={"alt": "media"})
        return answer.content.decode("utf-8", "replace")  # objects don't say their encoding

    def address(self, api: str) -> str:
        """Return where an API is: at Google's, or where a variable says."""
        variable, default = ENDPOINTS[api]
        if api == "pubsub" and (host := self.environ.get(PUBSUB_EMULATOR)):
            return f"http://{host}/v1/"
        return self.environ.get(variable) or default

    def refusal(self, status: int, met: str, words: str) -> PplnsError:
        """Return the error for a refusal; status 0 where Google wasn't reached."""
        remedy = "Correct that, or ask whoever administers the project for the right to it."
        if not status:
            remedy = "See whether this machine reaches the Internet."
        return GoogleRefused(status, met, "", remedy)

    def _answer(
        self, method: str, url: str, what: str, *, query: Query | None = None,
        body: Mapping[str, Any] | None = None, file: Path | None = None,
    ) -> requests.Response:  # fmt: skip
        for number in range(1, TRIES + 1):
            try:
                response = self._send(method, url, query, body, file)
            except requests.RequestException as error:
                if number == TRIES:
                    met = f"{url} can't be reached: {type(error).__name__}."
                    raise self.refusal(0, met, str(error)) from error
            else:
                if response.ok:
                    return response
                if number == TRIES or not (response.status_code == 429 or response.status_code >= 500):
                    words = _words(response)
                    met = f"Google refused {method} {what}: {response.status_code}, {words.rstrip('.')}."
                    raise self.refusal(response.status_code, met, f"{response.status_code} {words}")
            time.sleep(PAUSE_SECONDS * number)
        raise AssertionError

    def _send(
        self, method: str, url: str, query: Query | None, body: Mapping[str, Any] | None, file: Path | None
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._tokens()}"} if self._needs_token(url) else {}
        with requests.Session() as session:
            session.trust_env = not url.startswith(LOOPBACK)  # no proxy stands between programs of one machine
            if file is None:
                return session.request(method, url, params=query, json=body, headers=headers, timeout=CALL_SECONDS)
            with file.open("rb") as data:
                return session.request(method, url, params=query, data=data, headers=headers, timeout=CALL_SECONDS)

    def _needs_token(self, url: str) -> bool:
        """Tell whether this isn't Google's emulator of Pub/Sub, which asks for none."""
        emulator = self.environ.get(PUBSUB_EMULATOR)
        return not (emulator and url.startswith(f"http://{emulator}/"))


def _words(response: requests.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return shorten(response.text)
