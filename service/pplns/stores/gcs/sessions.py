"""Sessions with Cloud Storage: who asks, and where.

Credentials are found as every Google tool finds them (Application Default Credentials: a key file in
GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login`, the account of the container). With
STORAGE_EMULATOR_HOST set nobody is asked for any. Google's libraries are imported when the first session is made."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from pplns._version import __version__
from pplns.stores.gcs.refusals import no_credentials

SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
POOL_CONNECTIONS = 32  # 16 readers, the writers, the lease and a few callers of one process at a time


class HttpResponse(Protocol):
    """An answer, read to its end."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class HttpSession(Protocol):
    """A session of requests that signs what it sends; its connections are shared by threads."""

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        data: bytes,
        timeout: tuple[float, float],
        allow_redirects: bool,
    ) -> HttpResponse:
        """Send a request and read its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """An HTTP session, the root of the API, and the id of the process that may use them."""

    http: HttpSession
    root: str
    process: int


def open_session() -> Session:
    """Find credentials and make a session. Nothing is asked of the bucket.

    Raises: StoreError where there are no credentials."""
    from google.auth.transport.requests import AuthorizedSession
    from requests.adapters import HTTPAdapter

    credentials, root = _who_and_where()
    http = cast("Callable[[Any], Any]", AuthorizedSession)(credentials)
    http.headers["User-Agent"] = f"pplns/{__version__}"
    for scheme in ("https://", "http://"):
        http.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=POOL_CONNECTIONS, max_retries=0))
    return Session(http, root, os.getpid())


def _who_and_where() -> tuple[Any, str]:
    """Return Google's object for the credentials, and the root of the API."""
    import google.auth
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import DefaultCredentialsError

    emulator = os.environ.get("STORAGE_EMULATOR_HOST")  # the name that Google's own clients read
    if emulator:
        anonymous = cast("Callable[[], Any]", AnonymousCredentials)()
        return anonymous, emulator.rstrip("/") if "://" in emulator else f"http://{emulator}"
    try:
        find = cast("Callable[..., tuple[Any, Any]]", google.auth.default)  # pyright: ignore[reportUnknownMemberType]
        credentials, _ = find(scopes=SCOPES)
    except DefaultCredentialsError as error:
        raise no_credentials(error) from error
    return credentials, f"https://storage.{getattr(credentials, 'universe_domain', 'googleapis.com')}"
