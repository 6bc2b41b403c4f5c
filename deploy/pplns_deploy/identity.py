"""The identity token of whoever calls: what Cloud Run asks of callers from outside.

The account of GOOGLE_APPLICATION_CREDENTIALS, or of a machine of Google, has one made for the service's URL; a person's
comes from gcloud. A machine of Google is asked last: elsewhere it takes seconds to learn that there is none. Where no
token is at hand nothing is sent: a service may be open to all."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import cast

TOKEN_SECONDS = 1800  # a token lasts an hour
GCLOUD_SECONDS = 60


class IdentityTokens:
    """Finds the token for a service, and keeps it for half an hour."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._found: tuple[float, str | None] | None = None

    def __call__(self) -> str | None:
        """Return the token, or None where there is none to be had."""
        now = time.monotonic()
        if self._found is None or now - self._found[0] > TOKEN_SECONDS:
            has_key = bool(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"))
            self._found = now, (None if has_key else _of_person()) or _of_account(self._url)
        return self._found[1]


def _of_account(url: str) -> str | None:
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request
    from google.oauth2 import id_token

    fetch = cast("Callable[..., object]", vars(id_token)["fetch_id_token"])  # it has no types
    try:
        found = fetch(Request(), url.rstrip("/"))
    except GoogleAuthError:
        return None
    return str(found) if found else None


def _of_person() -> str | None:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    try:
        asked = subprocess.run(
            [gcloud, "auth", "print-identity-token", "--quiet"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GCLOUD_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None
