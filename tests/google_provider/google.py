"""Google's APIs as the provider calls them: by REST, on this machine only, signed in as whoever runs Terraform.

What may pass is tried again, at once and for a while; an operation is asked for until it is done. Nothing else waits,
unlike the real provider, which sleeps after accounts and grants until Google knows them everywhere."""

import json
import threading
import time
from collections.abc import Mapping
from http.client import responses
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

import requests

Json = dict[str, Any]
TRIES, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 12, 0.02, 0.5
PASSING = frozenset({429, 500, 502, 503})
OPERATION_SECONDS = 20 * 60  # as long as the real provider waits
CALL_SECONDS = 120
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ADDRESSES = {  # an endpoint's argument → where Google has the API
    "artifact_registry": "https://artifactregistry.googleapis.com/v1/",
    "big_query": "https://bigquery.googleapis.com/bigquery/v2/",
    "cloud_run_v2": "https://run.googleapis.com/v2/",
    "cloud_scheduler": "https://cloudscheduler.googleapis.com/v1/",
    "iam": "https://iam.googleapis.com/v1/",
    "logging": "https://logging.googleapis.com/v2/",
    "monitoring": "https://monitoring.googleapis.com/",
    "pubsub": "https://pubsub.googleapis.com/v1/",
    "resource_manager": "https://cloudresourcemanager.googleapis.com/v1/",
    "secret_manager": "https://secretmanager.googleapis.com/v1/",
    "service_usage": "https://serviceusage.googleapis.com/v1/",
    "storage": "https://storage.googleapis.com/storage/v1/",
}


class GoogleError(Exception):
    """An answer that is an error, in the words of Google's library for Go."""

    def __init__(self, status: int, error: Json) -> None:
        self.status = status
        message = error.get("message") or responses.get(status, "")
        reasons = [one["reason"] for one in error.get("errors", []) if one.get("reason")]
        details = error.get("details")
        text = f"googleapi: Error {status}: {message}"
        text += f"\nDetails:\n{json.dumps(details, indent=2)}" if details else ""
        super().__init__(f"{text}, {reasons[0]}" if len(reasons) == 1 else text)


class OperationFailed(Exception):
    """An operation that ended with an error, or not at all."""


class Google:
    """All APIs: `endpoints` are where they are, by the provider's arguments."""

    def __init__(self, endpoints: Mapping[str, str], environ: Mapping[str, str], *, token: str | None = None) -> None:
        self.endpoints = {**ADDRESSES, **endpoints}
        self._environ = environ
        self._token = token or environ.get("GOOGLE_OAUTH_ACCESS_TOKEN")
        self._credentials: Any = None
        self._lock = threading.Lock()
        self._local = threading.local()

    def call(self, method: str, api: str, path: str, body: Json | None = None, **more: Any) -> Json:
        """Send a request and return the answer's JSON; `more` is what `requests` takes.

        Raises: GoogleError."""
        url = self.endpoints[api] + path
        _require_this_machine(url, self._environ)
        answer = self._send(method, url, body, more)
        for number in range(1, TRIES):
            if answer.status_code in PASSING:
                time.sleep(_pause(number))
                answer = self._send(method, url, body, more)
        if answer.status_code >= 400:
            raise GoogleError(answer.status_code, _error_of(answer))
        found: Json = answer.json() if answer.content.strip() else {}
        return found

    def find(self, api: str, path: str) -> Json | None:
        """Return what is at a path, or None where nothing is.

        Raises: GoogleError."""
        try:
            return self.call("GET", api, path)
        except GoogleError as error:
            if error.status == 404:
                return None
            raise

    def finish(self, api: str, answer: Json) -> Json:
        """Return what an answer ends with: itself, or the response of the operation that it names.

        Raises: GoogleError, OperationFailed."""
        if "/operations/" not in answer.get("name", ""):
            return answer
        until, number = time.monotonic() + OPERATION_SECONDS, 0
        while not answer.get("done"):
            if time.monotonic() > until:
                raise OperationFailed(f"timeout while waiting for {answer['name']}")
            time.sleep(_pause(number := number + 1))
            answer = self.call("GET", api, answer["name"])
        if "error" in answer:
            error = answer["error"]
            raise OperationFailed(f"Error code {error.get('code')}, message: {error.get('message')}")
        return dict(answer.get("response", {}))

    def _send(self, method: str, url: str, body: Json | None, more: Mapping[str, Any]) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.access_token()}", **more.get("headers", {})}
        rest = {name: value for name, value in more.items() if name != "headers"}
        return self._session().request(method, url, json=body, headers=headers, timeout=CALL_SECONDS, **rest)

    def _session(self) -> requests.Session:
        """Return the session of this thread: it keeps its connections."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session

    def access_token(self) -> str:
        """Return the token of whoever runs Terraform."""
        if self._token:
            return self._token
        with self._lock:
            if self._credentials is None:
                self._credentials = _default_credentials()
            if not self._credentials.valid:
                from google.auth.transport.requests import Request

                self._credentials.refresh(Request())
            return str(self._credentials.token)


def _default_credentials() -> Any:
    library: Any = import_module("google.auth")  # half a second to import, for tests of signing in alone
    return library.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])[0]


def _require_this_machine(url: str, environ: Mapping[str, str]) -> None:
    """Refuse what would leave the machine: a host elsewhere is reached through a proxy here or not at all.

    Raises: GoogleError."""
    proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy") or ""
    if urlsplit(url).hostname not in LOOPBACK and urlsplit(proxy).hostname not in LOOPBACK:
        raise GoogleError(403, {"message": f"The stand-in of the provider calls this machine only, not {url}"})


def _error_of(answer: requests.Response) -> Json:
    try:
        error: Any = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": answer.text[:500]}
    return cast("Json", error) if isinstance(error, dict) else {"message": str(error)}


def _pause(number: int) -> float:
    return min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 2.0 ** min(number, 10))
