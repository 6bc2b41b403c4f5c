"""As whom Google is asked: by an access token in GOOGLE_OAUTH_ACCESS_TOKEN, as Terraform's provider takes it, else by
Application Default Credentials: a user's, a key's, those of a workload identity, or of the machine."""

import warnings
from collections.abc import Callable, Mapping
from typing import Protocol, cast

from pplns.errors import ConfigError

TOKEN_VARIABLE = "GOOGLE_OAUTH_ACCESS_TOKEN"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class NoCredentials(ConfigError):
    """There are no credentials for Google, or they give no token."""


class AccessTokens:
    """Gives access tokens; one is kept as long as it lives, and that there is none is found out once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._found: _Credentials | None = None
        self._refused: NoCredentials | None = None

    def __call__(self) -> str:
        """Return a token.

        Raises: NoCredentials."""
        if given := self._environ.get(TOKEN_VARIABLE):
            return given
        if self._refused is not None:
            raise self._refused
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        try:
            if self._found is None:
                self._found = _default_credentials()
            if not self._found.valid:
                self._found.refresh(Request())
        except GoogleAuthError as error:
            self._refused = _no_credentials(error)
            raise self._refused from error
        return self._found.token


class _Credentials(Protocol):
    """What is used of google-auth's credentials, whose types are partial."""

    valid: bool
    token: str

    def refresh(self, request: object) -> None:
        """Get a new token."""


def _default_credentials() -> _Credentials:
    import google.auth

    find = cast("Callable[..., tuple[_Credentials, object]]", vars(google.auth)["default"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a user's own credentials have no quota project
        return find(scopes=[SCOPE])[0]


def _no_credentials(error: Exception) -> NoCredentials:
    return NoCredentials(
        f"There are no credentials for Google Cloud: {str(error).rstrip('.')}.",
        "pplns calls Google as you, or as a service account.",
        "Sign in: gcloud auth application-default login, or name a key in GOOGLE_APPLICATION_CREDENTIALS.",
    )
