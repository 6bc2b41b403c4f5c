"""Who we are to a registry: docker's configuration and credential helpers, Google's default credentials, or nobody.

What someone configured for a host comes first. Hosts of Google's registries take Application Default Credentials
where nothing was configured."""

import json
import os
import re
import subprocess
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pplns.errors import ConfigError, RegistryError

_GOOGLE_HOST = re.compile(r"(?:[a-z0-9-]+\.)?(?:pkg\.dev|gcr\.io)")
_GOOGLE_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GOOGLE_USER = "oauth2accesstoken"
_HUB_HOST, _HUB_KEY = "registry-1.docker.io", "https://index.docker.io/v1/"
_HELPER_TOKEN_USER = "<token>"  # docker's mark for an identity token
_HELPER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and a secret; `is_identity` where the secret is a refresh token instead of a password."""

    user: str
    secret: str = field(repr=False)
    is_identity: bool = False


class Credentials:
    """Finds the credential for a host."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def find(self, host: str) -> Credential | None:
        """Return the credential for a host, or None to go without.

        Raises: ConfigError for a docker configuration or helper that fails."""
        configuration = _read(_docker_file(self._environ))
        key = _HUB_KEY if host == _HUB_HOST else host
        return (
            self._from_helper(configuration.get("credHelpers", {}).get(host), key)
            or _from_entry(configuration.get("auths", {}), key)
            or self._from_helper(configuration.get("credsStore"), key)
            or (_from_google() if _GOOGLE_HOST.fullmatch(host) else None)
        )

    def _from_helper(self, helper: str | None, key: str) -> Credential | None:
        if helper is None:
            return None
        program = f"docker-credential-{helper}"
        try:
            done = subprocess.run(
                [program, "get"],
                check=False,
                input=key, capture_output=True, text=True, timeout=_HELPER_SECONDS,
                env=dict(self._environ),
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise _bad_helper(program, str(error)) from error
        if done.returncode:
            if "not found" in f"{done.stdout} {done.stderr}".lower():  # how helpers say that they know no such host
                return None
            raise _bad_helper(program, (done.stderr or done.stdout).strip())
        return _from_answer(program, done.stdout)


def _docker_file(environ: Mapping[str, str]) -> Path:
    folder = environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path(os.path.expanduser("~")) / ".docker") / "config.json"  # noqa: PTH111


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document: object = json.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{str(file)!r} can't be read: {error}.",
            "It is docker's configuration, which has the credentials for registries.",
            "Correct it, or log in again: docker login REGISTRY.",
        ) from error
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _from_entry(entries: Mapping[str, Mapping[str, str]], key: str) -> Credential | None:
    entry = next((entries[name] for name in (key, f"https://{key}", f"https://{key}/v1/") if name in entries), None)
    if not entry:  # also an empty one, docker's mark for "in the helper"
        return None
    if token := entry.get("identitytoken"):
        return Credential(_HELPER_TOKEN_USER, token, is_identity=True)
    if "auth" in entry:
        user, _, secret = b64decode(entry["auth"]).decode().partition(":")
        return Credential(user, secret.rstrip("\0"))
    if "username" in entry and "password" in entry:
        return Credential(entry["username"], entry["password"])
    return None


def _from_answer(program: str, answer: str) -> Credential:
    try:
        document = json.loads(answer)
        user, secret = document["Username"], document["Secret"]
    except (ValueError, KeyError, TypeError) as error:
        raise _bad_helper(program, f"its answer isn't understood ({type(error).__name__})") from error
    return Credential(user, secret, is_identity=user == _HELPER_TOKEN_USER)


def _from_google() -> Credential | None:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
    from google.auth.transport.requests import Request

    default: Callable[..., tuple[Any, str | None]] = cast("Any", google.auth).default
    try:
        credentials, _ = default(scopes=[_GOOGLE_SCOPE])
    except DefaultCredentialsError:
        return None
    try:
        credentials.refresh(Request())
    except GoogleAuthError as error:
        raise RegistryError(
            f"Google's default credentials give no token: {error}.",
            "Artifact Registry takes Application Default Credentials.",
            "Log in again: gcloud auth application-default login.",
        ) from error
    return Credential(_GOOGLE_USER, str(credentials.token))


def _bad_helper(program: str, problem: str) -> ConfigError:
    return ConfigError(
        f"The credential helper {program} failed: {problem}.",
        "docker's configuration names it for this registry.",
        "Install or mend it, or log in again: docker login REGISTRY.",
    )
